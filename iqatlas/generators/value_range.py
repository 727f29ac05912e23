"""Smallest, median and largest value over the records, exact, in memory that doesn't grow with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from jaxtyping import Float32, UInt32

_RECORDS_AT_ONCE = 1 << 14
_HALF_BITS = 16
_HALF = 1 << _HALF_BITS


def value_range(variable: xr.DataArray) -> dict[str, float]:
    """Return smallest, median and largest finite value, and the share of -inf.

    The median is found by counting: values in the order of their bits, first by the upper half of those,
    then by the lower half where the middle lies.

    Args:
        variable: Single-precision values over the records.
    """
    count, upper, low, high = 0, np.zeros(_HALF, np.int64), np.inf, -np.inf
    for finite in _finite(variable):
        count += len(finite)
        upper += np.bincount(_keys(finite) >> _HALF_BITS, minlength=_HALF)
        low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if not count:
        return {"silent_share": 1.0}
    ends = np.cumsum(upper)
    ranks = sorted({(count - 1) // 2, count // 2})
    halves = [int(np.searchsorted(ends, rank, side="right")) for rank in ranks]
    lower = {half: np.zeros(_HALF, np.int64) for half in halves}
    for finite in _finite(variable):
        keys = _keys(finite)
        for half, counts in lower.items():
            counts += np.bincount(keys[keys >> _HALF_BITS == half] & (_HALF - 1), minlength=_HALF)
    middle = []
    for rank, half in zip(ranks, halves, strict=True):
        within = rank - int(ends[half] - upper[half])
        place = int(np.searchsorted(np.cumsum(lower[half]), within, side="right"))
        middle.append(_value(half << _HALF_BITS | place))
    return {
        "min": round(low, 3),
        "median": round(float(np.percentile(np.array(middle, np.float32), 50)), 3),
        "max": round(high, 3),
        "silent_share": round(1 - count / variable.size, 6),
    }


def _finite(variable: xr.DataArray) -> Iterator[Float32[np.ndarray, "value"]]:
    """Give the finite values, some records at a time; nothing where there are none."""
    for start in range(0, len(variable), _RECORDS_AT_ONCE):
        values = variable[start : start + _RECORDS_AT_ONCE].values.astype(np.float32, copy=False)
        finite = values[np.isfinite(values)]
        if len(finite):
            yield finite


def _keys(values: Float32[np.ndarray, "value"]) -> UInt32[np.ndarray, "value"]:
    """Return whole numbers in the order of the values."""
    bits = values.view(np.uint32)
    keys: UInt32[np.ndarray, "value"] = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return keys


def _value(key: int) -> np.float32:
    bits = key ^ (1 << 31) if key >> 31 else ~key & 0xFFFFFFFF
    return np.float32(np.array([bits], np.uint32).view(np.float32)[0])
