"""Pairs of draws that are the same by chance: as many as independent chains make."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.catalogs.draw_chance import expected_pairs_alike


def chains(draws: int, slots: int, count: int, *, p01: float, p10: float) -> np.ndarray:
    """Return chains that begin in their stationary state."""
    rng = np.random.default_rng(5)
    states = np.empty((draws, slots, count), bool)
    states[:, 0] = rng.random((draws, count)) < p01 / (p01 + p10)
    for slot in range(1, slots):
        leaves = np.where(states[:, slot - 1], p10, p01)
        states[:, slot] = states[:, slot - 1] ^ (rng.random((draws, count)) < leaves)
    return states


@pytest.mark.parametrize(("slots", "count", "p01"), [(1, 4, 0.3), (6, 1, 0.2), (3, 2, 0.1)])
def test_it_is_what_independent_draws_show(slots: int, count: int, p01: float) -> None:
    """Of 2,000 draws the share of pairs is known to some percent; five sigma are below 15%."""
    states = chains(2000, slots, count, p01=p01, p10=0.4)
    _, times = np.unique(states.reshape(2000, -1), axis=0, return_counts=True)
    assert expected_pairs_alike(states, independent=True) == pytest.approx(
        (times * (times - 1) / 2).sum(), rel=0.15
    )


def test_chains_that_go_together_count_once() -> None:
    states = chains(500, 1, 1, p01=0.4, p10=0.4)
    together = np.repeat(states, 48, axis=2)
    alone = expected_pairs_alike(states, independent=True)
    assert expected_pairs_alike(together, independent=False) == pytest.approx(alone)
    assert expected_pairs_alike(together, independent=True) < 1e-6


def test_long_draws_are_never_alike_by_chance() -> None:
    assert expected_pairs_alike(chains(6, 20, 6, p01=0.2, p10=0.5), independent=True) < 1e-6
    # A chain that never moves makes all of them the same.
    assert expected_pairs_alike(np.ones((6, 20, 6), bool), independent=True) == 15
