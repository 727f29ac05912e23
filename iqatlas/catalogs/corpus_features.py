"""Features of a stored corpus: worked out from its I/Q when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from iqatlas.axes import RECORD
from iqatlas.catalogs._zarr import array_variable
from iqatlas.features.registry import feature_with
from iqatlas.features.setting import CaptureSetting
from iqatlas.waveforms.spec import WaveformSpec


def capture_setting(dataset: xr.Dataset, spec: Mapping[str, Any]) -> CaptureSetting:
    """Return what features have to know of the captures of a corpus.

    Args:
        dataset: Its records.
        spec: The spec that its manifest holds.
    """
    try:
        waveform = TypeAdapter[WaveformSpec](WaveformSpec).validate_python(spec.get("waveform"))
    except ValidationError:
        waveform = None  # a kind of waveform of another version, whose symbols are not known here
    return CaptureSetting.of(
        waveform,
        samples=dataset.sizes["sample"],
        sample_rate_hz=float(dataset.attrs["sample_rate_hz"]),
        subchannel_edges_hz=np.stack(
            [dataset["subchannel_lower"].values, dataset["subchannel_upper"].values], axis=-1
        ),
    )


def feature_array(
    dataset: xr.Dataset, setting: CaptureSetting, name: str, options: Mapping[str, Any]
) -> xr.DataArray:
    """Return a feature of all records, lazily: each chunk is worked out when it is read.

    It is worked out from whole blocks of records, as generation does: the same options give the same bytes
    as a stored feature.

    Args:
        dataset: Records of a corpus.
        setting: What features have to know of them.
        name: Key of the feature in ``features:`` of a spec.
        options: What stands below that key.

    Raises:
        SpecError: There is no such feature, or the captures don't allow these options.
    """
    feature, part = feature_with(name, options)
    layout = feature.layout(part, setting)
    quantity = layout.quantity
    block = int(dataset["iq"].encoding["chunks"][0])
    iq = dataset["iq"].chunk({RECORD: block, "receiver": -1, "sample": -1}).data
    own = quantity.dims[2:]
    lazy = iq.map_blocks(
        feature.compute,
        part,
        setting,
        dtype=np.dtype(quantity.dtype),
        chunks=(*iq.chunks[:2], *((layout.lengths[axis],) for axis in own)),
        drop_axis=2,
        new_axis=list(range(2, 2 + len(own))),
        meta=np.empty((0,) * (2 + len(own)), np.dtype(quantity.dtype)),
    )
    replaced = {axis for about, _ in layout.coordinates.values() for axis in about.dims}
    kept = [
        key
        for key, coordinate in dataset.coords.items()
        if set(coordinate.dims) <= set(quantity.dims) and not set(coordinate.dims) & replaced
    ]
    described = dataset.coords.to_dataset()[kept].assign_coords(
        {key: array_variable(about, values) for key, (about, values) in layout.coordinates.items()}
    )
    attributes = quantity.attributes()
    if dataset["iq"].attrs.get("units") == "1":
        attributes["units"] = _of_full_scale(attributes["units"])
    described[name] = xr.Variable(quantity.dims, lazy, attributes)
    return described[name]


def _of_full_scale(units: str) -> str:
    """Return the units of a feature of samples in shares of full scale, where those of √mW are given."""
    for level, share in (("dBm", "dBFS"), ("mW^0.5/", "1/"), ("mW^0.5", "1"), ("mW/", "1/"), ("mW", "1")):
        if units.startswith(level):
            return share + units.removeprefix(level)
    return units


def feature_of(
    records: xr.Dataset, setting: CaptureSetting, name: str, options: Mapping[str, Any]
) -> np.ndarray:
    """Return a feature of a few records that are in memory, as an array.

    Args:
        records: The records.
        setting: What features have to know of them.
        name: Key of the feature in ``features:`` of a spec.
        options: What stands below that key.

    Raises:
        SpecError: There is no such feature, or the captures don't allow these options.
    """
    feature, part = feature_with(name, options)
    feature.layout(part, setting)
    values: np.ndarray = feature.compute(
        records["iq"].transpose(RECORD, "receiver", "sample").values, part, setting
    )
    return values
