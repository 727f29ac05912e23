"""Two-state Markov chains: drawing them, what theory says of them, and rates from data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.special import betaincinv

from iqatlas.errors import SpecError
from iqatlas.occupancy.profile import hour_pieces, scaled_p01
from iqatlas.occupancy.spec import MarkovOccupancy, Rate, RateRange
from iqatlas.occupancy.theory import MEMORY_LEFT, Theory, independent
from iqatlas.seeds import Stage, stream

_BLOCK_STATES = 1 << 20
"""States drawn at once, which bounds memory; the result does not depend on it."""
_RATES_INDEX = (0, 1)
"""Index of the stream that rates are drawn from; the draws' own streams have a single number."""

Rates = Float64[np.ndarray, "site subchannel"]
Piece = tuple[int, Rates, Rates]
"""First slot of a stretch of constant rates, and its p01 and p10."""


def rates(
    spec: MarkovOccupancy, *, sites: int, subchannels: int, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "site subchannel"], Float64[np.ndarray, "site subchannel"]]:
    """Return p01 and p10 of each chain.

    Args:
        spec: The chains; a single number holds for all, a list for the sub-channels of every site.
        sites, subchannels: Extents of the result.
        rng: Source of rates that are given as a range.

    Raises:
        SpecError: Another number of rates than of sub-channels or sites, or a chain of which both
            rates are 0, so that it has no stationary state of its own.
    """
    p01 = _of_chains(spec.p01, sites, subchannels, "occupancy.p01", rng)
    p10 = _of_chains(spec.p10, sites, subchannels, "occupancy.p10", rng)
    frozen = np.argwhere((p01 == 0) & (p10 == 0))
    if len(frozen):
        site, subchannel = frozen[0]
        of_site = f" at site {site}" if site else ""
        raise SpecError(
            f"p01 and p10 of sub-channel {subchannel}{of_site} are both 0",
            where="occupancy.p01",
            accepted="at least one of them above 0",
            remedy="for a sub-channel that is always vacant set p10 to 1; always occupied, p01 to 1",
        )
    return p01, p10


def _of_chains(rate: Rate, sites: int, subchannels: int, where: str, rng: np.random.Generator) -> Rates:
    shape = (sites, subchannels)
    if isinstance(rate, RateRange):
        return rng.uniform(rate.low, rate.high, size=shape)
    accepted = f"one number, a list of {subchannels}, {sites} such lists, or {{low: …, high: …}}"
    rows: tuple[Any, ...] = rate if isinstance(rate, tuple) and isinstance(rate[0], tuple) else (rate,)
    if len(rows) not in (1, sites) or (rows[0] is not rate and len(rows) != sites):
        raise SpecError(f"rates of {len(rows)} sites for {sites} sites", where=where, accepted=accepted)
    for row in rows:
        if isinstance(row, tuple) and len(row) != subchannels:
            raise SpecError(
                f"{len(row)} rates for {subchannels} sub-channels", where=where, accepted=accepted
            )
    return np.array(np.broadcast_to(np.array(rows, np.float64).reshape(len(rows), -1), shape))


def draw_chains(
    pieces: Sequence[Piece], *, slots: int, rng: np.random.Generator
) -> Bool[np.ndarray, "slot site subchannel"]:
    """Return independent chains, the first state from the equilibrium of the first rates.

    A longer draw begins with the shorter one of the same generator state.

    Args:
        pieces: Stretches of constant rates, rising, the first from slot 0 on.
        slots: Length of the result.
        rng: Source of the chains, one number for each state.
    """
    states = np.empty((slots, *pieces[0][1].shape), np.bool_)
    done = 0
    for block in chain_blocks(pieces, slots=slots, rng=rng):
        states[done : done + len(block)] = block
        done += len(block)
    return states


