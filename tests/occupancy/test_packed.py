"""A draw in bits: the states of the draw, whatever the kind of chains, in an eighth of the memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from iqatlas.occupancy.kinds import chains_for
from iqatlas.occupancy.packed import BlockwiseChains, packed_draw
from iqatlas.occupancy.spec import OccupancySpec
from iqatlas.occupancy.theory import Chains

MARKOV = {"kind": "markov", "p01": 0.05, "p10": 0.3}
PROFILE = {**MARKOV, "profile": {"by_hour": [0.5, 1.5] * 12, "span_h": 24}}
USERS = {"kind": "users", "users": 3, "width": 4, "p01": 0.05, "p10": 0.3}
RUN = {"kind": "geometric", "mean_slots": 5}
SEMI = {"kind": "semi_markov", "busy": RUN, "idle": RUN}


def chains(tree: dict[str, Any], slots: int, subchannels: int) -> Chains:
    spec: Any = TypeAdapter(OccupancySpec).validate_python(tree)
    return chains_for(spec, sites=3, subchannels=subchannels, slots=slots, draws=2, seed=7, folder=Path())


@pytest.mark.parametrize("tree", [MARKOV, PROFILE, USERS, SEMI], ids=["markov", "profile", "users", "semi"])
@pytest.mark.parametrize("subchannels", [5, 16])
def test_bits_are_the_states(tree: dict[str, Any], subchannels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqatlas.occupancy.markov._BLOCK_STATES", 1000)  # many blocks, none of them even
    made = chains(tree, 777, subchannels)
    assert isinstance(made, BlockwiseChains) == (tree is not SEMI)
    for number in range(2):
        packed = packed_draw(made, number, slots=777, sites=3, subchannels=subchannels)
        states = made.draw(number, 777)
        assert 0 < states.mean() < 1
        np.testing.assert_array_equal(packed.at(np.arange(777)), states)
        around = np.array([[0, 0, 1], [775, 776, 776]])
        assert packed.at(around).dtype == np.bool_
        np.testing.assert_array_equal(packed.at(around), states[around])


def test_a_long_draw_is_never_in_memory_whole() -> None:
    slots = 500_000
    made = chains(MARKOV, slots, 16)
    tracemalloc.start()
    packed = packed_draw(made, 0, slots=slots, sites=3, subchannels=16)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    states = slots * 3 * 16
    # 64 kB: what else the interpreter has made meanwhile.
    assert packed.bits.nbytes == states // 8
    assert kept < states // 8 + 65_536
    # A block of 2^20 states is drawn with some 40 bytes a state, whatever the number of slots.
    assert peak < states // 8 + 40 * (1 << 20)
