"""Alternating runs of any length law: drawn from equilibrium on, with their exact correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float64

from iqatlas.errors import SpecError
from iqatlas.occupancy.dwell import Dwell, dwell_for
from iqatlas.occupancy.spec import SemiMarkovOccupancy
from iqatlas.occupancy.theory import MEMORY_LEFT, Theory, independent
from iqatlas.seeds import Stage, stream

_RUNS_AT_ONCE = 256
"""Runs of each chain that are drawn together; part of what a seed means."""
_LAGS = (1 << 12, 1 << 15, 1 << 18)
"""Correlations are worked out up to such lags, the next where the one before does not tell the guard."""


class SemiMarkovChains:
    """The chains of a spec.

    Args:
        spec: Laws of occupied and vacant runs.
        sites, subchannels: How many chains.
        seed: The spec's seed.
    """

    def __init__(self, spec: SemiMarkovOccupancy, *, sites: int, subchannels: int, seed: int) -> None:
        self._shape, self._seed = (sites, subchannels), seed
        self.busy: Dwell = dwell_for(spec.busy)
        self.idle: Dwell = dwell_for(spec.idle)
        self.share = self.busy.mean / (self.busy.mean + self.idle.mean)

    def draw(self, number: int, slots: int) -> Bool[np.ndarray, "slot site subchannel"]:
        """Return the states of a draw; a longer one begins with the shorter one.

        A chain begins in the midst of a run, as whoever looks at any moment finds it: longer runs are
        found more often, and of each a random part is left.
        """
        rng = stream(self._seed, Stage.OCCUPANCY, number)
        chains = int(np.prod(self._shape))
        occupied = rng.random(chains) < self.share
        u = 1 - rng.random(chains)
        left = np.where(occupied, self.busy.residual(u, slots), self.idle.residual(u, slots))
        changes = np.zeros((slots, chains), bool)
        end, state = left, ~occupied  # where the present run ends, and the state that begins there
        while chains and end.min() < slots:
            u = 1 - rng.random((_RUNS_AT_ONCE, chains))
            states = state ^ (np.arange(_RUNS_AT_ONCE)[:, None] % 2 == 1)
            lengths = np.where(states, self.busy.length(u), self.idle.length(u))
            # Nothing past the last slot matters, and sums of the longest would leave the integers.
            lengths = np.minimum(lengths, slots)
            begins = end + np.concatenate([np.zeros((1, chains), np.int64), np.cumsum(lengths, axis=0)])
            run, chain = np.nonzero(begins[:-1] < slots)
            changes[begins[run, chain], chain] = True
            end = begins[-1]
        # In place: the states of a long draw are the largest array there is.
        np.logical_xor.accumulate(changes, axis=0, out=changes)
        changes ^= occupied
        return changes.reshape(slots, *self._shape)

    def guard_slots(self) -> int:
        """Return the least gap, in slots, from which on correlations stay at 0.01 or less.

        Raises:
            SpecError: Tails so heavy that there is none within 2^17 slots.
        """
        for lags in _LAGS:
            above = np.flatnonzero(np.abs(run_correlation(self.busy, self.idle, lags)) > MEMORY_LEFT)
            # Half of the lags are there to show that nothing comes back.
            if above[-1] < lags // 2:
                return int(above[-1]) + 1
        raise SpecError(
            f"runs with these tails are still correlated after {_LAGS[-1] // 2} slots",
            where="occupancy.busy",
            accepted="for splits in time, shorter means or larger tail indices, and no two lengths of 1",
            remedy="or give each split draws of its own, splits: {by: draw}",
        )

    def theory(self, slots: int) -> Theory:  # noqa: ARG002  equilibrium is the same in any number of slots
        """Return shares and starts of each chain, the same in draws of any length."""
        cycle = self.busy.mean + self.idle.mean
        return Theory(
            share=np.full(self._shape, self.share),
            starts=np.full(self._shape, 1 / cycle),
            neighbours=independent(*self._shape),
        )

    def drawn(self) -> dict[str, Any]:
        """Return nothing: the laws are those of the spec."""
        return {}


def run_correlation(busy: Dwell, idle: Dwell, lags: int) -> Float64[np.ndarray, "lag"]:
    """Return the correlation coefficient of states 0, 1, … slots apart, exact for the two laws.

    With A(z) and B(z) the generating functions of the survival functions, μ the mean occupied run and
    p(n) the probability of being occupied n slots after an occupied one,
    Σ (1 − p(n)) zⁿ = z/(μ(1 − z)) · AB/(A + B − (1 − z)AB).

    Args:
        busy, idle: Laws of the runs.
        lags: Length of the result.

    Source: Cox, "Renewal Theory", 1962, chapter 7, with z-transforms in place of Laplace's.
    """
    slots = np.arange(lags, dtype=np.int64)
    a, b = busy.survival(slots), idle.survival(slots)
    both = _product(a, b)
    below = a + b - both
    below[1:] += both[:-1]
    left = np.cumsum(_product(both, _reciprocal(below))) / busy.mean
    vacant_after = np.concatenate([[0.0], left[:-1]])
    coefficient: Float64[np.ndarray, "lag"] = 1 - vacant_after * (busy.mean + idle.mean) / idle.mean
    return coefficient


def _product(a: Float64[np.ndarray, "n"], b: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """Return the first terms of the product of two power series."""
    length = scipy.fft.next_fast_len(2 * len(a), real=True)
    product = scipy.fft.irfft(scipy.fft.rfft(a, length) * scipy.fft.rfft(b, length), length)
    return np.asarray(product[: len(a)], np.float64)


def _reciprocal(a: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    """Return the reciprocal of a power series that begins with 1, by Newton's method."""
    inverse = np.ones(1)
    while len(inverse) < len(a):
        terms = min(2 * len(inverse), len(a))
        padded = np.concatenate([inverse, np.zeros(terms - len(inverse))])
        inverse = 2 * padded - _product(_product(padded, padded), a[:terms])
    return inverse
