"""Records out of recordings: where each capture begins, its samples, its labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Float64, Int8, Int64

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORDED_QUANTITIES, Quantity
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.annotation_labels import annotation_labels
from iqatlas.catalogs.import_spec import ImportedCorpusSpec
from iqatlas.catalogs.quantised import quantise
from iqatlas.catalogs.recording import Recording
from iqatlas.catalogs.spec import SPLITS, split_slots
from iqatlas.errors import CorpusError, SpecError
from iqatlas.generators.plan import Shard

_CHUNK_BYTES = 8 << 20
_SHARD_BYTES = 64 << 20
_GUARD_RECORDS = 1


@dataclass(frozen=True, eq=False)
class ImportPlan:
    """Recordings and what to make of them, resolved.

    Args:
        spec: What was asked.
        recordings: They begin together, and have rate, frequency and segments in common.
    """

    spec: ImportedCorpusSpec
    recordings: tuple[Recording, ...]

    @property
    def sample_rate_hz(self) -> float:
        """Sampling rate."""
        return self.recordings[0].sample_rate_hz

    @cached_property
    def receivers(self) -> tuple[str, ...]:
        """Names of the receivers."""
        return tuple(name for one in self.recordings for name in one.receivers)

    @cached_property
    def _before(self) -> Int64[np.ndarray, "edge"]:
        """Records before each segment, and in all."""
        segments, samples = self.recordings[0].segments, self.spec.recording.samples
        return np.concatenate([[0], np.cumsum((segments[:, 1] - segments[:, 0]) // samples)])

    def first_sample(self, start: int, stop: int) -> Int64[np.ndarray, "record"]:
        """Return where each of some captures begins: one after the other in each segment."""
        record = np.arange(start, stop)
        segment = np.searchsorted(self._before, record, side="right") - 1
        begin = self.recordings[0].segments[segment, 0]
        return np.asarray(begin + (record - self._before[segment]) * self.spec.recording.samples)

    @property
    def records(self) -> int:
        """Number of records."""
        return int(self._before[-1])

    @property
    def labelled(self) -> bool:
        """Whether records have labels."""
        annotated = any(len(one.annotations.samples) for one in self.recordings)
        asked = self.spec.recording.labels
        return asked == "annotations" or (asked == "auto" and annotated)

    @property
    def guard_records(self) -> int:
        """Records left out between two splits."""
        return _GUARD_RECORDS if self.spec.splits.needs_guard else 0

    @cached_property
    def record_split(self) -> Int8[np.ndarray, "record"]:
        """The split of each record, as an index into the names of splits."""
        return split_slots(self.spec.splits, slots=self.records, guard_slots=self.guard_records)

    @property
    def edges_hz(self) -> Float64[np.ndarray, "subchannel 2"]:
        """Edges of the sub-channels relative to the centre frequency."""
        return self.spec.recording.edges_hz(self.sample_rate_hz)

    @property
    def chunk_records(self) -> int:
        """Records a chunk, the unit of reading."""
        return max(1, min(_CHUNK_BYTES // self._record_bytes, self.records))

    @property
    def _record_bytes(self) -> int:
        return len(self.receivers) * self.spec.recording.samples * 8

    @property
    def shard_records(self) -> int:
        """Records a shard, the unit of writing; all that is held in memory at once."""
        chunks = -(-self.records // self.chunk_records)
        chunks = min(_SHARD_BYTES // (self.chunk_records * self._record_bytes), chunks)
        return self.chunk_records * max(1, chunks)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All shards, in order."""
        starts = range(0, self.records, self.shard_records)
        return tuple(
            Shard(index, start, min(start + self.shard_records, self.records))
            for index, start in enumerate(starts)
        )

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The arrays over the records."""
        recorded = RECORDED_QUANTITIES
        calibrated = self.spec.recording.full_scale_dbm is not None
        chosen = {"iq": QUANTITIES["iq"] if calibrated else recorded["iq"]}
        if self.spec.storage.iq == "int16":
            units = chosen["iq"].units
            chosen = {
                "iq": INT16_QUANTITIES["iq"],
                "iq_scale": Quantity(
                    INT16_QUANTITIES["iq_scale"].dims,
                    "float32",
                    units,
                    "amplitude of one count of iq" + ("" if calibrated else ", 1 is full scale"),
                ),
            }
        chosen |= {name: recorded[name] for name in ("time", "first_sample", "split")}
        return {**chosen, **({"label": recorded["label"]} if self.labelled else {})}

    @property
    def shape(self) -> dict[str, int]:
        """Length of every axis."""
        return {
            "record": self.records,
            "receiver": len(self.receivers),
            "sample": self.spec.recording.samples,
            "subchannel": self.spec.recording.subchannels,
            "component": 2,
        }

    def coordinates(self) -> xr.Dataset:
        """Return everything that doesn't vary over the records."""
        edges = self.edges_hz
        values = {
            "receiver": np.array(self.receivers),
            "subchannel": np.arange(len(edges)),
            "subchannel_lower": edges[:, 0],
            "subchannel_upper": edges[:, 1],
            "sample_time": np.arange(self.spec.recording.samples) / self.sample_rate_hz,
        }
        known = QUANTITIES | RECORDED_QUANTITIES
        full_scale = self.spec.recording.full_scale_dbm
        return xr.Dataset(
            coords={name: array_variable(known[name], array) for name, array in values.items()},
            attrs={
                "title": f"iqatlas corpus {self.spec.name}",
                "source": "recorded; see the inputs in the manifest",
                "sample_rate_hz": self.sample_rate_hz,
                "carrier_frequency_hz": self.recordings[0].centre_frequency_hz,
                **({"full_scale_dbm": full_scale} if full_scale is not None else {}),
                **({"label_polarity": "1 occupied, 0 not annotated"} if self.labelled else {}),
            },
        )

    def make_shard(self, shard: Shard) -> xr.Dataset:
        """Return the records of a shard; the same recordings give the same bytes."""
        first, asked = self.first_sample(shard.start, shard.stop), self.spec.recording
        iq = np.concatenate([one.read(first, asked.samples) for one in self.recordings], axis=1)
        if asked.full_scale_dbm is not None:
            iq *= np.float32(10 ** (asked.full_scale_dbm / 20))
        if not np.isfinite(iq.view(np.float32)).all():
            raise CorpusError(
                "NaN or infinite samples",
                where=", ".join(str(one.data) for one in self.recordings),
                remedy="see that the type of the samples and the order of their bytes are right",
            )
        values: dict[str, np.ndarray] = {
            "iq": iq,
            "time": first / self.sample_rate_hz,
            "first_sample": first,
            "split": np.array(SPLITS)[self.record_split[shard.start : shard.stop]],
        }
        if self.spec.storage.iq == "int16":
            values["iq"], values["iq_scale"] = quantise(iq)
        if self.labelled:
            values["label"] = np.any(
                [
                    annotation_labels(
                        one.annotations,
                        first_sample=first,
                        samples=asked.samples,
                        edges_hz=self.edges_hz,
                        overlap=asked.overlap,
                    )
                    for one in self.recordings
                ],
                axis=0,
            )
        quantities = self.quantities
        return xr.Dataset({name: array_variable(quantities[name], array) for name, array in values.items()})


