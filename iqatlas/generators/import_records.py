"""Records out of recordings: where each capture begins, its samples, its labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int8, Int64

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORDED_QUANTITIES, Quantity
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.annotation_labels import annotation_labels
from iqatlas.catalogs.exported_recording import Exported
from iqatlas.catalogs.import_spec import ImportedCorpusSpec
from iqatlas.catalogs.quantised import quantise
from iqatlas.catalogs.recording import Recording
from iqatlas.catalogs.spec import SPLITS
from iqatlas.errors import CorpusError, SpecError
from iqatlas.generators.import_alike import refuse_unlike
from iqatlas.generators.import_splits import guard_of, receiver_splits, shared_out, told_splits
from iqatlas.generators.plan import Shard

_CHUNK_BYTES = 8 << 20
_SHARD_BYTES = 64 << 20


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
        record, segment = np.arange(start, stop), self.segment(start, stop)
        begin = self.recordings[0].segments[segment, 0]
        return np.asarray(begin + (record - self._before[segment]) * self.spec.recording.samples)

    def segment(self, start: int, stop: int) -> Int64[np.ndarray, "record"]:
        """Return the segment that each of some captures is cut from."""
        return np.asarray(np.searchsorted(self._before, np.arange(start, stop), side="right") - 1)

    @property
    def records(self) -> int:
        """Number of records."""
        return int(self._before[-1])

    @cached_property
    def exported(self) -> tuple[Exported, ...]:
        """What each recording tells of the corpus that it was exported from; none where that isn't taken."""
        if self.spec.recording.exported is None:
            return ()
        return tuple(one.exported for one in self.recordings if one.exported is not None)

    @property
    def labelled(self) -> bool:
        """Whether records have labels."""
        asked = self.spec.recording.labels
        return asked == "annotations" or (asked == "auto" and (self.labels_told or _marked(self.recordings)))

    @property
    def labels_told(self) -> bool:
        """Whether labels are those of the exported corpus, because records and sub-channels are."""
        asked = self.spec.recording
        return (
            asked.labels == "auto"
            and asked.exported is not None
            and asked.exported.edges_hz is not None
            and all(one.label is not None and one.samples == asked.samples for one in self.exported)
        )

    @property
    def guard_records(self) -> int:
        """Records, or slots of an export, left out between two splits."""
        return 0 if self._splits_told else guard_of(self.spec.splits, self.recordings)

    @property
    def _splits_told(self) -> bool:
        exported = self.spec.recording.exported
        return exported is not None and exported.splits == "told"

    @cached_property
    def record_split(self) -> Int8[np.ndarray, "record"]:
        """The split of each record, as an index into the names of splits."""
        segment = self.segment(0, self.records)
        if self._splits_told:
            return np.asarray(told_splits(self.recordings)[segment])
        return shared_out(self.spec.splits, self.recordings, segment, guard=self.guard_records)

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
        if self.exported:
            chosen["time"] = QUANTITIES["time"]
        if self._chains:
            chosen |= {name: QUANTITIES[name] for name in ("draw", "slot")}
        if self.labelled:
            chosen["label"] = (QUANTITIES if self.labels_told else recorded)["label"]
        return chosen

    @property
    def _chains(self) -> bool:
        return bool(self.exported) and self.exported[0].chain is not None

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
        own = receiver_splits(self.recordings) if self._splits_told else None
        if own is not None:
            values["receiver_split"] = np.array(own)
        known = QUANTITIES | RECORDED_QUANTITIES
        source = self.spec.recording.exported
        origin = "recorded"
        if source is not None:
            kind = "simulated" if source.simulated else "recorded"
            origin = f"{kind}: the corpus {source.corpus}, exported as SigMF"
        polarity = "1 occupied, 0 vacant" if self.labels_told else "1 occupied, 0 not annotated"
        full_scale = self.spec.recording.full_scale_dbm
        return xr.Dataset(
            coords={name: array_variable(known[name], array) for name, array in values.items()},
            attrs={
                "title": f"iqatlas corpus {self.spec.name}",
                "source": f"{origin}; see the inputs in the manifest",
                "sample_rate_hz": self.sample_rate_hz,
                "carrier_frequency_hz": self.recordings[0].centre_frequency_hz,
                **({"full_scale_dbm": full_scale} if full_scale is not None else {}),
                **({"label_polarity": polarity} if self.labelled else {}),
            },
        )

    def make_shard(self, shard: Shard) -> xr.Dataset:
        """Return the records of a shard; the same recordings give the same bytes."""
        first, asked = self.first_sample(shard.start, shard.stop), self.spec.recording
        segment = self.segment(shard.start, shard.stop)
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
            "time": self._time_s(first, segment),
            "first_sample": first,
            "split": np.array(SPLITS)[self.record_split[shard.start : shard.stop]],
        }
        if self.spec.storage.iq == "int16":
            values["iq"], values["iq_scale"] = quantise(iq)
        if self._chains:
            chain = self.exported[0].chain
            values |= {} if chain is None else {"draw": chain[segment, 0], "slot": chain[segment, 1]}
        if self.labelled:
            values["label"] = self._labels(first, segment)
        quantities = self.quantities
        return xr.Dataset({name: array_variable(quantities[name], array) for name, array in values.items()})

    def _time_s(
        self, first: Int64[np.ndarray, "record"], segment: Int64[np.ndarray, "record"]
    ) -> Float64[np.ndarray, "record"]:
        """Return when captures begin: within their draw where exports tell, else within the recording."""
        if not self.exported:
            return np.asarray(first / self.sample_rate_hz)
        into = first - self.recordings[0].segments[segment, 0]
        return np.asarray(self.exported[0].time_s[segment] + into / self.sample_rate_hz)

    def _labels(
        self, first: Int64[np.ndarray, "record"], segment: Int64[np.ndarray, "record"]
    ) -> Bool[np.ndarray, "record subchannel"]:
        if self.labels_told:
            told = [one.label[segment] for one in self.exported if one.label is not None]
            return np.asarray(np.any(told, axis=0))
        asked = self.spec.recording
        marked = [
            annotation_labels(
                one.annotations,
                first_sample=first,
                samples=asked.samples,
                edges_hz=self.edges_hz,
                overlap=asked.overlap,
            )
            for one in self.recordings
        ]
        return np.asarray(np.any(marked, axis=0))


