"""Wavelet denoising by the universal threshold, of I/Q and of any other series."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Complex64, Float, Num

from iqatlas.axes import Quantity
from iqatlas.errors import SpecError
from iqatlas.features import _arrays
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import WaveletSpec

_MAD_OF_UNIT_NOISE = 0.6745
"""Median of the magnitude of a standard normal variable."""
_LEVELS = 6
_WHERE = "features.wavelet"
_CHUNK_SAMPLES = 1 << 18


def levels(samples: int, spec: WaveletSpec) -> int:
    """Return the levels of the decomposition of series.

    Args:
        samples: Length of the series.
        spec: Wavelet and levels.

    Raises:
        SpecError: The series is too short for the levels.
    """
    from iqatlas.features._pywavelets import least_samples, most_levels

    most = most_levels(samples, spec.wavelet)
    wanted = spec.levels or min(_LEVELS, most)
    if not 1 <= wanted <= most:
        wanted = max(1, wanted)
        raise SpecError(
            f"series of {samples} samples have no room for {wanted} levels of {spec.wavelet}",
            where=f"{_WHERE}.levels",
            accepted=f"1 to {most}" if most else None,
            remedy=f"or {least_samples(wanted, spec.wavelet)} samples or more",
        )
    return wanted


def denoise(series: Num[Any, "*batch sample"], spec: WaveletSpec) -> Float[np.ndarray, "*batch sample"]:
    """Return real series whose small wavelet coefficients are taken for noise and taken out.

    Thresholds are λ = σ̂ √(2 ln N) with σ̂ = median|d| / 0.6745 over the details d of the finest level,
    or of each level for itself. The approximation stays as it is. All of a series is NaN where one of its
    values is NaN or infinite.

    Args:
        series: Series in any unit, an array of NumPy; whole numbers become float32, long ones float64.
        spec: Wavelet, levels, threshold and where σ̂ is taken from.

    Raises:
        SpecError: The series are too short for the levels, complex, or no array of NumPy.

    Source: D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage",
    Biometrika, 1994.
    """
    series = _arrays.numpy_only(series, where=_WHERE)
    if series.dtype.kind not in "fiu":
        raise SpecError(
            f"series are {series.dtype}",
            where=_WHERE,
            accepted="real numbers",
            remedy="denoise_iq takes complex captures",
        )
    depth, size = levels(series.shape[-1], spec), series.shape[-1]
    rows = series.reshape(-1, size).astype(np.result_type(series.dtype, np.float32), copy=False)
    out = np.empty_like(rows)
    at_once = max(1, _CHUNK_SAMPLES // size)
    for start in range(0, len(rows), at_once):
        piece = slice(start, start + at_once)
        # Medians of what is no number are none, or pass it by.
        sound = np.isfinite(rows[piece]).all(axis=-1)[:, None]
        values = rows[piece] if sound.all() else np.where(sound, rows[piece], 0)
        out[piece] = np.where(sound, _denoise(values, spec, depth), np.nan)
    denoised: Float[np.ndarray, "*batch sample"] = out.reshape(series.shape)
    return denoised


def _denoise(
    rows: Float[np.ndarray, "row sample"], spec: WaveletSpec, depth: int
) -> Float[np.ndarray, "row sample"]:
    from iqatlas.features._pywavelets import decompose, recompose

    size = rows.shape[-1]
    approximation, *details = decompose(rows, spec.wavelet, depth)
    universal = np.float32(np.sqrt(2 * np.log(size)) / _MAD_OF_UNIT_NOISE)
    finest = np.median(np.abs(details[-1]), axis=-1, keepdims=True)
    kept = []
    for detail in details:
        magnitude = np.abs(detail)
        spread = np.median(magnitude, axis=-1, keepdims=True) if spec.noise == "level" else finest
        threshold = spread * universal
        if spec.threshold == "soft":
            kept.append(np.copysign(np.maximum(magnitude - threshold, 0), detail))
        else:
            kept.append(np.where(magnitude > threshold, detail, 0))
    return recompose([approximation, *kept], spec.wavelet, size).astype(rows.dtype, copy=False)


def denoise_iq(
    samples: Num[Any, "*batch sample"], spec: WaveletSpec
) -> Complex64[np.ndarray, "*batch sample"]:
    """Return captures denoised, the in-phase and the quadrature part each as a series of its own.

    Args:
        samples: Captures in √mW, an array of NumPy; complex128 is cut to complex64.
        spec: As for :func:`denoise`.

    Raises:
        SpecError: The captures are too short for the levels, not complex, or no array of NumPy.
    """
    samples = _arrays.numpy_captures(samples, where=_WHERE)
    out = np.empty(samples.shape, np.complex64)
    out.real = denoise(np.ascontiguousarray(samples.real), spec)
    out.imag = denoise(np.ascontiguousarray(samples.imag), spec)
    return out


def _layout(spec: WaveletSpec, setting: CaptureSetting) -> Layout:
    depth = levels(setting.samples, spec)
    return Layout(
        quantity=Quantity(
            (*BEFORE, "sample"),
            "complex64",
            "mW^0.5",
            "denoised complex baseband at the antenna port",
            f"{spec.threshold} universal threshold on {depth} levels of {spec.wavelet}, "
            "the two parts of the samples each for itself",
        ),
        lengths={"sample": setting.samples},
    )


def _engine() -> str:
    from iqatlas.features._pywavelets import pywavelets_version

    return f"PyWavelets {pywavelets_version()}"


FEATURE = Feature(
    "wavelet", WaveletSpec, _layout, lambda samples, spec, _: denoise_iq(samples, spec), engine=_engine
)
