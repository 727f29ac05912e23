"""London: where do crowd-sourced cells put an operator's sites?

A business district, with OpenCelliD's cells gathered into eNodeBs. A database knows where phones heard
a cell, not where the mast is: the circles are the uncertainty that the corpus carries for each site.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from iqatlas import CorpusSpec
from iqatlas.generators.scene import scene_of

MAPS = ("london-city.osm", "london-city-opencellid.csv")
OPERATORS = {10: "#c8384f", 30: "#00798c"}


def draw(picture: Path, city: Path, cells: Path, *, quick: bool = False) -> dict[str, float]:
    """Draw the picture, quickly of a corner. Gives the mean uncertainty of the sites in metres."""
    bbox = [-0.0860, 51.5100, -0.0770, 51.5150] if quick else [-0.0880, 51.5080, -0.0740, 51.5154]
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots()
    radii = []
    for mnc, colour in OPERATORS.items():
        if quick and radii:
            break
        spec = CorpusSpec.from_tree(
            {
                "name": "london",
                "scene": {"buildings": {"kind": "osm_file", "path": str(city)}, "bbox": bbox},
                "sites": {
                    "kind": "opencellid",
                    "path": str(cells),
                    "mcc": 234,
                    "mnc": mnc,
                    "count": 2 if quick else 4,
                },
                "raytracing": {"kind": "free_space"},
            }
        )
        scene = scene_of(spec)
        if not radii:
            height = scene.buildings["top_height_m"]
            scene.buildings.plot(
                ax=axes,
                column=height,
                cmap="bone_r",
                vmin=-20,
                vmax=180,
                legend=True,
                legend_kwds={"label": "height of roofs, m", "shrink": 0.6},
            )
        for site in scene.sites:
            radius = site.position_uncertainty_m or 0.0
            radii.append(radius)
            place = site.position_m[:2]
            axes.add_patch(Circle(tuple(place), radius, facecolor=colour, alpha=0.12, edgecolor=colour))
            axes.plot(*place, "^", color=colour, markeredgecolor="white", markersize=11)
            axes.annotate(f" {site.name}", tuple(place), fontsize=8, color=colour)
    axes.set(
        xlabel="east, m",
        ylabel="north, m",
        title="Sites of two operators (234-10, 234-30), and how well they are known",
    )
    west, south, east, north = scene.buildings.total_bounds
    axes.set(xlim=(west - 150, east + 150), ylim=(south - 150, north + 150), aspect="equal")
    figure.savefig(picture, dpi=110)
    return {"mean_uncertainty_m": sum(radii) / len(radii)}


if __name__ == "__main__":
    print(draw(Path(sys.argv[3]), Path(sys.argv[1]), Path(sys.argv[2])))
