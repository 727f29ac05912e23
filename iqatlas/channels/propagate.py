"""Baseband through paths: every site's signal, delayed and summed, at every receiver.

The exact fractional delays are phase ramps in the frequency domain. A block longer than the
capture is transformed: in front by the largest delay, and on both ends by a guard in which the
block fades in and out, so that the circular ends of the transform don't reach the capture.

Between the carrier's band and the Nyquist frequency a filter rolls off. Without it the sharp
borders of OFDM symbols, which a fractional delay spreads out by 1/t, would reach over any guard.

Where receivers move, delays and phases change within a capture. With g, τ and f the gain, delay and
Doppler shift of a path in the middle of a capture, t the time since then and F the carrier, it gives
g·exp(j2πft)·x(t − τ + t·f/F): in the frequency domain Σ_k t^k/k! · H_k(ν)·X(ν), with
H_k(ν) = Σ_p (j2πf_p(1 + ν/F))^k g_p exp(−j2πντ_p). The terms cost an inverse transform each;
:mod:`iqatlas.channels.motion` says how many there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Float64, Int64

from iqatlas.channels.evolution import Continuity, Evolution
from iqatlas.channels.motion import expansion_for
from iqatlas.channels.response import frequency_response, response_of_all, response_of_each
from iqatlas.raytracing.paths import PathSet

GUARD_SAMPLES = 64
"""Fade at each end of a block. Against a direct sum over paths the worst sample is then off by up to
9e-5 of the RMS (1.4 and 3 MHz carriers) or less (1e-5 at 10 MHz); half of it would pass 1e-4."""
FLAT_BAND = 0.75
"""Where the filter begins to roll off, over the Nyquist frequency; LTE's subcarriers end at 0.71."""
MOTION_ERROR = 1e-3
"""Largest error, relative to each path, that the motion during a capture may leave."""
_SPECTRUM_VALUES = 1 << 16
"""Values of the sites' spectra worked on at once: half a megabyte, which stays in a core's cache."""
_VECTOR = 16
"""Records are taken in multiples of this, so that the transforms' vector loops leave nothing over."""


@dataclass(frozen=True)
class Block:
    """How a capture lies in the block that is transformed.

    Args:
        length: Samples in the block, a fast transform length.
        lead: Samples of the block before the capture.
        samples: Samples of the capture.
    """

    length: int
    lead: int
    samples: int


def block_for(samples: int, *, max_delay_s: float, sample_rate_hz: float) -> Block:
    """Return the block that a capture needs.

    Args:
        samples: Samples of the capture.
        max_delay_s: Largest delay of any path.
        sample_rate_hz: Sampling rate.
    """
    history = int(np.ceil(max_delay_s * sample_rate_hz))
    length = scipy.fft.next_fast_len(samples + history + 2 * GUARD_SAMPLES)
    return Block(length=length, lead=length - samples - GUARD_SAMPLES, samples=samples)


def band_filter(
    frequency_hz: Float64[np.ndarray, "frequency"], sample_rate_hz: float
) -> Float64[np.ndarray, "frequency"]:
    """Return the gain of the filter: 1 over the carrier, a raised cosine down to 0 at Nyquist.

    Args:
        frequency_hz: Frequencies relative to the carrier.
        sample_rate_hz: Sampling rate.
    """
    beyond = (np.abs(frequency_hz) / (sample_rate_hz / 2) - FLAT_BAND) / (1 - FLAT_BAND)
    gain: Float64[np.ndarray, "frequency"] = 0.5 + 0.5 * np.cos(np.pi * np.clip(beyond, 0.0, 1.0))
    return gain


@dataclass(frozen=True)
class _Piece:
    """A part of the capture, and the part of its block that it is worked out from.

    Args:
        begin: First sample of the part of the block.
        lead: Samples of that part before the piece.
        first: First sample of the piece in the capture.
        samples: Samples of the piece.
        middle_s: Time of its middle, from the middle of the capture.
    """

    begin: int
    lead: int
    first: int
    samples: int
    middle_s: float


