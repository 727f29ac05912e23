"""How well predictions fit labels: occupied is 1, vacant is 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from jaxtyping import Bool


@dataclass(frozen=True)
class Scores:
    """Counts of predictions against labels, and what follows from them.

    Ratios without any case are NaN.

    Args:
        hits: Occupied, predicted occupied.
        misses: Occupied, predicted vacant.
        false_alarms: Vacant, predicted occupied.
        rejections: Vacant, predicted vacant.
    """

    hits: int
    misses: int
    false_alarms: int
    rejections: int

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.rejections + other.rejections,
        )

    @property
    def detection(self) -> float:
        """P_D: share of the occupied that is found."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def false_alarm(self) -> float:
        """P_FA: share of the vacant that is taken for occupied."""
        return _ratio(self.false_alarms, self.false_alarms + self.rejections)

    @property
    def f1_occupied(self) -> float:
        """F1 for finding the occupied."""
        return _ratio(2 * self.hits, 2 * self.hits + self.misses + self.false_alarms)

    @property
    def f1_hole(self) -> float:
        """F1 for finding the vacant."""
        return _ratio(2 * self.rejections, 2 * self.rejections + self.misses + self.false_alarms)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def count(label: Bool[np.ndarray, "*shape"], predicted: Bool[np.ndarray, "*shape"]) -> Scores:
    """Return the counts of predictions against labels."""
    hits = int(np.sum(label & predicted))
    occupied, positive = int(label.sum()), int(predicted.sum())
    misses, false_alarms = occupied - hits, positive - hits
    return Scores(hits, misses, false_alarms, label.size - occupied - false_alarms)


def binomial_interval(successes: int, trials: int, confidence: float = 0.99) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a probability."""
    result = scipy.stats.binomtest(successes, trials).proportion_ci(confidence_level=confidence)
    return float(result.low), float(result.high)


def binomial_p_value(successes: int, trials: int, probability: float) -> float:
    """Return the probability of a count as unlikely as this one, or more so, by the exact test."""
    return float(scipy.stats.binomtest(successes, trials, probability).pvalue)
