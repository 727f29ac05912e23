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


class SplitsSpec(SpecModel):
    """Shares of the splits; blocks of time with guard gaps between them."""

    train: Annotated[float, Field(ge=0, le=1)] = 0.7
    """Share of the slots for training, the first ones of each draw."""
    validation: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share for validation, after those for training."""
    test: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share for testing, the last ones."""
    by: Literal["time"] = "time"
    """Splits are blocks of time; the guard slots between them belong to none."""

    @model_validator(mode="after")
    def _whole(self) -> SplitsSpec:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test add up to {total:g}, not to 1")
        return self


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
