"""The interval of a difference of correlations: as wide as the difference scatters, on the same cases."""

from __future__ import annotations

import numpy as np

from iqatlas.detectors.blocks import BLOCKS, BlockCounts, in_all, matthews_interval


def counted(label: np.ndarray, decided: np.ndarray) -> np.ndarray:
    """Return counts of one receiver, a block a row."""
    blocks = BlockCounts(1, 1)
    here = np.arange(len(label)) % BLOCKS
    level = np.zeros(len(label), np.int64)
    blocks.add(here < BLOCKS // 2, here, level, label, decided[:, None])
    return blocks.of(np.array([0]), np.array([0]), tested=False)


def flipped(rng: np.random.Generator, label: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(label ^ (rng.random(label.shape) < share))


def test_the_interval_is_as_wide_as_chance() -> None:
    """Two detectors alike, 100 times: a 90% interval misses 0 some 10 times, 3 give or take."""
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(100):
        label = rng.random((320, 4)) < 0.4
        ours, theirs = (counted(label, flipped(rng, label, 0.3)) for _ in range(2))
        interval = matthews_interval(ours, theirs, 0.9)
        assert interval is not None
        missed += not interval[0] <= 0 <= interval[1]
    assert 0 < missed < 10 + 4 * 3


def test_a_true_difference_shows() -> None:
    rng = np.random.default_rng(9)
    label = rng.random((320, 4)) < 0.4
    interval = matthews_interval(
        counted(label, flipped(rng, label, 0.1)), counted(label, flipped(rng, label, 0.3)), 0.99
    )
    assert interval is not None and interval[0] > 0


def test_one_block_tells_nothing_of_chance() -> None:
    counts = np.zeros((BLOCKS, 4), np.int64)
    assert matthews_interval(counts, counts, 0.99) is None
    counts[3] = [5, 1, 1, 5]
    assert matthews_interval(counts, counts, 0.99) is None


def test_the_test_split_is_apart() -> None:
    blocks = BlockCounts(2, 2)
    label = np.array([[True, False], [True, True]])
    decided = np.array([[[True, True], [False, False]], [[True, False], [True, True]]])
    where = np.array([0, 5])
    blocks.add(np.array([False, True]), where, np.array([0, 1]), label, decided)
    both, second = np.array([0, 1]), np.array([1])
    assert in_all(blocks.of(both, both, tested=False)).total == 8
    assert blocks.of(both, both, tested=True)[5].tolist() == [3, 1, 0, 0]
    assert blocks.of(np.array([0]), second, tested=False)[0].tolist() == [0, 1, 0, 1]
    assert in_all(blocks.of(np.array([0]), both, tested=True)).total == 0
