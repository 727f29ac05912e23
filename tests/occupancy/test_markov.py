"""Chains do what theory says of two-state Markov chains, at every rate from 0 to 1."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, chi2

import iqatlas.occupancy.markov as markov
from iqatlas.errors import SpecError
from iqatlas.occupancy.markov import MarkovChains, estimate_rates
from iqatlas.occupancy.spec import MarkovOccupancy, RateRange

# The last two rates of each row give alternating chains: their correlation is negative.
PAIRS = [(0.05, 0.2), (0.5, 0.5), (0.01, 0.3), (1.0, 0.4), (0.7, 0.8), (0.9, 1.0)]
ONE_IN_A_MILLION = 1e-6
"""Probability with which a test of an ideal chain would fail, were the seed another one."""


def chains(p01: Any, p10: Any, sites: int = 1, subchannels: int = 1, seed: int = 0) -> MarkovChains:
    spec = MarkovOccupancy(p01=p01, p10=p10)
    return MarkovChains(spec, sites=sites, subchannels=subchannels, slots=1, seed=seed)


def draw(p01: float, p10: float, slots: int = 20_000, sites: int = 1, subchannels: int = 1, seed: int = 0):
    return chains(p01, p10, sites, subchannels, seed).draw(0, slots)


@pytest.mark.parametrize(("p01", "p10"), PAIRS)
def test_transitions_are_as_frequent_as_asked(p01: float, p10: float) -> None:
    states = draw(p01, p10)[:, 0, 0]
    before, after = states[:-1], states[1:]
    for mask, changed, rate in ((~before, after, p01), (before, ~after, p10)):
        trials, hits = int(mask.sum()), int((mask & changed).sum())
        assert binomtest(hits, trials, rate).pvalue > ONE_IN_A_MILLION


@pytest.mark.parametrize(("p01", "p10"), PAIRS)
def test_a_transition_does_not_depend_on_how_long_the_state_has_lasted(p01: float, p10: float) -> None:
    states = draw(p01, p10)[:, 0, 0]
    # A chain that looked further back would differ between the second and the third slot of a run.
    for first, last, rate in ((False, False, p01), (True, False, p01), (False, True, p10), (True, True, p10)):
        mask = (states[:-2] == first) & (states[1:-1] == last)
        changed = states[2:] != last
        if mask.any():
            assert binomtest(int((mask & changed).sum()), int(mask.sum()), rate).pvalue > ONE_IN_A_MILLION


@pytest.mark.parametrize(("p01", "p10"), [(0.05, 0.2), (0.5, 0.5), (0.01, 0.3), (0.7, 0.8)])
@pytest.mark.parametrize("occupied", [False, True])
def test_run_lengths_are_geometric(p01: float, p10: float, occupied: bool) -> None:
    states, leaves = draw(p01, p10, slots=60_000)[:, 0, 0], p10 if occupied else p01
    edges = np.flatnonzero(np.diff(states)) + 1
    lengths = np.diff(edges)[states[edges[:-1]] == occupied]  # first and last run are cut, so left out
    longest = max(2, int(np.floor(1 + np.log(10 / len(lengths)) / np.log(1 - leaves))))
    k = np.arange(1, longest)
    expected = np.append(leaves * (1 - leaves) ** (k - 1), (1 - leaves) ** (longest - 1)) * len(lengths)
    counted = np.bincount(np.minimum(lengths, longest), minlength=longest + 1)[1:]
    statistic = ((counted - expected) ** 2 / expected).sum()
    assert statistic < chi2.isf(ONE_IN_A_MILLION, longest - 1)
    mean = lengths.mean()
    # Mean 1/p with deviation √(1−p)/p/√n; five of them.
    assert abs(mean - 1 / leaves) < 5 * np.sqrt((1 - leaves) / len(lengths)) / leaves


@pytest.mark.parametrize(("p01", "p10"), [*PAIRS, (0.002, 0.003), (1.0, 1.0)])
def test_the_first_state_comes_from_equilibrium_and_stays_there(p01: float, p10: float) -> None:
    states = draw(p01, p10, slots=4, sites=5000, subchannels=4)
    share = p01 / (p01 + p10)
    theory = chains(p01, p10).theory(100)
    assert theory.share[0, 0] == pytest.approx(share, rel=1e-12)
    assert theory.starts[0, 0] == pytest.approx(share * p10, rel=1e-12)  # as many as ends
    for slot in states:
        assert binomtest(int(slot.sum()), slot.size, share).pvalue > ONE_IN_A_MILLION


@pytest.mark.parametrize(("p01", "p10"), PAIRS)
def test_correlation_decays_as_a_power(p01: float, p10: float) -> None:
    states, one = draw(p01, p10, slots=8, sites=200, subchannels=100), chains(p01, p10)
    share = p01 / (p01 + p10)
    centred = states - share
    for lag in range(4):
        measured = (centred[0] * centred[lag]).mean() / (share * (1 - share))
        # 20,000 independent chains; a product of two centred states has kurtosis up to 1/share.
        tolerance = 5 / np.sqrt(centred[0].size * share)
        assert measured == pytest.approx(float(one.correlation(lag)[0, 0]), abs=tolerance)
    assert one.correlation(-2)[0, 0] == one.correlation(2)[0, 0] == pytest.approx((1 - p01 - p10) ** 2)


def test_chains_of_sites_and_subchannels_are_independent() -> None:
    states = draw(0.3, 0.3, slots=20_000, sites=2, subchannels=3).reshape(20_000, 6).astype(float)
    cross = np.corrcoef(states.T) - np.eye(6)
    # Deviation √((1+λ²)/(1−λ²)/n) = 0.0083 with λ = 0.4; five of them.
    assert np.abs(cross).max() < 0.042


def test_each_subchannel_has_its_own_rates() -> None:
    states = chains((0.1, 0.0, 0.3), (0.1, 0.5, 0.0), 2, 3).draw(0, 5000)
    assert not states[..., 1].any()
    assert states[..., 2].all()
    assert states[..., 0].any() and not states[..., 0].all()


def test_rates_of_one_alternate_without_exception() -> None:
    states = draw(1.0, 1.0, slots=1000, sites=4, subchannels=4)
    assert (states[1:] != states[:-1]).all()


@pytest.mark.parametrize(("p01", "p10"), PAIRS)
def test_the_draw_depends_on_the_generator_alone(
    p01: float, p10: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = draw(p01, p10, slots=500, sites=3, subchannels=2)
    np.testing.assert_array_equal(states, draw(p01, p10, slots=500, sites=3, subchannels=2))
    assert (states != draw(p01, p10, slots=500, sites=3, subchannels=2, seed=1)).any()
    np.testing.assert_array_equal(states[:77], draw(p01, p10, slots=77, sites=3, subchannels=2))
    monkeypatch.setattr(markov, "_BLOCK_STATES", 42)
    np.testing.assert_array_equal(states, draw(p01, p10, slots=500, sites=3, subchannels=2))


@pytest.mark.parametrize("shape", [(0, 2, 3), (1, 2, 3), (5, 0, 3), (5, 2, 1)])
def test_any_extent_is_drawn(shape: tuple[int, int, int]) -> None:
    slots, sites, subchannels = shape
    assert draw(0.1, 0.2, slots, sites, subchannels).shape == shape


def lines_run(call: Callable[[], object]) -> int:
    """Return how many lines of Python a call runs."""
    lines, before = 0, sys.gettrace()

    def count(frame: object, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


def test_slots_are_drawn_together() -> None:
    """No loop over slots or chains: 64 times as many take a few lines more, for their blocks."""
    few = lines_run(lambda: draw(0.05, 0.2, slots=1024, sites=3, subchannels=16))
    many = lines_run(lambda: draw(0.05, 0.2, slots=65_536, sites=3, subchannels=16))
    assert many < few + 1024


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-4, 1), st.floats(1e-4, 1))
def test_guard_is_the_least_gap_that_forgets(p01: float, p10: float) -> None:
    memory = abs(1 - p01 - p10)
    if memory == 1.0:
        return
    gap = chains(p01, p10, 1, 4).guard_slots()
    assert memory**gap <= 0.01
    assert memory ** (gap - 1) > 0.01


def test_guard_of_known_rates() -> None:
    assert chains(0.05, 0.2, 3, 16).guard_slots() == 17  # ln 0.01 / ln 0.75 = 16.008
    assert chains(0.4, 0.5).guard_slots() == 2  # 0.1² is 0.01, to rounding
    assert chains(0.5, 0.5).guard_slots() == 1
    # The slowest chain decides, and constant ones ask for nothing.
    assert chains((0.05, 0.5, 0.0), (0.2, 0.5, 1e-9), 1, 3).guard_slots() == 17
    assert chains(((0.5, 0.5), (0.5, 0.05)), ((0.5, 0.5), (0.5, 0.2)), 2, 2).guard_slots() == 17
    assert chains(0.0, 1.0, 1, 2).guard_slots() == 0


def test_a_chain_that_never_forgets_has_no_guard() -> None:
    with pytest.raises(SpecError, match="never forgets"):
        chains(1.0, 1.0, 1, 2).guard_slots()


def test_one_number_holds_for_all_subchannels() -> None:
    made = chains(0.1, (0.2, 0.3), 2, 2)
    assert made.p01.tolist() == [[0.1, 0.1], [0.1, 0.1]]
    assert made.p10.tolist() == [[0.2, 0.3], [0.2, 0.3]]
    np.testing.assert_allclose(made.correlation(1), [[0.7, 0.6], [0.7, 0.6]], rtol=1e-12)


def test_a_matrix_holds_for_each_site_and_subchannel() -> None:
    made = chains(((0.0, 1.0), (1.0, 0.0), (0.5, 0.5)), ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)), 3, 2)
    states = made.draw(0, 200)
    assert not states[:, 0, 0].any() and not states[:, 1, 1].any()
    assert states[:, 0, 1].all() and states[:, 1, 0].all()
    assert states[:, 2].any(axis=0).all() and not states[:, 2].all(axis=0).any()


def test_a_range_is_drawn_from_for_each_chain_once() -> None:
    made = chains(RateRange(low=0.1, high=0.3), 0.2, 10, 20)
    assert len(np.unique(made.p01)) == 200
    # The ends of 200 uniform numbers come within 5% of the range with probability 1 − 2e-4.
    assert 0.1 <= made.p01.min() < 0.11 and 0.29 < made.p01.max() <= 0.3
    assert np.array_equal(made.p01, chains(RateRange(low=0.1, high=0.3), 0.5, 10, 20).p01)
    assert not np.array_equal(made.p01, chains(RateRange(low=0.1, high=0.3), 0.2, 10, 20, seed=1).p01)
    assert made.drawn() == {"p01": made.p01.round(9).tolist()}
    # Draws differ, rates don't: what was drawn for a chain is its own in all of them.
    found = estimate_rates(made.draw(1, 20_000)[:, :1], confidence=1 - 1e-4)
    inside = (found.p01_interval[:, 0] <= made.p01[0]) & (made.p01[0] <= found.p01_interval[:, 1])
    assert inside.all()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([0.0, 1e-9, 1e-4, 0.3, 1.0]), st.sampled_from([0.0, 1e-9, 1e-4, 0.3, 1.0]))
def test_extreme_rates_are_drawn_or_refused(p01: float, p10: float) -> None:
    if p01 == p10 == 0:
        with pytest.raises(SpecError, match="both 0"):
            chains(p01, p10)
        return
    states = draw(p01, p10, slots=300, sites=2, subchannels=3)
    if p01 == 0:
        assert (np.diff(states.astype(int), axis=0) <= 0).all()  # never starts
    if p10 == 0:
        assert (np.diff(states.astype(int), axis=0) >= 0).all()  # never ends
    theory = chains(p01, p10, 2, 3).theory(300)
    assert np.all((theory.share >= 0) & (theory.share <= 1) & (theory.starts >= 0))


@pytest.mark.parametrize("name", ["p01", "p10"])
def test_a_wrong_number_of_rates_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="3 rates for 2 sub-channels") as caught:
        chains(**{"p01": 0.1, "p10": 0.1, name: (0.1, 0.2, 0.3)}, subchannels=2)
    assert caught.value.where == f"occupancy.{name}"
    with pytest.raises(SpecError, match="rates of 2 sites for 3 sites"):
        chains(**{"p01": 0.1, "p10": 0.1, name: ((0.1, 0.2), (0.1, 0.2))}, sites=3, subchannels=2)


def test_rates_that_are_both_zero_are_refused() -> None:
    with pytest.raises(SpecError, match="sub-channel 1 are") as caught:
        chains((0.1, 0.0), (0.1, 0.0), 2, 2)
    assert caught.value.where == "occupancy.p01"
    with pytest.raises(SpecError, match="sub-channel 0 at site 1"):
        chains(((0.1, 0.1), (0.0, 0.1)), 0.0, 2, 2)


def test_estimates_count_transitions() -> None:
    states = np.array([0, 0, 1, 1, 0, 0, 0, 1], bool).reshape(-1, 1, 1)
    estimates = estimate_rates(states)
    assert estimates.p01.tolist() == [2 / 5]
    assert estimates.p10.tolist() == [1 / 2]


@pytest.mark.parametrize("hits", [0, 1, 5, 10])
def test_intervals_are_those_of_clopper_and_pearson(hits: int) -> None:
    # Ten vacant slots at the start of ten chains, some of which rise.
    states = np.zeros((2, 10, 1), bool)
    states[1, :hits] = True
    low, high = estimate_rates(states, confidence=0.9).p01_interval[0]
    # By definition: the rates at which so many or more, or so few or fewer, have probability 5%.
    if hits > 0:
        assert binom.sf(hits - 1, 10, low) == pytest.approx(0.05)
    else:
        assert low == 0
    if hits < 10:
        assert binom.cdf(hits, 10, high) == pytest.approx(0.05)
    else:
        assert high == 1


def test_intervals_cover_the_true_rates() -> None:
    states = draw(0.05, 0.2, slots=4000, sites=3, subchannels=500)
    estimates = estimate_rates(states, confidence=0.95)
    for interval, rate in ((estimates.p01_interval, 0.05), (estimates.p10_interval, 0.2)):
        covered = int(((interval[:, 0] <= rate) & (rate <= interval[:, 1])).sum())
        # At least 95% of 500; fewer than this would happen once in a million sets.
        assert covered >= binom.ppf(ONE_IN_A_MILLION, 500, 0.95)


def test_a_state_that_is_never_visited_tells_nothing() -> None:
    estimates = estimate_rates(np.ones((50, 1, 1), bool))
    assert np.isnan(estimates.p01[0])
    assert estimates.p01_interval[0].tolist() == [0.0, 1.0]
    assert estimates.p10[0] == 0


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(SpecError, match="confidence"):
        estimate_rates(np.ones((5, 1, 1), bool), confidence=confidence)
