"""Paths between waypoints: what is the same path at the next waypoint, and how it gets there.

A path goes on from one waypoint to the next where its interactions are of the same kinds and its
delay and directions are near. Its delay then follows a curve through both delays, its coefficient
(the gain without the carrier phase of the delay) turns and grows steadily, and the phase follows the
delay: nothing jumps. A path without a successor goes on at its own Doppler while it fades out, and
one that is new fades in likewise; how many do is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int64

from iqatlas.raytracing.paths import INTERACTIONS, SPEED_OF_LIGHT_MPS, PathSet

_LARGEST_TURN_DEG = 10.0
_HELD, _FADES_OUT, _FADES_IN = 0, 1, 2


@dataclass(frozen=True)
class Continuity:
    """How many paths go on from waypoint to waypoint.

    Args:
        matched: Paths that have a successor.
        ended: Paths that fade out for want of one.
        begun: Paths that fade in, having no predecessor.
        matched_power_share: Share of the power at the starts of all steps that is in matched paths.
    """

    matched: int
    ended: int
    begun: int
    matched_power_share: float


@dataclass(frozen=True, eq=False)
class _Curve:
    """Tracks at some times.

    Args:
        size: Magnitude of the gain.
        growth: Its change a second.
        phase: Phase of the gain, that of the carrier included.
        phase_rate: Its change a second.
        delay_s: Delay.
    """

    size: Float64[np.ndarray, "record track"]
    growth: Float64[np.ndarray, "record track"]
    phase: Float64[np.ndarray, "record track"]
    phase_rate: Float64[np.ndarray, "record track"]
    delay_s: Float64[np.ndarray, "record track"]


class Evolution:
    """The paths of a scene at any time of a flight.

    Args:
        paths: Paths at the waypoints.
        waypoint_time_s: Time of each waypoint, rising.
    """

    def __init__(self, paths: PathSet, waypoint_time_s: Float64[np.ndarray, "waypoint"]) -> None:
        self._frequency_hz = paths.frequency_hz
        steps = np.diff(waypoint_time_s)
        # Beyond the last waypoint its paths go on as they are; any length will do for that step.
        self._step_s = np.append(steps, steps[-1] if len(steps) else 1.0)
        delay = paths.delay_s
        coefficient = np.where(paths.valid, paths.gain, 0) * np.exp(2j * np.pi * self._frequency_hz * delay)
        rate = -paths.doppler_hz / self._frequency_hz
        successor = np.full(paths.gain.shape, -1, np.int64)
        curved = np.zeros(paths.gain.shape, bool)
        for step in range(len(steps)):
            successor[step], curved[step] = _successors(paths, step, float(steps[step]))
        self._tracks(paths, coefficient, rate, successor, curved)
        power = np.abs(paths.gain[:-1]) ** 2
        found = successor[:-1] >= 0
        total = float(np.sum(power, where=paths.valid[:-1]))
        matched = int(found.sum())
        self.continuity = Continuity(
            matched=matched,
            ended=int(paths.valid[:-1].sum()) - matched,
            begun=int(paths.valid[1:].sum()) - matched,
            matched_power_share=float(np.sum(power, where=found)) / total if total else 1.0,
        )

    def _tracks(
        self,
        paths: PathSet,
        coefficient: Complex128[np.ndarray, "waypoint receiver site path"],
        rate: Float64[np.ndarray, "waypoint receiver site path"],
        successor: Int64[np.ndarray, "waypoint receiver site path"],
        curved: Bool[np.ndarray, "waypoint receiver site path"],
    ) -> None:
        """Lay out both ends of every track: the paths of a step, and behind them those that begin in it."""
        length = self._step_s[:, None, None, None]
        found = successor >= 0
        at = np.maximum(successor, 0)

        def following(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array[1:], array[-1:]])

        def chosen(array: np.ndarray) -> np.ndarray:
            return np.take_along_axis(following(array), at, axis=-1) if array.shape[-1] else array

        delay = paths.delay_s
        end_delay = np.where(found, chosen(delay), delay + rate * length)
        end_coefficient = np.where(found, chosen(coefficient), coefficient)
        # Where the track has a corner at the next waypoint, the Doppler there is that of the next leg:
        # the curve then has the rate that a parabola through both delays ends with.
        parabola = 2 * (end_delay - delay) / length - rate
        end_rate = np.where(found, np.where(curved, chosen(rate), parabola), rate)
        begins = following(paths.valid)
        begins[-1] = False
        reached = np.zeros_like(begins)
        if begins.shape[-1]:
            _mark(reached, at, found)
        begins &= ~reached
        late, late_rate = following(delay), following(rate)
        self._start_delay = np.concatenate([delay, late - late_rate * length], axis=-1)
        self._end_delay = np.concatenate([end_delay, late], axis=-1)
        self._start_rate = np.concatenate([rate, late_rate], axis=-1)
        self._end_rate = np.concatenate([end_rate, late_rate], axis=-1)
        self._start = np.concatenate([coefficient, np.where(begins, following(coefficient), 0)], axis=-1)
        self._end = np.concatenate([end_coefficient, np.where(begins, following(coefficient), 0)], axis=-1)
        fade = np.where(found, _HELD, _FADES_OUT)
        fade[-1] = _HELD
        self._fade = np.concatenate([fade, np.full(fade.shape, _FADES_IN)], axis=-1)

    @property
    def fastest_hz(self) -> float:
        """A bound on every Doppler shift along the curves of paths that are there."""
        length = self._step_s[:, None, None, None]
        there = (self._start != 0) | (self._end != 0)
        # The slope of the cubic is a parabola, which stays among its Bernstein coefficients.
        middle = 3 * (self._end_delay - self._start_delay) / length - self._start_rate - self._end_rate
        slope = np.maximum(np.maximum(np.abs(self._start_rate), np.abs(self._end_rate)), np.abs(middle))
        turn = np.abs(np.angle(self._end * np.conj(self._start))) / (2 * np.pi * length)
        return float(np.max(self._frequency_hz * slope + turn, initial=0, where=there))

    def at(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
    ) -> tuple[Complex128[np.ndarray, "record track"], Float64[np.ndarray, "record track"]]:
        """Return gains, carrier phase included, and delays of a link's paths; gain 0 where there is none.

        Args:
            receiver: Which receiver.
            site: Which site.
            waypoint: The waypoint at or before each time.
            since_s: Time since that waypoint.
        """
        everything = np.ones(self._start.shape[-1], bool)
        curve = self._curve(receiver, site, waypoint, since_s, everything)
        return curve.size * np.exp(1j * curve.phase), curve.delay_s

    def series_at(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
        *,
        order: int,
        scale_s: float,
    ) -> tuple[Complex128[np.ndarray, "record term track"], Float64[np.ndarray, "record track"]]:
        """Return the terms scale_s^k/k! · dᵏg/dtᵏ of the gains about each time, and the delays.

        About each time the phase turns at its Doppler shift and the size changes along a straight line.
        Tracks on which no record has a path are left out.

        Args:
            receiver: Which receiver.
            site: Which site.
            waypoint: The waypoint at or before each time.
            since_s: Time since that waypoint.
            order: Highest term.
            scale_s: Unit of time of the series.
        """
        visited = np.unique(waypoint)
        there = (self._start[visited, receiver, site] != 0) | (self._end[visited, receiver, site] != 0)
        curve = self._curve(receiver, site, waypoint, since_s, there.any(axis=0))
        turned = np.exp(1j * curve.phase)
        gain, growth = curve.size * turned, scale_s * curve.growth * turned
        terms = np.empty((len(gain), order + 1, gain.shape[-1]), np.complex128)
        terms[:, 0] = gain
        rate = 1j * scale_s * curve.phase_rate
        power = np.ones_like(rate)  # rateᵏ⁻¹/(k − 1)!
        for term in range(1, order + 1):
            terms[:, term] = power * (gain * rate / term + growth)
            power = power * rate / term
        return terms, curve.delay_s

    def _curve(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
        track: Bool[np.ndarray, "track"],
    ) -> _Curve:
        """Return where on their curves the chosen tracks are."""

        def taken(array: np.ndarray) -> np.ndarray:
            of_link: np.ndarray = array[waypoint, receiver, site][:, track]
            return of_link

        length = self._step_s[waypoint][:, None]
        part = since_s[:, None] / length
        rest = 1.0 - part
        # Hermite's cubic; a straight line stays one, also beyond its end.
        start_delay, end_delay = taken(self._start_delay), taken(self._end_delay)
        start_rate, end_rate = taken(self._start_rate), taken(self._end_rate)
        delay = (
            (1 + 2 * part) * rest**2 * start_delay
            + part**2 * (3 - 2 * part) * end_delay
            + length * part * rest * (rest * start_rate - part * end_rate)
        )
        slope = (
            6 * part * rest * (end_delay - start_delay) / length
            + rest * (1 - 3 * part) * start_rate
            + part * (3 * part - 2) * end_rate
        )
        start, end = taken(self._start), taken(self._end)
        size = rest * np.abs(start) + part * np.abs(end)
        turn = np.angle(end * np.conj(start))
        phase = np.angle(start) + part * turn - 2 * np.pi * self._frequency_hz * delay
        within = (part > 0) & (part < 1)
        quarter = 0.5 * np.pi * np.clip(part, 0.0, 1.0)
        fade = taken(self._fade)
        # Power, not amplitude, is handed over: what ends and what begins don't know of each other.
        out, into = fade == _FADES_OUT, fade == _FADES_IN
        weight = np.where(out, np.cos(quarter), np.where(into, np.sin(quarter), 1.0))
        change = np.where(out, -np.sin(quarter), np.where(into, np.cos(quarter), 0.0)) * within
        growth = (weight * (np.abs(end) - np.abs(start)) + 0.5 * np.pi * change * size) / length
        phase_rate = turn / length - 2 * np.pi * self._frequency_hz * slope
        return _Curve(weight * size, growth, phase, phase_rate, delay)


def _mark(
    reached: Bool[np.ndarray, "waypoint receiver site path"],
    at: Int64[np.ndarray, "waypoint receiver site path"],
    found: Bool[np.ndarray, "waypoint receiver site path"],
) -> None:
    """Set the places that a path is followed by."""
    where = np.nonzero(found)
    reached[(*where[:3], at[where])] = True


def _successors(
    paths: PathSet, step: int, length_s: float
) -> tuple[Int64[np.ndarray, "receiver site path"], Bool[np.ndarray, "receiver site path"]]:
    """Return each path's place at the next waypoint, -1 for none, and whether its rate there fits.

    Two paths are one where each is the other's nearest by delay and directions.
    """
    now, then = step, step + 1
    if not paths.gain.shape[-1]:
        return np.empty(paths.gain.shape[1:], np.int64), np.empty(paths.gain.shape[1:], bool)
    # One number for all interactions of a path: comparing those takes a depth's share of the memory.
    digit = len(INTERACTIONS) ** np.arange(paths.interaction.shape[-1], dtype=np.int64)
    kinds = paths.interaction[now : now + 2] @ digit
    alike = kinds[0][..., :, None] == kinds[1][..., None, :]
    alike &= paths.valid[now][..., :, None] & paths.valid[then][..., None, :]
    # In metres: what each path's length changes by, and what Doppler says that it should.
    growth = SPEED_OF_LIGHT_MPS * (paths.delay_s[then][..., None, :] - paths.delay_s[now][..., :, None])
    wavelength = SPEED_OF_LIGHT_MPS / paths.frequency_hz
    first = -wavelength * paths.doppler_hz[now][..., :, None] * length_s
    last = -wavelength * paths.doppler_hz[then][..., None, :] * length_s
    by_mean, by_start = np.abs(growth - (first + last) / 2), np.abs(growth - first)
    error = np.minimum(by_mean, by_start)
    turns = [
        _angle_deg(paths.departure_azimuth_deg, paths.departure_zenith_deg, now),
        _angle_deg(paths.arrival_azimuth_deg, paths.arrival_zenith_deg, now),
    ]
    near = error <= wavelength / 2 + 0.1 * np.maximum(np.abs(first), np.abs(last))
    for turn in turns:
        near &= turn <= _LARGEST_TURN_DEG
    cost = np.where(alike & near, error / wavelength + sum(turns) / _LARGEST_TURN_DEG, np.inf)
    best = cost.argmin(axis=-1)
    back = cost.argmin(axis=-2)
    mutual = np.take_along_axis(back, best, axis=-1) == np.arange(cost.shape[-2])
    lowest = np.take_along_axis(cost, best[..., None], axis=-1)[..., 0]
    fits = np.take_along_axis(by_mean <= by_start, best[..., None], axis=-1)[..., 0]
    return np.where(mutual & np.isfinite(lowest), best, -1), fits


def _angle_deg(
    azimuth_deg: Float64[np.ndarray, "waypoint receiver site path"],
    zenith_deg: Float64[np.ndarray, "waypoint receiver site path"],
    now: int,
) -> Float64[np.ndarray, "receiver site path path"]:
    """Return the angle between each direction at a waypoint and each at the next."""
    azimuth, zenith = np.deg2rad(azimuth_deg[now : now + 2]), np.deg2rad(zenith_deg[now : now + 2])
    flat = np.sin(zenith)
    direction = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)], axis=-1)
    cosine = np.einsum("...px,...qx->...pq", direction[0], direction[1])
    angle: Float64[np.ndarray, "receiver site path path"] = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    return angle
