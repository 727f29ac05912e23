"""Cyclic autocorrelation at given lags: what a cyclic prefix leaves at the lag of the useful symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64, Num

from iqatlas.axes import Quantity
from iqatlas.errors import SpecError
from iqatlas.features import _arrays
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import CyclicAutocorrelationSpec

_WHERE = "features.cyclic_autocorrelation"
_CHUNK_SAMPLES = 1 << 15
"""Products worked on at once: they stay in a core's cache while one cyclic frequency follows another."""
_TENSOR_SAMPLES = 1 << 22


def lags(spec: CyclicAutocorrelationSpec, setting: CaptureSetting) -> Int64[np.ndarray, "lag"]:
    """Return the lags in samples that a spec asks for.

    Args:
        spec: What is asked for.
        setting: The captures.

    Raises:
        SpecError: No lag is given and the waveform has no symbols, or captures are no longer than a lag.
    """
    where, longest = f"{_WHERE}.lag_samples", setting.samples - 1
    asked = spec.lag_samples
    if asked is None:
        asked = setting.useful_symbol_samples
        if asked is None:
            raise SpecError(
                "this waveform has no cyclic prefix that a lag would follow from",
                where=where,
                accepted=f"lags from 0 to {longest}",
            )
    values = np.atleast_1d(np.array(asked, np.int64))
    if values.max() > longest:
        raise SpecError(
            f"captures of {setting.samples} samples hold no products at a lag of {values.max()}",
            where=where,
            accepted=f"lags up to {longest}",
            remedy=f"or capture.samples of {values.max() + 1} or more",
        )
    return values


