"""Shares of transform bins that lie in bands of frequency, about a periodic spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from iqatlas.features import _arrays


def bin_shares(
    lower_hz: Float64[np.ndarray, "band"],
    upper_hz: Float64[np.ndarray, "band"],
    nperseg: int,
    *,
    sample_rate_hz: float,
) -> Float64[np.ndarray, "band frequency"]:
    """Return how much of each bin lies in each band, over the bins that a band is wide: weights of a mean.

    A bin reaches half a step to either side of its frequency, and the spectrum goes on beyond fs/2 where it
    began, so that no band is without bins.

    Args:
        lower_hz: Lower edges, relative to the carrier.
        upper_hz: Upper edges, at most the sampling rate above the lower ones.
        nperseg: Bins, frequencies rising from -fs/2.
        sample_rate_hz: Sampling rate.
    """
    step = sample_rate_hz / nperseg
    middle = (np.arange(nperseg) - nperseg // 2) * step
    shares = np.zeros((len(lower_hz), nperseg))
    for turn in (-sample_rate_hz, 0.0, sample_rate_hz):
        left = np.maximum(middle - step / 2 + turn, lower_hz[:, None])
        right = np.minimum(middle + step / 2 + turn, upper_hz[:, None])
        shares += np.maximum(right - left, 0)
    weights: Float64[np.ndarray, "band frequency"] = shares / shares.sum(axis=1, keepdims=True)
    return weights


def band_means(
    density: Float32[Any, "*batch frequency"], shares: Float64[np.ndarray, "band frequency"]
) -> Float32[Any, "*batch band"]:
    """Return the mean density of each band.

    Args:
        density: Densities, frequencies rising from -fs/2.
        shares: Weights of :func:`bin_shares`.
    """
    xp, means = _arrays.namespace(density), []
    for weights in shares:
        bins = np.flatnonzero(weights)
        some = xp.take(density, _arrays.like(bins, density), axis=-1)
        # Not a product of matrices: BLAS rounds by how many rows there are.
        means.append(xp.sum(some * _arrays.like(weights[bins].astype(np.float32), density), axis=-1))
    return xp.stack(means, axis=-1)
