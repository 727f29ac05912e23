"""Power spectra of whole captures by Welch's method, calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Num

from iqatlas.axes import Quantity
from iqatlas.features import _arrays, segments
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import PowerSpectrumSpec


def spectrum_frequency_hz(
    spec: PowerSpectrumSpec, *, sample_rate_hz: float
) -> Float64[np.ndarray, "frequency"]:
    """Return the frequency of each bin relative to the carrier, rising."""
    return segments.bin_frequency_hz(spec.nperseg, sample_rate_hz=sample_rate_hz)


def power_spectrum(
    samples: Num[Any, "*batch sample"], spec: PowerSpectrumSpec, *, sample_rate_hz: float
) -> Float32[Any, "*batch frequency"]:
    """Return the power spectral density of captures: the mean over tapered segments that may overlap.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor; complex128 is cut to complex64.
        spec: Segment, hop, taper and scale.
        sample_rate_hz: Sampling rate.

    Returns:
        mW/Hz, or dBm/Hz as the spec says; frequencies rise from -fs/2. No mean is taken away first.

    Raises:
        SpecError: The captures are shorter than a segment, or not complex.

    Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra",
    IEEE Trans. Audio Electroacoust., 1967.
    """
    samples = _arrays.captures(samples, where="features.power_spectrum")
    frames = segments.frame_count(samples.shape[-1], spec, where="features.power_spectrum")
    window = segments.density_window(spec.window, spec.nperseg, sample_rate_hz=sample_rate_hz)
    xp = _arrays.namespace(samples)
    rows = xp.reshape(samples, (-1, samples.shape[-1]))
    # Sums of many frames are kept in float64: in float32 they would lose a digit for each tenfold of them.
    total = xp.zeros((rows.shape[0], spec.nperseg), dtype=xp.float64, device=_arrays.device(samples))
    for of_rows, _, density in segments.density_pieces(rows, spec, window):
        total[of_rows] += xp.sum(density, axis=1)
    mean = xp.astype(total / frames, xp.float32)
    if spec.scale == "dbm_per_hz":
        mean = _arrays.decibels(mean, segments.LEAST_PSD_MW_PER_HZ)
    return xp.reshape(mean, (*samples.shape[:-1], spec.nperseg))


def _layout(spec: PowerSpectrumSpec, setting: CaptureSetting) -> Layout:
    segments.frame_count(setting.samples, spec, where="features.power_spectrum")
    frequency = spectrum_frequency_hz(spec, sample_rate_hz=setting.sample_rate_hz)
    return Layout(
        quantity=Quantity(
            (*BEFORE, "spectrum_frequency"),
            "float32",
            {"dbm_per_hz": "dBm/Hz", "mw_per_hz": "mW/Hz"}[spec.scale],
            "power spectral density of the capture",
            f"Welch's mean over {spec.window} segments of {spec.nperseg} samples, {spec.hop_samples} apart",
        ),
        lengths={"spectrum_frequency": spec.nperseg},
        coordinates={
            "spectrum_frequency": (
                Quantity(("spectrum_frequency",), "float64", "Hz", "frequency relative to the carrier"),
                frequency,
            )
        },
    )


FEATURE = Feature(
    "power_spectrum",
    PowerSpectrumSpec,
    _layout,
    lambda samples, spec, setting: power_spectrum(samples, spec, sample_rate_hz=setting.sample_rate_hz),
)
