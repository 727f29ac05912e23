"""Monaco: a steep town by the sea, and how its heights are known.

Coastlines close to sea, surfaces take materials of their own, and every building says where its height
comes from. Few have a tag; most count their storeys, the rest take their neighbours'.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from iqatlas import CorpusSpec
from iqatlas.generators.scene import scene_of
from iqatlas.plotting.land import draw_land

MAPS = ("monaco.osm.pbf",)
SOURCES = {
    "tag": "#2e7d6b",
    "part": "#4f9d8a",
    "levels": "#7fb7a3",
    "neighbour": "#e3b566",
    "default": "#cf7a4b",
}


def draw(picture: Path, city: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly of one quarter. Gives the share of buildings with each source of height."""
    bbox = [7.4170, 43.7360, 7.4240, 43.7405] if quick else [7.4150, 43.7280, 7.4320, 43.7420]
    spec = CorpusSpec.from_tree(
        {
            "name": "monaco",
            "scene": {"buildings": {"kind": "osm_file", "path": str(city)}, "bbox": bbox},
            "sites": {"kind": "placed", "count": 3},
            "raytracing": {"kind": "free_space"},
        }
    )
    scene = scene_of(spec)
    figure = Figure(figsize=(11, 6), layout="constrained")
    plan, heights = figure.subplots(1, 2, width_ratios=(1.4, 1))
    draw_land(plan, scene.surfaces, scene.vegetation)
    shares = {}
    values = []
    for source, colour in SOURCES.items():
        rows = scene.buildings[scene.buildings["height_source"] == source]
        shares[source] = len(rows) / len(scene.buildings)
        values.append((rows["top_height_m"] - rows["base_height_m"]).to_numpy())
        if len(rows):
            rows.plot(ax=plan, color=colour)
    for site in scene.sites:
        plan.plot(*site.position_m[:2], "^", color="#c8384f", markeredgecolor="white", markersize=10)
    heights.hist(values, bins=24, stacked=True, color=list(SOURCES.values()))
    heights.set(xlabel="height, m", ylabel="solids", title="Heights, by where they come from")
    heights.legend(
        handles=[Patch(color=colour, label=f"{name}: {shares[name]:.0%}") for name, colour in SOURCES.items()]
    )
    plan.set(xlabel="east, m", ylabel="north, m", title="Monaco: land, sea, and three placed sites")
    west, south, east, north = scene.buildings.total_bounds
    plan.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    figure.savefig(picture, dpi=110)
    return shares


if __name__ == "__main__":
    print(draw(Path(sys.argv[2]), Path(sys.argv[1])))
