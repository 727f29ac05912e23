"""Energy detection without exact knowledge of the noise: estimated beside the band, or within limits."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.stats
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.detectors import energy
from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.errors import SpecError
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.subchannel_energy import subchannel_bins

LEAST_REFERENCE_BINS = 8
UNCERTAINTY_DB = 1.0


def estimated_threshold(
    bins: Int64[np.ndarray, "*n"], reference: int, false_alarm: float
) -> Float64[np.ndarray, "*n"]:
    """Return the threshold on a ratio of two means of noise power: Fisher's F with 2N and 2R degrees.

    Args:
        bins: Bins N of each sub-channel.
        reference: Bins R that the noise is estimated from.
        false_alarm: Probability of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    value: Float64[np.ndarray, "*n"] = scipy.stats.f.isf(
        check_false_alarm(false_alarm), 2 * bins, 2 * reference
    )
    return value


def estimated_detection(
    bins: Int64[np.ndarray, "*n"], reference: int, false_alarm: float, snr: Float64[np.ndarray, "*m"]
) -> Float64[np.ndarray, "*m"]:
    """Return P_D of a Gaussian signal that is not in the reference: F's tail beyond λ/(1+γ).

    Args:
        bins: Bins of each sub-channel.
        reference: Bins that the noise is estimated from.
        false_alarm: Probability of false alarm that sets the threshold λ.
        snr: Ratio γ of signal to noise power.
    """
    level = estimated_threshold(bins, reference, false_alarm)
    value: Float64[np.ndarray, "*m"] = scipy.stats.f.sf(level / (1 + snr), 2 * bins, 2 * reference)
    return value


def snr_wall(uncertainty: float) -> float:
    """Return the SNR below which no length of capture suffices: (ρ² − 1)/ρ.

    Args:
        uncertainty: Factor ρ ≥ 1 by which the noise may be above or below what it is taken for.

    Raises:
        SpecError: The factor is below 1.

    Source: R. Tandra, A. Sahai, "SNR walls for signal detection", IEEE J. Sel. Topics Signal Processing,
    2008, equation 7.
    """
    if not 1 <= uncertainty < np.inf:
        raise SpecError(f"{uncertainty:g} is no factor of uncertainty", accepted="1 or more")
    return (uncertainty**2 - 1) / uncertainty


def reference_bins(setting: CaptureSetting) -> Bool[np.ndarray, " bin"]:
    """Return the bins that lie farther from every sub-channel than the widest is wide."""
    edges = setting.subchannel_edges_hz
    frequency = np.asarray(scipy.fft.fftfreq(setting.samples, 1 / setting.sample_rate_hz))
    reach = float(np.diff(edges, axis=1).max())
    near = np.zeros(setting.samples, bool)
    for turn in (-setting.sample_rate_hz, 0.0, setting.sample_rate_hz):
        at = frequency[:, None] + turn
        near |= ((at > edges[:, 0] - reach) & (at < edges[:, 1] + reach)).any(axis=1)
    return ~near


class EstimatedEnergyDetector(Detector):
    """Energy over the noise that the same capture shows beside all sub-channels.

    What the transmitters spill there counts as noise: at high SNR it costs detections, never false alarms.

    Args:
        setting: The captures.

    Raises:
        SpecError: They show too little beside the sub-channels.
    """

    name = "energy-estimated"

    def __init__(self, setting: DetectorSetting) -> None:
        captures = setting.captures
        self._reference = reference_bins(captures)
        self.reference = int(self._reference.sum())
        if self.reference < LEAST_REFERENCE_BINS:
            raise SpecError(
                f"captures show {self.reference} bins of noise beside the sub-channels",
                accepted=f"{LEAST_REFERENCE_BINS} or more",
            )
        self._bins = subchannel_bins(
            captures.samples, edges_hz=captures.subchannel_edges_hz, sample_rate_hz=captures.sample_rate_hz
        )
        self._count = self._bins.sum(axis=1)

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return mean power in a sub-channel over that of the reference; the noise power is not needed."""
        del noise_power_mw
        spectrum = scipy.fft.fft(iq, axis=-1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        inside = power @ (self._bins / self._count[:, None]).T.astype(np.float32)
        beside = power[..., self._reference].mean(axis=-1, dtype=np.float64)
        value: Float64[np.ndarray, "record receiver subchannel"] = (
            inside / np.maximum(beside, np.finfo(np.float64).tiny)[..., None]
        )
        return value

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return :func:`estimated_threshold`."""
        return estimated_threshold(self._count, self.reference, false_alarm)

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return :func:`estimated_detection`."""
        return estimated_detection(self._count, self.reference, false_alarm, snr)


class UncertainEnergyDetector(energy.EnergyDetector):
    """Energy over the loudest noise that there may be: P_FA is kept at that noise, and below it elsewhere.

    Args:
        setting: The captures.
        uncertainty_db: By how much the noise may differ from what is told, either way.

    Source: Tandra and Sahai 2008, section II.
    """

    name = "energy-uncertain"

    def __init__(self, setting: DetectorSetting, uncertainty_db: float = UNCERTAINTY_DB) -> None:
        super().__init__(setting)
        self.uncertainty = 10 ** (uncertainty_db / 10)

    @property
    def noise_excess(self) -> float:
        """The factor of uncertainty: P_FA is the designed one at the loudest noise."""
        return self.uncertainty

    @property
    def snr_wall(self) -> float:
        """The SNR below which the quietest noise with a signal is like the loudest without."""
        return snr_wall(self.uncertainty)

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return the threshold of the energy detector times the uncertainty."""
        return super().threshold(false_alarm) * self.uncertainty

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return P_D where the noise is as told; at the quietest noise it is that of λρ² and γρ."""
        return energy.tail(self._count, self.threshold(false_alarm) / (1 + snr))
