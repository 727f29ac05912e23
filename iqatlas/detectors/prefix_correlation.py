"""The prefix detector: a cyclic prefix makes samples alike that lie one useful symbol apart."""

from __future__ import annotations

import numpy as np
import scipy.special
import scipy.stats
from jaxtyping import Complex64, Float64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.detectors.subbands import Subbands, subbands
from iqatlas.errors import SpecError
from iqatlas.features.setting import CaptureSetting


def lag_products(
    streams: Complex64[np.ndarray, "*batch point"], lag: int
) -> Complex64[np.ndarray, "*batch product"]:
    """Return x(n+lag) x*(n), a power, for all n inside the streams; the lag is in samples."""
    products: Complex64[np.ndarray, "*batch product"] = streams[..., lag:] * np.conj(streams[..., :-lag])
    return products


def threshold(products: int, false_alarm: float) -> float:
    """Return the threshold on the real part of the normalised correlation of white noise.

    A direction drawn at random in 2M real dimensions: Student's t with 2M − 1 degrees of freedom, which goes
    to erfc⁻¹(2P)/√M for many products. Exact while no sample is in two products.

    Args:
        products: Lag products M.
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    freedom = 2 * products - 1
    t = float(scipy.stats.t.isf(check_false_alarm(false_alarm), freedom))
    return t / float(np.sqrt(freedom + t * t))


def modulus_threshold(products: int, false_alarm: float) -> float:
    """Return the threshold on the modulus: √(1 − P^{1/(M−1)}), which goes to √(−ln P/M).

    Args:
        products: Lag products M, 2 or more.
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    return float(np.sqrt(-np.expm1(np.log(check_false_alarm(false_alarm)) / (products - 1))))


def detection_probability(
    products: int, false_alarm: float, snr: Float64[np.ndarray, "*n"], *, prefix_share: float
) -> Float64[np.ndarray, "*n"]:
    """Return P_D = ½ erfc((η − ρ)√M/(1 − ρ²)), ρ = (Ng/Ns) γ/(1+γ).

    Args:
        products: Lag products M.
        false_alarm: Probability of false alarm that sets the threshold η.
        snr: Ratio γ of signal to noise power.
        prefix_share: Share Ng/Ns of a symbol that is prefix.

    Source: S. Chaudhari, V. Koivunen, H. V. Poor, "Autocorrelation-based decentralized sequential detection
    of OFDM signals in cognitive radios", IEEE Trans. Signal Processing, 2009.
    """
    rho = prefix_share * snr / (1 + snr)
    away = (threshold(products, false_alarm) - rho) * np.sqrt(products) / (1 - rho**2)
    value: Float64[np.ndarray, "*n"] = scipy.special.erfc(away) / 2
    return value


class PrefixDetector(Detector):
    """The real part of the correlation at the lag of the useful symbol, over the energies.

    Args:
        setting: The captures.

    Raises:
        SpecError: They can't show a prefix.
    """

    name = "prefix"

    def __init__(self, setting: DetectorSetting) -> None:
        self._subbands = prefix_subbands(setting.captures)
        self._channels = setting.subchannels
        self._prefix_share = prefix_share(setting.captures)

    @property
    def products(self) -> int:
        """Lag products of a capture."""
        return self._subbands.points - self._subbands.lag

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return the correlation coefficient; the noise power is not needed."""
        del noise_power_mw
        bands = self._subbands
        streams = bands.streams(iq)
        power = np.square(streams.real) + np.square(streams.imag)
        total = power[..., bands.lag :].sum(-1, np.float64) * power[..., : -bands.lag].sum(-1, np.float64)
        correlation = lag_products(streams, bands.lag).sum(axis=-1) * bands.lag_rotation()
        value: Float64[np.ndarray, "record receiver subchannel"] = correlation.real / np.sqrt(
            np.maximum(total, np.finfo(np.float64).tiny)
        )
        return value

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return :func:`threshold` of the capture's products."""
        return np.full(self._channels, threshold(self.products, false_alarm))

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return :func:`detection_probability` of the capture's products."""
        return detection_probability(self.products, false_alarm, snr, prefix_share=self._prefix_share)


def prefix_share(captures: CaptureSetting) -> float:
    """Return the share of a symbol that is prefix, on average over a slot."""
    useful, rate = captures.useful_symbol_samples, captures.symbol_rate_hz
    return 0.0 if useful is None or rate is None else 1 - useful * rate / captures.sample_rate_hz


def prefix_subbands(captures: CaptureSetting) -> Subbands:
    """Return sub-channel streams with a whole number of points a useful symbol.

    Raises:
        SpecError: The waveform has no prefix, or captures are too short for its lag.
    """
    useful = captures.useful_symbol_samples
    if useful is None:
        raise SpecError("this waveform has no cyclic prefix")
    found = subbands(captures, lag_samples=useful)
    if captures.samples < 2 * useful or found is None:
        raise SpecError(
            f"captures of {captures.samples} samples don't hold the prefix lag",
            accepted=f"{2 * useful} samples or more",
        )
    return found
