"""Short segments of captures, and their power spectral densities: what spectrograms and Welch share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Float64

from iqatlas.errors import SpecError
from iqatlas.features import _arrays
from iqatlas.features.spec import Segments
from iqatlas.features.tapers import taper

LEAST_PSD_MW_PER_HZ = 1e-35
"""Floor for the logarithm: -350 dBm/Hz, far below any thermal noise (-174 dBm/Hz)."""
_CHUNK_SAMPLES = 1 << 16
"""Samples worked on at once: half a megabyte, which stays in a core's cache."""
_TENSOR_SAMPLES = 1 << 22
"""Samples of a tensor worked on at once: a GPU wants more of them than a cache holds."""


def frame_count(samples: int, cut: Segments, *, where: str, least: int = 1) -> int:
    """Return the number of segments that lie wholly inside a capture.

    Args:
        samples: Samples of a capture.
        cut: Segment and hop.
        where: Key of the spec that asks for them, for messages.
        least: Segments that are needed.

    Raises:
        SpecError: The capture is shorter than so many segments.
    """
    needed = cut.nperseg + (least - 1) * cut.hop_samples
    if samples < needed:
        segments = f"{least} segments of {cut.nperseg} samples"
        several = segments if least > 1 else f"{cut.nperseg} samples a segment"
        half = (2 * samples + least - 1) // (least + 1)  # with the default hop
        longest = half if cut.hop is None else samples - (least - 1) * cut.hop
        shortest = max(8, cut.hop or 0)  # a hop is no longer than a segment
        some = longest >= shortest
        shorter = "" if cut.hop is None or least == 1 else "a shorter hop, or "
        raise SpecError(
            f"{several} don't fit into captures of {samples}",
            where=f"{where}.nperseg",
            accepted=f"{shortest} to {longest}" if some else None,
            remedy=f"{'or ' if some else shorter}capture.samples of {needed} or more",
        )
    return 1 + (samples - cut.nperseg) // cut.hop_samples


def frame_time_s(frames: int, cut: Segments, *, sample_rate_hz: float) -> Float64[np.ndarray, "frame"]:
    """Return the middle of each segment in seconds from the start of the capture."""
    return (np.arange(frames) * cut.hop_samples + cut.nperseg / 2) / sample_rate_hz


def bin_frequency_hz(nperseg: int, *, sample_rate_hz: float) -> Float64[np.ndarray, "frequency"]:
    """Return the frequency of each bin relative to the carrier, rising."""
    return np.asarray(scipy.fft.fftshift(scipy.fft.fftfreq(nperseg, 1 / sample_rate_hz)), np.float64)


def density_window(name: str, nperseg: int, *, sample_rate_hz: float) -> Float32[np.ndarray, "sample"]:
    """Return a taper scaled so that squared magnitudes of transforms are densities a hertz."""
    window = taper(name, nperseg)
    return np.asarray(window / np.sqrt(np.sum(window**2) * sample_rate_hz), np.float32)


def density_pieces(
    samples: Complex64[Any, "row sample"],
    cut: Segments,
    window: Float32[np.ndarray, "segment"],
    out: Float32[np.ndarray, "row frame frequency"] | None = None,
) -> Iterator[tuple[slice, slice, Float32[Any, "rows frames frequency"]]]:
    """Yield power spectral densities in mW/Hz, piece by piece, frequencies rising from -fs/2.

    Args:
        samples: Captures in √mW, no shorter than a segment.
        cut: Segment and hop.
        window: Taper, scaled by :func:`density_window`.
        out: Array that takes the densities; without it, each piece has its own. For NumPy alone.

    Yields:
        Rows, frames, and their densities. Frames of the same rows follow each other.
    """
    size, hop = cut.nperseg, cut.hop_samples
    rows, frames = samples.shape[0], 1 + (samples.shape[1] - size) // hop
    at_once = _CHUNK_SAMPLES if _arrays.is_numpy(samples) else _TENSOR_SAMPLES
    frames_at_once = min(frames, max(1, at_once // size))
    rows_at_once = max(1, at_once // (size * frames_at_once))
    for row in range(0, rows, rows_at_once):
        for frame in range(0, frames, frames_at_once):
            of_rows = slice(row, min(row + rows_at_once, rows))
            of_frames = slice(frame, min(frame + frames_at_once, frames))
            if _arrays.is_numpy(samples):
                segments = np.lib.stride_tricks.sliding_window_view(samples[of_rows], size, axis=-1)[:, ::hop]
                piece = segments[:, of_frames] * window
                density = np.empty(piece.shape, np.float32) if out is None else out[of_rows, of_frames]
                _power(piece, density)
            else:
                density = _power_of_tensor(samples[of_rows], of_frames, hop, window)
            yield of_rows, of_frames, density


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


def _power_of_tensor(
    samples: Any, frames: slice, hop: int, window: Float32[np.ndarray, "segment"]
) -> Float32[Any, "row frame frequency"]:
    xp, size = _arrays.namespace(samples), len(window)
    count = frames.stop - frames.start
    # The array API knows no strided views: what a segment holds is gathered.
    index = (frames.start * hop + np.arange(count)[:, None] * hop + np.arange(size)).reshape(-1)
    gathered = xp.take(samples, _arrays.like(index, samples), axis=-1)
    segments = xp.reshape(gathered, (samples.shape[0], count, size)) * _arrays.like(window, samples)
    density = _arrays.power(_arrays.transform(segments))
    return xp.roll(density, size // 2, axis=-1)


def to_dbm(density: Float32[np.ndarray, "*shape"]) -> None:
    """Turn mW/Hz into dBm/Hz in place."""
    np.maximum(density, np.float32(LEAST_PSD_MW_PER_HZ), out=density)
    np.log10(density, out=density)
    density *= np.float32(10)
