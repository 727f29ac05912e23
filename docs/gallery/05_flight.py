"""A flight: fading and Doppler along a circle.

Two rays, the straight one and the ground's, at waypoints 20 ms apart. Where they cancel, the signal
fades (the first seconds are shown); Doppler swings as the UAV turns towards a site and away, and never
leaves ±f·v/c.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from iqatlas import CorpusSpec
from iqatlas.generators.scene import scene_of
from iqatlas.raytracing.trace import trace
from iqatlas.waveforms.carrier import carrier_frequency_hz

MAPS = ()
SPEED_MPS = 20.0


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly of a part of the flight. Gives the largest Doppler over f·v/c."""
    spec = CorpusSpec.from_tree(
        {
            "raytracing": {"kind": "two_ray"},
            "receivers": {
                "kind": "trajectory",
                "pattern": "circle",
                "count": 1,
                "radius_m": 120,
                "speed_mps": SPEED_MPS,
                "interval_s": 0.1 if quick else 0.02,
            },
            "capture": {"slots": 6000 if quick else 38_000},
        }
    )
    scene = scene_of(spec)
    frequency = carrier_frequency_hz(spec.carrier)
    paths = trace(scene, spec.raytracing, frequency_hz=frequency, seed=spec.seed).paths
    time = scene.receivers.time_s
    figure = Figure(figsize=(11, 6), layout="constrained")
    power, doppler = figure.subplots(2, 1)
    early = time <= 4
    for number, site in enumerate(scene.sites):
        field = np.where(paths.valid[:, 0, number], paths.gain[:, 0, number], 0).sum(axis=-1)
        power.plot(
            time[early], 20 * np.log10(np.abs(field[early])) + site.power_dbm, linewidth=0.9, label=site.name
        )
        doppler.plot(time, paths.doppler_hz[:, 0, number, 0], linewidth=1.2)
    limit = frequency * SPEED_MPS / 299792458
    doppler.axhline(limit, color="grey", linestyle=":")
    doppler.axhline(-limit, color="grey", linestyle=":", label="± f v / c")
    power.set(ylabel="power at the antenna, dBm", title="A circle of 120 m at 20 m/s")
    power.legend(ncols=3, fontsize=8, loc="upper right", bbox_to_anchor=(1, 1.14))
    doppler.set(xlabel="time, s", ylabel="Doppler of the first path, Hz")
    doppler.legend(fontsize=8)
    figure.savefig(picture, dpi=110)
    return {"largest_doppler": float(np.abs(paths.doppler_hz[paths.valid]).max() / limit)}


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
