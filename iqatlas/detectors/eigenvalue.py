"""Eigenvalues of the covariance of all receivers: the largest over known noise, or over the smallest."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.detectors.subbands import Subbands, subbands
from iqatlas.detectors.wishart import (
    MOST_EXACT_SENSORS,
    largest_below,
    largest_threshold,
    wishart_eigenvalues,
)
from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, stream

CALIBRATION_DRAWS = 200_000
"""At P = 0.01 the calibrated P_FA has a standard error of 2% of itself."""
_THEORY_DRAWS = 20_000
_LEAST_SNR = 1e-4
_LARGEST_SNR_DB = 40.0
_STEP_DB = 0.5
_GRID_VALUES = 64


@lru_cache(maxsize=16)
def _ratios(sensors: int, samples: int, seed: int) -> Float64[np.ndarray, " draw"]:
    rng = stream(seed, Stage.DETECTORS, sensors, samples)
    values = wishart_eigenvalues(sensors, samples, CALIBRATION_DRAWS, rng=rng)
    return np.sort(values[:, -1] / values[:, 0])


def ratio_threshold(sensors: int, samples: int, false_alarm: float, *, seed: int) -> float:
    """Return the threshold on λ_max/λ_min of noise, by Monte Carlo: closed forms are far too high.

    Args:
        sensors: M.
        samples: N.
        false_alarm: Probability of false alarm.
        seed: Seed of the draws.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    return float(np.quantile(_ratios(sensors, samples, seed), 1 - check_false_alarm(false_alarm)))


class _EigenvalueDetector(Detector):
    """What both have in common: one covariance of all receivers, and one decision for all of them."""

    def __init__(self, setting: DetectorSetting) -> None:
        found = subbands(setting.captures)
        points = 0 if found is None else found.points
        if setting.receivers < 2:
            raise SpecError("a covariance needs two receivers or more")
        if found is None or points <= setting.receivers:
            samples = setting.captures.samples
            raise SpecError(
                f"captures of {samples} samples hold {points} points a sub-channel for a covariance of "
                f"{setting.receivers} receivers",
                accepted=f"about {samples * (setting.receivers + 1) // max(1, points)} samples or more",
            )
        self._subbands: Subbands = found
        self._setting = setting

    @property
    def fuses(self) -> bool:
        """One covariance, one decision."""
        return True

    @property
    def samples(self) -> int:
        """Points of a sub-channel that the covariance is averaged over."""
        return self._subbands.points

    def _eigenvalues(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record subchannel receiver"]:
        """Return the eigenvalues, rising, of the covariance in units of each receiver's noise."""
        scale = np.sqrt(noise_power_mw).astype(np.float32)[:, :, None, None]
        streams = np.moveaxis(self._subbands.streams(iq) / scale, 1, 2)
        covariance = streams @ np.conj(streams.swapaxes(-1, -2)) / self.samples
        return np.linalg.eigvalsh(covariance).astype(np.float64)

    def _for_all(
        self, values: Float64[np.ndarray, "record subchannel"]
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        shape = (len(values), self._setting.receivers, values.shape[1])
        return np.broadcast_to(values[:, None], shape).astype(np.float64)


class LargestEigenvalueDetector(_EigenvalueDetector):
    """λ_max in units of the known noise; the SNR of the theory is that of one Gaussian signal, summed.

    Args:
        setting: The captures.

    Raises:
        SpecError: There is one receiver alone, or captures are too short.

    Source: Y. Zeng, Y.-C. Liang, "Maximum eigenvalue detection: theory and application", ICC 2008.
    """

    name = "eigenvalue"

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return the largest eigenvalue, the same for all receivers."""
        return self._for_all(self._eigenvalues(iq, noise_power_mw)[..., -1])

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return the quantile of λ_max in noise."""
        level = largest_threshold(self._setting.receivers, self.samples, check_false_alarm(false_alarm))
        return np.full(self._setting.subchannels, level)

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"] | None:
        """Return P_D of one Gaussian signal of power ``snr`` summed over the receivers, if they are few."""
        sensors = self._setting.receivers
        if sensors > min(MOST_EXACT_SENSORS, self.samples):
            return None
        level = float(self.threshold(false_alarm)[0])
        # Few values tell all: P_D is a smooth function of the SNR.
        return _interpolated(snr, lambda spike: 1 - largest_below(level, sensors, self.samples, spike))


class EigenvalueRatioDetector(_EigenvalueDetector):
    """λ_max/λ_min: independent of the noise power, as long as it is the same at all receivers.

    Args:
        setting: The captures.

    Raises:
        SpecError: There is one receiver alone, or captures are too short.

    Source: Y. Zeng, Y.-C. Liang, "Eigenvalue-based spectrum sensing algorithms for cognitive radio", IEEE
    Trans. Communications, 2009.
    """

    name = "eigenvalue-ratio"

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return the ratio, the same for all receivers; of the noise powers only ratios matter."""
        values = self._eigenvalues(iq, noise_power_mw)
        return self._for_all(values[..., -1] / np.maximum(values[..., 0], np.finfo(np.float32).tiny))

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return :func:`ratio_threshold`."""
        setting = self._setting
        level = ratio_threshold(setting.receivers, self.samples, false_alarm, seed=setting.seed)
        return np.full(setting.subchannels, level)

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return P_D of one Gaussian signal of power ``snr`` summed over the receivers, by Monte Carlo."""
        level, setting = float(self.threshold(false_alarm)[0]), self._setting

        def share(spike: float) -> float:
            rng = stream(setting.seed, Stage.DETECTORS, setting.receivers, self.samples, 1)
            values = wishart_eigenvalues(setting.receivers, self.samples, _THEORY_DRAWS, rng=rng, spike=spike)
            return float(np.mean(values[:, -1] / values[:, 0] > level))

        return _interpolated(snr, share)


def _interpolated(
    snr: Float64[np.ndarray, "*n"], probability: Callable[[float], float]
) -> Float64[np.ndarray, "*n"]:
    """Return a function of the SNR, worked out on a grid of half decibels where there are many values."""
    level_db = 10 * np.log10(np.maximum(np.asarray(snr, np.float64), _LEAST_SNR))
    values = np.unique(level_db)
    if len(values) > _GRID_VALUES:
        values = np.arange(values[0], min(values[-1], _LARGEST_SNR_DB) + _STEP_DB, _STEP_DB)
    known = np.array([probability(10 ** (float(value) / 10)) for value in values])
    return np.asarray(np.interp(level_db, values, known))
