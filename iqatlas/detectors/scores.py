"""How well predictions fit labels: occupied is 1, vacant is 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.special
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
    def total(self) -> int:
        """Cases in all."""
        return self.hits + self.misses + self.false_alarms + self.rejections

    @property
    def sensitivity(self) -> float:
        """P_D by its other name, and recall by its third."""
        return self.detection

    @property
    def specificity(self) -> float:
        """Share of the vacant that is left alone: 1 − P_FA."""
        return _ratio(self.rejections, self.false_alarms + self.rejections)

    @property
    def false_negative_rate(self) -> float:
        """Share of the occupied that is missed: 1 − P_D."""
        return _ratio(self.misses, self.hits + self.misses)

    @property
    def precision(self) -> float:
        """Share of what is called occupied that is."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def negative_predictive_value(self) -> float:
        """Share of what is called vacant that is: precision for holes."""
        return _ratio(self.rejections, self.rejections + self.misses)

    @property
    def accuracy(self) -> float:
        """Share that is called what it is."""
        return _ratio(self.hits + self.rejections, self.total)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity: ½ for who doesn't look."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def matthews(self) -> float:
        """Matthews' correlation coefficient; NaN where a class or a prediction is missing."""
        called, vacated = self.hits + self.false_alarms, self.misses + self.rejections
        occupied, vacant = self.hits + self.misses, self.false_alarms + self.rejections
        # Python's integers: the product of four counts passes 64 bits.
        below = called * vacated * occupied * vacant
        above = self.hits * self.rejections - self.false_alarms * self.misses
        return above / math.sqrt(below) if below else float("nan")

    @property
    def f1_occupied(self) -> float:
        """F1 for finding the occupied."""
        return _ratio(2 * self.hits, 2 * self.hits + self.misses + self.false_alarms)

    @property
    def f1_hole(self) -> float:
        """F1 for finding the vacant."""
        return _ratio(2 * self.rejections, 2 * self.rejections + self.misses + self.false_alarms)


SCORES: dict[str, str] = {
    "p_d": "detection",
    "p_fa": "false_alarm",
    "f1_occupied": "f1_occupied",
    "f1_hole": "f1_hole",
    "precision": "precision",
    "recall": "detection",
    "precision_hole": "negative_predictive_value",
    "recall_hole": "specificity",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "npv": "negative_predictive_value",
    "fpr": "false_alarm",
    "fnr": "false_negative_rate",
    "mcc": "matthews",
}
"""Columns of a table of scores, and the property of :class:`Scores` that each holds."""


def score_columns(scores: Scores) -> dict[str, float]:
    """Return all scores by the names of their columns, micro-averaged over what was counted."""
    return {column: float(getattr(scores, name)) for column, name in SCORES.items()}


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def count(label: Bool[np.ndarray, "*shape"], predicted: Bool[np.ndarray, "*shape"]) -> Scores:
    """Return the counts of predictions against labels."""
    hits = int(np.sum(label & predicted))
    occupied, positive = int(label.sum()), int(predicted.sum())
    misses, false_alarms = occupied - hits, positive - hits
    return Scores(hits, misses, false_alarms, label.size - occupied - false_alarms)


def binomial_interval(successes: int, trials: int, confidence: float = 0.99) -> tuple[float, float]:
    """Return the exact interval of a probability.

    Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika, 1934, by quantiles of Beta.
    """
    tail, others = (1 - confidence) / 2, trials - successes
    low = float(scipy.special.betaincinv(successes, others + 1, tail)) if successes else 0.0
    high = float(scipy.special.betainccinv(successes + 1, others, tail)) if others else 1.0
    return low, high


def binomial_p_value(successes: int, trials: int, probability: float) -> float:
    """Return the probability of a count as unlikely as this one, or more so, by the exact test."""
    return float(scipy.stats.binomtest(successes, trials, probability).pvalue)
