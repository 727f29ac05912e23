"""Labels along the axes of a variable: what stands at each place, and at which place a label stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Int64

Labels = tuple[str, ...] | tuple[float, ...]
"""Names, or numbers such as frequencies."""
_SAME = 1e-3
"""Of the least distance of two labels: frequencies that were rounded on their way are the same ones."""
_UNITS = "_units"


def axis_labels(values: xr.DataArray, axis: str) -> Labels | None:
    """Return the labels along an axis, one where a single place was chosen; None where it has none.

    Args:
        values: A variable with its coordinates.
        axis: Name of the axis.
    """
    if axis not in values.coords:
        return None
    labels = np.atleast_1d(values.coords[axis].values)
    if labels.dtype.kind in "fiu":
        return tuple(labels.astype(np.float64).tolist()) if np.isfinite(labels).all() else None
    return tuple(str(label) for label in labels) if labels.dtype.kind in "OTU" else None


def places_of(asked: Labels, labels: Labels) -> Int64[np.ndarray, " asked"]:
    """Return at which place each label stands, -1 for one that isn't there.

    Args:
        asked: The labels that are looked for.
        labels: Those that are there, none of them twice.
    """
    if not (asked and labels) or isinstance(asked[0], str) != isinstance(labels[0], str):
        return np.full(len(asked), -1, np.int64)
    if isinstance(labels[0], str):
        return pd.Index(labels).get_indexer(pd.Index(asked)).astype(np.int64)
    known = np.array(labels)
    order = np.argsort(known)
    step = np.diff(known[order]).min() if len(known) > 1 else max(1.0, abs(known[0]))
    near = pd.Index(known[order]).get_indexer(pd.Index(asked), method="nearest", tolerance=_SAME * step)
    return np.where(near < 0, -1, order[near]).astype(np.int64)


def units_along(values: xr.DataArray) -> dict[str, dict[str, str]]:
    """Return the units of each label of an axis that has units a label, such as ``statistic_units``.

    Args:
        values: A variable with its coordinates.
    """
    found = {}
    for coordinate in values.coords:
        axis = str(coordinate).removesuffix(_UNITS)
        if axis == coordinate or axis not in values.coords:
            continue
        if values.coords[coordinate].dims == values.coords[axis].dims:
            labels, units = (np.atleast_1d(values.coords[name].values) for name in (axis, coordinate))
            found[axis] = {str(label): str(unit) for label, unit in zip(labels, units, strict=True)}
    return found


def with_units_along(values: xr.DataArray, axis: str, units: dict[str, str]) -> xr.DataArray:
    """Return a variable with other units a label.

    Args:
        values: A variable with such a coordinate.
        axis: The axis whose labels have units.
        units: The units of each label.
    """
    coordinate = values.coords[axis + _UNITS]
    texts = np.array([units[str(label)] for label in np.atleast_1d(values.coords[axis].values)], str)
    changed = xr.Variable(coordinate.dims, texts.reshape(coordinate.shape), coordinate.attrs)
    return values.assign_coords({axis + _UNITS: changed})


def without_units_along(values: xr.DataArray, axis: str) -> xr.DataArray:
    """Return a variable without the units a label of an axis."""
    return values.drop_vars(axis + _UNITS)
