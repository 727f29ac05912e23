"""Features of a stored corpus: worked out from its I/Q when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from iqatlas.axes import RECORD
from iqatlas.catalogs._zarr import array_variable
from iqatlas.errors import CorpusError, SpecError
from iqatlas.features.axis_labels import units_along, with_units_along
from iqatlas.features.feature import BEFORE, Layout
from iqatlas.features.registry import FEATURES, feature_with
from iqatlas.features.setting import CaptureSetting
from iqatlas.schema import SpecModel
from iqatlas.waveforms.spec import WaveformSpec

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

AT_ONCE_BYTES = 256 << 20
"""Of a feature that is worked out at once, where a block of records takes more."""
_LARGEST_CAPTURE_BYTES = 4 << 30
"""Of a feature, or else twice the I/Q: what plans allow a block."""


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
    as a stored feature. Blocks of more than 256 MiB are worked out in parts, down to one capture.

    Args:
        dataset: Records of a corpus.
        setting: What features have to know of them.
        name: Key of the feature in ``features:`` of a spec.
        options: What stands below that key.

    Raises:
        SpecError: There is no such feature, or the captures don't allow these options, or one capture's
            would not fit into memory.
    """
    feature, part = feature_with(name, options)
    layout = feature.layout(part, setting)
    quantity = layout.quantity
    block = int(dataset["iq"].encoding["chunks"][0])
    records, receivers = _worked_at_once(name, layout, setting, block, dataset.sizes["receiver"])
    # Of the samples alone: coordinates over a million records would be cut into as many chunks.
    iq = dataset["iq"].variable.chunk({RECORD: records, "receiver": receivers, "sample": -1}).data
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
    described = _kept_coordinates(dataset, layout).assign_coords(
        {key: array_variable(about, values) for key, (about, values) in layout.coordinates.items()}
    )
    described[name] = xr.Variable(quantity.dims, lazy, quantity.attributes())
    return _shares_of_full_scale(described[name]) if _is_uncalibrated(dataset) else described[name]


def _kept_coordinates(dataset: xr.Dataset, layout: Layout) -> xr.Dataset:
    """Return the coordinates of records that a feature has too, without those of its own axes."""
    axes = set(layout.quantity.dims)
    own = {axis for about, _ in layout.coordinates.values() for axis in about.dims}
    coordinates = dataset.coords.items()
    kept = [key for key, at in coordinates if set(at.dims) <= axes and not set(at.dims) & own]
    return dataset.coords.to_dataset()[kept]


def joined_feature_array(
    members: Sequence[Corpus], dataset: xr.Dataset, name: str, options: Mapping[str, Any]
) -> xr.DataArray:
    """Return a feature of all records of several corpora, lazily: of each as :func:`feature_array` gives it.

    Args:
        members: The corpora, in order.
        dataset: Their records, one after the other.
        name: Key of the feature in ``features:`` of a spec.
        options: What stands below that key.

    Raises:
        SpecError: There is no such feature, or the captures don't allow these options, or one capture's
            would not fit into memory.
        CorpusError: The corpora differ in what features depend on, or in units.
    """
    ((setting, part),) = ((asked.setting, asked.part) for asked in asked_features(members, {name: options}))
    layout = FEATURES[name].layout(part, setting)
    arrays = [member.features(name, **options) for member in members]
    for member, array in zip(members, arrays, strict=True):
        units = [(each.attrs["units"], units_along(each)) for each in (arrays[0], array)]
        if units[0] != units[1]:
            raise CorpusError(
                f"units of {name} are others than those of {members[0].place.name}",
                where=member.place.name,
                remedy="one may not be calibrated; read the corpora one by one",
            )
    own = {key: arrays[0].coords[key].variable for key in layout.coordinates}
    described = _kept_coordinates(dataset, layout).assign_coords(own)
    described[name] = xr.concat([xr.DataArray(array.variable) for array in arrays], RECORD).variable
    return described[name]


def _is_uncalibrated(dataset: xr.Dataset) -> bool:
    """Return whether samples are in shares of full scale, as recorded, and not in √mW."""
    return bool(dataset["iq"].attrs.get("units") == "1")


def _shares_of_full_scale(values: xr.DataArray) -> xr.DataArray:
    """Return a feature with the units that it has of samples in shares of full scale."""
    for axis, units in units_along(values).items():
        values = with_units_along(values, axis, {key: of_full_scale(unit) for key, unit in units.items()})
    return values.assign_attrs(units=of_full_scale(values.attrs["units"]))


