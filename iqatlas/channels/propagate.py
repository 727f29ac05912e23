"""Baseband through paths: every site's signal, delayed and summed, at every receiver.

The exact fractional delays are phase ramps in the frequency domain. A block longer than the
capture is transformed: in front by the largest delay, and on both ends by a guard in which the
block fades in and out, so that the circular ends of the transform don't reach the capture.

Between the carrier's band and the Nyquist frequency a filter rolls off. Without it the sharp
borders of OFDM symbols, which a fractional delay spreads out by 1/t, would reach over any guard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Complex128, Float32, Float64, Int64

from iqatlas.channels.evolution import Continuity, Evolution
from iqatlas.raytracing.paths import PathSet

GUARD_SAMPLES = 64
"""Fade at each end of a block. Against a direct sum over paths the worst sample is then off by up to
9e-5 of the RMS (1.4 and 3 MHz carriers) or less (1e-5 at 10 MHz); half of it would pass 1e-4."""
FLAT_BAND = 0.75
"""Where the filter begins to roll off, over the Nyquist frequency; LTE's subcarriers end at 0.71."""
_FREQUENCIES_AT_ONCE = 1 << 16


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


def frequency_response(
    paths: PathSet, frequency_hz: Float64[np.ndarray, "frequency"]
) -> Complex128[np.ndarray, "waypoint receiver site frequency"]:
    """Return the baseband frequency response of every link, Doppler phases at time 0.

    Args:
        paths: The paths.
        frequency_hz: Frequencies relative to the carrier.
    """
    shape = paths.gain.shape[:-1]
    gain = np.where(paths.valid, paths.gain, 0.0).reshape(-1, paths.gain.shape[-1])
    delay = paths.delay_s.reshape(gain.shape)
    response = np.empty((len(gain), len(frequency_hz)), np.complex128)
    for link in range(len(gain)):
        response[link] = _sum_over_paths(gain[link : link + 1], delay[link], frequency_hz)[0]
    return response.reshape(*shape, len(frequency_hz))


def _sum_over_paths(
    gain: Complex128[np.ndarray, "row path"],
    delay_s: Float64[np.ndarray, "path"],
    frequency_hz: Float64[np.ndarray, "frequency"],
) -> Complex128[np.ndarray, "row frequency"]:
    """Return Σ gain · exp(−j2π f delay), in pieces: long captures would need all memory at once."""
    total = np.empty((len(gain), len(frequency_hz)), np.complex128)
    for start in range(0, len(frequency_hz), _FREQUENCIES_AT_ONCE):
        piece = slice(start, start + _FREQUENCIES_AT_ONCE)
        total[:, piece] = gain @ np.exp(-2j * np.pi * np.outer(delay_s, frequency_hz[piece]))
    return total


