"""The matched filter for the primary synchronisation signal: is there a cell, and which third of them?"""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.stats
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.sync import pss

IDENTITIES = 3
"""Cell identities modulo 3: as many sequences there are."""
_BINS = 64
"""Subcarriers about the carrier that the filter hears: 62 with the sequence."""
PERIOD_S = 5e-3
"""The signal comes twice a frame."""


def threshold(lags: int, false_alarm: float) -> float:
    """Return the threshold on the largest |⟨x,s⟩|²/(Eσ²): −ln of the false-alarm probability of one lag.

    Args:
        lags: Lags n that are tried, of all sequences: each has 1 − (1−P)^{1/n}.
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    return -float(np.log(_of_one(lags, false_alarm)))


def normalised_threshold(lags: int, points: int, false_alarm: float) -> float:
    """Return the threshold on the largest |⟨x,s⟩|²/(E‖x‖²), for unknown noise: 1 − P₁^{1/(N−1)}.

    Args:
        lags: Lags that are tried.
        points: Points N that a correlation is over.
        false_alarm: Probability of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    return float(-np.expm1(np.log(_of_one(lags, false_alarm)) / (points - 1)))


def _of_one(lags: int, false_alarm: float) -> float:
    return float(-np.expm1(np.log1p(-check_false_alarm(false_alarm)) / lags))


def detection_probability(
    lags: int, false_alarm: float, energy_ratio: Float64[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n"]:
    """Return P_D of a signal that is known but for its phase, at one of the lags.

    Args:
        lags: Lags that are tried.
        false_alarm: Probability of false alarm that sets the threshold.
        energy_ratio: Energy of the signal over the noise power of a point.

    Source: C. W. Helstrom, "Elements of signal detection and estimation", 1995, section 3.4: Marcum's Q₁.
    """
    level = 2 * threshold(lags, false_alarm)
    own: Float64[np.ndarray, "*n"] = scipy.stats.ncx2.sf(level, 2, np.maximum(2 * energy_ratio, 1e-12))
    others = (1 - false_alarm) ** ((lags - 1) / lags)
    return np.asarray(1 - (1 - own) * others)


class SynchronisationDetector(Detector):
    """The largest correlation with each of the three sequences, at any lag of a capture.

    Lags are as far apart as the signal's band has it (1.04 µs), so that they are independent in noise; a
    signal between two of them loses up to 3.9 dB. One decision a capture stands in the place of sub-channels.

    Args:
        setting: The captures.

    Raises:
        SpecError: No synchronisation signals are sent, or captures hold no whole one.
    """

    name = "pss"

    def __init__(self, setting: DetectorSetting) -> None:
        captures = setting.captures
        useful = captures.useful_symbol_samples
        if useful is None or not setting.synchronisation:
            raise SpecError("this waveform sends no synchronisation signals")
        self.symbols = captures.samples // useful
        if self.symbols < 2:
            raise SpecError(
                f"captures of {captures.samples} samples hold no whole synchronisation signal at any lag",
                accepted=f"{2 * useful} samples or more",
            )
        self._used = self.symbols * useful
        self._bins = np.arange(-_BINS // 2 * self.symbols, _BINS // 2 * self.symbols) % self._used
        self.lags = _BINS * (self.symbols - 1) + 1
        self._useful, self._rate_hz = useful, captures.sample_rate_hz
        sequences = np.stack([_sequence(identity) for identity in range(IDENTITIES)])
        self._filters = np.conj(scipy.fft.fft(sequences, len(self._bins), axis=-1))

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver 1"]:
        """Return the largest |⟨x,s⟩|²/(Eσ²) of all sequences and lags."""
        peak = np.square(np.abs(self._correlations(self._narrow(iq)))).max(axis=(-1, -2))
        return np.asarray((peak / noise_power_mw)[..., None], np.float64)

    def identity(
        self, iq: Complex64[np.ndarray, "record receiver sample"]
    ) -> Int64[np.ndarray, "record receiver"]:
        """Return the cell identity modulo 3 whose sequence fits best."""
        peak = np.square(np.abs(self._correlations(self._narrow(iq)))).max(axis=-1)
        return np.asarray(peak.argmax(axis=-1), np.int64)

    def normalised_statistic(
        self, iq: Complex64[np.ndarray, "record receiver sample"]
    ) -> Float64[np.ndarray, "record receiver"]:
        """Return the largest |⟨x,s⟩|²/(E‖x‖²), for :func:`normalised_threshold`."""
        narrow = self._narrow(iq)
        power = np.cumsum(np.square(np.abs(narrow)), axis=-1, dtype=np.float64)
        before = np.concatenate([np.zeros_like(power[..., :1]), power[..., : self.lags - 1]], axis=-1)
        energy = np.maximum(power[..., _BINS - 1 :] - before, np.finfo(np.float64).tiny)
        share: Float64[np.ndarray, "record receiver identity lag"] = (
            np.square(np.abs(self._correlations(narrow))) / energy[..., None, :]
        )
        return np.asarray(share.max(axis=(-1, -2)))

    def _narrow(
        self, iq: Complex64[np.ndarray, "record receiver sample"]
    ) -> Complex64[np.ndarray, "record receiver point"]:
        """Return the band about the carrier as a stream of its own; noise keeps its power a sample."""
        spectrum = scipy.fft.fft(iq[..., : self._used], axis=-1)[..., self._bins]
        points = scipy.fft.ifft(scipy.fft.ifftshift(spectrum, axes=-1), axis=-1, overwrite_x=True)
        return np.asarray(points * np.float32(np.sqrt(len(self._bins) / self._used)), np.complex64)

    def _correlations(
        self, narrow: Complex64[np.ndarray, "record receiver point"]
    ) -> Complex64[np.ndarray, "record receiver identity lag"]:
        # By the transform: lags at which the sequence lies inside the capture don't wrap.
        spectra = scipy.fft.fft(narrow, axis=-1)[..., None, :] * self._filters
        return np.asarray(scipy.fft.ifft(spectra, axis=-1, overwrite_x=True)[..., : self.lags])

    @property
    def trials(self) -> int:
        """Correlations of which the largest is taken: lags times sequences."""
        return IDENTITIES * self.lags

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " 1"]:
        """Return :func:`threshold` for all lags and sequences."""
        return np.array([threshold(self.trials, false_alarm)])

    def holds_signal(self, time_s: Float64[np.ndarray, " record"]) -> Bool[np.ndarray, " record"]:
        """Return which captures hold a whole signal, where frames begin at time 0.

        Args:
            time_s: Start of each capture.
        """
        # The last symbol of the first slot of 0.5 ms, its prefix left out.
        begin = np.round(time_s * self._rate_hz).astype(np.int64)
        since = (round(PERIOD_S / 10 * self._rate_hz) - self._useful - begin) % round(
            PERIOD_S * self._rate_hz
        )
        return np.asarray(since <= self._used - self._useful)


def _sequence(identity: int) -> Complex64[np.ndarray, " point"]:
    """Return a sequence in time, of unit energy, the body of its symbol alone."""
    carriers = np.zeros(_BINS, np.complex128)
    carriers[np.r_[-31:0, 1:32]] = pss(identity)
    points = np.fft.ifft(carriers)
    return (points / np.linalg.norm(points)).astype(np.complex64)
