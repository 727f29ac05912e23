"""The one door to PyWavelets: decomposition of series and back."""

from __future__ import annotations

import numpy as np
import pywt
from jaxtyping import Float


def pywavelets_version() -> str:
    """Return the version of PyWavelets."""
    return str(pywt.__version__)


def most_levels(samples: int, wavelet: str) -> int:
    """Return how many levels a series has room for, its ends not counted twice.

    Args:
        samples: Length of the series.
        wavelet: Name of the wavelet.
    """
    return int(pywt.dwt_max_level(samples, pywt.Wavelet(wavelet).dec_len))


def least_samples(levels: int, wavelet: str) -> int:
    """Return the length of the shortest series that has room for so many levels."""
    return int((pywt.Wavelet(wavelet).dec_len - 1) << levels)


def decompose(series: Float[np.ndarray, "*batch sample"], wavelet: str, levels: int) -> list[np.ndarray]:
    """Return the approximation and the details of series, from the coarsest level to the finest."""
    return list(pywt.wavedec(series, wavelet, mode="symmetric", level=levels, axis=-1))


def recompose(
    coefficients: list[np.ndarray], wavelet: str, samples: int
) -> Float[np.ndarray, "*batch sample"]:
    """Return the series of such coefficients."""
    series: Float[np.ndarray, "*batch sample"] = pywt.waverec(
        coefficients, wavelet, mode="symmetric", axis=-1
    )[..., :samples]
    return series
