"""The power-delay profile that a data card shows: all links of the receiver that hears most, in one panel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from iqatlas.plotting.colours import SITE_COLOURS
from iqatlas.plotting.png import png_bytes
from iqatlas.raytracing.paths import PathSet

_RANGE_DB = 60.0
_SITES_NAMED = 12


def draw_delays(paths: PathSet, *, sites: Sequence[str], receivers: Sequence[str]) -> bytes:
    """Return a PNG picture of power and absolute delay of the paths to one receiver, at its first waypoint.

    Args:
        paths: The paths.
        sites: Names of the sites.
        receivers: Names of the receivers.
    """
    power = np.where(paths.valid[0], np.abs(paths.gain[0]) ** 2, 0)
    receiver = int(power.sum(axis=(1, 2)).argmax())
    power = power[receiver]
    top_db = 10 * np.log10(max(float(power.max(initial=0)), 1e-30))
    figure = Figure(figsize=(9, 3.6), dpi=90, facecolor="white")
    axes = figure.add_axes((0.08, 0.15, 0.9, 0.74))
    for site, name in enumerate(sites):
        shown = power[site] > 10 ** ((top_db - _RANGE_DB) / 10)
        level_db = 10 * np.log10(power[site][shown])
        delay_us = paths.delay_s[0, receiver, site][shown] * 1e6
        colour = SITE_COLOURS[site % len(SITE_COLOURS)]
        axes.vlines(delay_us, top_db - _RANGE_DB, level_db, color=colour, lw=1, alpha=0.7)
        label = name if site < _SITES_NAMED else None
        axes.plot(delay_us, level_db, "o", ms=3.5, color=colour, label=label)
    axes.set(xlabel="delay / µs", ylabel="path gain / dB", ylim=(top_db - _RANGE_DB, top_db + 5))
    axes.set_title(f"Paths to {receivers[receiver]}, site by site", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="upper right")
    return png_bytes(figure)
