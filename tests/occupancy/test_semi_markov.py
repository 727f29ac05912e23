"""Runs of any law: lengths, equilibrium from the first slot on, exact correlation, guards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from test_dwell import goodness

from iqatlas.errors import SpecError
from iqatlas.occupancy.dwell import dwell_for
from iqatlas.occupancy.estimation import run_lengths
from iqatlas.occupancy.semi_markov import SemiMarkovChains, run_correlation
from iqatlas.occupancy.spec import GeometricDwell, LogNormalDwell, ParetoDwell, SemiMarkovOccupancy

ONE_IN_A_MILLION = 1e-6
HEAVY = {
    "busy": ParetoDwell(mean_slots=5, tail_index=1.8),
    "idle": ParetoDwell(mean_slots=20, tail_index=2.2),
}
LIGHT = {"busy": GeometricDwell(mean_slots=5), "idle": GeometricDwell(mean_slots=20)}
MIXED = {
    "busy": ParetoDwell(mean_slots=8, tail_index=1.5),
    "idle": LogNormalDwell(mean_slots=12, log_deviation=1.2),
}


def chains(laws: dict, sites: int = 1, subchannels: int = 1, seed: int = 5) -> SemiMarkovChains:
    return SemiMarkovChains(SemiMarkovOccupancy(**laws), sites=sites, subchannels=subchannels, seed=seed)


@pytest.mark.parametrize("laws", [HEAVY, LIGHT, MIXED], ids=["heavy", "light", "mixed"])
@pytest.mark.parametrize("occupied", [False, True])
def test_run_lengths_follow_their_law(laws: dict, occupied: bool) -> None:
    """Runs that begin in the first half and are shorter than the second: none of them is cut off."""
    slots, half = 40_000, 20_000
    states = chains(laws, 2, 4).draw(0, slots).reshape(slots, -1)
    law = dwell_for(laws["busy" if occupied else "idle"])
    edges = [np.flatnonzero(np.diff(chain)) + 1 for chain in states.T]
    lengths = np.concatenate(
        [
            np.diff(edge)[(states[edge[:-1], chain] == occupied) & (edge[:-1] < half)]
            for chain, edge in enumerate(edges)
        ]
    )
    k = np.arange(1000)
    expected = -np.diff(law.survival(k)) * len(lengths)
    expected[-1] += law.survival(k)[-1] * len(lengths)
    counted = np.bincount(np.minimum(lengths, 999), minlength=1000)[1:]
    assert len(lengths) > 2000
    assert goodness(counted, expected) > ONE_IN_A_MILLION


@pytest.mark.parametrize("laws", [HEAVY, LIGHT, MIXED], ids=["heavy", "light", "mixed"])
def test_there_is_no_transient(laws: dict) -> None:
    """At slot 0 and at any later one, 20,000 chains are occupied as equilibrium says."""
    made = chains(laws, 200, 100)
    states = made.draw(0, 300)
    theory = made.theory(300)
    assert made.share == pytest.approx(
        laws["busy"].mean_slots / (laws["busy"].mean_slots + laws["idle"].mean_slots)
    )
    for slot in (0, 1, 2, 10, 299):
        assert binomtest(int(states[slot].sum()), 20_000, made.share).pvalue > ONE_IN_A_MILLION
    for slot in (0, 50):
        starts = int((~states[slot] & states[slot + 1]).sum())
        assert binomtest(starts, 20_000, float(theory.starts[0, 0])).pvalue > ONE_IN_A_MILLION


@pytest.mark.parametrize("laws", [HEAVY, MIXED], ids=["heavy", "mixed"])
def test_correlation_is_exact(laws: dict) -> None:
    made = chains(laws, 100, 200)
    states = made.draw(0, 101) - made.share
    exact = run_correlation(made.busy, made.idle, 128)
    for lag in (0, 1, 2, 5, 20, 100):
        measured = (states[0] * states[lag]).mean() / (made.share * (1 - made.share))
        # 20,000 independent chains; a product of two centred states has kurtosis up to 1/share.
        assert measured == pytest.approx(exact[lag], abs=5 / np.sqrt(20_000 * made.share))


@settings(max_examples=30, deadline=None)
@given(busy=st.floats(1, 100), idle=st.floats(1, 100))
def test_of_geometric_runs_it_is_the_power_of_markov_chains(busy: float, idle: float) -> None:
    laws = [dwell_for(GeometricDwell(mean_slots=mean)) for mean in (busy, idle)]
    memory = 1 - 1 / busy - 1 / idle
    # Newton's method on power series, 256 terms: a few hundred roundings, more where the chain
    # alternates almost for ever.
    np.testing.assert_allclose(run_correlation(*laws, 256), memory ** np.arange(256.0), atol=1e-9)


def test_heavy_tails_ask_for_a_wide_guard() -> None:
    assert chains(LIGHT).guard_slots() == 17  # as Markov chains with 0.05 and 0.2
    heavy = chains(HEAVY)
    gap = heavy.guard_slots()
    correlation = np.abs(run_correlation(heavy.busy, heavy.idle, 4 * gap))
    assert gap > 100
    assert correlation[gap - 1] > 0.01
    assert correlation[gap:].max() <= 0.01


def test_what_is_never_forgotten_says_what_to_do() -> None:
    endless = {
        "busy": ParetoDwell(mean_slots=50, tail_index=1.1),
        "idle": ParetoDwell(mean_slots=50, tail_index=1.1),
    }
    with pytest.raises(SpecError, match=r"still correlated after 131072 slots.*splits: \{by: draw\}"):
        chains(endless).guard_slots()
    ticking = {"busy": GeometricDwell(mean_slots=1), "idle": GeometricDwell(mean_slots=1)}
    states = chains(ticking).draw(0, 100)[:, 0, 0]
    assert (states[1:] != states[:-1]).all()
    with pytest.raises(SpecError, match="still correlated"):
        chains(ticking).guard_slots()


@pytest.mark.parametrize("laws", [HEAVY, LIGHT], ids=["heavy", "light"])
def test_the_draw_depends_on_seed_and_number_alone(laws: dict) -> None:
    states = chains(laws, 3, 2).draw(0, 5000)
    np.testing.assert_array_equal(states, chains(laws, 3, 2).draw(0, 5000))
    np.testing.assert_array_equal(states[:77], chains(laws, 3, 2).draw(0, 77))
    np.testing.assert_array_equal(states[:1], chains(laws, 3, 2).draw(0, 1))
    assert (states != chains(laws, 3, 2).draw(1, 5000)).any()
    assert (states != chains(laws, 3, 2, seed=6).draw(0, 5000)).any()


def test_chains_are_independent() -> None:
    states = chains(LIGHT, 2, 3).draw(0, 20_000).reshape(20_000, 6).astype(float)
    cross = np.corrcoef(states.T) - np.eye(6)
    # Deviation √((1 + λ²)/(1 − λ²)/n) = 0.013 with λ = 0.75; five of them.
    assert np.abs(cross).max() < 0.067


def test_run_lengths_of_the_estimator_are_those_of_the_law() -> None:
    runs = run_lengths(chains(LIGHT).draw(0, 50_000)[:, 0])
    mean = runs.slots[runs.occupied].mean()
    # Deviation √(1 − p)/p over √2000 runs; five of them.
    assert mean == pytest.approx(5, abs=5 * np.sqrt(0.8) / 0.2 / np.sqrt(2000))
