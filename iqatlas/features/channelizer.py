"""The channels of a capture: windowed transforms of overlapping blocks, brought to zero frequency."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.tapers import taper

_WHERE = "features.cyclic_spectrum"
MOST_CELLS = 1 << 24
"""The most cells a capture: 128 MiB of them, and eight times that for where they belong."""
_WINDOWS: dict[str, str | tuple[str, float]] = {
    "hamming": "hamming",
    "hann": "hann",
    "kaiser6": ("kaiser", 6.0),
    "rectangular": "boxcar",
}


def used_samples(spec: CyclicSpectrumSpec, samples: int, *, sample_rate_hz: float) -> int:
    """Return how many samples of a capture its cyclic spectrum is made of, a power of two.

    Their inverse is the step of cyclic frequency.

    Args:
        spec: Channels and the cyclic resolution asked for.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The capture is too short for its channels or for the resolution.

    Source: R. S. Roberts, W. A. Brown, H. H. Loomis, "Computationally efficient algorithms for cyclic
        spectral analysis", IEEE Signal Processing Magazine 8(2), 1991: P = 2^⌈log2(fs/(L Δα))⌉ blocks.
    """
    if samples < 2 * spec.channels:
        raise SpecError(
            f"{spec.channels} channels need captures of {2 * spec.channels} samples, these have {samples}",
            where=f"{_WHERE}.channels",
            accepted=f"8 to {1 << (max(samples, 16) // 2).bit_length() - 1}" if samples >= 16 else None,
            remedy="ask for fewer channels or longer captures",
        )
    held = 1 << samples.bit_length() - 1
    needed = held
    if spec.cyclic_resolution_hz is not None:
        # The logarithm's last digit must not double a capture that fits exactly.
        exponent = math.ceil(math.log2(sample_rate_hz / spec.cyclic_resolution_hz) - 1e-9)
        needed = max(2 * spec.channels, 1 << max(exponent, 0))
    if needed > held:
        raise SpecError(
            f"a cyclic resolution of {spec.cyclic_resolution_hz:g} Hz needs captures of {needed} samples, "
            f"these have {samples}",
            where=f"{_WHERE}.cyclic_resolution_hz",
            accepted=f"{sample_rate_hz / held:.6g} or more",
            remedy=f"or set capture.samples to {needed}",
        )
    if needed * spec.channels > 2 * MOST_CELLS:
        coarsest = sample_rate_hz / (2 * MOST_CELLS // spec.channels)
        raise SpecError(
            f"{spec.channels} channels of {needed} samples are {needed * spec.channels // 2} cells a capture",
            where=f"{_WHERE}.channels",
            accepted=f"up to {MOST_CELLS} cells",
            remedy=f"ask for fewer channels, or set cyclic_resolution_hz to {coarsest:.6g} or more",
        )
    return needed


def channel_window(spec: CyclicSpectrumSpec) -> Float64[np.ndarray, "channel"]:
    """Return the window of a block, symmetric about its middle."""
    return taper(_WINDOWS[spec.window], spec.channels, periodic=False)


def lag_window(spec: CyclicSpectrumSpec) -> Float64[np.ndarray, "channel"]:
    """Return the window over the lags from minus half the channels on, 1 at lag 0."""
    return taper(_WINDOWS[spec.window], spec.channels)


def channelize(
    rows: Complex64[np.ndarray, "row sample"],
    spec: CyclicSpectrumSpec,
    *,
    used: int,
    hop: int,
    room: Complex64[np.ndarray, "row channel block"] | None = None,
) -> Complex64[np.ndarray, "row channel block"]:
    """Return the complex demodulates X_T(rL, f_k) of every channel, the lowest frequency first.

    Blocks that reach beyond the capture are filled with zeros, and the scale counts what is there: white
    noise of power σ² has the mean power σ² in every channel, averaged over the blocks.

    Args:
        rows: Captures.
        spec: Channels and window.
        used: Samples that the blocks begin in.
        hop: Samples between blocks, L.
        room: Where to work, contiguous; runs over many captures save the fresh pages.

    Source: Roberts, Brown and Loomis 1991, complex demodulates: the transform of a block that begins at
        rL, times e^{-j2πf_k rL}.
    """
    channels, blocks = spec.channels, used // hop
    reach = used - hop + channels
    shaped = shaped_window(spec, hop, blocks, min(rows.shape[-1], reach))
    held = np.zeros((len(rows), reach), np.complex64)
    held[:, : rows.shape[-1]] = rows[:, :reach]
    # Samples a hop apart side by side, as the transforms over the blocks will want their factors.
    apart = held.reshape(len(rows), -1, hop).swapaxes(-1, -2).copy()
    # Real and imaginary parts side by side: a real window needs no product of complex numbers.
    pieces = np.lib.stride_tricks.sliding_window_view(apart.view(np.float32), 2 * blocks, axis=-1)
    if room is None:
        room = np.empty((len(rows), channels, blocks), np.complex64)
    windowed = room.view(np.float32).reshape(len(rows), *shaped.shape[:-1], 2 * blocks)
    np.multiply(pieces[:, :, ::2].swapaxes(1, 2), shaped, out=windowed)
    spectra = scipy.fft.fft(room, axis=-2, overwrite_x=True)
    spectra *= demodulation(channels, hop, blocks)
    return np.asarray(spectra, np.complex64)


@lru_cache(maxsize=8)
def shaped_window(
    spec: CyclicSpectrumSpec, hop: int, blocks: int, samples: int
) -> Float32[np.ndarray, "hops hop 1"]:
    """Return the scaled window for every sample of a block, a hop a row."""
    window = channel_window(spec)
    # Energy of the window that falls on samples, over all blocks.
    held = np.clip(samples - hop * np.arange(blocks), 0, spec.channels)
    energy = np.concatenate([[0.0], np.cumsum(window**2)])[held].sum()
    # The transform counts from the block's first sample; alternating signs put the lowest frequency first.
    shaped = window * np.sqrt(blocks / energy) * (-1.0) ** np.arange(spec.channels)
    return np.asarray(shaped.reshape(-1, hop, 1), np.float32)


@lru_cache(maxsize=8)
def demodulation(channels: int, hop: int, blocks: int) -> Complex64[np.ndarray, "channel block"]:
    """Return e^{-j2πf_k rL}, exact for the quarter turns of the usual hop."""
    turns: Int64[np.ndarray, "channel block"] = np.outer(np.arange(channels), np.arange(blocks) * hop)
    turns -= np.arange(blocks) * hop * (channels // 2)
    return np.asarray(channel_phases(channels)[turns % channels], np.complex64)


@lru_cache(maxsize=4)
def channel_phases(size: int) -> Complex64[np.ndarray, "step"]:
    """Return e^{-j2πn/size} for n from 0, with exact quarter turns."""
    phases = np.exp(-2j * np.pi * np.arange(size) / size)
    if size % 4 == 0:
        phases[:: size // 4] = [1, -1j, -1, 1j]
    single = np.asarray(phases, np.complex64)
    single.flags.writeable = False  # all callers share it
    return single


def channel_power(
    channels: Complex64[np.ndarray, "row channel block"],
) -> Float32[np.ndarray, "row channel"]:
    """Return the mean power of each channel: the power spectral density times the sampling rate."""
    return np.asarray(np.mean(channels.real**2 + channels.imag**2, axis=-1), np.float32)