def response_of_each(
    gain: Complex128[np.ndarray, "record path"],
    delay_s: Float64[np.ndarray, "record path"],
    step_hz: float,
    length: int,
) -> Complex64[np.ndarray, "record frequency"]:
    """Return Σ gain · exp(−j2π f delay) where every record has delays of its own.

    The frequencies are those of a transform of the given length, in its order. On so even a grid each
    exponential is the product of a coarse and a fine one, and the sum over paths a product of matrices.

    Args:
        gain: Gains; 0 where there is no path.
        delay_s: Delays.
        step_hz: Distance of the frequencies.
        length: Number of frequencies.
    """
    fine = int(np.ceil(np.sqrt(length)))
    coarse = -(-length // fine)
    lowest = -(length // 2)
    phase = -2j * np.pi * step_hz * delay_s
    left = gain[:, None, :] * np.exp(phase[:, None, :] * (lowest + fine * np.arange(coarse))[:, None])
    right = np.exp(phase[:, :, None] * np.arange(fine))
    ascending = left.astype(np.complex64) @ right.astype(np.complex64)
    flat = ascending.reshape(len(gain), -1)[:, :length]
    response: Complex64[np.ndarray, "record frequency"] = np.fft.ifftshift(flat, axes=-1)
    return response


class Channel:
    """The links of a scene, ready to be applied to blocks of baseband.

    Args:
        paths: The paths; invalid places are ignored.
        block: How captures lie in their blocks.
        sample_rate_hz: Sampling rate of the baseband.
        site_power_mw: Power gain given to each site's unit baseband.
        waypoint_time_s: Times of the waypoints of a flight: paths then evolve from each to the next.
            Without them, gains and delays are held from each waypoint on, and Doppler turns the phases.
    """

    def __init__(
        self,
        paths: PathSet,
        block: Block,
        *,
        sample_rate_hz: float,
        site_power_mw: Float64[np.ndarray, "site"],
        waypoint_time_s: Float64[np.ndarray, "waypoint"] | None = None,
    ) -> None:
        self._block = block
        self._frequency_hz = np.asarray(scipy.fft.fftfreq(block.length, 1 / sample_rate_hz), np.float64)
        amplitude = np.sqrt(site_power_mw)[:, None] * band_filter(self._frequency_hz, sample_rate_hz)
        self._moving = bool(np.any(paths.doppler_hz[paths.valid] != 0))
        self._paths = paths
        self._amplitude = amplitude
        self._amplitude32 = amplitude.astype(np.float32)
        self._step_hz = sample_rate_hz / block.length
        self._static: Complex64[np.ndarray, "waypoint receiver site frequency"] | None = None
        if not self._moving:
            self._static = (frequency_response(paths, self._frequency_hz) * amplitude).astype(np.complex64)
        self._evolution: Evolution | None = None
        if self._moving and waypoint_time_s is not None and len(waypoint_time_s) > 1:
            self._evolution = Evolution(paths, waypoint_time_s)
        fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(GUARD_SAMPLES) + 0.5) / GUARD_SAMPLES)
        self._fade: Float32[np.ndarray, "sample"] = np.ones(block.length, np.float32)
        self._fade[:GUARD_SAMPLES] = fade
        self._fade[-GUARD_SAMPLES:] = fade[::-1]

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
            time_s: Time of each capture's middle since its waypoint, for the Doppler phase. That is
                held during a capture: 1024 samples at 15.36 Msps, 30 m/s and 1.8 GHz turn by 0.04
                radians either way, an error of 2% of the RMS.

        Returns:
            Received samples in √mW, and the power in mW of each link, averaged over the block that
            the capture was cut from.
        """
        baseband *= self._fade
        spectrum = scipy.fft.fft(baseband, axis=-1, overwrite_x=True)
        records, sites, length = spectrum.shape
        receivers = self._paths.gain.shape[1]
        samples = self._block.samples
        received = np.empty((records, receivers, samples), np.complex64)
        power = np.empty((records, receivers, sites), np.float64)
        scale = 1.0 / (float(length) * float(np.sum(self._fade**2, dtype=np.float64)))
        lead = self._block.lead
        for receiver in range(receivers):
            total = np.zeros((records, length), np.complex64)
            for site in range(sites):
                part = self._response(receiver, site, waypoint, time_s) * spectrum[:, site]
                power[:, receiver, site] = _energy(part) * scale
                total += part
            block = scipy.fft.ifft(total, axis=-1, overwrite_x=True)
            received[:, receiver] = block[:, lead : lead + samples]
        return received, power

    def _response(
        self,
        receiver: int,
        site: int,
        waypoint: Int64[np.ndarray, "record"],
        time_s: Float64[np.ndarray, "record"],
    ) -> Complex64[np.ndarray, "#record frequency"]:
        if self._static is not None:
            link = self._static[:, receiver, site]
            return link[:1] if len(link) == 1 else link[waypoint]
        if self._evolution is not None:
            gain, delay = self._evolution.at(receiver, site, waypoint, time_s)
            evolved: Complex64[np.ndarray, "record frequency"] = response_of_each(
                gain, delay, self._step_hz, self._block.length
            )
            evolved *= self._amplitude32[site]
            return evolved
        paths = self._paths
        gain = np.where(paths.valid, paths.gain, 0.0)[waypoint, receiver, site]
        turned = gain * np.exp(2j * np.pi * paths.doppler_hz[waypoint, receiver, site] * time_s[:, None])
        response = np.empty((len(waypoint), len(self._frequency_hz)), np.complex64)
        for here in np.unique(waypoint):
            rows = waypoint == here
            delay = paths.delay_s[here, receiver, site]
            response[rows] = _sum_over_paths(turned[rows], delay, self._frequency_hz) * self._amplitude[site]
        return response


def _energy(part: Complex64[np.ndarray, "record frequency"]) -> Float64[np.ndarray, "record"]:
    parts = part.view(np.float32)
    energy: Float64[np.ndarray, "record"] = np.einsum("rn,rn->r", parts, parts).astype(np.float64)
    return energy
