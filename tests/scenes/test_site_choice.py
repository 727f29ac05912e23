"""Which sites are chosen, on layouts whose best choice is plain."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.scenes.site_choice import choose_sites, far_apart, rows_inside

UAVS = np.array([[0.0, 0.0, 120.0], [1000.0, 0.0, 120.0]])
SITES = np.array([[500, 0, 30], [400, 0, 30], [990, 0, 30], [10, 0, 30], [-900, 0, 30]], np.float64)


def chosen(rule: str, count: int, separation_m: float = 0.0) -> list[int]:
    return choose_sites(SITES, count, rule=rule, separation_m=separation_m, receivers_m=UAVS)


def test_each_rule_takes_its_own() -> None:
    assert chosen("in_order", 2) == [0, 1]
    # The UAVs' middle is at 500 m east.
    assert chosen("nearest", 2) == [0, 1]
    assert chosen("nearest", 2, separation_m=200.0) == [0, 2]
    # One site for both: the near one of either beats the middle, for decibels grow towards the site.
    assert set(chosen("coverage", 2)) == {2, 3}


def test_no_more_than_there_are() -> None:
    assert len(chosen("coverage", 9)) == 5
    assert len(chosen("nearest", 9, separation_m=450.0)) < 5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([0.0, 300.0]))
def test_greedy_coverage_comes_near_the_best(seed: int, count: int, separation: float) -> None:
    """At least 1 − 1/e of what the best of all choices gains, counted from the worst site."""
    rng = np.random.default_rng(seed)
    sites = np.column_stack([rng.uniform(-800, 800, (8, 2)), rng.uniform(10, 50, 8)])
    uavs = np.column_stack([rng.uniform(-800, 800, (5, 2)), np.full(5, 120.0)])
    rows = choose_sites(sites, count, rule="coverage", separation_m=separation, receivers_m=uavs)
    gain = -20 * np.log10(np.linalg.norm(sites[:, None] - uavs, axis=-1))
    gain -= gain.min()
    gap = np.linalg.norm(sites[:, None, :2] - sites[None, :, :2], axis=-1)
    assert all(gap[a, b] >= separation for a, b in combinations(rows, 2))
    if separation == 0.0:
        best = max(gain[list(rows)].max(axis=0).mean() for rows in combinations(range(8), count))
        assert gain[rows].max(axis=0).mean() >= (1 - 1 / np.e) * best - 1e-9
    # The first one is the best single site.
    assert rows[0] == int(np.argmax(gain.mean(axis=1)))


def test_far_apart_keeps_the_order() -> None:
    place = np.array([[0, 0], [50, 0], [100, 0], [149, 0], [200, 0]], np.float64)
    assert far_apart(place, 5, 100.0) == [0, 2, 4]
    assert far_apart(place, 2, 100.0) == [0, 2]
    assert far_apart(place, 5, 0.0) == [0, 1, 2, 3, 4]


def test_rows_inside_less_a_margin() -> None:
    longitude, latitude = np.array([0.0, 0.04, 0.5, 1.0, 1.1]), np.full(5, 0.5)
    assert rows_inside(longitude, latitude, (0.0, 0.0, 1.0, 1.0)).tolist() == [0, 1, 2, 3]
    assert rows_inside(longitude, latitude, (0.0, 0.0, 1.0, 1.0), margin=0.05).tolist() == [2]
