"""Band-limited interpolation: a sampling clock that is off, and more samples a second."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64

TAPS = 32
REACH = TAPS // 2
"""Samples that a result depends on, on either side."""
_PHASES = 4096
_KAISER_BETA = 10.0
"""With 32 taps: 100 dB for signals within ±0.4 of the sampling rate."""


def interpolated(
    baseband: Complex64[np.ndarray, "record sample"], position: Float64[np.ndarray, "record point"]
) -> Complex64[np.ndarray, "record point"]:
    """Return a signal between its samples.

    Args:
        baseband: Samples, with ``REACH`` or more on either side of every position.
        position: Where, in samples from the first one.
    """
    whole = np.floor(position)
    exact = (position - whole) * _PHASES
    phase = np.minimum(exact.astype(np.int64), _PHASES - 1)
    between = (exact - phase).astype(np.float32)
    first: Int64[np.ndarray, "record point"] = whole.astype(np.int64) - (REACH - 1)
    kernel = _kernel()
    out = np.zeros(position.shape, np.complex64)
    for tap in range(TAPS):
        weight = kernel[phase, tap]
        weight += between * (kernel[phase + 1, tap] - weight)
        out += weight * np.take_along_axis(baseband, first + tap, axis=-1)
    return out


def interpolated_alike(
    baseband: Complex64[np.ndarray, "record sample"], position: Float64[np.ndarray, "point"]
) -> Complex64[np.ndarray, "record point"]:
    """Return signals between their samples, at the same positions in all records.

    The same bits as :func:`interpolated`, with weights and places worked out once.

    Args:
        baseband: Samples, with ``REACH`` or more on either side of every position.
        position: Where, in samples from the first one.
    """
    whole = np.floor(position)
    exact = (position - whole) * _PHASES
    phase = np.minimum(exact.astype(np.int64), _PHASES - 1)
    between = (exact - phase).astype(np.float32)
    first: Int64[np.ndarray, "point"] = whole.astype(np.int64) - (REACH - 1)
    kernel = _kernel()
    out = np.zeros((len(baseband), len(position)), np.complex64)
    for tap in range(TAPS):
        weight = kernel[phase, tap]
        weight += between * (kernel[phase + 1, tap] - weight)
        part = np.take(baseband, first + tap, axis=-1)
        part *= weight
        out += part
    return out


@lru_cache(maxsize=1)
def _kernel() -> Float32[np.ndarray, "phase tap"]:
    offset = np.arange(TAPS) - (REACH - 1) - (np.arange(_PHASES + 1) / _PHASES)[:, None]
    return _windowed_sinc(offset, float(REACH))


def _windowed_sinc(offset: np.ndarray, reach: float) -> Float32[np.ndarray, "*shape"]:
    inside = np.clip(1 - (offset / reach) ** 2, 0, None)
    kernel = np.sinc(offset) * np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    return np.asarray(kernel, np.float32)


@lru_cache(maxsize=4)
def _oversampling_filter(factor: int) -> Float32[np.ndarray, "tap"]:
    offset = np.arange(-REACH * factor, REACH * factor + 1) / factor
    return _windowed_sinc(offset, REACH + 1 / factor)


def oversampled(
    baseband: Complex64[np.ndarray, "*batch sample"], factor: int
) -> Complex64[np.ndarray, "*batch fine"]:
    """Return a signal at a multiple of its rate, as the filter of a converter gives it.

    Args:
        baseband: Samples; ``REACH`` of them are used up on either side.
        factor: How many times the rate.

    Returns:
        ``factor`` points for each sample that is left, the first of them at the sample itself.
    """
    from scipy.signal import upfirdn  # a second of imports, for amplifiers alone

    fine = upfirdn(_oversampling_filter(factor), baseband, up=factor, axis=-1)
    left = baseband.shape[-1] - 2 * REACH
    return np.ascontiguousarray(fine[..., 2 * REACH * factor : (2 * REACH + left) * factor])


def decimated(
    fine: Complex64[np.ndarray, "*batch fine"], factor: int
) -> Complex64[np.ndarray, "*batch sample"]:
    """Return every so many-th point of a signal, what lies beyond the lower rate filtered out.

    Args:
        fine: Points; ``REACH`` times ``factor`` are used up on either side.
        factor: How many times the lower rate.
    """
    taps = _oversampling_filter(factor) / np.float32(factor)
    from scipy.signal import upfirdn

    coarse = upfirdn(taps, fine, down=factor, axis=-1)
    left = fine.shape[-1] // factor - 2 * REACH
    return np.ascontiguousarray(coarse[..., 2 * REACH : 2 * REACH + left])
