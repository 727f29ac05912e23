"""Dwell times: the laws' means, tails and what is left of a run found under way, against sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from iqatlas.occupancy.dwell import Dwell, dwell_for
from iqatlas.occupancy.spec import GeometricDwell, LogNormalDwell, ParetoDwell

LAWS = [
    GeometricDwell(mean_slots=5),
    GeometricDwell(mean_slots=1),
    ParetoDwell(mean_slots=5, tail_index=2.5),
    ParetoDwell(mean_slots=20, tail_index=1.4),
    ParetoDwell(mean_slots=1.01, tail_index=1.2),
    LogNormalDwell(mean_slots=5, log_deviation=1),
    LogNormalDwell(mean_slots=40, log_deviation=0.1),
    LogNormalDwell(mean_slots=20, log_deviation=2),
]
ONE_IN_A_MILLION = 1e-6


def goodness(counted: np.ndarray, expected: np.ndarray) -> float:
    """Return the p-value of χ², neighbouring values taken together until ten or more are expected."""
    first = np.searchsorted(np.cumsum(expected), np.arange(10, expected.sum() - 10, 10)) + 1
    starts = np.unique(np.concatenate([[0], first[first < len(expected)]]))
    counted, expected = np.add.reduceat(counted, starts), np.add.reduceat(expected, starts)
    if expected[-1] < 10:
        counted, expected = (np.append(each[:-2], each[-2:].sum()) for each in (counted, expected))
    assert counted.sum() == pytest.approx(expected.sum(), rel=1e-9)
    if len(expected) == 1:  # a law of a single length
        return 1.0
    return float(chi2.sf(((counted - expected) ** 2 / expected).sum(), len(expected) - 1))


@pytest.mark.parametrize("spec", LAWS[:-1], ids=str)
def test_the_mean_is_the_asked_one(spec: GeometricDwell | ParetoDwell | LogNormalDwell) -> None:
    law = dwell_for(spec)
    k = np.arange(1 << 20)
    survival = law.survival(k)
    # The rest of the sum over P(L > k): by its integral, whose error is below half of its first term.
    rest, bound = 0.0, 1e-9
    if isinstance(spec, ParetoDwell):
        rest = float(survival[-1] * (k[-1] + law._scale) / (spec.tail_index - 1) - survival[-1] / 2)
        bound = float(survival[-1])
    assert survival[0] == 1
    assert np.all(np.diff(survival) <= 0)
    assert survival.sum() + rest == pytest.approx(spec.mean_slots, abs=bound + 1e-6)


@settings(max_examples=40, deadline=None)
@given(mean=st.floats(1.001, 1e6), deviation=st.floats(0.1, 3), place=st.integers(0, 40_000))
def test_any_log_normal_has_its_mean_and_sums_that_meet(mean: float, deviation: float, place: int) -> None:
    law = dwell_for(LogNormalDwell(mean_slots=mean, log_deviation=deviation))
    assert law._sums[0] == pytest.approx(mean, rel=1e-9)
    # Where sums become integrals nothing jumps: of the whole, an error of 1e-9.
    steps = law.survival(np.arange(place, place + 64))
    ends = [
        law._sums[at] if at < 4096 else law._integral(np.array([float(at)]))[0] for at in (place, place + 64)
    ]
    assert ends[0] - ends[1] == pytest.approx(steps.sum(), abs=1e-9 * mean + 1e-9)


@settings(max_examples=50, deadline=None)
@given(mean=st.floats(1.0001, 1e6), index=st.floats(1.01, 10))
def test_any_pareto_has_its_mean(mean: float, index: float) -> None:
    from scipy.special import zeta

    law = dwell_for(ParetoDwell(mean_slots=mean, tail_index=index))
    log_mean = index * np.log(law._scale) + np.log(zeta(index, law._scale))
    # The sum of two large logarithms loses a few of 16 digits.
    assert np.exp(log_mean) == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize("spec", LAWS, ids=str)
def test_lengths_follow_the_law(spec: GeometricDwell | ParetoDwell | LogNormalDwell) -> None:
    law: Dwell = dwell_for(spec)
    count = 100_000
    lengths = law.length(1 - np.random.default_rng(2).random(count))
    k = np.arange(2000)
    expected = -np.diff(law.survival(k)) * count
    counted = np.bincount(np.minimum(lengths, 1999), minlength=2000)[1:]
    expected[-1] += law.survival(k)[-1] * count
    assert lengths.min() >= 1
    assert lengths.max() == 1 or spec.mean_slots > 1
    assert goodness(counted, expected) > ONE_IN_A_MILLION


@pytest.mark.parametrize("spec", LAWS, ids=str)
def test_what_is_left_follows_the_law_of_equilibrium(
    spec: GeometricDwell | ParetoDwell | LogNormalDwell,
) -> None:
    """P(left = k) = P(L ≥ k)/mean, and everything beyond the cap is the cap."""
    law: Dwell = dwell_for(spec)
    count, most = 100_000, 500
    left = law.residual(1 - np.random.default_rng(3).random(count), most)
    expected = law.survival(np.arange(most)) / law.mean * count
    expected[-1] += count - expected.sum()
    assert (left.min(), left.max() <= most) == (1, True)
    assert goodness(np.bincount(left, minlength=most + 1)[1:], expected) > ONE_IN_A_MILLION


def test_the_cap_changes_nothing_below_it() -> None:
    u = 1 - np.random.default_rng(4).random(1000)
    for spec in LAWS:
        law = dwell_for(spec)
        np.testing.assert_array_equal(np.minimum(law.residual(u, 1000), 30), law.residual(u, 30))
        assert law.residual(u, 1).tolist() == [1] * 1000


def test_the_smallest_number_stays_finite() -> None:
    heavy = dwell_for(ParetoDwell(mean_slots=1e6, tail_index=1.01))
    assert 1 <= heavy.length(np.array([2.0**-53]))[0] <= 2**40 + 1
