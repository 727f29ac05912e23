"""Power-delay profiles: one panel a link."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from iqatlas.plotting.png import write_png
from iqatlas.raytracing.paths import PathSet

_KIND_COLOURS = {
    "direct": "#00798c",
    "reflection": "#edae49",
    "diffuse": "#9aa5b1",
    "refraction": "#7a4fa3",
    "diffraction": "#d1495b",
}
_LARGEST_GRID = 6
_RANGE_DB = 60.0


def path_kind(interaction: np.ndarray) -> np.ndarray:
    """Return the name of the strongest kind of interaction of each path: ``direct`` for none."""
    names = np.array(["direct", "reflection", "diffuse", "refraction", "diffraction"])
    kinds: np.ndarray = names[interaction.max(axis=-1, initial=0)]
    return kinds


def draw_power_delay(
    paths: PathSet, file: Path, *, sites: Sequence[str], receivers: Sequence[str], title: str
) -> None:
    """Draw the power and absolute delay of every path at the first waypoint.

    Args:
        paths: The paths.
        file: PNG file to write.
        sites: Names of the sites.
        receivers: Names of the receivers.
        title: Heading of the picture.
    """
    rows, columns = min(len(receivers), _LARGEST_GRID), min(len(sites), _LARGEST_GRID)
    figure = Figure(figsize=(3.6 * columns + 1, 2.2 * rows + 1), dpi=110, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    power = np.abs(paths.gain[0]) ** 2
    top = 10 * np.log10(max(float(np.max(power, where=paths.valid[0], initial=0.0)), 1e-30))
    for row in range(rows):
        for column in range(columns):
            axes = grid[row, column]
            _draw_link(axes, paths, row, column, floor_db=top - _RANGE_DB)
            axes.set_ylim(top - _RANGE_DB, top + 5)
            axes.set_title(f"{receivers[row]} ← {sites[column]}", fontsize=9)
    level = 10 * np.log10(np.maximum(power, 1e-30))
    shown = paths.valid[0] & (level > top - _RANGE_DB)
    if shown.any():
        first, last = paths.delay_s[0][shown].min() * 1e6, paths.delay_s[0][shown].max() * 1e6
        margin = 0.04 * (last - first) + 0.05
        grid[0, 0].set_xlim(first - margin, last + margin)
    for axes in grid[-1]:
        axes.set_xlabel("delay / µs")
    for axes in grid[:, 0]:
        axes.set_ylabel("path gain / dB")
    handles = [
        figure.axes[0].plot([], [], "o", color=colour, label=kind)[0]
        for kind, colour in _KIND_COLOURS.items()
        if np.any(path_kind(paths.interaction[0][paths.valid[0]]) == kind)
    ]
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8
        )
    figure.suptitle(title, fontsize=12, fontweight="bold")
    write_png(figure, file)


def _draw_link(axes: Any, paths: PathSet, receiver: int, site: int, *, floor_db: float) -> None:
    valid = paths.valid[0, receiver, site]
    if not valid.any():
        axes.text(0.5, 0.5, "no path", transform=axes.transAxes, ha="center", color="#888888")
        return
    delay_us = paths.delay_s[0, receiver, site][valid] * 1e6
    level_db = 10 * np.log10(np.maximum(np.abs(paths.gain[0, receiver, site][valid]) ** 2, 1e-30))
    kinds = path_kind(paths.interaction[0, receiver, site][valid])
    for kind, colour in _KIND_COLOURS.items():
        here = kinds == kind
        if here.any():
            axes.vlines(delay_us[here], floor_db, level_db[here], color=colour, lw=1, alpha=0.7)
            axes.plot(delay_us[here], level_db[here], "o", ms=3, color=colour)
    axes.grid(alpha=0.2)
