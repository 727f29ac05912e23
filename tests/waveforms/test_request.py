"""Windows that are asked for: arrays that don't fit each other are told by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.request import Request

FITTING: dict[str, Any] = {
    "occupancy": np.ones((4, 3, 2, 5), bool),
    "first_slot": np.zeros(4, np.int64),
    "slot_samples": 100,
    "keys": np.zeros((4, 2, 2), np.uint64),
}


def ask(samples: int = 64, **given: Any) -> None:
    Request(np.zeros(4, np.int64), samples, **{**FITTING, **given}).check(sites=2, subchannels=5)


def test_what_fits_is_let_through() -> None:
    ask()
    ask(occupancy=np.ones((4, 1, 2, 5), bool))


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"samples": 0}, "samples: 0 samples; accepted: 1 or more"),
        ({"slot_samples": 0}, "slot_samples: 0 samples; accepted: 1 or more"),
        ({"first_slot": np.zeros(3, np.int64)}, "first_slot: shape (3,); accepted: shape (4,)"),
        ({"keys": np.zeros((4, 3, 2), np.uint64)}, "keys: shape (4, 3, 2); accepted: shape (4, 2, 2)"),
        ({"occupancy": np.ones((4, 3, 2, 6), bool)}, "accepted: shape (4, 3, 2, 5)"),
        ({"occupancy": np.ones((4, 0, 2, 5), bool)}, "accepted: shape (4, 1, 2, 5)"),
    ],
)
def test_what_does_not_fit_is_told_by_name(given: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError) as caught:
        ask(**given)
    assert line in str(caught.value)


def test_parts_and_pieces_keep_what_belongs_together() -> None:
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 99, (4, 2, 2)).astype(np.uint64)
    asked = Request(np.array([5, 6, 7, 8]), 64, FITTING["occupancy"], np.arange(4), 100, keys)
    part = asked.part(1, 3)
    part.check(sites=2, subchannels=5)
    assert part.start_sample.tolist() == [6, 7]
    assert part.first_slot.tolist() == [1, 2]
    np.testing.assert_array_equal(part.keys, keys[1:3])
    piece = asked.cut(-10, 30)
    assert (piece.start_sample.tolist(), piece.samples) == ([-5, -4, -3, -2], 40)
    assert piece.keys is keys
