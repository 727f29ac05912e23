"""Laws of dwell times in whole slots: how long runs last, and how much is left of one found under way."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import brentq
from scipy.special import zeta

from iqatlas.occupancy.spec import GeometricDwell, ParetoDwell


@runtime_checkable
class Dwell(Protocol):
    """A law of run lengths 1, 2, …."""

    mean: float
    """Mean length in slots."""

    def survival(self, slots: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        """Return the probability that a run lasts longer than so many slots."""

    def length(self, u: Float64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the lengths that numbers of (0, 1] stand for, the smallest for the longest."""

    def residual(self, u: Float64[np.ndarray, "*n"], most: int) -> Int64[np.ndarray, "*n"]:
        """Return what is left, the present slot included, of runs found in equilibrium; ``most`` at most."""


class Geometric:
    """Runs that end after each slot with the same probability.

    Args:
        spec: Mean of the law.
    """

    def __init__(self, spec: GeometricDwell) -> None:
        self.mean = spec.mean_slots
        self._stay = 1 - 1 / spec.mean_slots

    def survival(self, slots: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        """Return the probability that a run lasts longer than so many slots."""
        return np.asarray(self._stay ** slots.astype(np.float64), np.float64)

    def length(self, u: Float64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the lengths that numbers of (0, 1] stand for, the smallest for the longest."""
        if self._stay == 0:
            return np.ones(u.shape, np.int64)
        return np.asarray(1 + np.floor(np.log(u) / np.log(self._stay)), np.int64)

    def residual(self, u: Float64[np.ndarray, "*n"], most: int) -> Int64[np.ndarray, "*n"]:
        """Return what is left of runs found in equilibrium: as much as of fresh ones."""
        return np.asarray(np.minimum(self.length(u), most), np.int64)


class Pareto:
    """Runs longer than k slots with probability (1 + k/s)^−a.

    The mean is s^a ζ(a, s), with Hurwitz's zeta function; what is left of a run that is found under
    way is longer than k slots with probability ζ(a, s + k)/ζ(a, s).

    Args:
        spec: Mean and tail index of the law.

    Source: Krishna and Pundir, "Discrete Burr and discrete Pareto distributions", Statistical
    Methodology 6, 2009; Cox, "Renewal Theory", 1962, section 5.2, for the run under way.
    """

    def __init__(self, spec: ParetoDwell) -> None:
        self.mean, self._index = spec.mean_slots, spec.tail_index

        def excess(log_scale: float) -> float:
            log_mean = self._index * log_scale + np.log(zeta(self._index, np.exp(log_scale)))
            return float(log_mean - np.log(spec.mean_slots))

        self._scale = float(np.exp(brentq(excess, -30.0, 30.0, xtol=1e-14)))

    def survival(self, slots: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        """Return the probability that a run lasts longer than so many slots."""
        return np.asarray((1 + slots / self._scale) ** -self._index, np.float64)

    def length(self, u: Float64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the lengths that numbers of (0, 1] stand for, the smallest for the longest."""
        longer = self._scale * np.expm1(-np.log(u) / self._index)
        # Beyond 2^40 slots no draw can tell; without the bound the largest would leave the integers.
        return np.asarray(1 + np.floor(np.minimum(longer, 2.0**40)), np.int64)

    def residual(self, u: Float64[np.ndarray, "*n"], most: int) -> Int64[np.ndarray, "*n"]:
        """Return what is left, the present slot included, of runs found in equilibrium; ``most`` at most."""
        whole = zeta(self._index, self._scale)
        low, high = np.zeros(u.shape, np.int64), np.full(u.shape, most, np.int64)
        # The run is longer than low and no longer than high (or high is the most that matters).
        for _ in range(int(most).bit_length()):
            middle = (low + high + 1) // 2
            longer = (zeta(self._index, self._scale + middle) / whole >= u) & (middle < most)
            low, high = np.where(longer, middle, low), np.where(longer, high, middle)
            high = np.maximum(high, low + 1)
        return high


def dwell_for(spec: GeometricDwell | ParetoDwell) -> Geometric | Pareto:
    """Return the law that a spec asks for."""
    return Pareto(spec) if isinstance(spec, ParetoDwell) else Geometric(spec)
