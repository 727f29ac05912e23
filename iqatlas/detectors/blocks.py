"""Decisions counted in blocks of time, so that the chance in what is made of two detectors can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.stats
from jaxtyping import Bool, Int64

from iqatlas.detectors.scores import Scores

BLOCKS = 32


@dataclass(eq=False)
class BlockCounts:
    """Hits, misses, false alarms and rejections of one detector, in blocks.

    All records of a slot are in one block, whatever their level, and so are their receivers: what they share
    does not pass for independent.

    Args:
        levels: Number of SNR levels.
        receivers: Number of receivers.
    """

    levels: int
    receivers: int
    counts: Int64[np.ndarray, "split block level receiver 4"] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((2, BLOCKS, self.levels, self.receivers, 4), np.int64)

    def add(
        self,
        tested: Bool[np.ndarray, " record"],
        block: Int64[np.ndarray, " record"],
        level: Int64[np.ndarray, " record"],
        label: Bool[np.ndarray, "record subchannel"],
        decided: Bool[np.ndarray, "record receiver subchannel"],
    ) -> None:
        """Count decisions.

        Args:
            tested: Whether records are of the test split.
            block: Block of each record.
            level: Index of each record's SNR level.
            label: What is occupied.
            decided: What is taken for occupied.
        """
        truth = label[:, None]
        cases = np.stack([truth & decided, truth & ~decided, ~truth & decided, ~truth & ~decided], axis=-1)
        np.add.at(self.counts, (tested.astype(np.int64), block, level), cases.sum(axis=2))

    def of(
        self, levels: Int64[np.ndarray, " a"], receivers: Int64[np.ndarray, " b"], *, tested: bool
    ) -> Int64[np.ndarray, "block 4"]:
        """Return the counts of some levels and receivers.

        Args:
            levels: Indices of the levels.
            receivers: Indices of the receivers.
            tested: Of the test split alone.
        """
        part = self.counts[1:] if tested else self.counts
        return np.asarray(part[:, :, levels][:, :, :, receivers].sum(axis=(0, 2, 3)))


def in_all(counts: Int64[np.ndarray, "block 4"]) -> Scores:
    """Return the scores over all blocks."""
    return Scores(*(int(value) for value in counts.sum(axis=0)))


def matthews_interval(
    ours: Int64[np.ndarray, "block 4"], theirs: Int64[np.ndarray, "block 4"], confidence: float
) -> tuple[float, float] | None:
    """Return the interval of the difference of two detectors' Matthews' correlations on the same cases.

    A correlation that has no value, where a detector calls all the same, counts as 0.

    Args:
        ours: Counts of one detector.
        theirs: Counts of the other.
        confidence: Of the interval.

    Returns:
        None where there are cases in fewer than two blocks.

    Source: J. W. Tukey, "Bias and confidence in not-quite large samples", Ann. Math. Stat., 1958 (jackknife).
    """
    held = np.flatnonzero(ours.sum(axis=1) + theirs.sum(axis=1))
    if len(held) < 2:
        return None
    without = np.array([_difference(np.delete(ours, b, axis=0), np.delete(theirs, b, axis=0)) for b in held])
    error = np.sqrt((len(held) - 1) / len(held) * np.square(without - without.mean()).sum())
    reach = float(scipy.stats.t.ppf((1 + confidence) / 2, len(held) - 1) * error)
    middle = _difference(ours, theirs)
    return middle - reach, middle + reach


def _difference(ours: Int64[np.ndarray, "block 4"], theirs: Int64[np.ndarray, "block 4"]) -> float:
    mine, other = (float(np.nan_to_num(in_all(counts).matthews)) for counts in (ours, theirs))
    return mine - other
