"""The plan: a spec resolved to counts, bytes and ranges of records, before anything is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD, Quantity
from iqatlas.catalogs.spec import SPLITS, share_out, split_slots
from iqatlas.errors import SpecError
from iqatlas.features.feature import Feature, Layout
from iqatlas.features.registry import FEATURES, asked_for
from iqatlas.features.setting import CaptureSetting
from iqatlas.generators.site_count import site_count, with_site_count
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.transmission import transmission_for
from iqatlas.occupancy.kinds import chains_for
from iqatlas.occupancy.spec import TraceOccupancy
from iqatlas.occupancy.theory import Chains
from iqatlas.occupancy.trace import TraceChains
from iqatlas.scenes.spec import TrajectoryReceivers
from iqatlas.schema import SpecModel
from iqatlas.waveforms.spec import LteWaveform
from iqatlas.waveforms.transmission import Transmission

_BLOCK_SAMPLES = 1 << 20
"""Received samples a block: 8 MiB of I/Q, the unit of computing and the chunk of reading."""
_LARGEST_BLOCK = 4096
_BLOCKS_A_SHARD = 8
_SHARDS_AT_LEAST = 8
_LARGEST_FEATURE_BYTES = 4 << 30
"""Of one feature over a block, or else twice the I/Q."""
_LARGEST_SHARD_BYTES = 512 << 20
"""Of the features of a shard, which is held in memory, beyond a spectrogram of its I/Q's size."""
_LARGEST_SHARD_SAMPLES = 1 << 23
"""Received samples a shard, or one record: eight blocks have more only where a record exceeds a block."""


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
        sites: Number of transmitter sites; a likely one where ``spec.sites.count`` is None.
        receivers: Number of receivers: of UAVs, or of all antennas of their arrays.
        levels: Number of SNR levels.
        sample_rate_hz: Sampling rate.
        slot_samples: Samples an occupancy slot.
        guard_slots: Slots left out between two splits.
        block_records: Records a block, the unit of random streams and of reading.
        shard_records: Records a shard, the unit of writing.
        chains: What the sites occupy.
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
    chains: Chains = field(repr=False, compare=False)

    @property
    def records(self) -> int:
        """Number of records."""
        return self.spec.capture.draws * self.spec.capture.slots * self.levels

    def engines(self) -> dict[str, str]:
        """Return what works out each feature that has a choice on this machine: engines round apart."""
        return {
            f"engine of features.{feature.name}": feature.engine()
            for feature, _ in self.features
            if feature.engine
        }

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
        """The split of each slot of a draw, as an index into the names of splits; of no use by draw."""
        return split_slots(self.spec.splits, slots=self.spec.capture.slots, guard_slots=self.guard_slots)

    @cached_property
    def draw_split(self) -> Int8[np.ndarray, "draw"] | None:
        """The split of each draw, where whole draws are split."""
        return self._shared_out("draw", self.spec.capture.draws, "draws", "capture.draws")

    @cached_property
    def receiver_split(self) -> Int8[np.ndarray, "receiver"] | None:
        """The split of each receiver, where each has one; the antennas of a UAV are of one split."""
        receivers = self.spec.receivers
        what = "receivers" if receivers.array is None else "UAVs"
        of_uavs = self._shared_out("receiver", receivers.uavs, what, "receivers")
        return None if of_uavs is None else np.repeat(of_uavs, self.receivers // receivers.uavs)

    @cached_property
    def site_split(self) -> Int8[np.ndarray, "site"] | None:
        """The split of each site, where each has one."""
        return self._shared_out("site", self.sites, "sites", "sites")

    def _shared_out(self, by: str, count: int, what: str, where: str) -> Int8[np.ndarray, "one"] | None:
        if self.spec.splits.by != by:
            return None
        return share_out(self.spec.splits, count, what=what, where=where)

    def record_split(
        self, draw: Int64[np.ndarray, "record"], slot: Int64[np.ndarray, "record"]
    ) -> Int8[np.ndarray, "record"]:
        """Return the split of records, as an index into the names of splits."""
        of_each = self.slot_split[slot] if self.draw_split is None else self.draw_split[draw]
        return np.asarray(of_each, np.int8)

    def split_counts(self) -> dict[str, int]:
        """Return the number of records of each split that has any."""
        capture = self.spec.capture
        if self.draw_split is None:
            counts = np.bincount(self.slot_split, minlength=len(SPLITS)) * self.levels * capture.draws
        else:
            counts = np.bincount(self.draw_split, minlength=len(SPLITS)) * self.levels * capture.slots
        return {name: int(count) for name, count in zip(SPLITS, counts, strict=True) if count}

    def site_is_on(self, slot: Int64[np.ndarray, "record"]) -> Bool[np.ndarray, "record site"] | None:
        """Return which sites are not silenced in each slot; None where none ever is.

        Where sites are split, those of the other splits are silent. In the guard all of them send.
        """
        if self.site_split is None:
            return None
        split = self.slot_split[slot][:, None]
        return np.asarray((split == self.site_split) | (split == SPLITS.index("guard")), bool)

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

    @cached_property
    def setting(self) -> CaptureSetting:
        """What features have to know of the captures."""
        return _setting(self.spec, transmission_for(self.spec, cell_ids=range(self.sites)))

    @property
    def features(self) -> tuple[tuple[Feature, SpecModel], ...]:
        """The features that are stored, each with its part of the spec."""
        return asked_for(self.spec.features)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Axes, units and coordinates of each feature."""
        return {feature.name: feature.layout(part, self.setting) for feature, part in self.features}

    @property
    def shape(self) -> dict[str, int]:
        """Length of every axis of the records."""
        shape = {
            RECORD: self.records,
            "receiver": self.receivers,
            "site": self.sites,
            "subchannel": self.spec.waveform.subchannels,
            "sample": self.spec.capture.samples,
        }
        if self.spec.storage.iq == "int16":
            shape["component"] = 2
        for layout in self.layouts.values():
            shape.update(layout.lengths)
        return shape

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The arrays over the records."""
        left_out = set(FEATURES) | (set() if self.spec.storage.components else {"signal", "noise"})
        over_records = {
            name: quantity
            for name, quantity in QUANTITIES.items()
            if quantity.dims[0] == RECORD and name not in left_out
        }
        if self.spec.storage.iq == "int16":
            over_records |= INT16_QUANTITIES
        return over_records | {name: layout.quantity for name, layout in self.layouts.items()}

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
    """Resolve a spec to counts, bytes and ranges; makes nothing.

    No file is read but a trace's, and one of sites where ``sites.count`` is left out: the plan's spec has it,
    unless only the buildings tell how far the scene reaches.

    Args:
        spec: What is asked for.

    Raises:
        SpecError: Parts of the spec don't fit each other.
        MissingFileError, SitesError: A file of sites that has to be counted can't be.
    """
    spec = with_site_count(spec)
    sites = site_count(spec)
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
    setting = _setting(spec, waveform)
    receivers = _receiver_count(spec)
    levels = len(spec.capture.snr_levels_db())
    records = spec.capture.draws * spec.capture.slots * levels
    block = 1 << max(0, int(np.log2(max(1, _BLOCK_SAMPLES // (samples * receivers)))))
    # A chunk is stored whole: one that is longer than the corpus would be padded with nothing.
    block = min(block, _LARGEST_BLOCK, 1 << (records - 1).bit_length())
    blocks = -(-records // block)
    shard_blocks = min(_BLOCKS_A_SHARD, max(1, -(-blocks // _SHARDS_AT_LEAST)))
    shard_blocks = min(shard_blocks, _blocks_in_memory(asked_for(spec.features), setting, block * receivers))
    shard_blocks = min(shard_blocks, max(1, _LARGEST_SHARD_SAMPLES // (block * samples * receivers)))
    chains = chains_for(
        spec.occupancy,
        sites=sites,
        subchannels=spec.waveform.subchannels,
        slots=spec.capture.slots,
        draws=spec.capture.draws,
        seed=spec.seed,
        folder=spec.folder,
    )
    made = Plan(
        spec=spec,
        sites=sites,
        receivers=receivers,
        levels=levels,
        sample_rate_hz=sample_rate_hz,
        slot_samples=slot_samples,
        guard_slots=chains.guard_slots() if spec.splits.needs_guard else 0,
        block_records=block,
        shard_records=shard_blocks * block,
        chains=chains,
    )
    _refuse_splits(made)
    return made


def _refuse_splits(made: Plan) -> None:
    """Refuse too little to split now, not after the trace."""
    _ = made.split_counts(), made.receiver_split, made.site_split
    if made.draw_split is not None and isinstance(made.spec.occupancy, TraceOccupancy):
        raise SpecError(
            "the draws of a trace follow each other without a gap",
            where="splits.by",
            accepted="time, receiver or site with occupancy of kind trace",
        )
    # By site the splits have no chain in common: what repeats is silent in one of them.
    if isinstance(made.chains, TraceChains) and made.site_split is None:
        slots = {name: np.flatnonzero(made.slot_split == index) for index, name in enumerate(SPLITS[:3])}
        blocks = {name: range(own[0], own[-1] + 1) for name, own in slots.items() if len(own)}
        made.chains.refuse_repeats(blocks, draws=made.spec.capture.draws)


def _blocks_in_memory(
    features: tuple[tuple[Feature, SpecModel], ...], setting: CaptureSetting, captures: int
) -> int:
    """Return how many blocks of captures a shard may hold, for what features make of them.

    Raises:
        SpecError: Captures don't allow a feature, or even one block of it is too large.
    """
    sizes = {}
    for feature, part in features:
        layout = feature.layout(part, setting)
        width = np.dtype(layout.quantity.dtype).itemsize
        sizes[feature.name] = captures * width * math.prod(layout.lengths.values())
    # Whoever asks for captures of gigabytes gets their spectrograms too, half overlapping.
    allowed = max(_LARGEST_FEATURE_BYTES, 2 * 8 * captures * setting.samples)
    if sizes and (largest := max(sizes.values())) > allowed:
        feature, part = max(features, key=lambda asked: sizes[asked[0].name])
        most = allowed // captures
        key, remedy = feature.smaller(part, setting, most) if feature.smaller else ("", None)
        raise SpecError(
            f"{captures} captures, which are made at once, take {largest / 2**30:.1f} GiB",
            where=f"features.{feature.name}" + (f".{key}" if key else ""),
            accepted=f"at most {most} bytes a capture, not {largest // captures}",
            remedy=remedy,
        )
    added = sum(size for name, size in sizes.items() if name != "spectrogram")
    # Half overlapping, a spectrogram is no more than its I/Q; what it is more takes twice that in the making.
    added += 2 * max(0, sizes.get("spectrogram", 0) - 8 * captures * setting.samples)
    return max(1, _LARGEST_SHARD_BYTES // added) if added else _BLOCKS_A_SHARD


def _setting(spec: CorpusSpec, waveform: Transmission) -> CaptureSetting:
    return CaptureSetting.of(
        spec.waveform,
        samples=spec.capture.samples,
        sample_rate_hz=waveform.sample_rate_hz,
        subchannel_edges_hz=waveform.subchannel_edges_hz,
    )


def _receiver_count(spec: CorpusSpec) -> int:
    array = spec.receivers.array
    return spec.receivers.uavs * (1 if array is None else array.elements)
