"""The test of Dandawaté and Giannakis for a cyclic line of the prefix at the symbol rate."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.stats
from jaxtyping import Complex64, Float64, Int64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.detectors.prefix_correlation import lag_products, prefix_share, prefix_subbands
from iqatlas.errors import SpecError

SMOOTHED_BINS = 400
"""Bins that the covariance is averaged over, as many as there are of them."""
LEAST_BINS = 200
"""With fewer the statistic is no longer χ² in its tail."""
_OWN_BINS = 1.5
"""Bins about a line that may hold a part of it."""


def threshold(false_alarm: float) -> float:
    """Return the threshold on a statistic of one line, χ² with 2 degrees of freedom: −2 ln P.

    Args:
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    return float(-2 * np.log(check_false_alarm(false_alarm)))


def detection_probability(
    products: int, false_alarm: float, snr: Float64[np.ndarray, "*n"], *, line: float
) -> Float64[np.ndarray, "*n"]:
    """Return P_D: the statistic is χ² with 2 degrees of freedom about 2M|R|², R the line's height.

    Args:
        products: Lag products M.
        false_alarm: Probability of false alarm that sets the threshold.
        snr: Ratio γ of signal to noise power.
        line: Height of the line of a signal of unit power without noise.
    """
    height = line * snr / (1 + snr)
    value: Float64[np.ndarray, "*n"] = scipy.stats.ncx2.sf(
        threshold(false_alarm), 2, np.maximum(2 * products * height**2, 1e-12)
    )
    return value


def prefix_line(share: float, useful_samples: int, harmonic: int = 1) -> float:
    """Return the height of a line of the prefix, unit power: |sin(πkNg/Ns)/(Ns sin(πk/Ns))|.

    Args:
        share: Share Ng/Ns of a symbol that is prefix.
        useful_samples: Useful samples Nu = Ns − Ng of a symbol.
        harmonic: k, 1 for the symbol rate.
    """
    symbol = useful_samples / (1 - share)
    if harmonic == 0:
        return share
    return abs(float(np.sin(np.pi * harmonic * share) / (symbol * np.sin(np.pi * harmonic / symbol))))


class DandawateGiannakisDetector(Detector):
    """The cyclic autocorrelation at prefix lag and symbol rate, over its own covariance.

    The covariance is smoothed over the nearest cyclic frequencies; the tested one and all other lines of
    the prefix are left out.

    Args:
        setting: The captures.

    Raises:
        SpecError: They can't show a prefix, or are too short for the covariance.

    Source: A. V. Dandawaté, G. B. Giannakis, "Statistical tests for presence of cyclostationarity", IEEE
    Trans. Signal Processing 42(9), 1994, equations 18 to 24.
    """

    name = "dandawate-giannakis"

    def __init__(self, setting: DetectorSetting) -> None:
        captures = setting.captures
        self._subbands = prefix_subbands(captures)
        self._channels = setting.subchannels
        rate = captures.sample_rate_hz * self._subbands.points / self._subbands.used
        # Without a symbol rate there is no prefix, and prefix_subbands has said so.
        self._turns = (captures.symbol_rate_hz or 0.0) / rate
        self._pairs = self._free_bins()
        self._line = prefix_line(prefix_share(captures), captures.useful_symbol_samples or 1)
        if 2 * len(self._pairs) < LEAST_BINS:
            needed = int(captures.samples * LEAST_BINS / max(1, 2 * len(self._pairs)))
            raise SpecError(
                f"captures of {captures.samples} samples have {2 * len(self._pairs)} cyclic frequencies "
                "a sub-channel besides the lines",
                accepted=f"{LEAST_BINS} of them: about {needed} samples",
            )

    @property
    def products(self) -> int:
        """Lag products of a capture."""
        return self._subbands.points - self._subbands.lag

    def _free_bins(self) -> Int64[np.ndarray, " pair"]:
        """Return offsets whose bins on either side of the tested one are far from all lines."""
        offsets = np.arange(2, (self.products - 1) // 2, dtype=np.int64)
        spacing = self._turns * self.products
        away = np.abs((offsets + spacing / 2) % spacing - spacing / 2)
        return np.asarray(offsets[away > _OWN_BINS][: SMOOTHED_BINS // 2])

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return T = M r̂ Σ⁻¹ r̂ᵀ; the noise power is not needed."""
        del noise_power_mw
        products = lag_products(self._subbands.streams(iq), self._subbands.lag)
        turns = np.arange(products.shape[-1]) * self._turns % 1
        lines = scipy.fft.fft(products * np.exp(-2j * np.pi * turns).astype(np.complex64), axis=-1)
        tested = lines[..., 0].astype(np.complex128)
        above, below = lines[..., self._pairs], lines[..., -self._pairs]
        # E|F|² and E F²: covariances of real and imaginary part follow from both.
        own = np.mean(np.square(np.abs(above)) + np.square(np.abs(below)), axis=-1, dtype=np.float64) / 2
        twin = np.mean(above * below, axis=-1, dtype=np.complex128)
        least = np.finfo(np.float64).tiny
        determinant = np.maximum(own**2 - np.abs(twin) ** 2, least)
        form = own * np.abs(tested) ** 2 - np.real(np.conj(twin) * tested**2)
        value: Float64[np.ndarray, "record receiver subchannel"] = 2 * form / determinant
        return value

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return −2 ln P for each sub-channel."""
        return np.full(self._channels, threshold(false_alarm))

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"]:
        """Return :func:`detection_probability` of the line at the symbol rate."""
        return detection_probability(self.products, false_alarm, snr, line=self._line)
