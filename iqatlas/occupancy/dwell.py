"""Laws of dwell times in whole slots: how long runs last, and how much is left of one found under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import ndtr, ndtri, zeta

from iqatlas.occupancy.spec import GeometricDwell, LogNormalDwell, ParetoDwell

_LONGEST = 2.0**40
"""Beyond so many slots no draw can tell; without the bound the longest runs would leave the integers."""
_SUMMED = 1 << 12
"""Probabilities that are added one by one; from there on a sum is its integral and two corrections."""


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
    Methodology 6, 2009; Cox, "Renewal Theory", 1962, chapter 5, for the run under way.
    """

    def __init__(self, spec: ParetoDwell) -> None:
        from scipy.optimize import brentq  # a quarter of a second, for these runs alone

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
        return np.asarray(1 + np.floor(np.minimum(longer, _LONGEST)), np.int64)

    def residual(self, u: Float64[np.ndarray, "*n"], most: int) -> Int64[np.ndarray, "*n"]:
        """Return what is left, the present slot included, of runs found in equilibrium; ``most`` at most."""
        whole = zeta(self._index, self._scale)
        return _first_below(lambda slots: zeta(self._index, self._scale + slots) / whole, u, most)


class LogNormal:
    """Runs longer than k slots with probability Φ((μ − ln k)/σ): a log-normal time, rounded up.

    Args:
        spec: Mean and deviation of the law.
    """

    def __init__(self, spec: LogNormalDwell) -> None:
        from scipy.optimize import brentq  # a quarter of a second, for these runs alone

        self.mean, self._sigma = spec.mean_slots, spec.log_deviation

        def excess(mu: float) -> float:
            self._settle(mu)
            return float(self._sums[0] - spec.mean_slots)

        # Rounding up adds between 0 and 1 to the mean exp(μ + σ²/2).
        shift = self._sigma**2 / 2
        low, high = np.log(self.mean - 1) - shift - 1, np.log(self.mean) - shift + 1e-6
        self._settle(float(brentq(excess, low, high, xtol=1e-13)))

    def _settle(self, mu: float) -> None:
        self._mu = mu
        each = self.survival(np.arange(_SUMMED, dtype=np.int64))
        rest = self._integral(np.array([float(_SUMMED)]))[0]
        self._sums: Float64[np.ndarray, "n"] = np.cumsum(each[::-1])[::-1] + rest

    def _integral(self, slots: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
        """Return Σ P(longer than j) over j from so many slots on, by Euler and Maclaurin."""
        place = (self._mu - np.log(slots)) / self._sigma
        above = np.exp(self._mu + self._sigma**2 / 2) * ndtr(place + self._sigma) - slots * ndtr(place)
        slope = np.exp(-(place**2) / 2) / (np.sqrt(2 * np.pi) * self._sigma * slots)
        return np.asarray(above + ndtr(place) / 2 + slope / 12, np.float64)

    def survival(self, slots: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        """Return the probability that a run lasts longer than so many slots."""
        place = (self._mu - np.log(np.maximum(slots, 1))) / self._sigma
        return np.asarray(np.where(slots > 0, ndtr(place), 1.0), np.float64)

    def length(self, u: Float64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the lengths that numbers of (0, 1] stand for, the smallest for the longest."""
        time = np.exp(np.minimum(self._mu - self._sigma * ndtri(u), np.log(_LONGEST)))
        return np.asarray(np.maximum(np.ceil(time), 1), np.int64)

    def residual(self, u: Float64[np.ndarray, "*n"], most: int) -> Int64[np.ndarray, "*n"]:
        """Return what is left, the present slot included, of runs found in equilibrium; ``most`` at most."""

        def longer(slots: Int64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
            summed = self._sums[np.minimum(slots, _SUMMED - 1)]
            far = self._integral(np.maximum(slots, _SUMMED).astype(np.float64))
            return np.asarray(np.where(slots < _SUMMED, summed, far) / self.mean, np.float64)

        return _first_below(longer, u, most)


def _first_below(
    longer: Callable[[np.ndarray], np.ndarray], u: Float64[np.ndarray, "*n"], most: int
) -> Int64[np.ndarray, "*n"]:
    """Return the least number of slots from 1 on at which a falling probability is below u, or ``most``."""
    low, high = np.zeros(u.shape, np.int64), np.full(u.shape, most, np.int64)
    # The run is longer than low and no longer than high (or high is the most that matters).
    for _ in range(int(most).bit_length()):
        middle = (low + high + 1) // 2
        beyond = (longer(middle) >= u) & (middle < most)
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        high = np.maximum(high, low + 1)
    return high


def dwell_for(spec: GeometricDwell | ParetoDwell | LogNormalDwell) -> Geometric | Pareto | LogNormal:
    """Return the law that a spec asks for."""
    if isinstance(spec, ParetoDwell):
        return Pareto(spec)
    return LogNormal(spec) if isinstance(spec, LogNormalDwell) else Geometric(spec)