def cyclic_frequency_hz(
    spec: CyclicAutocorrelationSpec, setting: CaptureSetting
) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return the cyclic frequencies that a spec asks for.

    Args:
        spec: What is asked for.
        setting: The captures.

    Raises:
        SpecError: None are given and the waveform has no symbols, or one lies beyond the sampling rate.
    """
    where, rate = f"{_WHERE}.cyclic_frequency_hz", setting.sample_rate_hz
    if spec.cyclic_frequency_hz is not None:
        values = np.array(spec.cyclic_frequency_hz, np.float64)
    elif setting.symbol_rate_hz is not None:
        values = np.arange(spec.harmonics + 1, dtype=np.float64) * setting.symbol_rate_hz
    else:
        raise SpecError(
            "this waveform has no symbol rate that cyclic frequencies would follow from",
            where=where,
            accepted=f"a list of frequencies from {-rate / 2:g} to {rate / 2:g}",
        )
    if np.abs(values).max() > rate / 2:
        raise SpecError(
            f"{values[np.argmax(np.abs(values))]:g} Hz is more than half the sampling rate",
            where=where if spec.cyclic_frequency_hz is not None else f"{_WHERE}.harmonics",
            accepted=f"{-rate / 2:g} to {rate / 2:g} Hz",
        )
    return values


def cyclic_autocorrelation(
    samples: Num[Any, "*batch sample"],
    *,
    lags: Int64[np.ndarray, "lag"],
    cyclic_frequency_hz: Float64[np.ndarray, "cyclic_frequency"],
    sample_rate_hz: float,
) -> Complex64[Any, "*batch lag cyclic_frequency"]:
    """Return R^α(τ) = ⟨x(n+τ) x*(n) e^{−j2παn}⟩ over the products that lie inside a capture.

    Time n counts from the first sample of the capture. The symmetric form differs by e^{jπατ}.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor.
        lags: Lags τ in samples, 0 or more, below the length of a capture.
        cyclic_frequency_hz: Cyclic frequencies α.
        sample_rate_hz: Sampling rate.

    Returns:
        mW. At lag 0 and α = 0, the power of the capture.

    Raises:
        SpecError: A lag is negative, captures are no longer than it, or they are no complex arrays.

    Source: W. A. Gardner, "Exploitation of spectral redundancy in cyclostationary signals", IEEE Signal
    Processing Magazine, 1991, in its one-sided form.
    """
    samples = _arrays.captures(samples, where=_WHERE)
    size, steps = samples.shape[-1], cyclic_frequency_hz / sample_rate_hz
    if lags.min() < 0 or lags.max() >= size:
        raise SpecError(
            f"captures of {size} samples hold no products at a lag of "
            f"{lags.min() if lags.min() < 0 else lags.max()}",
            where="lags",
            accepted=f"0 to {size - 1}",
        )
    xp = _arrays.namespace(samples)
    rows = xp.reshape(samples, (-1, size))
    shape = (rows.shape[0], len(lags), len(steps))
    total = xp.zeros(shape, dtype=xp.complex128, device=_arrays.device(samples))
    at_once = _CHUNK_SAMPLES if _arrays.is_numpy(samples) else _TENSOR_SAMPLES
    for place, lag in enumerate(lags.tolist()):
        for start in range(0, size - lag, at_once):
            stop = min(start + at_once, size - lag)
            # Phases in float64: in float32 they would be off by a radian after some millions of samples.
            turns = np.arange(start, stop, dtype=np.float64)[None] * steps[:, None] % 1
            rotations = _arrays.like(np.exp(-2j * np.pi * turns).astype(np.complex64), samples)
            rows_at_once = max(1, at_once // (stop - start))
            for row in range(0, rows.shape[0], rows_at_once):
                part = rows[row : row + rows_at_once]
                product = part[:, start + lag : stop + lag] * xp.conj(part[:, start:stop])
                for line in range(len(steps)):
                    # Not a product of matrices: BLAS rounds by how many rows there are.
                    total[row : row + rows_at_once, place, line] += xp.sum(product * rotations[line], axis=-1)
        total[:, place] /= size - lag
    return xp.reshape(xp.astype(total, xp.complex64), (*samples.shape[:-1], *shape[1:]))


def _compute(
    samples: Num[Any, "*batch sample"], spec: CyclicAutocorrelationSpec, setting: CaptureSetting
) -> Any:
    samples = _arrays.captures(samples, where=_WHERE)
    values = cyclic_autocorrelation(
        samples,
        lags=lags(spec, setting),
        cyclic_frequency_hz=cyclic_frequency_hz(spec, setting),
        sample_rate_hz=setting.sample_rate_hz,
    )
    xp = _arrays.namespace(samples)
    if spec.normalised:
        mean_mw: Float32[Any, "*batch"] = xp.mean(_arrays.power(samples), axis=-1)
        # A capture of nothing has no correlation either.
        values = values / xp.clip(mean_mw, min=1e-35)[..., None, None]
    if spec.output == "magnitude":
        values = xp.abs(values)
    return values if isinstance(spec.lag_samples, tuple) else values[..., 0, :]


def _layout(spec: CyclicAutocorrelationSpec, setting: CaptureSetting) -> Layout:
    delays, lines = lags(spec, setting), cyclic_frequency_hz(spec, setting)
    several = isinstance(spec.lag_samples, tuple)
    own = ("lag", "cyclic_frequency") if several else ("cyclic_frequency",)
    kind = ("magnitude of the " if spec.output == "magnitude" else "") + "cyclic autocorrelation"
    at = "" if several else f" at lag {delays[0]} samples"
    coordinates: dict[str, tuple[Quantity, np.ndarray]] = {
        "cyclic_frequency": (
            Quantity(("cyclic_frequency",), "float64", "Hz", "cyclic frequency of the autocorrelation"),
            lines,
        )
    }
    if several:
        coordinates["lag"] = (
            Quantity(("lag",), "float64", "s", "lag of the autocorrelation"),
            delays / setting.sample_rate_hz,
        )
    return Layout(
        quantity=Quantity(
            (*BEFORE, *own),
            "float32" if spec.output == "magnitude" else "complex64",
            "1" if spec.normalised else "mW",
            kind + at,
            "mean of x(n+lag) conj(x(n)) exp(-2j pi alpha n), n from the first sample of the capture"
            + ("; divided by the power of the capture" if spec.normalised else ""),
        ),
        lengths={"lag": len(delays), "cyclic_frequency": len(lines)} if several else {own[0]: len(lines)},
        coordinates=coordinates,
    )


FEATURE = Feature("cyclic_autocorrelation", CyclicAutocorrelationSpec, _layout, _compute)