def _worked_at_once(
    name: str, layout: Layout, setting: CaptureSetting, records: int, receivers: int
) -> tuple[int, int]:
    """Return of how many records and receivers a feature is worked out at once: of a block, or a part of it.

    Raises:
        SpecError: A single capture's feature is too large.
    """
    capture = _capture_bytes(name, layout, setting)
    captures = max(1, AT_ONCE_BYTES // max(1, capture))
    if captures >= records * receivers:
        return records, receivers
    if captures < receivers:
        return 1, captures
    part = captures // receivers
    return 1 << (part.bit_length() - 1), receivers  # blocks are powers of two


def _capture_bytes(name: str, layout: Layout, setting: CaptureSetting) -> int:
    """Return the bytes of a feature of one capture, seeing that they are not too many."""
    own = np.dtype(layout.quantity.dtype).itemsize * prod(layout.lengths.values())
    allowed = max(_LARGEST_CAPTURE_BYTES, 2 * 8 * setting.samples)
    if own > allowed:
        raise SpecError(
            f"one capture takes {own / 2**30:.1f} GiB",
            where=f"features.{name}",
            accepted=f"at most {allowed} bytes a capture",
        )
    return own


def of_full_scale(units: str) -> str:
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


@dataclass(frozen=True, eq=False)
class AskedFeature:
    """A feature that a loader works out; small enough for workers.

    Args:
        name: Its key in ``features:`` of a spec.
        part: What it was asked for.
        setting: What it has to know of the captures.
        lengths: Its axes after record and receiver, and their lengths.
        dtype: Type of its values.
    """

    name: str
    part: SpecModel
    setting: CaptureSetting
    lengths: tuple[tuple[str, int], ...]
    dtype: np.dtype[Any]

    @property
    def has_samples(self) -> bool:
        """Whether a window of samples cuts it."""
        return any(axis == "sample" for axis, _ in self.lengths)

    def shape(self, samples: tuple[int, int] | None) -> tuple[int, ...]:
        """Return the lengths of its own axes.

        Args:
            samples: First sample, and the one after the last; None for all.
        """
        cut = samples or (0, self.setting.samples)
        return tuple(cut[1] - cut[0] if axis == "sample" else length for axis, length in self.lengths)

    def of(self, iq: np.ndarray, samples: tuple[int, int] | None) -> np.ndarray:
        """Return it of some captures.

        Args:
            iq: Whole captures, [item, …, sample].
            samples: First sample, and the one after the last, to keep of it; None for all.
        """
        values: np.ndarray = FEATURES[self.name].compute(iq, self.part, self.setting)
        if samples is None or not self.has_samples:
            return values
        return values[tuple(slice(*samples) if axis == "sample" else slice(None) for axis in self._axes(iq))]

    def _axes(self, iq: np.ndarray) -> tuple[str, ...]:
        return (*BEFORE[: iq.ndim - 1], *(axis for axis, _ in self.lengths))


def features_beside(there: Sequence[str]) -> list[str]:
    """Return the names of all features but those that are there already."""
    return [name for name in FEATURES if name not in there]


def asked_features(
    members: Sequence[Corpus], options: Mapping[str, Mapping[str, Any]]
) -> tuple[AskedFeature, ...]:
    """Return features that a loader is asked for.

    Args:
        members: The corpora.
        options: What stands below the key of each in ``features:`` of a spec.

    Raises:
        SpecError: There is no such feature, or the captures don't allow these options.
        CorpusError: The corpora differ in what features depend on.
    """
    settings = [capture_setting(member.dataset, member.manifest.spec) for member in members]
    for member, setting in zip(members, settings, strict=True):
        for field in fields(CaptureSetting):
            mine, first = getattr(setting, field.name), getattr(settings[0], field.name)
            if not np.array_equal(mine, first):
                raise CorpusError(
                    f"features depend on {field.name}, which differs from that of {members[0].place.name}",
                    where=member.place.name,
                    remedy="load the corpora one by one",
                )
    asked = []
    for name, own in options.items():
        feature, part = feature_with(name, own)
        layout = feature.layout(part, settings[0])
        _capture_bytes(name, layout, settings[0])
        axes = layout.quantity.dims[len(BEFORE) :]
        lengths = tuple((axis, layout.lengths[axis]) for axis in axes)
        asked.append(AskedFeature(name, part, settings[0], lengths, np.dtype(layout.quantity.dtype)))
    return tuple(asked)
