"""Two-state Markov chains: drawing them, what theory says of them, and rates from data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.special import betaincinv

from iqatlas.errors import SpecError
from iqatlas.occupancy.spec import MarkovOccupancy

_BLOCK_STATES = 1 << 20
"""States drawn at once, which bounds memory; the result does not depend on it."""
_MEMORY_LEFT = 0.01
"""Correlation across a gap that is wide enough."""


def rates(
    spec: MarkovOccupancy, subchannels: int
) -> tuple[Float64[np.ndarray, "subchannel"], Float64[np.ndarray, "subchannel"]]:
    """Return p01 and p10 of each sub-channel.

    Args:
        spec: The chains; a single number holds for every sub-channel.
        subchannels: Number of sub-channels.

    Raises:
        SpecError: Another number of rates than of sub-channels, or a sub-channel of which both
            rates are 0, so that its chain has no stationary state of its own.
    """
    p01 = _broadcast(spec.p01, subchannels, "occupancy.p01")
    p10 = _broadcast(spec.p10, subchannels, "occupancy.p10")
    (frozen,) = np.nonzero((p01 == 0) & (p10 == 0))
    if frozen.size:
        raise SpecError(
            f"p01 and p10 of sub-channel {frozen[0]} are both 0",
            where="occupancy.p01",
            accepted="at least one of them above 0",
            remedy="for a sub-channel that is always vacant set p10 to 1; always occupied, p01 to 1",
        )
    return p01, p10


def _broadcast(
    rate: float | tuple[float, ...], subchannels: int, where: str
) -> Float64[np.ndarray, "subchannel"]:
    if isinstance(rate, tuple) and len(rate) != subchannels:
        raise SpecError(
            f"{len(rate)} rates for {subchannels} sub-channels",
            where=where,
            accepted=f"one number, or a list of {subchannels}",
        )
    return np.array(np.broadcast_to(np.asarray(rate, np.float64), (subchannels,)))


def draw_occupancy(
    spec: MarkovOccupancy, *, slots: int, sites: int, subchannels: int, rng: np.random.Generator
) -> Bool[np.ndarray, "slot site subchannel"]:
    """Return independent chains for each site and sub-channel, the first state from equilibrium.

    A longer draw begins with the shorter one of the same generator state.

    Args:
        spec: Rates of the chains.
        slots, sites, subchannels: Extents of the result.
        rng: Source of the chains, one number for each state.

    Raises:
        SpecError: Rates that :func:`rates` refuses.
    """
    p01, p10 = rates(spec, subchannels)
    states = np.empty((slots, sites, subchannels), np.bool_)
    if states.size == 0:
        return states
    # With one number u for each step, the next state after vacant is u < p01 and after occupied
    # u < 1 − p10. Below both bounds or above both, it does not depend on the state before: the
    # chain restarts there. In between the state stays if p01 < 1 − p10, and changes otherwise.
    lower, upper = np.minimum(p01, 1 - p10), np.maximum(p01, 1 - p10)
    alternates = p01 > 1 - p10
    current = rng.random((sites, subchannels)) < p01 / (p01 + p10)
    states[0] = current
    block = max(1, _BLOCK_STATES // current.size)
    for low in range(1, slots, block):
        high = min(slots, low + block)
        u = rng.random((high - low, sites, subchannels))
        step = np.arange(1, high - low + 1, dtype=np.int32)[:, None, None]
        restart = np.maximum.accumulate(np.where((u < lower) | (u >= upper), step, 0), axis=0)
        fresh = np.concatenate([current[None], u < lower])
        value = np.take_along_axis(fresh, restart, axis=0)
        states[low:high] = value ^ (alternates & ((step - restart) % 2 == 1))
        current = states[high - 1]
    return states


def stationary_occupancy(spec: MarkovOccupancy, subchannels: int) -> Float64[np.ndarray, "subchannel"]:
    """Return the share of time that each sub-channel is occupied by one site, p01/(p01 + p10).

    Raises:
        SpecError: Rates that :func:`rates` refuses.
    """
    p01, p10 = rates(spec, subchannels)
    share: Float64[np.ndarray, "subchannel"] = p01 / (p01 + p10)
    return share


def correlation(
    spec: MarkovOccupancy, lag: int, subchannels: int | None = None
) -> Float64[np.ndarray, "subchannel"]:
    """Return the correlation coefficient of states so many slots apart, (1 − p01 − p10)^|lag|.

    Args:
        spec: Rates of the chains.
        lag: Distance in slots.
        subchannels: Number of sub-channels; without it, as many as there are rates.

    Raises:
        SpecError: Rates that :func:`rates` refuses.
    """
    if subchannels is None:
        subchannels = max(len(rate) if isinstance(rate, tuple) else 1 for rate in (spec.p01, spec.p10))
    p01, p10 = rates(spec, subchannels)
    coefficient: Float64[np.ndarray, "subchannel"] = (1 - p01 - p10) ** abs(lag)
    return coefficient


def guard_slots(spec: MarkovOccupancy, subchannels: int) -> int:
    """Return the least gap, in slots, that leaves a correlation of 0.01 or less in every sub-channel.

    Sub-channels that never change have nothing to forget and ask for no gap.

    Raises:
        SpecError: Rates that :func:`rates` refuses, or a chain that alternates for ever.
    """
    p01, p10 = rates(spec, subchannels)
    memory = np.abs(1 - p01 - p10)[(p01 > 0) & (p10 > 0)]
    if memory.size == 0:
        return 0
    longest = float(memory.max())
    if longest == 1.0:
        raise SpecError(
            "a chain with these rates never forgets its first state",
            where="occupancy.p01",
            accepted="p01 and p10 that are neither both 1 nor both next to 0",
        )
    if longest <= _MEMORY_LEFT:
        return 1
    gap = int(np.ceil(np.log(_MEMORY_LEFT) / np.log(longest)))
    # The quotient of logarithms can end on either side of a whole number.
    while longest**gap > _MEMORY_LEFT:
        gap += 1
    while longest ** (gap - 1) <= _MEMORY_LEFT:
        gap -= 1
    return gap


@dataclass(frozen=True, eq=False)
class RateEstimates:
    """Maximum-likelihood rates of chains, with exact binomial confidence intervals.

    A rate out of a state that was never left behind, because it was never visited, is NaN and its
    interval is 0 to 1.

    Args:
        p01, p10: Estimates.
        p01_interval, p10_interval: Lower and upper bound of each.
    """

    p01: Float64[np.ndarray, "subchannel"]
    p10: Float64[np.ndarray, "subchannel"]
    p01_interval: Float64[np.ndarray, "subchannel 2"]
    p10_interval: Float64[np.ndarray, "subchannel 2"]


def estimate_rates(
    occupancy: Bool[np.ndarray, "slot site subchannel"], *, confidence: float = 0.95
) -> RateEstimates:
    """Return the rates of each sub-channel, transitions of all sites counted together.

    Args:
        occupancy: States in consecutive slots.
        confidence: Probability with which an interval covers the true rate.

    Raises:
        SpecError: The confidence is not between 0 and 1.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26, 1934.
    """
    if not 0 < confidence < 1:
        raise SpecError(f"a confidence of {confidence:g}", where="confidence", accepted="between 0 and 1")
    before, after = occupancy[:-1], occupancy[1:]
    occupied = before.sum(axis=(0, 1))
    vacant = before.shape[0] * before.shape[1] - occupied
    rises = (~before & after).sum(axis=(0, 1))
    falls = (before & ~after).sum(axis=(0, 1))
    p01, p01_interval = _proportion(rises, vacant, confidence)
    p10, p10_interval = _proportion(falls, occupied, confidence)
    return RateEstimates(p01, p10, p01_interval, p10_interval)


def _proportion(
    hits: Int64[np.ndarray, "n"], trials: Int64[np.ndarray, "n"], confidence: float
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n 2"]]:
    tail = (1 - confidence) / 2
    misses = trials - hits
    # The bounds at no hit and at no miss are 0 and 1; the beta function's own limits are not defined there.
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    estimate = np.full(hits.shape, np.nan)
    np.divide(hits, trials, out=estimate, where=trials > 0)
    return estimate, np.stack([low, high], axis=-1)
