"""From a score to a probability: a logistic or a rising line, found on records that were not learned from."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import scipy.special
from jaxtyping import Float64
from pydantic import Field, model_validator

from iqatlas.schema import SpecModel


class Platt(SpecModel):
    """A logistic function of the score.

    Source: J. Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    kind: Literal["platt"] = "platt"
    """Two numbers."""
    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """What the score is multiplied by: above zero, so that no order changes."""
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """What is added to it."""

    def probabilities(self, scores: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """Return the probabilities of scores."""
        made: np.ndarray = scipy.special.expit(self.slope * scores + self.offset)
        return made


class Isotonic(SpecModel):
    """A line through points that never falls, level outside of them.

    Source: B. Zadrozny, C. Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002.
    """

    kind: Literal["isotonic"] = "isotonic"
    """Points."""
    scores: Annotated[tuple[float, ...], Field(min_length=1, max_length=1_000_000)]
    """Of the points, rising."""
    values: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1, max_length=1_000_000)
    ]
    """Probabilities at the points."""

    @model_validator(mode="after")
    def _rising(self) -> Isotonic:
        levels, values = np.array(self.scores), np.array(self.values)
        if levels.shape != values.shape or np.any(np.diff(levels) <= 0) or np.any(np.diff(values) < 0):
            raise ValueError("the points don't rise")
        return self

    def probabilities(self, scores: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """Return the probabilities of scores."""
        made: np.ndarray = np.interp(scores, np.array(self.scores), np.array(self.values))
        return made


Calibration = Annotated[Platt | Isotonic, Field(discriminator="kind")]