def chain_blocks(
    pieces: Sequence[Piece], *, slots: int, rng: np.random.Generator
) -> Iterator[Bool[np.ndarray, "slot site subchannel"]]:
    """Give the same chains a stretch of slots after the other, each small.

    Args:
        pieces: Stretches of constant rates, rising, the first from slot 0 on.
        slots: Slots in all.
        rng: Source of the chains, one number for each state.
    """
    _, p01, p10 = pieces[0]
    if slots * p01.size == 0:
        return
    current = rng.random(p01.shape) < p01 / (p01 + p10)
    yield current[None]
    block = max(1, _BLOCK_STATES // current.size)
    ends = [*(first for first, _, _ in pieces[1:]), slots]
    for (first, p01, p10), end in zip(pieces, ends, strict=True):
        # With one number u for each step, the next state after vacant is u < p01 and after occupied
        # u < 1 − p10. Below both bounds or above both, it does not depend on the state before: the
        # chain restarts there. In between the state stays if p01 < 1 − p10, and changes otherwise.
        lower, upper = np.minimum(p01, 1 - p10), np.maximum(p01, 1 - p10)
        alternates = p01 > 1 - p10
        for low in range(max(1, first), min(end, slots), block):
            high = min(slots, end, low + block)
            u = rng.random((high - low, *p01.shape))
            step = np.arange(1, high - low + 1, dtype=np.int32)[:, None, None]
            restart = np.maximum.accumulate(np.where((u < lower) | (u >= upper), step, 0), axis=0)
            fresh = np.concatenate([current[None], u < lower])
            value = np.take_along_axis(fresh, restart, axis=0)
            states = value ^ (alternates & ((step - restart) % 2 == 1))
            current = states[-1]
            yield states


class MarkovChains:
    """The chains of a spec.

    Args:
        spec: Rates and profile.
        sites, subchannels: How many chains.
        slots: Slots of a draw, over which the profile's span is spread.
        seed: The spec's seed.

    Raises:
        SpecError: Rates that :func:`rates` refuses, or a profile that they can't follow.
    """

    def __init__(self, spec: MarkovOccupancy, *, sites: int, subchannels: int, slots: int, seed: int) -> None:
        self.spec, self._seed = spec, seed
        self.p01, self.p10 = rates(
            spec, sites=sites, subchannels=subchannels, rng=stream(seed, Stage.OCCUPANCY, *_RATES_INDEX)
        )
        profile = spec.profile
        self._hours_a_slot = spec.slot_s / 3600
        if profile is not None:
            if profile.span_h is not None:
                self._hours_a_slot = profile.span_h / slots
            self._p01_by_hour = {
                factor: scaled_p01(self.p01, self.p10, factor) for factor in set(profile.by_hour)
            }

    def _hours(self, slots: int) -> list[tuple[int, int]]:
        profile = self.spec.profile
        if profile is None:
            return [(0, 0)]
        return hour_pieces(profile, hours_a_slot=self._hours_a_slot, slots=slots)

    def _p01_at(self, hour: int) -> Rates:
        profile = self.spec.profile
        return self.p01 if profile is None else self._p01_by_hour[profile.by_hour[hour]]

    def draw(self, number: int, slots: int) -> Bool[np.ndarray, "slot site subchannel"]:
        """Return the states of a draw; a longer one begins with the shorter one."""
        return draw_chains(self._pieces(slots), slots=slots, rng=self._stream(number))

    def blocks(self, number: int, slots: int) -> Iterator[Bool[np.ndarray, "slot site subchannel"]]:
        """Give the states of a draw a stretch of slots after the other."""
        return chain_blocks(self._pieces(slots), slots=slots, rng=self._stream(number))

    def _pieces(self, slots: int) -> list[Piece]:
        return [(first, self._p01_at(hour), self.p10) for first, hour in self._hours(slots)]

    def _stream(self, number: int) -> np.random.Generator:
        return stream(self._seed, Stage.OCCUPANCY, number)

    def correlation(self, lag: int) -> Float64[np.ndarray, "site subchannel"]:
        """Return the correlation of states so many slots apart, (1 − p01 − p10)^|lag|, profile aside."""
        coefficient: Float64[np.ndarray, "site subchannel"] = (1 - self.p01 - self.p10) ** abs(lag)
        return coefficient

    def guard_slots(self) -> int:
        """Return the least gap, in slots, that leaves a correlation of 0.01 or less in every chain.

        Chains that never change have nothing to forget and ask for no gap.

        Raises:
            SpecError: A chain that alternates for ever.
        """
        used = self._p01_by_hour.values() if self.spec.profile else [self.p01]
        return max(gap_of_memory(p01, self.p10) for p01 in used)

    def theory(self, slots: int) -> Theory:
        """Return shares and starts of each chain in draws of so many slots."""
        pieces = self._hours(slots)
        p01 = self._p01_at(pieces[0][1])
        expected = p01 / (p01 + self.p10)
        occupied, starts, together = np.zeros_like(p01), np.zeros_like(p01), np.zeros_like(p01[:, 1:])
        by_hour: dict[int, tuple[int, Rates]] = {}
        ends = [*(first for first, _ in pieces[1:]), slots]
        for (first, hour), end in zip(pieces, ends, strict=True):
            p01 = self._p01_at(hour)
            share, memory = p01 / (p01 + self.p10), 1 - p01 - self.p10
            # The first state of a piece other than slot 0 is a step with the new rates.
            away = expected - share if first == 0 else (expected - share) * memory
            count = end - first
            inside = share * count + away * _geometric_sum(memory, count)
            occupied += inside
            together += _pair_sum(share, away, memory, count)
            before_last = inside - (share + away * memory ** (count - 1))
            # A step into slot n is made with the rates of slot n.
            vacant = (count - 1) - before_last + (0 if first == 0 else 1 - expected)
            starts += p01 * vacant
            expected = share + away * memory ** (count - 1)
            slots_before, share_before = by_hour.get(hour, (0, np.zeros_like(p01)))
            by_hour[hour] = (slots_before + count, share_before + inside)
        return Theory(
            share=occupied / slots,
            starts=starts / max(1, slots - 1),
            # Chains that know nothing of each other still follow the same day.
            neighbours=_coefficient(occupied / slots, together / slots)
            if self.spec.profile
            else independent(*self.p01.shape),
            by_hour={hour: total / count for hour, (count, total) in by_hour.items()}
            if self.spec.profile
            else {},
        )

    def drawn(self) -> dict[str, Any]:
        """Return the rates of each site and sub-channel, where they were drawn."""
        return {
            name: values.round(9).tolist()
            for name, rate, values in (("p01", self.spec.p01, self.p01), ("p10", self.spec.p10, self.p10))
            if isinstance(rate, RateRange)
        }


def _geometric_sum(ratio: Rates, count: int) -> Rates:
    """Return 1 + r + … + r^(count − 1)."""
    apart = np.where(ratio == 1, 1.0, 1 - ratio)
    total: Rates = np.where(ratio == 1, float(count), (1 - ratio**count) / apart)
    return total


def _pair_sum(share: Rates, away: Rates, memory: Rates, count: int) -> Float64[np.ndarray, "site pair"]:
    """Return the sum over slots k of the product of neighbours' share + away · memory^k."""
    left, right = np.s_[:, 1:], np.s_[:, :-1]
    total: Float64[np.ndarray, "site pair"] = (
        share[left] * share[right] * count
        + share[left] * away[right] * _geometric_sum(memory[right], count)
        + share[right] * away[left] * _geometric_sum(memory[left], count)
        + away[left] * away[right] * _geometric_sum(memory[left] * memory[right], count)
    )
    return total


def _coefficient(
    share: Rates, together: Float64[np.ndarray, "site pair"]
) -> Float64[np.ndarray, "site pair"]:
    left, right = share[:, 1:], share[:, :-1]
    scale = np.sqrt(left * (1 - left) * right * (1 - right))
    none = np.zeros_like(scale)
    return np.asarray(np.divide(together - left * right, scale, out=none, where=scale > 0), np.float64)


def gap_of_memory(p01: Float64[np.ndarray, "*chain"], p10: Float64[np.ndarray, "*chain"]) -> int:
    """Return the least number of slots n with |1 − p01 − p10|^n ≤ 0.01 for every chain that changes.

    Raises:
        SpecError: A chain that alternates for ever.
    """
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
    if longest <= MEMORY_LEFT:
        return 1
    gap = int(np.ceil(np.log(MEMORY_LEFT) / np.log(longest)))
    # The quotient of logarithms can end on either side of a whole number.
    while longest**gap > MEMORY_LEFT:
        gap += 1
    while longest ** (gap - 1) <= MEMORY_LEFT:
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
    before, after = occupancy[:-1], occupancy[1:]
    occupied = before.sum(axis=(0, 1))
    vacant = before.shape[0] * before.shape[1] - occupied
    rises = (~before & after).sum(axis=(0, 1))
    falls = (before & ~after).sum(axis=(0, 1))
    p01, p01_interval = proportion(rises, vacant, confidence)
    p10, p10_interval = proportion(falls, occupied, confidence)
    return RateEstimates(p01, p10, p01_interval, p10_interval)


def proportion(
    hits: Int64[np.ndarray, "*n"], trials: Int64[np.ndarray, "*n"], confidence: float
) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n 2"]]:
    """Return hits over trials and the exact interval of Clopper and Pearson; NaN and 0 to 1 of no trial.

    Args:
        hits, trials: Counts.
        confidence: Probability with which an interval covers the true probability.

    Raises:
        SpecError: The confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise SpecError(f"a confidence of {confidence:g}", where="confidence", accepted="between 0 and 1")
    tail = (1 - confidence) / 2
    misses = trials - hits
    # The bounds at no hit and at no miss are 0 and 1; the beta function's own limits are not defined there.
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    estimate = np.full(hits.shape, np.nan)
    np.divide(hits, trials, out=estimate, where=trials > 0)
    return estimate, np.stack([low, high], axis=-1)