class Channel:
    """The links of a scene, ready to be applied to blocks of baseband.

    Args:
        paths: The paths; invalid places are ignored.
        block: How captures lie in their blocks.
        sample_rate_hz: Sampling rate of the baseband.
        site_power_mw: Power gain given to each site's unit baseband.
        waypoint_time_s: Times of the waypoints of a flight: paths then evolve from each to the next.
            Without them, gains and delays are those of each waypoint, and go on at their Doppler shifts.
        motion_error: Largest error, relative to each path, that the motion during a capture may leave.
    """

    def __init__(
        self,
        paths: PathSet,
        block: Block,
        *,
        sample_rate_hz: float,
        site_power_mw: Float64[np.ndarray, "site"],
        waypoint_time_s: Float64[np.ndarray, "waypoint"] | None = None,
        motion_error: float = MOTION_ERROR,
    ) -> None:
        self._block, self._paths, self._rate_hz = block, paths, sample_rate_hz
        self._waypoint_time_s = waypoint_time_s
        moving = bool(np.any(paths.doppler_hz[paths.valid] != 0))
        self._evolution: Evolution | None = None
        if moving and waypoint_time_s is not None and len(waypoint_time_s) > 1:
            self._evolution = Evolution(paths, waypoint_time_s)
        fastest_hz = float(np.max(np.abs(paths.doppler_hz), initial=0, where=paths.valid))
        if self._evolution is not None:
            fastest_hz = self._evolution.fastest_hz
        history = int(np.ceil(paths.max_delay_s * sample_rate_hz))
        overlap = history + 2 * GUARD_SAMPLES
        series = expansion_for(
            block.samples,
            overlap=overlap,
            max_shift_hz=fastest_hz,
            sample_rate_hz=sample_rate_hz,
            bound=motion_error,
        )
        self.order = series.order if moving else 0
        """Highest power of time in the series that motion is followed with."""
        pieces = series.pieces if moving else 1
        self._length = block.length
        """Samples of the transforms: those of the block, or what a piece of it needs."""
        each = -(-block.samples // pieces)
        if pieces > 1:
            self._length = min(block.length, int(scipy.fft.next_fast_len(each + overlap)))
        self._pieces = self._cut(each)
        self._step_hz = sample_rate_hz / self._length
        frequency_hz = np.asarray(scipy.fft.fftfreq(self._length, 1 / sample_rate_hz), np.float64)
        amplitude = np.sqrt(site_power_mw)[:, None] * band_filter(frequency_hz, sample_rate_hz)
        self._static: Complex64[np.ndarray, "waypoint receiver site frequency"] | None = None
        if moving:
            # Delays shrink as phases turn: a frequency's own shift is in proportion to it.
            own = (1 + frequency_hz / paths.frequency_hz) ** np.arange(self.order + 1)[:, None]
            rising = np.fft.fftshift(amplitude[:, None] * own, axes=-1)
            self._amplitude: Float32[np.ndarray, "site term frequency"] = rising.astype(np.float32)
        else:
            self._static = (frequency_response(paths, frequency_hz) * amplitude).astype(np.complex64)
        fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(GUARD_SAMPLES) + 0.5) / GUARD_SAMPLES)
        self._fade: Float32[np.ndarray, "sample"] = fade.astype(np.float32)

    def _cut(self, each: int) -> tuple[_Piece, ...]:
        """Cut the capture into pieces of so many samples, the last one with what is left."""
        block, length = self._block, self._length
        pieces = []
        for first in range(0, block.samples, each):
            samples = min(each, block.samples - first)
            at = block.lead + first
            # What a transform has to spare goes in front, as far as the block reaches.
            begin = min(max(0, at + each + GUARD_SAMPLES - length), block.length - length)
            middle_s = (first + samples / 2 - block.samples / 2) / self._rate_hz
            pieces.append(_Piece(begin, at - begin, first, samples, middle_s))
        return tuple(pieces)

    @property
    def continuity(self) -> Continuity | None:
        """How many paths go on between waypoints; None where nothing evolves."""
        return self._evolution.continuity if self._evolution else None

    def receive(
        self,
        baseband: Complex64[np.ndarray, "record site block_sample"],
        *,
        waypoint: Int64[np.ndarray, "record"],
        time_s: Float64[np.ndarray, "record"],
    ) -> tuple[Complex64[np.ndarray, "record receiver sample"], Float64[np.ndarray, "record receiver site"]]:
        """Return what the receivers get, and each site's mean power in it.

        Args:
            baseband: Blocks of each site's baseband at unit power; overwritten.
            waypoint: Which waypoint the receivers are at.
            time_s: Time of each capture's middle since its waypoint.

        Returns:
            Received samples in √mW, and the power in mW of each link, averaged over the block that
            the capture was cut from, the channel as in its middle.
        """
        records, sites, _ = baseband.shape
        receivers = self._paths.gain.shape[1]
        received = np.empty((records, receivers, self._block.samples), np.complex64)
        power = np.zeros((records, receivers, sites), np.float64)
        at_once = _SPECTRUM_VALUES // (self._length * sites) // _VECTOR * _VECTOR
        if self.order:
            at_once //= self.order + 1
        values = self._length * sites
        # Of long blocks few: vector loops are worth less there than the cache.
        least = _VECTOR if values < _SPECTRUM_VALUES // 8 else 4 if values < _SPECTRUM_VALUES else 1
        at_once = max(least, at_once)
        for piece in self._pieces:
            for start in range(0, records, at_once):
                rows = slice(start, start + at_once)
                part = baseband[rows]
                if len(self._pieces) > 1:
                    part = part[..., piece.begin : piece.begin + self._length].copy()
                here, since_s = self._place(waypoint[rows], time_s[rows] + piece.middle_s)
                out = received[rows, :, piece.first : piece.first + piece.samples]
                share = piece.samples / self._block.samples
                power[rows] += share * self._receive_piece(part, piece, here, since_s, out)
        return received, power

    def _place(
        self, waypoint: Int64[np.ndarray, "record"], since_s: Float64[np.ndarray, "record"]
    ) -> tuple[Int64[np.ndarray, "record"], Float64[np.ndarray, "record"]]:
        """Return the waypoint at or before a time, which may lie beyond the next one."""
        if self._evolution is None or self._waypoint_time_s is None:
            return waypoint, since_s
        time_s = self._waypoint_time_s[waypoint] + since_s
        here = np.maximum(np.searchsorted(self._waypoint_time_s, time_s, side="right") - 1, 0)
        return here, time_s - self._waypoint_time_s[here]

    def _receive_piece(
        self,
        baseband: Complex64[np.ndarray, "record site sample"],
        piece: _Piece,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
        out: Complex64[np.ndarray, "record receiver piece_sample"],
    ) -> Float64[np.ndarray, "record receiver site"]:
        """Fill a piece of the captures, and return the power of the links in it."""
        baseband[..., :GUARD_SAMPLES] *= self._fade
        baseband[..., -GUARD_SAMPLES:] *= self._fade[::-1]
        spectrum = scipy.fft.fft(baseband, axis=-1, overwrite_x=True)
        records, sites, length = spectrum.shape
        power = np.empty((records, out.shape[1], sites), np.float64)
        terms = self.order + 1
        total = np.empty((records, terms, length), np.complex64)
        part = np.empty_like(total)
        inner = slice(piece.lead, piece.lead + piece.samples)
        ramp = np.linspace(-1, 1, piece.samples, endpoint=False, dtype=np.float32)
        for receiver in range(out.shape[1]):
            for site in range(sites):
                response = self._response(receiver, site, waypoint, since_s, piece)
                into = total if site == 0 else part
                np.multiply(response, spectrum[:, site, None], out=into)
                power[:, receiver, site] = _energy(into[:, 0])
                if site:
                    total += part
            block = scipy.fft.ifft(total, axis=-1, overwrite_x=True)
            if terms == 1:
                out[:, receiver] = block[:, 0, inner]
                continue
            series = block[:, terms - 1, inner]
            for term in range(terms - 2, -1, -1):
                series *= ramp
                series += block[:, term, inner]
            out[:, receiver] = series
        faded = length - 2 * GUARD_SAMPLES + 2 * float(np.sum(self._fade**2, dtype=np.float64))
        power /= float(length) * faded
        return power

    def _response(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
        piece: _Piece,
    ) -> Complex64[np.ndarray, "#record term frequency"]:
        """Return H_k · hᵏ/k!, k = 0 … order and h half the piece, frequencies in the order of a transform."""
        if self._static is not None:
            link = self._static[:, receiver, site, None]
            return link[:1] if len(link) == 1 else link[waypoint]
        half_s = piece.samples / (2 * self._rate_hz)
        if self._evolution is not None:
            terms, delay = self._evolution.series_at(
                receiver, site, waypoint, since_s, order=self.order, scale_s=half_s
            )
            rising = response_of_each(terms, delay, self._step_hz, self._length)
        else:
            rising = self._held(receiver, site, waypoint, since_s, piece.middle_s, half_s)
        rising *= self._amplitude[site]
        return np.fft.ifftshift(rising, axes=-1)

    def _held(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        since_s: Float64[np.ndarray, "record"],
        middle_s: float,
        half_s: float,
    ) -> Complex64[np.ndarray, "record term frequency"]:
        """Return the terms of links whose paths are those of their waypoint, turned since then.

        Delays are those of the waypoint in the middle of the capture, and move within it alone.
        """
        paths, orders = self._paths, np.arange(self.order + 1)
        factorial = np.array([math.factorial(order) for order in orders.tolist()])
        rising = np.empty((len(waypoint), len(orders), self._length), np.complex64)
        for here in np.unique(waypoint):
            rows = waypoint == here
            link = (here, receiver, site)
            used = paths.valid[link]
            rate = 2j * np.pi * paths.doppler_hz[link][used]
            gain = paths.gain[link][used] * np.exp(rate * since_s[rows, None])
            factor = (rate * half_s) ** orders[:, None] / factorial[:, None]
            terms = (gain[:, None] * factor).reshape(-1, gain.shape[-1])
            delay = paths.delay_s[link][used] - paths.doppler_hz[link][used] / paths.frequency_hz * middle_s
            rising[rows] = response_of_all(terms, delay, self._step_hz, self._length).reshape(
                -1, *rising.shape[1:]
            )
        return rising


def _energy(part: Complex64[np.ndarray, "record frequency"]) -> Float64[np.ndarray, "record"]:
    parts = part.view(np.float32)
    energy: Float64[np.ndarray, "record"] = np.einsum("rn,rn->r", parts, parts).astype(np.float64)
    return energy
