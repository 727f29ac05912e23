"""Near and far: a strong site hides a weak one in the converter.

One UAV beside a site, the other site 900 m away and 30 dB weaker, seven bits. The gain is fixed: too
low, and the far site drowns in the steps of the converter; too high, and the near site clips, which
lands in all sub-channels. Right: how far busy sub-channels stand above vacant ones. Even ideal
converters leave the far one 6 dB: a capture cuts the near site's symbols, and what is cut spreads.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import iqatlas

MAPS = ()
FULL_SCALES_DBM = (0, -10, -20, -30, -40, -50)
SITES = (
    {"name": "near", "longitude_deg": 24.9410, "latitude_deg": 60.1716, "height_m": 30},
    {"name": "far", "longitude_deg": 24.9430, "latitude_deg": 60.1790, "height_m": 30},
)
UAV = {"longitude_deg": 24.9412, "latitude_deg": 60.1716, "altitude_m": 60}


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly from fewer slots. Gives by how many dB the far site stands out."""
    scales = FULL_SCALES_DBM[2::2] if quick else FULL_SCALES_DBM
    made = {scale: _corpus(scale, slots=20 if quick else 80) for scale in (None, *scales)}
    ideal = made[None]
    far_alone = ideal["occupancy"].values[:, 1] & ~ideal["occupancy"].values[:, 0]
    near = ideal["occupancy"].values[:, 0]
    shown = int(np.argmax(far_alone.sum(axis=1)))

    figure = Figure(figsize=(11, 5), layout="constrained")
    spectrum, contrast = figure.subplots(1, 2)
    for scale, colour in ((None, "#22303c"), (scales[0], "#b86f00"), (scales[-1], "#c8384f")):
        density = made[scale]["power_spectrum"].values[shown, 0]
        name = "ideal" if scale is None else f"full scale {scale} dBm"
        frequency = ideal["spectrum_frequency"].values / 1e6
        spectrum.plot(frequency, density, linewidth=1, color=colour, label=name)
    spectrum.set(xlabel="frequency from the carrier, MHz", ylabel="dBm/Hz", title="One capture")
    spectrum.legend()
    stands = {name: [_above_vacant(made[scale], busy) for scale in scales] for name, busy in
              (("near site", near), ("far site alone", far_alone))}  # fmt: skip
    for (name, values), colour in zip(stands.items(), ("#00798c", "#c8384f"), strict=True):
        contrast.plot(scales, values, "o-", color=colour, label=name)
    contrast.axhline(_above_vacant(ideal, far_alone), color="#c8384f", linestyle=":", label="far, ideal")
    contrast.set(
        xlabel="full scale of the converter, dBm", ylabel="dB", title="Busy above vacant sub-channels"
    )
    contrast.legend()
    figure.savefig(picture, dpi=110)
    return {f"at_{scale}": value for scale, value in zip(scales, stands["far site alone"], strict=True)}


def _above_vacant(data: xr.Dataset, busy: np.ndarray) -> float:
    energy = data["subchannel_energy"].values[:, 0]
    return float(energy[busy].mean() - energy[~data["label"].values].mean())


def _corpus(full_scale_dbm: int | None, *, slots: int) -> xr.Dataset:
    gain = {"kind": "fixed", "full_scale_dbm": full_scale_dbm}
    spec = iqatlas.CorpusSpec.from_tree(
        {
            "name": "near-far",
            "raytracing": {"kind": "free_space"},
            "sites": {"kind": "list", "sites": SITES},
            "receivers": {"positions": [UAV]},
            "waveform": {"control": False},
            "occupancy": {"p01": 0.1, "p10": 0.3},
            "receiver": {"adc": None if full_scale_dbm is None else {"bits": 7, "gain": gain}},
            "capture": {"samples": 2048, "slots": slots, "noise": "thermal"},
            "features": {"spectrogram": None, "power_spectrum": {"nperseg": 256}, "subchannel_energy": {}},
            "splits": {"train": 1, "validation": 0, "test": 0},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        return iqatlas.generate(spec, Path(folder) / "near-far", workers=1).dataset.load()


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