def import_plan(spec: ImportedCorpusSpec, recordings: tuple[Recording, ...]) -> ImportPlan:
    """Resolve what was asked of recordings.

    Args:
        spec: What was asked.
        recordings: One or several, begun together.

    Raises:
        CorpusError: They don't go together, or are shorter than a record.
        SpecError: The sub-channels are wider than the band.
    """
    first = recordings[0]
    for one in recordings[1:]:
        _refuse_other(first, one)
    shortest = min(one.samples for one in recordings)
    if len({one.samples for one in recordings}) > 1:
        # What only some have heard is left out.
        segments = np.minimum(first.segments, shortest)
        first = replace(first, segments=segments[segments[:, 1] > segments[:, 0]])
    made = ImportPlan(spec, (first, *recordings[1:]))
    names = made.receivers
    if len(set(names)) < len(names):
        raise CorpusError("two recordings have the same name", where=", ".join(names), remedy="rename one")
    asked = spec.recording
    if (asked.bandwidth_hz or 0) > made.sample_rate_hz:
        raise SpecError(
            f"sub-channels of {asked.bandwidth_hz:g} Hz in all",
            where="--bandwidth",
            accepted=f"up to the sampling rate, {made.sample_rate_hz:g} Hz",
        )
    if asked.labels == "annotations" and not any(len(one.annotations.samples) for one in recordings):
        raise CorpusError(
            "no annotations that labels could come from",
            where=str(first.sources[-1]),
            remedy="leave --labels out, for a corpus without labels",
        )
    if not made.records:
        raise CorpusError(
            f"no stretch of {asked.samples} samples without a gap",
            where=str(first.data),
            remedy="give fewer --samples a record",
        )
    return made


def _refuse_other(first: Recording, other: Recording) -> None:
    where = f"{first.name}, {other.name}"
    for what, unit, one, two in (
        ("sampled at", "Hz", first.sample_rate_hz, other.sample_rate_hz),
        ("tuned to", "Hz", first.centre_frequency_hz, other.centre_frequency_hz),
    ):
        if one != two:
            raise CorpusError(
                f"{what} {one:.10g} and {two:.10g} {unit}", where=where, accepted="receivers that are alike"
            )
    begun = [one.facts.get("datetime") for one in (first, other)]
    if None not in begun and begun[0] != begun[1]:
        raise CorpusError(
            f"begun at {begun[0]} and {begun[1]}",
            where=where,
            accepted="recordings that begin together",
            remedy="import each by itself",
        )
    starts, others = first.segments[:, 0], other.segments[:, 0]
    if not np.array_equal(starts, others) and max(len(starts), len(others)) > 1:
        raise CorpusError("other segments", where=where, remedy="import each by itself")