def _marked(recordings: tuple[Recording, ...]) -> bool:
    """Return whether somebody has said what is occupied, if only that nothing is."""
    return any(
        len(one.annotations.samples) or (one.exported is not None and one.exported.vacant)
        for one in recordings
    )


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
    refuse_unlike(recordings)
    _refuse_other_source(spec, first)
    shortest = min(one.samples for one in recordings)
    if len({one.samples for one in recordings}) > 1:
        # What only some have heard is left out.
        segments = np.minimum(first.segments, shortest)
        first = replace(first, segments=segments[segments[:, 1] > segments[:, 0]])
    made = ImportPlan(spec, (first, *recordings[1:]))
    names = made.receivers
    if len(set(names)) < len(names):
        raise CorpusError(
            "two recordings have the same name",
            where=", ".join(names),
            remedy="give each once, by a name of its own",
        )
    asked = spec.recording
    if (asked.bandwidth_hz or 0) > made.sample_rate_hz:
        raise SpecError(
            f"sub-channels of {asked.bandwidth_hz:g} Hz in all",
            where="--bandwidth",
            accepted=f"up to the sampling rate, {made.sample_rate_hz:g} Hz",
        )
    if asked.labels == "annotations" and not _marked(recordings):
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


def _refuse_other_source(spec: ImportedCorpusSpec, first: Recording) -> None:
    told, found = spec.recording.exported, first.exported
    if told is not None and (found is None or found.manifest_sha256 != told.manifest_sha256):
        raise CorpusError(
            f"no export of the corpus {told.corpus}",
            where=str(first.sources[-1]),
            accepted=f"one whose manifest has the SHA-256 {told.manifest_sha256}",
        )
