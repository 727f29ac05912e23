"""At sea: voice on marine VHF, heard over the waves.

Left: eight channels of FM voice at a UAV, in slots of a quarter of a second; what is between syllables
is a bare carrier. Right: the direct ray and its reflection in flat water over distance; far out power
falls by 40 dB a decade.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import iqatlas
from iqatlas.raytracing.spec import TwoRay
from iqatlas.raytracing.two_ray import two_ray_paths
from iqatlas.scenes.scene import Receivers, Site

MAPS = ()
HEIGHT_M, FREQUENCY_HZ = 15.0, 157e6


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly of fewer slots. Gives the slope far out in dB a decade."""
    spec = iqatlas.CorpusSpec.from_tree(
        {
            "name": "harbour",
            "waveform": {"kind": "marine_vhf"},
            "raytracing": {"kind": "maritime"},
            "occupancy": {"slot_s": 0.25, "p01": 0.1, "p10": 0.3},
            "capture": {"samples": 4096, "slots": 40 if quick else 120, "snr_db": [20]},
            "features": {"spectrogram": None, "power_spectrum": {"nperseg": 512}},
            "sites": {"kind": "bundled"},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        data = iqatlas.generate(spec, Path(folder) / "harbour", workers=1).dataset.load()
    density = data["power_spectrum"].values[:, 0].T
    frequency = data["spectrum_frequency"].values / 1e3

    distance = np.geomspace(100, 30_000, 2000)
    field = _two_rays(distance)
    far = distance > 10_000
    slope = np.polyfit(np.log10(distance[far]), 20 * np.log10(field[far]), 1)[0]

    figure = Figure(figsize=(11, 5), layout="constrained")
    voices, fading = figure.subplots(1, 2)
    shown = voices.pcolormesh(data["time"].values, frequency, density, cmap="magma", shading="nearest")
    figure.colorbar(shown, ax=voices, label="dBm/Hz", shrink=0.8)
    voices.set(xlabel="time, s", ylabel="frequency from the carrier, kHz", title="Eight channels at one UAV")
    voices.set_ylim(-280, 280)
    fading.semilogx(distance, 20 * np.log10(field), color="#00798c", label="direct and reflected")
    fading.semilogx(distance, 20 * np.log10(_free(distance)), "k:", linewidth=1, label="free space")
    fading.set(
        xlabel="distance, m",
        ylabel="path gain, dB",
        title=f"Two rays from {HEIGHT_M:g} m to {HEIGHT_M:g} m, 157 MHz",
    )
    fading.legend()
    figure.savefig(picture, dpi=110)
    return {"slope_db": float(slope)}


def _free(distance: np.ndarray) -> np.ndarray:
    return 299792458 / FREQUENCY_HZ / (4 * np.pi * distance)


def _two_rays(distance: np.ndarray) -> np.ndarray:
    """Give the amplitude gain over flat, wet ground at each distance."""
    position = np.stack([distance, np.zeros_like(distance), np.full_like(distance, HEIGHT_M)], axis=-1)[
        :, None
    ]
    ship = Receivers(
        ("ship",), np.arange(len(distance), dtype=float), position, np.zeros_like(position), "gallery"
    )
    coast = Site(
        name="coast",
        longitude_deg=0.0,
        latitude_deg=0.0,
        position_m=(0.0, 0.0, HEIGHT_M),
        power_dbm=43.0,
        cell_id=0,
        position_uncertainty_m=None,
        height_source="spec",
        provenance="gallery",
    )
    paths = two_ray_paths((coast,), ship, TwoRay(ground="wet_ground"), frequency_hz=FREQUENCY_HZ)
    return np.abs(np.where(paths.valid, paths.gain, 0).sum(axis=-1)[:, 0, 0])


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
