"""Probes know nothing of what is random, and everything of what is told."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.catalogs.probes import metadata_features, probe

RECORDS = 600
CHAIN = np.arange(RECORDS)
FITTED, TESTED = CHAIN < 400, CHAIN >= 417


def chains(seed: int, channels: int = 8) -> np.ndarray:
    """Return Markov chains with p01 = 0.1 and p10 = 0.3."""
    rng = np.random.default_rng(seed)
    state = np.zeros((RECORDS, channels), bool)
    for slot in range(1, RECORDS):
        leave = rng.random(channels) < np.where(state[slot - 1], 0.3, 0.1)
        state[slot] = state[slot - 1] ^ leave
    return state


def features(seed: int) -> np.ndarray:
    others = np.random.default_rng(seed).standard_normal((RECORDS, 4))
    return metadata_features(CHAIN, np.zeros(RECORDS), CHAIN * 1e-3, 1e-3, others)


def test_chains_are_not_told_by_metadata() -> None:
    """Forty corpora: none is called leaky, and nearly all lie in their 99% interval."""
    found = [probe(features(seed), chains(seed + 100), FITTED, TESTED, CHAIN) for seed in range(40)]
    assert not any(one.beyond for one in found if one)
    inside = [one.chance[0] <= one.balanced_accuracy <= one.chance[1] for one in found if one]
    assert len(inside) == 40 and sum(inside) >= 36


@pytest.mark.parametrize("period", [2, 5, 16])
def test_what_follows_a_period_is_told(period: int) -> None:
    label = np.repeat((CHAIN % period < (period + 1) // 2)[:, None], 8, axis=1)
    one = probe(features(0), label, FITTED, TESTED, CHAIN)
    assert one is not None and one.beyond
    assert one.balanced_accuracy > 0.8


def test_labels_of_one_kind_are_not_judged() -> None:
    assert probe(features(0), np.ones((RECORDS, 3), bool), FITTED, TESTED, CHAIN) is None
    assert probe(features(0), chains(1), FITTED, np.zeros(RECORDS, bool), CHAIN) is None
