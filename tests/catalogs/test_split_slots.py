"""Splits in time: every slot has one, in one block each, with the gaps that were asked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from iqatlas.catalogs.spec import SPLITS, SplitsSpec, StorageSpec, split_slots
from iqatlas.errors import SpecError

GUARD = SPLITS.index("guard")


@st.composite
def shares(draw: st.DrawFn) -> SplitsSpec:
    """Return shares of which some may be zero, as whole percents that add up to 100."""
    train = draw(st.integers(0, 100))
    validation = draw(st.integers(0, 100 - train))
    return SplitsSpec(train=train / 100, validation=validation / 100, test=(100 - train - validation) / 100)


@given(spec=shares(), slots=st.integers(1, 2000), guard=st.integers(0, 200))
def test_every_slot_has_one_split_and_gaps_are_kept(spec: SplitsSpec, slots: int, guard: int) -> None:
    wanted = np.array([spec.train, spec.validation, spec.test])
    used = [i for i in range(3) if wanted[i] > 0]
    usable = slots - guard * (len(used) - 1)
    if usable < len(used):
        with pytest.raises(SpecError, match=f"at least {guard * (len(used) - 1) + len(used)}"):
            split_slots(spec, slots=slots, guard_slots=guard)
        return
    split = split_slots(spec, slots=slots, guard_slots=guard)
    assert split.shape == (slots,)
    assert split.dtype == np.int8
    blocks = [np.flatnonzero(split == i) for i in used]
    for block in blocks:
        assert len(block) >= 1
        assert block[-1] - block[0] + 1 == len(block)  # one block, without holes
    for one, other in pairwise(blocks):
        assert other[0] - one[-1] - 1 == guard
    assert blocks[0][0] == 0
    assert blocks[-1][-1] == slots - 1  # no slot is left over at the end
    assert np.count_nonzero(split == GUARD) == guard * (len(used) - 1)
    # Half a slot of rounding at either end, and one or two that a split without any was given.
    assert [len(block) for block in blocks] == pytest.approx(wanted[used] * usable, abs=3)


@given(slots=st.integers(10, 5000))
def test_large_shares_are_met_within_a_slot(slots: int) -> None:
    counts = np.bincount(split_slots(SplitsSpec(), slots=slots, guard_slots=0), minlength=4)
    # Half a slot of rounding at either end of a block.
    assert np.abs(counts[:3] - np.array([0.7, 0.15, 0.15]) * slots).max() <= 1
    assert counts.sum() == slots


def test_known_blocks() -> None:
    split = split_slots(SplitsSpec(train=0.5, validation=0.25, test=0.25), slots=16, guard_slots=2)
    assert "".join("TVEG"[i] for i in split) == "TTTTTTGGVVVGGEEE"


def test_a_tiny_share_has_a_slot() -> None:
    split = split_slots(SplitsSpec(train=0.999, validation=0.0005, test=0.0005), slots=10, guard_slots=1)
    assert "".join("TVEG"[i] for i in split) == "TTTTTTGVGE"


def test_one_split_needs_no_gap() -> None:
    split = split_slots(SplitsSpec(train=0, validation=0, test=1), slots=1, guard_slots=1000)
    assert [SPLITS[i] for i in split] == ["test"]


def test_too_few_slots_say_how_many_and_what_else() -> None:
    with pytest.raises(SpecError) as caught:
        split_slots(SplitsSpec(), slots=40, guard_slots=19)
    assert str(caught.value) == (
        "capture.slots: 40 slots are too few for 3 splits with gaps of 19 slots between them; accepted: "
        "at least 41; or use a single split, splits: {train: 1, validation: 0, test: 0}"
    )
    assert len(split_slots(SplitsSpec(), slots=41, guard_slots=19)) == 41


@pytest.mark.parametrize(
    "wrong",
    [
        {"train": 0.7, "validation": 0.2, "test": 0.2},
        {"train": 0.0, "validation": 0.0, "test": 0.0},
        {"train": 1.5, "validation": -0.5, "test": 0.0},
        {"train": float("nan")},
        {"by": "operator"},
        {"holdout": 0.1},
    ],
)
def test_shares_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SplitsSpec.model_validate(wrong)


def test_shares_of_thirds_add_up() -> None:
    assert SplitsSpec(train=0.333333, validation=0.333333, test=0.333334).by == "time"


@pytest.mark.parametrize("wrong", [{"format": "csv"}, {"iq": "complex128"}, {"chunks": 3}])
def test_storage_that_is_not_offered_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StorageSpec.model_validate(wrong)
