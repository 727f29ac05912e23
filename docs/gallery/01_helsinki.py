"""Helsinki: what a UAV hears between the blocks.

The bundled city, traced. Left: the paths of one UAV at 40 m from its sites, the stronger the darker.
Right: power over delay of the same paths. Reflection and diffraction spread a link over microseconds;
beyond the cyclic prefix, 4.7 µs, symbols would run into each other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from iqatlas import CorpusSpec
from iqatlas.generators.scene import scene_of
from iqatlas.raytracing.trace import trace
from iqatlas.waveforms.carrier import carrier_frequency_hz

MAPS = ()
COLOURS = ("#c8384f", "#00798c", "#b86f00")


def draw(picture: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture; quickly without the ray tracer. Gives paths and the longest excess delay in µs."""
    kind = {"kind": "two_ray"} if quick else {"kind": "sionna", "rays_per_site": 200_000}
    spec = CorpusSpec.from_tree({"raytracing": kind, "receivers": {"count": 1, "altitude_m": 40}})
    scene = scene_of(spec)
    paths = trace(
        scene, spec.raytracing, frequency_hz=carrier_frequency_hz(spec.carrier), seed=spec.seed
    ).paths

    figure = Figure(figsize=(11, 5), layout="constrained")
    plan, profile = figure.subplots(1, 2, width_ratios=(1.15, 1))
    scene.buildings.plot(ax=plan, color="#d9d2c3", edgecolor="#b8ae99", linewidth=0.3)
    uav = scene.receivers.position_m[0, 0]
    excess = 0.0
    for number, site in enumerate(scene.sites):
        valid = paths.valid[0, 0, number]
        power = 20 * np.log10(np.abs(paths.gain[0, 0, number, valid])) + site.power_dbm
        delay = (paths.delay_s[0, 0, number, valid] - paths.delay_s[0, 0, number, valid].min()) * 1e6
        bends = paths.vertex_m[0, 0, number, valid]
        shade = np.clip((power - power.max() + 40) / 40, 0.03, 1)
        lines = [
            np.vstack([site.position_m[:2], of_path[np.isfinite(of_path[:, 0]), :2], uav[:2]])
            for of_path in bends
        ]
        plan.add_collection(LineCollection(lines, colors=COLOURS[number % 3], alpha=shade, linewidths=0.8))
        plan.plot(*site.position_m[:2], "^", color=COLOURS[number % 3], markeredgecolor="white", markersize=9)
        profile.vlines(
            delay, power.min() - 5, power, color=COLOURS[number % 3], linewidth=1.2, label=site.name
        )
        excess = max(excess, float(delay.max()))
    plan.plot(*uav[:2], "o", color="#1b3a8a", markeredgecolor="white", markersize=9)
    plan.set(xlabel="east, m", ylabel="north, m", title=f"{int(paths.valid.sum())} paths to one UAV at 40 m")
    plan.set_aspect("equal")
    profile.set_ylim(-140, None)
    profile.axvline(4.69, color="grey", linestyle=":", label="cyclic prefix")
    profile.set(
        xlabel="delay after the first path, µs", ylabel="power at the antenna, dBm", title="Power over delay"
    )
    profile.legend(fontsize=8)
    figure.savefig(picture, dpi=110)
    return {"paths": float(paths.valid.sum()), "excess_us": excess}


if __name__ == "__main__":
    print(draw(Path(sys.argv[1])))
