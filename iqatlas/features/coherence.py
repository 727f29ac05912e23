"""The spectral coherence: cyclic spectra over the power spectra at both frequencies of a cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Complex128, Float32, Float64, Int64

from iqatlas.features import fam, ssca
from iqatlas.features.channelizer import channel_power, channelize, lag_window
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec

LEAST_POWER = np.float32(1e-18)
"""Beside a capture of power 1, a channel that holds less has rounding errors alone."""


def coherence_weight(
    rows: Complex64[np.ndarray, "row sample"],
    cells: Complex64[np.ndarray, "row first second"],
    spec: CyclicSpectrumSpec,
    used: int,
) -> Float32[np.ndarray, "row first #second"]:
    """Return 1/(S(f+α/2) S(f-α/2)), densities a sample: what |S^α(f)|² is multiplied by.

    For fam the power spectrum is the mean over the blocks, and the coherence at most 1, by the inequality of
    Cauchy and Schwarz. A cell of ssca is Σ_u A(f_k-u) X(u) X*(u-α), a mean of products of the capture's own
    spectrum, which A, the transform of the lag window, weighs; so what it is divided by is the mean of |X|²
    with the weight |A|: a power spectrum that is never negative, leaks as the cells do, and has the mean σ²
    for white noise. By the same inequality the coherence is then at most ∫|A|/∫A (1.08 for a Hamming window
    over 64 lags, 1.02 for Kaiser's, 1.04 for Hann's). What passes 1, as lines narrower than a channel do, is
    cut to 1, all that a coherence can be.

    Channels without power have no coherence: their weight is 0.

    Args:
        rows: Captures of a power near 1.
        cells: Their cells.
        spec: Channels, window, plane.
        used: Samples that the spectrum is made of.

    Returns:
        A weight for every cell: ``[row, pair, 1]`` for fam, ``[row, channel, cycle]`` for ssca.
    """
    if spec.method == "fam":
        power = channel_power(channelize(rows, spec, used=used, hop=spec.hop_samples))
        first, second = fam.channel_pairs(spec.channels)
        return _inverse(power[:, first] * power[:, second])[..., None]
    power = _strip_power(rows, spec, used)
    first, second = steps_of_cells(spec, used)
    product = power[:, first, None] * power[:, second]
    np.maximum(product, cells.real**2 + cells.imag**2, out=product)
    return _inverse(product)


def _inverse(product: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    held = product > LEAST_POWER * LEAST_POWER
    return np.asarray(np.divide(1, product, out=np.zeros_like(product), where=held), np.float32)


def _strip_power(
    rows: Complex64[np.ndarray, "row sample"], spec: CyclicSpectrumSpec, used: int
) -> Float32[np.ndarray, "row step"]:
    """Return the power spectrum that the strips of ssca see, at every step of fs/``used`` from 0 on."""
    spectra = scipy.fft.fft(rows[:, :used], 2 * used, axis=-1)
    periodogram = (spectra.real.astype(np.float64) ** 2 + spectra.imag.astype(np.float64) ** 2) / used
    lags = scipy.fft.rfft(periodogram, axis=-1, overwrite_x=True)
    lags *= strip_lags(spec, used)
    mean = scipy.fft.irfft(lags, 2 * used, axis=-1, overwrite_x=True)[:, ::2]
    return np.asarray(np.maximum(mean, 0), np.float32)  # Hann's tails are beyond the last digit


@lru_cache(maxsize=8)
def strip_lags(spec: CyclicSpectrumSpec, used: int) -> Complex128[np.ndarray, "lag"]:
    """Return the transform of |A|, with ∫|A| = 1: the lag window of the power that strips see."""
    window = np.zeros(2 * used)
    window[np.arange(-(spec.channels // 2), spec.channels // 2)] = lag_window(spec)
    leak: Float64[np.ndarray, "step"] = np.abs(scipy.fft.fft(window))
    return np.asarray(scipy.fft.rfft(leak / leak.sum()), np.complex128)


@lru_cache(maxsize=8)
def steps_of_cells(
    spec: CyclicSpectrumSpec, used: int
) -> tuple[Int64[np.ndarray, "channel"], Int64[np.ndarray, "channel cycle"]]:
    """Return both frequencies of every cell of ssca, in steps of fs/``used`` from 0 on."""
    half_steps, steps = ssca.cell_steps(spec, used)
    first = (half_steps[:, 0] + steps[:, 0]) // 2
    second = (steps - half_steps if spec.conjugate else half_steps - steps) // 2
    return first % used, second % used
