"""Stretches of occupancy that come again are found at any place, and chance alone is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.catalogs.occupancy_repeats import OccupancyRepeats, occupancy_repeats
from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.spec import MarkovOccupancy, UserOccupancy
from iqatlas.occupancy.users import UserChains


def search(states: np.ndarray, guard: int = 20) -> OccupancyRepeats:
    """Search states [slot, chain] of one draw whose second half is the test split."""
    split = np.array(["train", "test"])[(np.arange(len(states)) >= len(states) // 2).astype(int)].astype(
        "<U10"
    )
    split[len(states) // 2 - guard : len(states) // 2] = "guard"
    return occupancy_repeats(states, np.arange(len(states)), split, seed=5)


def markov(slots: int, seed: int, *, p01: float = 0.02, p10: float = 0.05, chains: int = 6) -> np.ndarray:
    made = MarkovChains(
        MarkovOccupancy(p01=p01, p10=p10), sites=1, subchannels=chains, slots=slots, seed=seed
    )
    return made.draw(0, slots).reshape(slots, -1)


@pytest.mark.parametrize("chains", [2, 6, 48, 130])
def test_a_table_that_wraps_is_found(chains: int) -> None:
    once = markov(300, 1, chains=chains)
    found = search(np.concatenate([once, once]))
    assert found.slots >= 20
    # Of the second half, 20 stretches are those that the guard cuts off the first one.
    assert found.compared - 20 <= found.across <= found.compared
    assert found.across > 20
    assert found.example is not None and found.example[1] - found.example[0] == 300


def test_one_stretch_is_found_where_it_is() -> None:
    states = markov(2000, 2, chains=48, p01=0.05, p10=0.2)
    assert search(states).across == 0
    states[1500:1520] = states[333:353]
    found = search(states)
    assert (found.slots, found.across, found.example) == (20, 2, (333, 1500))
    # In the guard it is nobody's.
    elsewhere = markov(2000, 2, chains=48, p01=0.05, p10=0.2)
    elsewhere[980:1000] = elsewhere[333:353]
    assert search(elsewhere).across == 0


@pytest.mark.parametrize(("p01", "p10"), [(0.02, 0.05), (0.3, 0.3), (0.9, 0.9), (0.002, 0.01), (0.001, 0.9)])
@pytest.mark.parametrize("chains", [1, 6])
def test_chance_is_no_repeat(chains: int, p01: float, p10: float) -> None:
    """Few slow chains repeat short stretches often; each of 40 corpora may fail once in a million."""
    for seed in range(4):
        assert search(markov(3000, seed, p01=p01, p10=p10, chains=chains)).across == 0


def test_users_who_take_many_sub_channels_are_no_repeat() -> None:
    """One user a site switches all 16 at once: as one chain, not as 16 that agree."""
    spec = UserOccupancy(users=1, width=16, p01=0.05, p10=0.2)
    for seed in range(4):
        made = UserChains(spec, sites=1, subchannels=16, seed=seed)
        assert search(made.draw(0, 3000).reshape(3000, -1)).across == 0


def test_silence_and_splits_that_are_too_short_are_not_judged() -> None:
    assert search(np.zeros((200, 4), bool)).compared == 0
    assert search(np.ones((200, 4), bool)).compared == 0
    assert search(markov(30, 1), guard=2).slots == 0
    alone = occupancy_repeats(markov(300, 1), np.arange(300), np.full(300, "train"), seed=0)
    assert alone.slots == 0


def test_stretches_do_not_reach_from_draw_to_draw() -> None:
    """Slots 90 to 109 lie in two draws: their repeat in the second split is none."""
    states = markov(400, 3, chains=48, p01=0.2, p10=0.2)
    states[300:320] = states[90:110]
    chain = np.concatenate([np.arange(100), 1000 + np.arange(100), 2000 + np.arange(200)])
    split = np.repeat(["train", "test"], 200)
    assert occupancy_repeats(states, chain, split, seed=0).across == 0
    assert occupancy_repeats(states, np.arange(400), split, seed=0).across == 2
