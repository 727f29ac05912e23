"""The coverage map: how much of the sites' power arrives at the height of the receivers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from iqatlas.plotting.colours import INK
from iqatlas.plotting.png import write_png
from iqatlas.raytracing.coverage import Coverage
from iqatlas.scenes.scene import Scene

_RANGE_DB = 60.0


def draw_coverage(scene: Scene, coverage: Coverage, file: Path, *, title: str) -> None:
    """Draw the power that the strongest site brings to each place.

    Args:
        scene: Buildings, sites and receivers.
        coverage: Path gains at one height.
        file: PNG file to write.
        title: Heading of the picture.
    """
    power_dbm = np.array([site.power_dbm for site in scene.sites])[:, None, None]
    with np.errstate(divide="ignore"):
        received = (10 * np.log10(coverage.path_gain) + power_dbm).max(axis=0)
    finite = received[np.isfinite(received)]
    # Cells at edges that diffract stand out by chance; the few darkest ones would grey all others.
    bottom, top = np.percentile(finite, [1, 99.5]).tolist() if finite.size else (-_RANGE_DB, 0.0)
    bottom = min(max(bottom, top - _RANGE_DB), top - 10.0)
    figure = Figure(figsize=(9.5, 8), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    image = axes.pcolormesh(
        coverage.east_m, coverage.north_m, received, cmap="viridis", vmin=bottom, vmax=top,
        shading="nearest", rasterized=True,
    )  # fmt: skip
    outlines = [np.asarray(polygon.exterior.coords) for polygon in scene.buildings.geometry]
    axes.add_collection(
        PolyCollection(outlines, facecolor="none", edgecolor="white", linewidth=0.4, alpha=0.6)
    )
    outline = withStroke(linewidth=3, foreground="white")
    for site in scene.sites:
        east, north, up = site.position_m
        axes.plot(east, north, "^", ms=12, color="#d1495b", mec="white", mew=1.5)
        label = axes.annotate(
            f"{site.name}, {up:.0f} m", (east, north), (8, 6), textcoords="offset points", fontsize=8
        )
        label.set_path_effects([outline])
    for name, position in zip(scene.receivers.names, scene.receivers.position_m[0], strict=True):
        axes.plot(position[0], position[1], "o", ms=8, color=INK, mec="white", mew=1.5)
        label = axes.annotate(
            name, (position[0], position[1]), (8, 6), textcoords="offset points", fontsize=8
        )
        label.set_path_effects([outline])
    axes.set(xlabel="east / m", ylabel="north / m", aspect="equal")
    axes.set_title(f"{title}: strongest site at {coverage.height_m:.0f} m", fontsize=12)
    figure.colorbar(image, ax=axes, label="received power at full load / dBm", shrink=0.8)
    write_png(figure, file)
