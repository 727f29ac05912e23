"""What stored features promise: all that were asked for, as their specs say, and what the I/Q gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from iqatlas.axes import RECORD
from iqatlas.catalogs.corpus_features import capture_setting, feature_of, of_full_scale
from iqatlas.catalogs.folder import RECORDS
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.errors import SpecError
from iqatlas.features.feature import Layout
from iqatlas.features.registry import FEATURES, feature_with
from iqatlas.features.setting import CaptureSetting

_AT_ONCE_BYTES = 64 << 20
_LARGEST_RECORD_BYTES = 4 << 30
_ROUNDING = 1e-3
"""Of the largest value: transforms in float32 differ by 1e-6 of it from machine to machine."""
_ROUNDING_DB = 0.05
_DEEPEST_DB = 60.0
"""Levels so far below the largest are the rounding errors of others."""
_LEAST_SHARE = 0.99
"""Of the values have to agree: one that stands at a threshold may fall to either side of it."""
_LEAST_SHARE_OF_PLACE = 0.5
"""Of the values of one statistic, frequency or lag: a wrong one is hardly seen among 158 columns."""
_LEAST_CAPTURES = 8
"""Made again of each part: of fewer, half the values of a place could stand at a threshold."""


def feature_problems(dataset: xr.Dataset, spec: Mapping[str, Any], *, store: str = RECORDS) -> Iterator[str]:
    """Check the features of a corpus, whose other arrays are sound.

    Args:
        dataset: Its records, samples complex.
        spec: The spec that its manifest holds.
        store: Name of the store that holds them, for messages.

    Yields:
        What does not hold, one line each.
    """
    asked = spec.get("features")
    asked = asked if isinstance(asked, Mapping) else {}
    options = {name: value for name, value in asked.items() if value is not None and name in FEATURES}
    yield from (
        f"{store}: {name} is there, and features of the spec does not name it"
        for name in FEATURES
        if name in dataset and name not in options
    )
    setting = capture_setting(dataset, spec)
    for name, below in options.items():
        try:
            feature, part = feature_with(name, below)
            layout = feature.layout(part, setting)
        except SpecError as failure:
            yield f"{MANIFEST_NAME}: {failure.line()}"
            continue
        layout = _stored_layout(dataset, name, layout)
        wrong = list(_layout_problems(dataset, name, layout, store))
        yield from wrong or _value_problems(dataset, setting, name, below, layout)


def _stored_layout(dataset: xr.Dataset, name: str, layout: Layout) -> Layout:
    """Return today's layout, or the one of earlier code that the array itself names by its comment."""
    comment = dataset[name].attrs.get("comment") if name in dataset else None
    return next((one for one in layout.earlier if one.quantity.comment == comment), layout)


def _layout_problems(dataset: xr.Dataset, name: str, layout: Layout, store: str) -> Iterator[str]:
    if name not in dataset:
        yield f"{store}: {name} is missing"
        return
    variable, quantity = dataset[name], layout.quantity
    if variable.dims != quantity.dims:
        yield f"{store}: {name} lies on {variable.dims} in place of {quantity.dims}"
        return
    if variable.dtype != np.dtype(quantity.dtype):
        yield f"{store}: {name} is {variable.dtype} in place of {quantity.dtype}"
    units = _units(dataset, layout)
    if variable.attrs.get("units") != units:
        yield f"{store}: {name} is in {variable.attrs.get('units')!r} in place of {units!r}"
    for axis, length in layout.lengths.items():
        if dataset.sizes[axis] != length:
            yield f"{store}: {axis} has {dataset.sizes[axis]} places in place of {length}"
            return
    for key, (_, values) in layout.coordinates.items():
        if key not in dataset.variables:
            yield f"{store}: {key} is missing"
        elif not _same(dataset[key].values, values):
            yield f"{store}: {key} is not what features.{name} of the spec gives"


def _units(dataset: xr.Dataset, layout: Layout) -> str:
    units = layout.quantity.units
    return of_full_scale(units) if dataset["iq"].attrs.get("units") == "1" else units


def _same(stored: np.ndarray, stated: np.ndarray) -> bool:
    if stated.dtype.kind in "UT":
        return [str(value) for value in stored] == [str(value) for value in stated]
    return stored.shape == stated.shape and bool(np.allclose(stored, stated, rtol=1e-9, atol=0))


def _value_problems(
    dataset: xr.Dataset, setting: CaptureSetting, name: str, options: Mapping[str, Any], layout: Layout
) -> Iterator[str]:
    records, stored = dataset.sizes[RECORD], dataset[name]
    if stored.nbytes > max(_LARGEST_RECORD_BYTES * records, 2 * dataset["iq"].nbytes):
        yield f"{name}: a record of {stored.nbytes // records} bytes, more than iqatlas makes"
        return
    step = max(1, _AT_ONCE_BYTES // max(1, stored.nbytes // records))
    # Of the variable: xarray finds a chunk of coordinates that is longer than the array's inconsistent.
    chunk = int(stored.variable.chunksizes[RECORD][0])
    step = step if step < chunk else step // chunk * chunk
    for start in range(0, records, step):
        values = stored.isel(record=slice(start, start + step)).values
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
        if len(bad):
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            yield f"{name}: NaN or infinite in record {start + bad[0]}{more}"
            continue
        if not layout.remade:
            continue
        # Some records of each part are made again: that is what finds a feature of other samples or options.
        count = min(len(values), -(-_LEAST_CAPTURES // max(1, values.shape[1])))
        first = dataset[["iq"]].isel(record=slice(start, start + count)).load()
        good = _agreement(values[:count], feature_of(first, setting, name, options), layout.quantity.units)
        shares = good.mean(axis=tuple(range(good.ndim - 1)))
        enough = count * values.shape[1] >= _LEAST_CAPTURES // 2
        wrong = shares < _LEAST_SHARE_OF_PLACE if enough else np.zeros(shares.shape, bool)
        whose = f"record {start}" if count == 1 else f"the records {start} to {start + count - 1}"
        if wrong.any() and 2 * wrong.sum() < wrong.size and shares[~wrong].mean() >= _LEAST_SHARE:
            more = f" and {wrong.sum() - 1} more" if wrong.sum() > 1 else ""
            yield f"{name}: not what the I/Q of {whose} gives, in {_place(stored, int(wrong.argmax()))}{more}"
        elif wrong.any() or good.mean() < _LEAST_SHARE:
            yield f"{name}: not what the I/Q of {whose} gives"


def _place(stored: xr.DataArray, index: int) -> str:
    axis = str(stored.dims[-1])
    label = stored[axis].values[index] if axis in stored.coords else index
    return f"{label}" if isinstance(label, str) else f"{axis} {label:g}"


def _agreement(stored: np.ndarray, made: np.ndarray, units: str) -> np.ndarray:
    """Return which values are the same but for rounding."""
    off = np.abs(stored - made)
    if units.startswith("dB"):
        largest = made.max(axis=tuple(range(2, made.ndim)), keepdims=True)
        return np.asarray((off <= _ROUNDING_DB) | (made < largest - _DEEPEST_DB))
    return np.asarray(
        off <= _ROUNDING * np.maximum(np.abs(made).max(axis=(0, 1), keepdims=True), np.abs(made))
    )
