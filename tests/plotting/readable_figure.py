"""What makes a figure unreadable: words over words or data or beyond the canvas, scales without a unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_TOUCHING_PX = 1.0
"""Boxes of words are rounded up to whole pixels: that much of each may be another's."""
_SMALLEST_PT = 7.0


def troubles(figure: Figure) -> list[str]:
    """Return what is wrong with a figure, a line each; nothing where all of it can be read."""
    FigureCanvasAgg(figure).draw()
    words = {id(text): (text, _inside(text.get_window_extent())) for text in _shown(figure)}
    found = []
    for (one, box), (other, beside) in combinations(words.values(), 2):
        if box.overlaps(beside):
            found.append(f"{one.get_text()!r} and {other.get_text()!r} lie over each other")
    whole = figure.bbox
    for text, box in words.values():
        if box.x0 < whole.x0 or box.y0 < whole.y0 or box.x1 > whole.x1 or box.y1 > whole.y1:
            found.append(f"{text.get_text()!r} leaves the figure")
        if text.get_fontsize() < _SMALLEST_PT:
            found.append(f"{text.get_text()!r} is too small")
        # Numbers in the cells of a table are its data.
        found += [
            f"{text.get_text()!r} lies over data"
            for axes in figure.axes
            if axes.axison and not _is_cell_of(axes, text) and box.overlaps(axes.get_window_extent())
        ]
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>" and "dB" not in axes.get_ylabel():
            found.append(f"a colour bar is labelled {axes.get_ylabel()!r}")
    return found


def _is_cell_of(axes: Axes, text: Text) -> bool:
    """Tell the numbers of a table, whose data they are, from notes."""
    return text in axes.texts and re.fullmatch(r"-?[\d.,]+(e[-+]\d+)?", text.get_text()) is not None


def _inside(box: Bbox) -> Bbox:
    return Bbox.from_extents(
        box.x0 + _TOUCHING_PX, box.y0 + _TOUCHING_PX, box.x1 - _TOUCHING_PX, box.y1 - _TOUCHING_PX
    )


def _shown(figure: Figure) -> Iterator[Text]:
    """Give the words that are drawn: an axis has labels beyond its ends that are not."""
    ticks: set[int] = set()
    drawn: list[Text] = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                ticks |= {id(tick.label1), id(tick.label2)}
            if axes.axison:
                drawn += _tick_labels(axis)
        if not axes.axison:  # of which only what was written on it is drawn
            ticks |= {id(axes.xaxis.label), id(axes.yaxis.label)}
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if id(text) not in ticks:
            drawn.append(text)
    return (text for text in drawn if text.get_visible() and text.get_text().strip())


def _tick_labels(axis: Any) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for tick in axis.get_major_ticks()
        if low <= tick.get_loc() <= high
        for label in (tick.label1, tick.label2)
    ]


def limits(axes: Axes) -> tuple[float, float, float, float]:
    """Return the ends of both axes: left, right, bottom, top."""
    return (*axes.get_xlim(), *axes.get_ylim())
