"""The one door to the array API: the same features on NumPy arrays and, where they suffice, torch tensors."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
import scipy.fft

from iqatlas.errors import SpecError


def captures(samples: Any, *, where: str) -> Any:
    """Return captures as features take them: contiguous complex64; tensors stay on their device.

    Args:
        samples: Captures in √mW, samples on the last axis.
        where: What takes them, for messages.

    Raises:
        SpecError: It is no array of a library that is known, not complex, or holds no samples.
    """
    if not is_array(samples):
        kind = type(samples).__name__
        raise SpecError(f"{kind} is no array", where=where, accepted="a NumPy array or a tensor")
    xp = namespace(samples)
    if not xp.isdtype(samples.dtype, "complex floating"):
        raise SpecError(
            f"captures are {samples.dtype}",
            where=where,
            accepted="complex64",
            remedy="real and imaginary parts are I and Q in √mW",
        )
    if not samples.shape or not samples.shape[-1]:
        raise SpecError(
            f"captures of the shape {tuple(samples.shape)} hold no samples",
            where=where,
            accepted="[…, sample]",
        )
    if is_numpy(samples):
        return np.ascontiguousarray(samples, np.complex64)
    return xp.astype(samples, xp.complex64, copy=False)


def numpy_only(values: Any, *, where: str) -> np.ndarray:
    """Return an array of NumPy as it is.

    Args:
        values: What should be one.
        where: What takes it, for messages.

    Raises:
        SpecError: It is a tensor, or no array.
    """
    if is_numpy(values):
        return values  # type: ignore[no-any-return]
    kind = f"{type(values).__module__.partition('.')[0]}.{type(values).__name__}".removeprefix("builtins.")
    raise SpecError(
        f"{kind} is no array of NumPy",
        where=where,
        accepted="NumPy arrays alone",
        remedy="a tensor becomes one by .numpy(force=True)",
    )


def numpy_captures(samples: Any, *, where: str) -> np.ndarray:
    """Return captures as features that don't take tensors want them: contiguous complex64 of NumPy.

    Args:
        samples: Captures in √mW, samples on the last axis.
        where: What takes them, for messages.

    Raises:
        SpecError: It is a tensor or no array, not complex, or holds no samples.
    """
    taken: np.ndarray = captures(numpy_only(samples, where=where), where=where)
    return taken


def is_array(values: object) -> bool:
    """Return whether values are an array of a library that is known."""
    return bool(array_api_compat.is_array_api_obj(values))


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
