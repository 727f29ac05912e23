"""Users with blocks of sub-channels: shares, starts and correlations against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.occupancy.spec import UserOccupancy
from iqatlas.occupancy.users import UserChains


def chains(sites: int = 1, subchannels: int = 8, **spec: object) -> UserChains:
    return UserChains(UserOccupancy(**spec), sites=sites, subchannels=subchannels, seed=9)


def test_blocks_are_spread_evenly_and_cover_all() -> None:
    holds = chains(users=4, width=4).holds
    assert ["".join("-x"[int(held)] for held in user) for user in holds] == [
        "xxxx----",
        "-xxxx---",
        "---xxxx-",
        "----xxxx",
    ]
    assert chains(users=2, width=4).holds.sum(axis=0).tolist() == [1] * 8
    assert chains(users=1, width=3).holds[0].tolist() == [True] * 3 + [False] * 5
    assert chains(users=5, width=8).holds.all()


def test_a_user_takes_the_whole_block_at_once() -> None:
    states = chains(users=2, width=4).draw(0, 2000)[:, 0]
    assert (states[:, :4] == states[:, :1]).all()
    assert (states[:, 4:] == states[:, 4:5]).all()
    assert (states[:, 0] != states[:, 4]).any()


@pytest.mark.parametrize(
    "spec",
    [
        {"users": 4, "width": 4, "p01": 0.1, "p10": 0.3},
        {"users": 7, "width": 3, "p01": 0.03, "p10": 0.2},
        {"users": 5, "width": 2, "p01": 0.9, "p10": 0.8},
    ],
)
def test_shares_starts_and_neighbours_are_those_of_theory(spec: dict) -> None:
    """Of 4,000 independent sites, in the first slots: no transient, and five standard errors each."""
    sites = 4000
    made = chains(sites, **spec)
    states, theory = made.draw(0, 40), made.theory(40)
    for slot in (0, 1, 39):
        share = theory.share[0]
        error = np.sqrt(share * (1 - share) / sites)
        assert np.all(np.abs(states[slot].mean(axis=0) - share) < 5 * error + 1e-12)
    starts = (~states[0] & states[1]).mean(axis=0)
    error = np.sqrt(theory.starts[0] * (1 - theory.starts[0]) / sites)
    assert np.all(np.abs(starts - theory.starts[0]) < 5 * error)
    measured = np.corrcoef(states[0].T.astype(float))
    neighbours = np.diagonal(measured, 1)
    # A coefficient of n pairs of bits spreads by less than √(1/(n·share)) for the rarest of them.
    assert np.abs(neighbours - theory.neighbours[0]).max() < 5 / np.sqrt(sites * theory.share[0].min())
    assert theory.neighbours[0].max() > 0.2


def test_users_of_disjoint_blocks_are_uncorrelated() -> None:
    theory = chains(users=2, width=4).theory(10)
    np.testing.assert_allclose(theory.neighbours[0], [1, 1, 1, 0, 1, 1, 1], atol=1e-12)


def test_a_subchannel_without_users_stays_vacant() -> None:
    made = chains(users=1, width=3)
    assert not made.draw(0, 500)[..., 3:].any()
    assert made.theory(500).share[0, 3:].tolist() == [0.0] * 5
    assert np.isfinite(made.theory(500).neighbours).all()


def test_the_guard_is_that_of_a_user() -> None:
    made = chains(users=6, width=4, p01=0.05, p10=0.2)
    assert made.guard_slots() == 17
    # A sub-channel of several users remembers less: the joint probability of being vacant twice.
    share, memory, count = 0.2, 0.75**17, made.holds.sum(axis=0).max()
    both = ((1 - share) ** 2 + share * (1 - share) * memory) ** count
    vacant = (1 - share) ** count
    assert (both - vacant**2) / (vacant * (1 - vacant)) <= 0.01


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"width": 9}, "occupancy.width: users of 9 sub-channels for 8 sub-channels; accepted: 1 to 8"),
        (
            {"p01": 0, "p10": 0},
            "occupancy.p01: p01 and p10 are both 0; accepted: at least one of them above 0",
        ),
    ],
)
def test_what_can_not_be_is_refused(spec: dict, line: str) -> None:
    with pytest.raises(SpecError) as caught:
        chains(**spec)
    assert str(caught.value) == line
