"""Values of features as they are drawn: in dB, in cells with edges, and no more of them than pixels."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Shaped

MOST_CELLS = 512
"""Rows and columns that are drawn of a plane: a picture has some 600 by 800 pixels for them."""
_IN_DB = {"mW/Hz": "dBm/Hz", "mW": "dBm", "1/Hz": "dBFS/Hz"}
_LEAST_SHARE = 1e-12
"""What is below this share of the largest of values on a linear scale is drawn at it: 0 has no level."""


def level_db(values: Shaped[np.ndarray, "*shape"], units: str) -> tuple[Float[np.ndarray, "*shape"], str]:
    """Return values in dB, and the unit of that; what is on a linear scale is brought there.

    Args:
        values: Levels in dB, or magnitudes.
        units: What they are in.
    """
    if units.startswith("dB"):
        return values.astype(np.float64), units
    magnitude = np.abs(values).astype(np.float64)
    least = max(float(magnitude.max()) * _LEAST_SHARE, 1e-300)
    return 10 * np.log10(np.maximum(magnitude, least)), _IN_DB.get(units, "dB")


def array_level_db(values: xr.DataArray) -> tuple[Float[np.ndarray, "*shape"], str]:
    """Return an array of a corpus in dB, and the unit of that."""
    return level_db(values.values, str(values.attrs.get("units", "")))


def in_label(units: str) -> str:
    """Return units as they stand behind the stroke of a label: a quotient in brackets."""
    return f"({units})" if "/" in units else units


def cell_edges(middles: Float[np.ndarray, "value"], whole: float) -> Float[np.ndarray, "edge"]:
    """Return the edges of cells, one more than there are cells.

    Args:
        middles: The middle of each cell.
        whole: The width of a cell that is alone.
    """
    if len(middles) == 1:
        return np.array([middles[0] - whole / 2, middles[0] + whole / 2])
    step = np.diff(middles)
    first, last = middles[0] - step[0] / 2, middles[-1] + step[-1] / 2
    return np.concatenate([[first], middles[:-1] + step / 2, [last]])


def together(values: int, most: int) -> int:
    """Return how many neighbours are drawn as one, so that there are at most ``most``."""
    return -(-values // most)


def pooled_largest(values: Shaped[np.ndarray, "*shape"], count: int, axis: int) -> Shaped[np.ndarray, "..."]:
    """Return the largest of every ``count`` neighbours along an axis; the last ones may be fewer.

    A canvas takes the nearest of the values that share a pixel, and a line of one row is lost by that.
    """
    if count == 1:
        return values
    return np.asarray(np.maximum.reduceat(values, np.arange(0, values.shape[axis], count), axis=axis))


def pooled_edges(edges: Float[np.ndarray, "edge"], count: int) -> Float[np.ndarray, "fewer"]:
    """Return the edges of what :func:`pooled_largest` makes of cells with these edges."""
    return np.append(edges[:-1:count], edges[-1])


def without_cells(
    values: Shaped[np.ndarray, "alpha frequency"], frequency_hz: Float[np.ndarray, "frequency"]
) -> Bool[np.ndarray, "alpha frequency"]:
    """Return where a cyclic plane has no cells: beyond |f| + |α|/2 = fs/2, where it holds its lowest value.

    Args:
        values: A plane as it is stored, or some of its neighbours drawn as one.
        frequency_hz: Middles of its columns, rising: from below 0, or from 0 for a conjugate plane.
    """
    lowest = values == values.min()
    if lowest.all():  # silence, of which every cell is as low
        return np.zeros_like(lowest)
    # The lowest cell of all has others further out.
    beyond = np.logical_and.accumulate(lowest[:, ::-1], axis=1)[:, ::-1]
    if frequency_hz[0] < 0:
        beyond |= np.logical_and.accumulate(lowest, axis=1)
    return np.asarray(beyond)
