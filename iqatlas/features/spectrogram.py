"""Spectrograms: power spectral density of short segments, calibrated."""

from __future__ import annotations

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Float64

from iqatlas.errors import SpecError
from iqatlas.features.spec import SpectrogramSpec

_LEAST_PSD_MW_PER_HZ = np.float32(1e-35)
"""Floor for the logarithm: -350 dBm/Hz, far below any thermal noise (-174 dBm/Hz)."""
_CHUNK_SAMPLES = 1 << 16
"""Samples worked on at once: half a megabyte, which stays in a core's cache."""


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
    frames, size = frame_count(samples.shape[-1], spec), spec.nperseg
    # SciPy's periodic Hann window to the last bit, without a second of imports in every worker.
    window = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, size, endpoint=False))
    window = (window / np.sqrt(np.sum(window**2) * sample_rate_hz)).astype(np.float32)
    rows = samples.reshape(-1, samples.shape[-1])
    segments = np.lib.stride_tricks.sliding_window_view(rows, size, axis=-1)[:, :: spec.hop_samples]
    density = np.empty((len(rows), frames, size), np.float32)
    frames_at_once = min(frames, max(1, _CHUNK_SAMPLES // size))
    rows_at_once = max(1, _CHUNK_SAMPLES // (size * frames_at_once))
    for row in range(0, len(rows), rows_at_once):
        for frame in range(0, frames, frames_at_once):
            piece = np.s_[row : row + rows_at_once, frame : frame + frames_at_once]
            _power(segments[piece] * window, density[piece])
            if spec.scale == "dbm_per_hz":
                _to_dbm(density[piece])
    return density.reshape(*samples.shape[:-1], frames, size)


def _power(
    segments: Complex64[np.ndarray, "row frame sample"], out: Float32[np.ndarray, "row frame frequency"]
) -> None:
    """Write squared magnitudes of transforms, the lowest frequency first; the segments are used up."""
    spectra = scipy.fft.fft(segments, axis=-1, overwrite_x=True)
    parts = spectra.view(np.float32)
    np.square(parts, out=parts)
    negative = (out.shape[-1] + 1) // 2  # first bin of the negative frequencies
    split = out.shape[-1] - negative
    np.add(parts[..., 2 * negative :: 2], parts[..., 2 * negative + 1 :: 2], out=out[..., :split])
    np.add(parts[..., : 2 * negative : 2], parts[..., 1 : 2 * negative : 2], out=out[..., split:])


def _to_dbm(density: Float32[np.ndarray, "row frame frequency"]) -> None:
    """Turn mW/Hz into dBm/Hz in place."""
    np.maximum(density, _LEAST_PSD_MW_PER_HZ, out=density)
    np.log10(density, out=density)
    density *= np.float32(10)
