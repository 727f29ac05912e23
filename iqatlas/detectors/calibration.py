"""How well stated probabilities fit what happened: Brier score, expected calibration error, reliability."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from iqatlas.errors import SpecError

BINS = 15
"""Equal bins of probability, as many as the literature's ECE has."""


@dataclass(eq=False)
class Reliability:
    """Sums over stated probabilities, bin by bin: parts of a corpus add up, however large it is."""

    cases: Int64[np.ndarray, " bin"] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    stated: Float64[np.ndarray, " bin"] = field(default_factory=lambda: np.zeros(BINS))
    occupied: Int64[np.ndarray, " bin"] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    squared_error: float = 0.0

    def add(self, probability: Float64[np.ndarray, "*shape"], label: Bool[np.ndarray, "*shape"]) -> None:
        """Count stated probabilities of being occupied against labels.

        Raises:
            SpecError: One is no probability.
        """
        stated = np.asarray(probability, np.float64).reshape(-1)
        if stated.size and not (stated.min() >= 0 and stated.max() <= 1):
            raise SpecError("a detector states what is no probability", accepted="0 to 1")
        truth = label.reshape(-1)
        place = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
        self.cases += np.bincount(place, minlength=BINS)
        self.stated += np.bincount(place, weights=stated, minlength=BINS)
        self.occupied += np.bincount(place[truth], minlength=BINS)
        self.squared_error += float(np.sum(np.square(stated - truth)))

    @property
    def brier(self) -> float:
        """Mean squared difference of probability and outcome (G. W. Brier, 1950); 0 is perfect."""
        cases = int(self.cases.sum())
        return self.squared_error / cases if cases else float("nan")

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of stated from observed shares over the bins, weighed by cases.

        Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
        ICML 2017, equation 3.
        """
        cases = int(self.cases.sum())
        return float(np.abs(self.stated - self.occupied).sum() / cases) if cases else float("nan")

    def table(self) -> pd.DataFrame:
        """Return a row a bin: cases, mean stated probability, share that was occupied."""
        some = np.maximum(self.cases, 1)
        rows = pd.DataFrame(
            {
                "lower": np.arange(BINS) / BINS,
                "cases": self.cases,
                "stated": self.stated / some,
                "occupied_share": self.occupied / some,
            }
        )
        return rows[self.cases > 0].reset_index(drop=True)
