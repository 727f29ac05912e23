"""Windows that are asked for: arrays that don't fit each other are told by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.request import check_request

FITTING: dict[str, Any] = {
    "occupancy": np.ones((4, 3, 2, 5), bool),
    "first_slot": np.zeros(4, np.int64),
    "slot_samples": 100,
    "keys": np.zeros((4, 2, 2), np.uint64),
    "sites": 2,
    "subchannels": 5,
}


def ask(samples: int = 64, **given: Any) -> None:
    check_request(np.zeros(4, np.int64), samples, **{**FITTING, **given})


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
