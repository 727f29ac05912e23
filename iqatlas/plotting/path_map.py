"""The picture of traced paths: the map with sites, UAVs and the strongest paths between them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from iqatlas.plotting.colours import INK
from iqatlas.plotting.overview import draw_map
from iqatlas.plotting.png import write_png
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.scene import Scene


def draw_paths(scene: Scene, paths: PathSet, file: Path, *, title: str) -> None:
    """Draw the strongest paths of every link at the first waypoint over the map.

    Args:
        scene: Buildings, sites and receivers.
        paths: The paths.
        file: PNG file to write.
        title: Heading of the picture.
    """
    figure = Figure(figsize=(9.5, 8.6), dpi=110, facecolor="white", layout="constrained")
    draw_map(figure.add_subplot(), scene, paths)
    figure.suptitle(title, fontsize=14, fontweight="bold", color=INK)
    write_png(figure, file)
