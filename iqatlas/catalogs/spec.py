"""The storage and splits parts of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Int8
from pydantic import Field, model_validator

from iqatlas.errors import SpecError
from iqatlas.schema import SpecModel

SPLITS = ("train", "validation", "test", "guard")
"""Names of the splits, in the order of the numbers that :func:`split_slots` gives."""


class StorageSpec(SpecModel):
    """How a corpus is stored."""

    format: Literal["zarr", "hdf5"] = "zarr"
    """zarr: Zarr version 3, one sharded array a variable; hdf5: a file a shard, and one over all of them."""
    iq: Literal["complex64", "int16"] = "complex64"
    """complex64: samples in √mW, 8 bytes each; int16: counts of I and Q, 4 bytes, with a scale a capture."""
    components: bool = False
    """Whether the signal and the noise that captures are the sum of are stored beside them: three times
    the bytes, for those who develop and debug."""


class SplitsSpec(SpecModel):
    """Shares of the splits, and what keeps them apart."""

    train: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Share of the slots, or of the draws, for training: the first ones."""
    validation: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share for validation, after those for training."""
    test: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share for testing, the last ones."""
    by: Literal["time", "draw", "receiver", "site"] = "time"
    """time: splits are blocks of time; the guard slots between them belong to none. draw: whole draws,
    without guard. receiver: blocks of time, and each receiver (a UAV with all its antennas) belongs to one
    split too. site: blocks of time, and each site belongs to one split too and is silent in the others."""

    @model_validator(mode="after")
    def _whole(self) -> SplitsSpec:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test add up to {total:g}, not to 1")
        return self

    @property
    def needs_guard(self) -> bool:
        """Whether there is a border between splits in time; draws know nothing of each other."""
        return self.by != "draw" and sum(share > 0 for share in (self.train, self.validation, self.test)) > 1


def share_out(spec: SplitsSpec, count: int, *, what: str, where: str) -> Int8[np.ndarray, "one"]:
    """Return which split each of some things belongs to, in their order, as an index into :data:`SPLITS`.

    Args:
        spec: Shares of the splits.
        count: How many there are.
        what: What they are, for messages.
        where: The key that says how many.

    Raises:
        SpecError: There are fewer of them than splits.
    """
    used = int(np.count_nonzero([spec.train, spec.validation, spec.test]))
    if count < used:
        raise SpecError(
            f"{count} {what} for {used} splits by {spec.by}",
            where=where,
            accepted=f"at least {used}",
            remedy="or give fewer splits a share, or choose splits.by: time",
        )
    return split_slots(spec, slots=count, guard_slots=0)


def split_slots(spec: SplitsSpec, *, slots: int, guard_slots: int) -> Int8[np.ndarray, "slot"]:
    """Return which split each slot of a draw belongs to, as an index into :data:`SPLITS`.

    Args:
        spec: Shares of the splits.
        slots: Slots of a draw.
        guard_slots: Slots left out between two splits, so that the chains forget.

    Raises:
        SpecError: Too few slots for the shares and the gaps.
    """
    shares = np.array([spec.train, spec.validation, spec.test])
    used = np.flatnonzero(shares)
    gaps = guard_slots * (len(used) - 1)
    usable = slots - gaps
    counts = np.zeros(3, np.int64)
    if usable < len(used):
        raise SpecError(
            f"{slots} slots are too few for {len(used)} splits with gaps of {guard_slots} slots between them",
            where="capture.slots",
            accepted=f"at least {gaps + len(used)}",
            remedy="or use a single split, splits: {train: 1, validation: 0, test: 0}",
        )
    ends = np.round(np.cumsum(shares[used]) * usable).astype(np.int64)
    counts[used] = np.diff(ends, prepend=0)
    for split in used[counts[used] == 0]:
        # A split that is asked for has a slot at least, however small its share.
        counts[np.argmax(counts)] -= 1
        counts[split] = 1
    out = np.full(slots, SPLITS.index("guard"), np.int8)
    start = 0
    for split in used:
        out[start : start + counts[split]] = split
        start += int(counts[split]) + guard_slots
    return out
