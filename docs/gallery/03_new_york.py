"""New York: how much does the city take, and at what height?

A grid of streets, every height known. Paths traced to UAVs from 10 m to 160 m: what reaches them,
against free space. Between the houses a link has its line of sight or loses tens of decibels; above the
roofs most have it. Where nothing was found at all, the dot is at 80 dB.
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

MAPS = ("nyc-lower-east-side.osm.pbf",)


def draw(picture: Path, city: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly with ground reflection alone. Gives the median loss at each height, dB."""
    heights = (10, 80) if quick else (10, 20, 40, 80, 160)
    figure = Figure(figsize=(11, 5), layout="constrained")
    plan, losses = figure.subplots(1, 2, width_ratios=(1.2, 1))
    loss_db: dict[str, float] = {}
    for height in heights:
        spec = CorpusSpec.from_tree(
            {
                "name": "new-york",
                "scene": {
                    "buildings": {"kind": "osm_file", "path": str(city)},
                    "bbox": [-73.9900, 40.7190, -73.9850, 40.7225],
                },
                "sites": {"kind": "placed", "count": 2, "separation_m": 150},
                "receivers": {"count": 6, "altitude_m": height, "separation_m": 40, "clearance_m": 2},
                "raytracing": {"kind": "two_ray"} if quick else {"kind": "sionna", "rays_per_site": 100_000},
            }
        )
        scene = scene_of(spec)
        frequency = carrier_frequency_hz(spec.carrier)
        paths = trace(scene, spec.raytracing, frequency_hz=frequency, seed=spec.seed).paths
        sites = np.array([site.position_m for site in scene.sites])
        distance = np.linalg.norm(scene.receivers.position_m[0][:, None] - sites, axis=-1)
        free = (299792458 / frequency / (4 * np.pi * distance)) ** 2
        power = np.where(paths.valid, np.abs(paths.gain) ** 2, 0).sum(axis=-1)[0]
        taken = -10 * np.log10(np.maximum(power, free * 1e-8) / free).reshape(-1)
        loss_db[f"at_{height}_m"] = float(np.median(taken))
        losses.plot(np.full(taken.shape, height), taken, "o", color="#1b3a8a", alpha=0.5)
        if height == heights[0]:
            scene.buildings.plot(
                ax=plan,
                column="top_height_m",
                cmap="bone_r",
                vmin=-10,
                vmax=60,
                legend=True,
                legend_kwds={"label": "height of roofs, m", "shrink": 0.6},
            )
            plan.plot(sites[:, 0], sites[:, 1], "^", color="#c8384f", markersize=10, markeredgecolor="white")
    losses.plot(heights, list(loss_db.values()), "-", color="#c8384f", label="median")
    losses.axhline(0, color="grey", linestyle=":", label="free space")
    losses.set(
        xscale="log",
        xlabel="height of the UAV, m",
        ylabel="loss beyond free space, dB",
        title="What the city takes",
    )
    losses.set_xticks(heights, [str(height) for height in heights])
    losses.legend()
    plan.set(xlabel="east, m", ylabel="north, m", title="Lower East Side, two sites on roofs")
    plan.set_aspect("equal")
    figure.savefig(picture, dpi=110)
    return loss_db


if __name__ == "__main__":
    print(draw(Path(sys.argv[2]), Path(sys.argv[1])))
