"""The energy detector on sub-channels, with its threshold in closed form."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.errors import SpecError


def energy(
    captures: Complex64[np.ndarray, "*batch sample"],
    noise_power_mw: Float64[np.ndarray, "*batch"],
    bins: Bool[np.ndarray, "subchannel bin"],
) -> Float64[np.ndarray, "*batch subchannel"]:
    """Return the energy in each sub-channel over that of the noise alone: 1 on average for noise.

    Args:
        captures: Samples in √mW.
        noise_power_mw: Noise power over the sampling bandwidth, of each capture.
        bins: Bins of each sub-channel (see :func:`iqatlas.features.subchannel_energy.subchannel_bins`).
    """
    spectrum = scipy.fft.fft(captures, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    total = power @ bins.T.astype(np.float32)
    count = bins.sum(axis=1)
    statistic: Float64[np.ndarray, "*batch subchannel"] = total / (
        count * captures.shape[-1] * noise_power_mw[..., None]
    )
    return statistic


def threshold(bins: Int64[np.ndarray, "*n"], false_alarm: float) -> Float64[np.ndarray, "*n"]:
    """Return the threshold on :func:`energy` for a probability of false alarm.

    The sum of N bins of white noise follows a Gamma distribution: λ = Γ⁻¹(N, 1−P)/N.

    Args:
        bins: Number N of bins of each sub-channel.
        false_alarm: Probability P of false alarm, between 0 and 1.

    Raises:
        SpecError: The probability is not between 0 and 1.

    Source: H. Urkowitz, "Energy detection of unknown deterministic signals", Proc. IEEE, 1967.
    """
    if not 0 < false_alarm < 1:
        raise SpecError(f"{false_alarm:g} is no probability of false alarm", accepted="between 0 and 1")
    value: Float64[np.ndarray, "*n"] = scipy.special.gammaincinv(bins, 1 - false_alarm) / bins
    return value


def detection_probability(
    bins: Int64[np.ndarray, "*n"], false_alarm: float, snr: Float64[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n"]:
    """Return the probability to detect a Gaussian signal: Q(N, Nλ/(1+γ)).

    Args:
        bins: Number N of bins of each sub-channel.
        false_alarm: Probability of false alarm that sets the threshold λ.
        snr: Ratio γ of signal to noise power in the sub-channel.
    """
    level = threshold(bins, false_alarm)
    value: Float64[np.ndarray, "*n"] = scipy.special.gammaincc(bins, bins * level / (1 + snr))
    return value
