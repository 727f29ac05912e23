"""What stored features promise: all that were asked for, as their specs say, and what the I/Q gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from iqatlas.axes import RECORD
from iqatlas.catalogs.corpus_features import capture_setting, feature_of
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
        yield from wrong or _value_problems(dataset, setting, name, below, remade=layout.remade)


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
    for axis, length in layout.lengths.items():
        if dataset.sizes[axis] != length:
            yield f"{store}: {axis} has {dataset.sizes[axis]} places in place of {length}"
            return
    for key, (_, values) in layout.coordinates.items():
        if key not in dataset.variables:
            yield f"{store}: {key} is missing"
        elif not _same(dataset[key].values, values):
            yield f"{store}: {key} is not what features.{name} of the spec gives"


def _same(stored: np.ndarray, stated: np.ndarray) -> bool:
    if stated.dtype.kind in "UT":
        return [str(value) for value in stored] == [str(value) for value in stated]
    return stored.shape == stated.shape and bool(np.allclose(stored, stated, rtol=1e-9, atol=0))


def _value_problems(
    dataset: xr.Dataset, setting: CaptureSetting, name: str, options: Mapping[str, Any], *, remade: bool
) -> Iterator[str]:
    records, stored = dataset.sizes[RECORD], dataset[name]
    if stored.nbytes > max(_LARGEST_RECORD_BYTES * records, 2 * dataset["iq"].nbytes):
        yield f"{name}: a record of {stored.nbytes // records} bytes, more than iqatlas makes"
        return
    step = max(1, _AT_ONCE_BYTES // max(1, stored.nbytes // records))
    chunk = int(stored.chunksizes[RECORD][0])
    step = step if step < chunk else step // chunk * chunk
    for start in range(0, records, step):
        values = stored.isel(record=slice(start, start + step)).values
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
        if len(bad):
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            yield f"{name}: NaN or infinite in record {start + bad[0]}{more}"
            continue
        if not remade:
            continue
        # One record of each part is made again: that is what finds a feature of other samples or options.
        first = dataset[["iq"]].isel(record=slice(start, start + 1)).load()
        if not _agrees(values[:1], feature_of(first, setting, name, options), stored.attrs.get("units", "")):
            yield f"{name}: not what the I/Q of record {start} gives"


def _agrees(stored: np.ndarray, made: np.ndarray, units: str) -> bool:
    off = np.abs(stored - made)
    if units.startswith("dB"):
        good = (off <= _ROUNDING_DB) | (made < made.max() - _DEEPEST_DB)
    else:
        good = off <= _ROUNDING * np.maximum(np.abs(made).max(axis=(0, 1), keepdims=True), np.abs(made))
    return bool(good.mean() >= _LEAST_SHARE)
