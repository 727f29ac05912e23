"""Duty cycles of sub-channels: the share of segments that noise alone would hardly give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Bool, Float32, Float64, Int64

from iqatlas.features import _arrays
from iqatlas.features.bands import bin_shares
from iqatlas.features.spec import TabularSpec
from iqatlas.features.tapers import taper

WINDOW = "hann"
_REACHES = ((1.0, 2), (1.5, 4))
"""Bins from an edge on which the neighbour is not heard through the taper, and how many of them suffice.

The taper lets 4% of the neighbour's density through at 1 bin from the edge, 0.3% at 1.5. A sub-channel that
is too narrow for either keeps all of its bins."""
_OUTSIDE_REACH = 1.5
_FREEDOM = 8.0
"""Independent values that a decision is made from, where captures are long enough."""
_LONGEST_MEDIAN = 9
_LOW = 0.1
"""Quantile of short-time densities that tells the floor where no bin lies outside the sub-channels."""
_EXCISED = 0.01
"""Share of the noise that is left out with the signals when such a floor is worked out again."""
_ROUNDS = 8
_MEDIAN_EFFICIENCY = 2 / math.pi
_LEAST_LIKENESS = 1e-9
_AGREEMENT = 2.0
"""Standard deviations that a sub-channel may lie above the floor to have a say in it."""


@dataclass(frozen=True, eq=False)
class DutyRule:
    """What a duty cycle is worked out by, for captures of one length.

    Args:
        shares: Weights of the bins of each sub-channel; those beside its edges have none.
        freedom: Independent values that a short-time density of each is the mean of.
        outside: Bins outside all sub-channels and away from their edges.
        outside_freedom: Independent values that the median over them, of means over time, is worth.
        frame_freedom: Independent values that the mean of a bin over time is of.
        voters: Segments that a median is taken over, an odd number.
        apart: Segments from one voter to the next: half a segment's samples at least.
        false_alarm: Probability that the median of noise passes.
    """

    shares: Float64[np.ndarray, "subchannel frequency"]
    freedom: Float64[np.ndarray, " subchannel"]
    outside: Int64[np.ndarray, " bin"]
    outside_freedom: float
    frame_freedom: float
    voters: int
    apart: int
    false_alarm: float

    def threshold(self) -> Float64[np.ndarray, " subchannel"]:
        """Return how far above the floor the median lies with the probability of a false alarm."""
        half = (self.voters + 1) / 2
        # More than half of the voters pass as often as one of them passes what the median has to.
        alone = float(scipy.special.betaincinv(half, half, self.false_alarm))
        return _gamma_quantile(1 - alone, self.freedom)


def duty_rule(
    spec: TabularSpec,
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    *,
    frames: int,
    sample_rate_hz: float,
) -> DutyRule:
    """Return the rule for captures.

    Args:
        spec: Segments, probability of false alarm, and whether bins outside the sub-channels tell the floor.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        frames: Segments of a capture.
        sample_rate_hz: Sampling rate.
    """
    return _rule(spec, tuple((float(low), float(high)) for low, high in edges_hz), frames, sample_rate_hz)


@lru_cache(maxsize=2)  # the blocks of a corpus share one
def _rule(
    spec: TabularSpec, edges: tuple[tuple[float, float], ...], frames: int, sample_rate_hz: float
) -> DutyRule:
    edges_hz = np.array(edges, np.float64)
    step = sample_rate_hz / spec.nperseg
    frequency = (np.arange(spec.nperseg) - spec.nperseg // 2) * step
    shares = bin_shares(edges_hz[:, 0], edges_hz[:, 1], spec.nperseg, sample_rate_hz=sample_rate_hz)
    for reach, enough in _REACHES:
        inner = _within(frequency, edges_hz + step * reach * np.array([1, -1]), sample_rate_hz)
        wide = inner.sum(axis=1) >= enough
        shares[wide] = inner[wide] / inner[wide].sum(axis=1, keepdims=True)
    reaching = edges_hz + step * _OUTSIDE_REACH * np.array([-1, 1])
    near = _within(frequency, reaching, sample_rate_hz).any(axis=0)
    outside = np.flatnonzero(~near) if spec.duty_guard else np.zeros(0, np.int64)
    window = taper(WINDOW, spec.nperseg)
    likeness = _bin_likeness(window)
    freedom = np.array([_freedom(row, likeness) for row in shares])
    in_time = _frame_freedom(window, spec.hop_samples, frames)
    evenly = np.zeros(spec.nperseg)
    evenly[outside] = 1 / max(1, len(outside))
    apart = -(-spec.nperseg // (2 * spec.hop_samples))
    wanted = math.ceil(_FREEDOM / float(np.median(freedom))) | 1
    most = (frames - 1) // apart // 2 * 2 + 1
    return DutyRule(
        shares=shares,
        freedom=freedom,
        outside=outside,
        outside_freedom=_freedom(evenly, likeness) * in_time * _MEDIAN_EFFICIENCY if len(outside) else 0.0,
        frame_freedom=in_time,
        voters=min(wanted, most, _LONGEST_MEDIAN),
        apart=apart,
        false_alarm=spec.duty_false_alarm,
    )


def duty_cycle(
    short: Float32[Any, "row frame subchannel"], spectrum: Float32[Any, "row frequency"], rule: DutyRule
) -> Float32[Any, "row subchannel"]:
    """Return the share of segments in which each sub-channel is busy.

    A segment is busy where the median over its neighbours lies further above the floor than it would, of
    noise alone, with the probability of a false alarm. Short-time densities of noise are the means of so
    many independent exponential values as taper and width leave, which is a gamma law.

    Args:
        short: Mean density of each sub-channel in each segment, by the shares of the rule.
        spectrum: Mean density of each bin over the segments.
        rule: What :func:`duty_rule` gives.

    Source: P. D. Welch, 1967 (independent values of overlapping tapered segments); for the floor without
    bins outside, J. J. Lehtomäki et al., "CFAR outlier detection with forward methods", IEEE Trans. Signal
    Processing, 2007.
    """
    xp, frames = _arrays.namespace(short), short.shape[1]
    floor = _floor_outside(short, spectrum, rule) if len(rule.outside) else _floor_inside(short, rule)
    limit = _placed(rule.threshold(), short)
    passed = xp.astype(short > floor[:, None, None] * limit, xp.float32)
    busy = xp.astype(_over_voters(passed, rule) > 0.5, xp.float32)
    # At the ends of a capture the nearest whole set of voters decides.
    ends = _reach(rule) * (busy[:, 0] + busy[:, -1])
    return (xp.sum(busy, axis=1) + ends) / frames


def _reach(rule: DutyRule) -> int:
    """Return how many segments away the last voter of a segment is."""
    return rule.apart * (rule.voters // 2)


def _over_voters(values: Any, rule: DutyRule) -> Any:
    """Return means over the voters of each segment, of those that have all of theirs."""
    whole = values.shape[1] - 2 * _reach(rule)
    starts = range(0, rule.voters * rule.apart, rule.apart)
    return sum(values[:, start : start + whole] for start in starts) / rule.voters


def _floor_outside(short: Any, spectrum: Any, rule: DutyRule) -> Any:
    """Return the floor that bins outside tell, and sub-channels that lie no higher for all of the capture."""
    xp = _arrays.namespace(short)
    outside = xp.sort(xp.take(spectrum, _arrays.like(rule.outside, short), axis=-1), axis=-1)
    middle = (outside[:, (len(rule.outside) - 1) // 2] + outside[:, len(rule.outside) // 2]) / 2
    floor = middle / float(_gamma_quantile(0.5, np.array(rule.frame_freedom)))
    freedom = rule.freedom * rule.frame_freedom
    tolerance = 1 + _AGREEMENT * np.sqrt(1 / freedom + 1 / rule.outside_freedom)
    level = xp.mean(short, axis=1)
    weight = xp.astype(level <= floor[:, None] * _placed(tolerance, short), xp.float32)
    weight = weight * _placed(freedom, short)
    total = floor * rule.outside_freedom + xp.sum(weight * level, axis=-1)
    return total / (rule.outside_freedom + xp.sum(weight, axis=-1))


def _floor_inside(short: Any, rule: DutyRule) -> Any:
    """Return the floor that the lowest short-time densities tell, worked out again from all like them."""
    xp = _arrays.namespace(short)
    # Means over voters: of few independent values, some of a signal look like noise.
    short, own = _over_voters(short, rule), rule.freedom * rule.voters
    ranked = xp.sort(xp.reshape(short, (short.shape[0], -1)), axis=-1)
    place = _LOW * (ranked.shape[1] - 1)
    low = int(place)
    high = min(low + 1, ranked.shape[1] - 1)
    lowest = ranked[:, low] + (ranked[:, high] - ranked[:, low]) * (place - low)
    floor = lowest / _low_quantile(own)
    limit = _gamma_quantile(1 - _EXCISED, own)
    kept_mean = scipy.special.gammainc(own + 1, own * limit) / (1 - _EXCISED)
    freedom, limits, expected = (_placed(part, short) for part in (own, limit, kept_mean))
    for _ in range(_ROUNDS):
        weight = xp.astype(short <= floor[:, None, None] * limits, xp.float32) * freedom
        total = xp.sum(weight * short, axis=(1, 2))
        count = xp.sum(weight * expected, axis=(1, 2))
        floor = xp.where(count > 0, total / xp.clip(count, min=1e-9), floor)
    return floor


def _low_quantile(freedom: Float64[np.ndarray, " subchannel"]) -> float:
    """Return the low quantile of noise over all sub-channels together, over its mean."""
    below, above = 0.0, 1.0
    for _ in range(50):
        middle = (below + above) / 2
        if scipy.special.gammainc(freedom, freedom * middle).mean() < _LOW:
            below = middle
        else:
            above = middle
    return above


def _gamma_quantile(
    probability: float, freedom: Float64[np.ndarray, "*shape"]
) -> Float64[np.ndarray, "*shape"]:
    """Return a quantile of the mean of so many independent exponential values of mean 1."""
    return np.asarray(scipy.special.gammaincinv(freedom, probability) / freedom, np.float64)


def _within(
    frequency_hz: Float64[np.ndarray, " frequency"], edges_hz: Float64[np.ndarray, "band 2"], rate_hz: float
) -> Bool[np.ndarray, "band frequency"]:
    """Return which bins lie within bands, about a periodic spectrum."""
    inside = np.zeros((len(edges_hz), len(frequency_hz)), np.bool_)
    slack = 1e-6 * rate_hz / len(frequency_hz)
    for turn in (-rate_hz, 0.0, rate_hz):
        turned = frequency_hz + turn
        inside |= (turned >= edges_hz[:, :1] - slack) & (turned <= edges_hz[:, 1:] + slack)
    return inside


def _bin_likeness(window: Float64[np.ndarray, " sample"]) -> Float64[np.ndarray, " bin"]:
    """Return the correlation of the powers of two bins of noise, by their distance."""
    likeness: Float64[np.ndarray, " bin"] = np.abs(scipy.fft.fft(window**2)) ** 2 / np.sum(window**2) ** 2
    return likeness


def _freedom(weights: Float64[np.ndarray, " frequency"], likeness: Float64[np.ndarray, " bin"]) -> float:
    """Return of how many independent values a weighted mean over bins is worth: 1 over its variance."""
    lags = np.flatnonzero(likeness > _LEAST_LIKENESS)  # of Hann's taper, -2 to 2
    return float(1 / sum(likeness[lag] * np.dot(weights, np.roll(weights, lag)) for lag in lags))


def _frame_freedom(window: Float64[np.ndarray, " sample"], hop: int, frames: int) -> float:
    """Return of how many independent values the mean of a bin over overlapping segments is worth."""
    size = len(window)
    lagged = scipy.fft.irfft(np.abs(scipy.fft.rfft(window, 2 * size)) ** 2, 2 * size)[:size:hop][:frames]
    share = 1 - np.arange(1, len(lagged)) / frames
    return float(frames / (1 + 2 * np.sum(share * (lagged[1:] / lagged[0]) ** 2)))


def _placed(values: Float64[np.ndarray, " subchannel"], other: Any) -> Any:
    return _arrays.like(values.astype(np.float32), other)
