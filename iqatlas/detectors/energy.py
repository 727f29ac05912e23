"""The energy detector on sub-channels, with its threshold in closed form."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.features.subchannel_energy import subchannel_bins


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
    wanted = 1 - check_false_alarm(false_alarm)
    value: Float64[np.ndarray, "*n"] = scipy.special.gammaincinv(bins, wanted) / bins
    return value


def detection_probability(
    bins: Int64[np.ndarray, "*n"], false_alarm: float, snr: Float64[np.ndarray, "*m"]
) -> Float64[np.ndarray, "*m"]:
    """Return the probability to detect a Gaussian signal: Q(N, Nλ/(1+γ)).

    Args:
        bins: Number N of bins of each sub-channel.
        false_alarm: Probability of false alarm that sets the threshold λ.
        snr: Ratio γ of signal to noise power in the sub-channel.
    """
    return tail(bins, threshold(bins, false_alarm) / (1 + snr))


def tail(bins: Int64[np.ndarray, "*n"], level: Float64[np.ndarray, "*m"]) -> Float64[np.ndarray, "*m"]:
    """Return the probability that the mean of N exponential powers of mean 1 exceeds a level.

    Args:
        bins: Number N of bins of each sub-channel.
        level: The level.
    """
    value: Float64[np.ndarray, "*m"] = scipy.special.gammaincc(bins, bins * level)
    return value


def known_signal_detection(
    bins: Int64[np.ndarray, "*n"], false_alarm: float, snr: Float64[np.ndarray, "*m"]
) -> Float64[np.ndarray, "*m"]:
    """Return the probability to detect a signal whose energy is given: Marcum's Q_N(√(2Nγ), √(2Nλ)).

    Args:
        bins: Number N of bins of each sub-channel.
        false_alarm: Probability of false alarm that sets the threshold λ.
        snr: Energy of the signal over that of the noise, in the sub-channel of this very capture.

    Source: Urkowitz 1967, equation 8.
    """
    return known_signal_tail(bins, threshold(bins, false_alarm), snr)


def known_signal_tail(
    bins: Int64[np.ndarray, "*n"], level: Float64[np.ndarray, "*n"], snr: Float64[np.ndarray, "*m"]
) -> Float64[np.ndarray, "*m"]:
    """Return the probability that :func:`energy` of a signal whose energy is given exceeds a level.

    Args:
        bins: Number N of bins of each sub-channel.
        level: The level.
        snr: Energy of the signal over that of the noise, in the sub-channel of this very capture.
    """
    # A degenerate centre of 0 is the plain χ², which scipy's noncentral one doesn't give everywhere.
    centre = np.maximum(2 * bins * snr, 1e-12)
    value: Float64[np.ndarray, "*m"] = 1 - scipy.special.chndtr(2 * bins * level, 2 * bins, centre)
    return value


class EnergyDetector(Detector):
    """Energy in each sub-channel over that of the known noise.

    Args:
        setting: The captures.
    """

    name = "energy"

    def __init__(self, setting: DetectorSetting) -> None:
        captures = setting.captures
        self._bins = subchannel_bins(
            captures.samples, edges_hz=captures.subchannel_edges_hz, sample_rate_hz=captures.sample_rate_hz
        )
        self._count: Int64[np.ndarray, " subchannel"] = self._bins.sum(axis=1)

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return :func:`energy`."""
        return energy(iq, noise_power_mw, self._bins)

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return :func:`threshold` of the bins of each sub-channel."""
        return threshold(self._count, false_alarm)

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return :func:`detection_probability` of the bins of each sub-channel."""
        return detection_probability(self._count, false_alarm, snr)
