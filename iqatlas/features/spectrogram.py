"""Spectrograms: power spectral density of short segments, calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Num

from iqatlas.axes import QUANTITIES
from iqatlas.features import _arrays, segments
from iqatlas.features.feature import Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import SpectrogramSpec


def frame_count(samples: int, spec: SpectrogramSpec) -> int:
    """Return the number of segments that lie wholly inside a capture.

    Raises:
        SpecError: The capture is shorter than one segment.
    """
    return segments.frame_count(samples, spec, where="features.spectrogram")


def frame_time_s(
    samples: int, spec: SpectrogramSpec, *, sample_rate_hz: float
) -> Float64[np.ndarray, "frame"]:
    """Return the middle of each segment in seconds from the start of the capture."""
    return segments.frame_time_s(frame_count(samples, spec), spec, sample_rate_hz=sample_rate_hz)


def bin_frequency_hz(spec: SpectrogramSpec, *, sample_rate_hz: float) -> Float64[np.ndarray, "frequency"]:
    """Return the frequency of each bin relative to the carrier, rising."""
    return segments.bin_frequency_hz(spec.nperseg, sample_rate_hz=sample_rate_hz)


def spectrogram(
    samples: Num[Any, "*batch sample"], spec: SpectrogramSpec, *, sample_rate_hz: float
) -> Float32[Any, "*batch frame frequency"]:
    """Return the power spectral density of Hann-windowed segments.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor; complex128 is cut to complex64.
        spec: Segment, hop and scale.
        sample_rate_hz: Sampling rate.

    Returns:
        mW/Hz, or dBm/Hz as the spec says; frequencies rise from -fs/2. White noise of power P
        has the mean P/fs in every bin (scipy's ``scale_to="psd"``).

    Raises:
        SpecError: The captures are shorter than a segment, or not complex.
    """
    samples = _arrays.captures(samples, where="features.spectrogram")
    frames, size = frame_count(samples.shape[-1], spec), spec.nperseg
    window = segments.density_window("hann", size, sample_rate_hz=sample_rate_hz)
    xp = _arrays.namespace(samples)
    rows = xp.reshape(samples, (-1, samples.shape[-1]))
    decibels = spec.scale == "dbm_per_hz"
    if _arrays.is_numpy(samples):
        density = np.empty((len(rows), frames, size), np.float32)
        for _, _, piece in segments.density_pieces(rows, spec, window, out=density):
            if decibels:
                segments.to_dbm(piece)  # while it is in the cache
        return density.reshape(*samples.shape[:-1], frames, size)
    density = xp.empty((rows.shape[0], frames, size), dtype=xp.float32, device=_arrays.device(samples))
    for of_rows, of_frames, piece in segments.density_pieces(rows, spec, window):
        density[of_rows, of_frames] = (
            _arrays.decibels(piece, segments.LEAST_PSD_MW_PER_HZ) if decibels else piece
        )
    return xp.reshape(density, (*samples.shape[:-1], frames, size))


def _layout(spec: SpectrogramSpec, setting: CaptureSetting) -> Layout:
    units = {"dbm_per_hz": "dBm/Hz", "mw_per_hz": "mW/Hz"}[spec.scale]
    rate = setting.sample_rate_hz
    return Layout(
        quantity=replace(QUANTITIES["spectrogram"], units=units),
        lengths={"frame": frame_count(setting.samples, spec), "frequency": spec.nperseg},
        coordinates={
            "frame_time": (
                QUANTITIES["frame_time"],
                frame_time_s(setting.samples, spec, sample_rate_hz=rate),
            ),
            "frequency": (QUANTITIES["frequency"], bin_frequency_hz(spec, sample_rate_hz=rate)),
        },
    )


FEATURE = Feature(
    "spectrogram",
    SpectrogramSpec,
    _layout,
    lambda samples, spec, setting: spectrogram(samples, spec, sample_rate_hz=setting.sample_rate_hz),
)
