"""The one door to the array API: the same features on NumPy arrays and, where they suffice, torch tensors."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
import scipy.fft


def is_numpy(values: object) -> bool:
    """Return whether values are a NumPy array."""
    return isinstance(values, np.ndarray)


def namespace(values: Any) -> Any:
    """Return the array API of an array's library."""
    return array_api_compat.array_namespace(values)


def like(values: np.ndarray, other: Any) -> Any:
    """Return a NumPy array as an array of the library, and on the device, that another is of."""
    if is_numpy(other):
        return values
    return namespace(other).asarray(values, device=device(other))


def device(values: Any) -> Any:
    """Return the device that an array is on."""
    return array_api_compat.device(values)


def transform(values: Any) -> Any:
    """Return Fourier transforms over the last axis; SciPy's for NumPy arrays."""
    if is_numpy(values):
        return scipy.fft.fft(values, axis=-1)
    return namespace(values).fft.fft(values, axis=-1)


def power(values: Any) -> Any:
    """Return squared magnitudes."""
    xp = namespace(values)
    re, im = xp.real(values), xp.imag(values)
    return re * re + im * im


def decibels(values: Any, least: float) -> Any:
    """Return ten times the logarithm, of values that are raised to a floor."""
    xp = namespace(values)
    return 10 * xp.log10(xp.clip(values, min=least))
