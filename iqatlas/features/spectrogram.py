"""Spectrograms: power spectral density of short segments, calibrated."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal
from jaxtyping import Complex64, Float32, Float64

from iqatlas.errors import SpecError
from iqatlas.features.spec import SpectrogramSpec

_LEAST_PSD_MW_PER_HZ = np.float32(1e-35)
"""Floor for the logarithm: -350 dBm/Hz, far below any thermal noise (-174 dBm/Hz)."""


def frame_count(samples: int, spec: SpectrogramSpec) -> int:
    """Return the number of segments that lie wholly inside a capture.

    Raises:
        SpecError: The capture is shorter than one segment.
    """
    if samples < spec.nperseg:
        raise SpecError(
            f"{spec.nperseg} samples a segment don't fit into captures of {samples}",
            where="features.spectrogram.nperseg",
            accepted=f"8 to {samples}",
        )
    return 1 + (samples - spec.nperseg) // spec.hop_samples


def frame_time_s(
    samples: int, spec: SpectrogramSpec, *, sample_rate_hz: float
) -> Float64[np.ndarray, "frame"]:
    """Return the middle of each segment in seconds from the start of the capture."""
    starts = np.arange(frame_count(samples, spec)) * spec.hop_samples
    return (starts + spec.nperseg / 2) / sample_rate_hz


def bin_frequency_hz(spec: SpectrogramSpec, *, sample_rate_hz: float) -> Float64[np.ndarray, "frequency"]:
    """Return the frequency of each bin relative to the carrier, rising."""
    return np.asarray(scipy.fft.fftshift(scipy.fft.fftfreq(spec.nperseg, 1 / sample_rate_hz)), np.float64)


def spectrogram(
    samples: Complex64[np.ndarray, "*batch sample"], spec: SpectrogramSpec, *, sample_rate_hz: float
) -> Float32[np.ndarray, "*batch frame frequency"]:
    """Return the power spectral density of Hann-windowed segments.

    Args:
        samples: Captures in √mW.
        spec: Segment, hop and scale.
        sample_rate_hz: Sampling rate.

    Returns:
        mW/Hz, or dBm/Hz as the spec says; frequencies rise from -fs/2. White noise of power P
        has the mean P/fs in every bin (scipy's ``scale_to="psd"``).

    Raises:
        SpecError: The captures are shorter than a segment.
    """
    frames = frame_count(samples.shape[-1], spec)
    window = scipy.signal.get_window("hann", spec.nperseg)
    window = (window / np.sqrt(np.sum(window**2) * sample_rate_hz)).astype(np.float32)
    segments = np.lib.stride_tricks.sliding_window_view(samples, spec.nperseg, axis=-1)
    segments = segments[..., :: spec.hop_samples, :][..., :frames, :]
    spectra = scipy.fft.fft(segments * window, axis=-1, overwrite_x=True)
    density: Float32[np.ndarray, "*batch frame frequency"]
    density = np.square(spectra.real) + np.square(spectra.imag)
    density = np.fft.fftshift(density, axes=-1)
    if spec.scale == "mw_per_hz":
        return density
    np.maximum(density, _LEAST_PSD_MW_PER_HZ, out=density)
    np.log10(density, out=density)
    density *= np.float32(10)
    return density
