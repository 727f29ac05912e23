"""Centre and spread of some records: mean and standard deviation, or median and interquartile range."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64

from iqatlas.axes import RECORD

_LEAST_SPREAD = 1e-12
"""Of the centre: values of float32 that differ at all differ by more."""
_AT_ONCE_BYTES = 64 << 20


def robust(
    part: xr.DataArray, chosen: Int64[np.ndarray, " chosen"], kept: int
) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
    """Return median and interquartile range; the standard deviation where that is 0 and values differ.

    Args:
        part: Values [record, …, kept …] in any unit; what is not finite is left out.
        chosen: Records that count.
        kept: How many of the last axes have a median each; NaN where none of their values is finite.
    """
    values = part.isel(record=chosen).values.astype(np.float64)
    flat = values.reshape(-1, *values.shape[values.ndim - kept :])
    flat = np.where(np.isfinite(flat), flat, np.nan)
    empty = np.isnan(flat).all(axis=0)
    flat[:, empty] = 0.0
    low, middle, high = np.nanpercentile(flat, [25, 50, 75], axis=0)
    spread = np.array(high - low)
    # Most of a duty cycle's values may be 0: no range between quartiles, and yet it varies.
    still = ~varies(spread, np.asarray(middle))
    spread[still] = np.nanstd(flat[:, still], axis=0)
    return np.where(empty, np.nan, middle), spread


def varies(spread: Float64[np.ndarray, "..."], centre: Float64[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """Return where values differ: of a constant, means of many parts differ in their last digits.

    Args:
        spread: Spreads, in any unit.
        centre: Their centres, in the same unit.
    """
    return np.asarray(spread > _LEAST_SPREAD * np.abs(centre))


def z_score(
    part: xr.DataArray, chosen: Int64[np.ndarray, " chosen"], kept: int
) -> tuple[Float64[np.ndarray, "..."], Float64[np.ndarray, "..."]]:
    """Return mean and standard deviation, part by part, by the merging of moments of Chan et al. (1979).

    Args:
        part: Values [record, …, kept …] in any unit; what is not finite is left out.
        chosen: Records that count.
        kept: How many of the last axes have a mean each; NaN where none of their values is finite.
    """
    shape = part.shape[part.ndim - kept :]
    count, mean, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    step = max(1, _AT_ONCE_BYTES // max(1, part.nbytes // part.sizes[RECORD]))
    for start in range(0, len(chosen), step):
        values = part.isel(record=chosen[start : start + step]).values.astype(np.float64)
        flat = values.reshape(-1, *shape)
        finite = np.isfinite(flat)
        fresh = finite.sum(axis=0)
        fresh_mean = np.where(finite, flat, 0).sum(axis=0) / np.maximum(fresh, 1)
        off = fresh_mean - mean
        total = np.maximum(count + fresh, 1)
        squares += np.square(np.where(finite, flat - fresh_mean, 0)).sum(axis=0)
        squares += off**2 * count * fresh / total
        mean += off * fresh / total
        count = count + fresh
    return np.where(count > 0, mean, np.nan), np.asarray(np.sqrt(squares / np.maximum(count, 1)))
