"""The hour of the day: slots lie in their hours, and occupancy follows the factors exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.occupancy.estimation import estimate
from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.profile import hour_pieces
from iqatlas.occupancy.spec import HourProfile, MarkovOccupancy

FLAT = (1.0,) * 24
DAY = tuple(0.2 + 1.6 * (8 <= hour < 20) for hour in range(24))


def chains(slots: int, p01: Any = 0.05, p10: Any = 0.2, sites: int = 1, **profile: Any) -> MarkovChains:
    spec = MarkovOccupancy(p01=p01, p10=p10, profile=HourProfile(**profile))
    return MarkovChains(spec, sites=sites, subchannels=4, slots=slots, seed=3)


def test_a_day_is_spread_over_the_slots_of_a_draw() -> None:
    profile = HourProfile(by_hour=FLAT, start_hour=22.5, span_h=24)
    pieces = hour_pieces(profile, hours_a_slot=24 / 4800, slots=4800)  # 200 slots an hour
    assert pieces[:3] == [(0, 22), (100, 23), (300, 0)]
    assert pieces[-1] == (4700, 22)
    assert len(pieces) == 25


def test_without_a_span_time_is_true() -> None:
    profile = HourProfile(by_hour=FLAT, start_hour=8)
    assert hour_pieces(profile, hours_a_slot=0.1 / 3600, slots=80_000) == [(0, 8), (36_000, 9), (72_000, 10)]


@given(start=st.floats(0, 23.99), hours_a_slot=st.floats(1e-4, 3), slots=st.integers(1, 500))
def test_each_slot_lies_in_its_hour(start: float, hours_a_slot: float, slots: int) -> None:
    pieces = hour_pieces(HourProfile(by_hour=FLAT, start_hour=start), hours_a_slot=hours_a_slot, slots=slots)
    first = np.array([piece[0] for piece in pieces])
    hour = np.array([piece[1] for piece in pieces])
    assert first[0] == 0 and np.all(np.diff(first) > 0)
    slot = np.arange(slots)
    found = hour[np.searchsorted(first, slot, side="right") - 1]
    # A millionth of a second of rounding is forgiven at the full hour.
    exact = start + slot * hours_a_slot
    near = np.abs(exact - np.round(exact)) < 1e-8
    assert np.all((found == np.floor(exact) % 24) | near)


def test_factors_of_one_change_nothing() -> None:
    plain = MarkovChains(MarkovOccupancy(), sites=2, subchannels=4, slots=500, seed=3)
    flat = chains(500, sites=2, by_hour=FLAT, span_h=24)
    np.testing.assert_array_equal(plain.draw(0, 500), flat.draw(0, 500))
    np.testing.assert_allclose(flat.theory(500).share, plain.theory(500).share, rtol=1e-12)


def test_occupancy_of_each_hour_is_what_theory_says() -> None:
    slots, sites = 2400, 400
    made = chains(slots, sites=sites, by_hour=DAY, start_hour=6, span_h=24)
    states, theory = made.draw(0, slots), made.theory(slots)
    hours = states.reshape(24, 100, -1)
    for place, hour in enumerate([*range(6, 24), *range(6)]):
        of_chain = hours[place].mean(axis=0)
        # 1,600 independent chains: the spread of their own means gives the error of the mean; five of it.
        error = of_chain.std(ddof=1) / np.sqrt(len(of_chain))
        assert of_chain.mean() == pytest.approx(theory.by_hour[hour][0, 0], abs=5 * error)
        # In the hour's middle nothing is left of the hour before: 0.75^50 (0.69^50) is 6e-7.
        settled = hours[place][50:].mean(axis=0)
        error = settled.std(ddof=1) / np.sqrt(len(settled))
        assert settled.mean() == pytest.approx(0.2 * DAY[hour], abs=5 * error)
    starts = (~states[:-1] & states[1:]).mean(axis=(0, 2))
    error = starts.std(ddof=1) / np.sqrt(sites)
    assert starts.mean() == pytest.approx(theory.starts[0, 0], abs=5 * error)
    mean = states.mean(axis=(0, 2))
    assert mean.mean() == pytest.approx(theory.share[0, 0], abs=5 * mean.std(ddof=1) / np.sqrt(sites))


def test_chains_that_follow_the_same_day_are_correlated_over_it() -> None:
    slots, sites = 2400, 400
    made = chains(slots, sites=sites, by_hour=DAY, start_hour=6, span_h=24)
    exact = made.theory(slots).neighbours[0, 0]
    # Half a day each at factors of 0.2 and 1.8: a variance of (0.2 · 0.8)² of the share's 0.2 · 0.8.
    assert exact == pytest.approx(0.16, abs=0.01)
    states = made.draw(0, slots).astype(float)
    states -= states.mean(axis=(0, 1))
    of_site = (states[:, :, 1:] * states[:, :, :-1]).mean(axis=(0, 2)) / states.var()
    assert of_site.mean() == pytest.approx(exact, abs=5 * of_site.std(ddof=1) / np.sqrt(sites))


def test_occupied_runs_keep_their_length() -> None:
    made = chains(50_000, by_hour=DAY, start_hour=0, span_h=24)
    found = estimate(made.draw(0, 50_000).reshape(50_000, 4), confidence=0.9999)
    assert np.all((found.p10_interval[:, 0] <= 0.2) & (found.p10_interval[:, 1] >= 0.2))


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    made = chains(1000, by_hour=DAY, span_h=24)
    np.testing.assert_array_equal(made.draw(1, 1000)[:333], made.draw(1, 333))


def test_the_guard_is_that_of_the_slowest_hour() -> None:
    # A factor of 0.2 leaves p01 = 0.2 · 0.04/0.96 = 1/120: ln 0.01/ln(1 − 0.2 − 1/120) = 19.7.
    assert chains(500, by_hour=DAY, span_h=24).guard_slots() == 20


def test_silence_at_night_is_allowed() -> None:
    made = chains(2400, by_hour=(0.0,) * 8 + (1.0,) * 16, span_h=24)
    states = made.draw(0, 2400)
    assert not states[:800].any()  # from midnight on: vacant in equilibrium
    assert states[800:].any()


@pytest.mark.parametrize(("p01", "p10"), [(0.2, 0.2), (0.9, 0.9), (0.5, 0.0)])
def test_an_occupancy_that_no_chain_has_is_refused(p01: float, p10: float) -> None:
    with pytest.raises(SpecError, match=r"a factor of 1\.9 makes an occupancy of") as caught:
        chains(100, p01=p01, p10=p10, by_hour=(1.9,) * 24)
    assert caught.value.where == "occupancy.profile.by_hour"
