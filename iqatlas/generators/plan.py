"""The plan: a spec resolved to counts, bytes and ranges of records, before anything is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int8, Int64

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD, Quantity
from iqatlas.catalogs.spec import split_slots
from iqatlas.errors import SpecError
from iqatlas.features.spectrogram import frame_count
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.transmission import transmission_for
from iqatlas.occupancy.markov import guard_slots
from iqatlas.scenes.spec import BundledSites, ListedSites, TrajectoryReceivers
from iqatlas.waveforms.spec import LteWaveform

_BLOCK_SAMPLES = 1 << 20
"""Received samples a block: 8 MiB of I/Q, the unit of computing and the chunk of reading."""
_LARGEST_BLOCK = 4096
_BLOCKS_A_SHARD = 8
_SHARDS_AT_LEAST = 8
BUNDLED_SITE_COUNT = 3


@dataclass(frozen=True)
class Shard:
    """A range of records that is made and written at once.

    Args:
        index: Position in the plan.
        start: First record.
        stop: One past the last record.
    """

    index: int
    start: int
    stop: int

    @property
    def step(self) -> str:
        """Name of the shard in the ledger of a corpus under construction."""
        return f"shard-{self.index:05d}"


@dataclass(frozen=True)
class Plan:
    """A spec resolved.

    Records are numbered with the SNR level fastest, then the slot, then the draw. Blocks and
    shards follow from the spec alone, so that bytes don't depend on the number of workers.

    Args:
        spec: What was asked.
        sites: Number of transmitter sites.
        receivers: Number of receivers.
        levels: Number of SNR levels.
        sample_rate_hz: Sampling rate.
        slot_samples: Samples an occupancy slot.
        guard_slots: Slots left out between two splits.
        block_records: Records a block, the unit of random streams and of reading.
        shard_records: Records a shard, the unit of writing.
    """

    spec: CorpusSpec
    sites: int
    receivers: int
    levels: int
    sample_rate_hz: float
    slot_samples: int
    guard_slots: int
    block_records: int
    shard_records: int

    @property
    def records(self) -> int:
        """Number of records."""
        return self.spec.capture.draws * self.spec.capture.slots * self.levels

    @property
    def shard_count(self) -> int:
        """Number of shards, without making a list of them."""
        return -(-self.records // self.shard_records)

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All shards, in order."""
        starts = range(0, self.records, self.shard_records)
        return tuple(
            Shard(index, start, min(start + self.shard_records, self.records))
            for index, start in enumerate(starts)
        )

    @cached_property
    def slot_split(self) -> Int8[np.ndarray, "slot"]:
        """The split of each slot of a draw, as an index into the names of splits."""
        return split_slots(self.spec.splits, slots=self.spec.capture.slots, guard_slots=self.guard_slots)

    def waypoint_at(
        self, time_s: Float64[np.ndarray, "record"], *, waypoints: int
    ) -> tuple[Int64[np.ndarray, "record"], Float64[np.ndarray, "record"]]:
        """Return the waypoint at or before each time of a draw, and the time that has gone since.

        Args:
            time_s: Times within the draw.
            waypoints: Number of waypoints that were traced.
        """
        receivers = self.spec.receivers
        if not isinstance(receivers, TrajectoryReceivers):
            return np.zeros(len(time_s), np.int64), time_s
        # A millionth of an interval: a time that is a whole number of them may fall short by rounding.
        passed = np.floor(time_s / receivers.interval_s + 1e-6).astype(np.int64)
        waypoint = np.minimum(passed, waypoints - 1)
        return waypoint, time_s - waypoint * receivers.interval_s

    def waypoint_time_s(self, waypoints: int) -> Float64[np.ndarray, "waypoint"] | None:
        """Return the times of the waypoints of a flight; None where UAVs hover.

        Args:
            waypoints: Number of waypoints that were traced.
        """
        receivers = self.spec.receivers
        if not isinstance(receivers, TrajectoryReceivers):
            return None
        return np.arange(waypoints, dtype=np.float64) * receivers.interval_s

    @property
    def shape(self) -> dict[str, int]:
        """Length of every axis of the records."""
        spectrogram = self.spec.features.spectrogram
        shape = {
            RECORD: self.records,
            "receiver": self.receivers,
            "site": self.sites,
            "subchannel": self.spec.waveform.subchannels,
            "sample": self.spec.capture.samples,
        }
        if self.spec.storage.iq == "int16":
            shape["component"] = 2
        if spectrogram is not None:
            shape["frame"] = frame_count(self.spec.capture.samples, spectrogram)
            shape["frequency"] = spectrogram.nperseg
        return shape

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The arrays over the records."""
        over_records = {name: q for name, q in QUANTITIES.items() if q.dims[0] == RECORD}
        if self.spec.features.spectrogram is None:
            del over_records["spectrogram"]
        if self.spec.storage.iq == "int16":
            over_records |= INT16_QUANTITIES
        return over_records

    @property
    def bytes_by_variable(self) -> dict[str, int]:
        """Uncompressed bytes of each array over the records."""
        shape, sizes = self.shape, {}
        for name, quantity in self.quantities.items():
            text = quantity.dtype == "str"
            width = (np.dtypes.StringDType() if text else np.dtype(quantity.dtype)).itemsize
            sizes[name] = width * math.prod(shape[dim] for dim in quantity.dims)
        return sizes

    @property
    def bytes(self) -> int:
        """Uncompressed bytes of all records."""
        return sum(self.bytes_by_variable.values())

    @property
    def samples(self) -> int:
        """Received complex samples of the whole corpus."""
        return self.records * self.receivers * self.spec.capture.samples


def plan(spec: CorpusSpec) -> Plan:
    """Resolve a spec to counts, bytes and ranges; reads no file and makes nothing.

    Raises:
        SpecError: Parts of the spec don't fit each other.
    """
    sites = _site_count(spec)
    waveform = transmission_for(spec, cell_ids=range(sites))
    sample_rate_hz = waveform.sample_rate_hz
    exact = spec.occupancy.slot_s * sample_rate_hz
    slot_samples = round(exact)
    step = waveform.switching_samples
    if abs(exact - slot_samples) > 1e-6 * exact or slot_samples % step or slot_samples == 0:
        unit = "LTE slots" if isinstance(spec.waveform, LteWaveform) else "half milliseconds"
        if step > waveform.samples_per_slot:
            unit = "milliseconds, as coded subframes need it"
        raise SpecError(
            f"{spec.occupancy.slot_s:g} s is not a whole number of {unit}",
            where="occupancy.slot_s",
            accepted=f"multiples of {step / sample_rate_hz:g}",
        )
    samples = spec.capture.samples
    if samples > slot_samples:
        raise SpecError(
            f"{samples} samples are longer than an occupancy slot of {slot_samples} samples",
            where="capture.samples",
            accepted=f"at most {slot_samples}",
            remedy="or make occupancy.slot_s longer",
        )
    if spec.features.spectrogram is not None:
        frame_count(samples, spec.features.spectrogram)
    receivers = _receiver_count(spec)
    levels = len(spec.capture.snr_levels_db())
    records = spec.capture.draws * spec.capture.slots * levels
    block = 1 << max(0, int(np.log2(max(1, _BLOCK_SAMPLES // (samples * receivers)))))
    # A chunk is stored whole: one that is longer than the corpus would be padded with nothing.
    block = min(block, _LARGEST_BLOCK, 1 << (records - 1).bit_length())
    blocks = -(-records // block)
    shard_blocks = min(_BLOCKS_A_SHARD, max(1, -(-blocks // _SHARDS_AT_LEAST)))
    made = Plan(
        spec=spec,
        sites=sites,
        receivers=receivers,
        levels=levels,
        sample_rate_hz=sample_rate_hz,
        slot_samples=slot_samples,
        guard_slots=guard_slots(spec.occupancy, spec.waveform.subchannels),
        block_records=block,
        shard_records=shard_blocks * block,
    )
    _ = made.slot_split  # too few slots for the splits is the user's to know now, not after the trace
    return made


def _site_count(spec: CorpusSpec) -> int:
    if isinstance(spec.sites, BundledSites):
        return BUNDLED_SITE_COUNT
    return len(spec.sites.sites) if isinstance(spec.sites, ListedSites) else spec.sites.count


def _receiver_count(spec: CorpusSpec) -> int:
    if isinstance(spec.receivers, TrajectoryReceivers):
        return spec.receivers.uavs
    positions = spec.receivers.positions
    return len(positions) if positions is not None else spec.receivers.count
