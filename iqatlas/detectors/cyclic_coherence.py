"""The largest cyclic coherence of a sub-channel: blind, and independent of the noise power."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.special
from jaxtyping import Complex64, Float64

from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.detectors.subbands import Subbands, subbands
from iqatlas.errors import SpecError

CHANNELS = 16
"""Frequencies across a sub-channel."""
LEAST_BLOCKS = 8
_LEAST_DISTANCE = 3
"""Cyclic frequencies nearer to 0 than so many channels are the power spectrum's own."""
_CELLS_AT_ONCE = 1 << 21


def cell_threshold(blocks: int | float, cells: int, false_alarm: float) -> float:
    """Return the threshold on the largest of independent coherences of noise: λ = 1 − P_c^{1/(K−1)}.

    Args:
        blocks: Independent blocks K that a coherence is averaged over: FAM's blocks over its overlap factor.
        cells: Number n of cells: P_c = 1 − (1−P)^{1/n}.
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    one = -np.expm1(np.log1p(-check_false_alarm(false_alarm)) / cells)
    return float(-np.expm1(np.log(one) / (blocks - 1)))


def coherence_distribution(
    value: float, true: Float64[np.ndarray, "*n"], blocks: int
) -> Float64[np.ndarray, "*n"]:
    """Return the probability that a measured squared coherence stays below a value.

    Args:
        value: The value, between 0 and 1.
        true: True squared coherence.
        blocks: Independent blocks K.

    Source: G. C. Carter, C. H. Knapp, A. H. Nuttall, "Estimation of the magnitude-squared coherence
    function via overlapped fast Fourier transform processing", IEEE Trans. Audio Electroacoustics, 1973,
    equation 3.
    """
    k = np.arange(blocks - 1)
    c = np.asarray(true, np.float64)[..., None]
    ratio = (1 - value) / (1 - c * value)
    terms = ratio**k * scipy.special.hyp2f1(-k, 1 - blocks, 1, c * value)
    return np.asarray(value * ((1 - c[..., 0]) / (1 - c[..., 0] * value)) ** blocks * terms.sum(axis=-1))


def detection_probability(
    blocks: int, cells: int, false_alarm: float, snr: Float64[np.ndarray, "*n"]
) -> Float64[np.ndarray, "*n"]:
    """Return P_D of a signal with one fully coherent line: squared coherence (γ/(1+γ))² in one cell.

    Args:
        blocks: Independent blocks.
        cells: Number of cells.
        false_alarm: Probability of false alarm that sets the threshold.
        snr: Ratio γ of signal to noise density at both frequencies of the line.
    """
    level = cell_threshold(blocks, cells, false_alarm)
    below = coherence_distribution(level, (snr / (1 + snr)) ** 2, blocks)
    others = (1 - false_alarm) ** ((cells - 1) / cells)
    return np.asarray(1 - others * below)


class CyclicCoherenceDetector(Detector):
    """The largest squared coherence of two frequencies of a sub-channel, at any shift of their products.

    Blocks don't overlap and aren't windowed: in white noise transforms of different blocks and bins are
    then independent, and the coherence of a cell follows its closed form exactly.

    Args:
        setting: The captures.

    Raises:
        SpecError: They are too short.

    Source: the strip of the plane that lies in a sub-channel, of the coherence of W. A. Gardner,
    "Exploitation of spectral redundancy in cyclostationary signals", IEEE Signal Processing Magazine, 1991.
    """

    name = "cyclic-coherence"

    def __init__(self, setting: DetectorSetting) -> None:
        captures = setting.captures
        found = subbands(captures)
        points = 0 if found is None else found.points
        self.blocks = points // CHANNELS
        if found is None or self.blocks < LEAST_BLOCKS:
            needed = int(captures.samples * CHANNELS * LEAST_BLOCKS / max(1, points))
            raise SpecError(
                f"captures of {captures.samples} samples hold {points} points a sub-channel",
                accepted=f"{CHANNELS * LEAST_BLOCKS} of them: about {needed} samples",
            )
        self._subbands: Subbands = found
        self._count = setting.subchannels
        first, second = np.tril_indices(CHANNELS, -_LEAST_DISTANCE)
        self._first, self._second = first, second
        self.cells = len(first) * self.blocks

    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return the largest squared coherence; the noise power is not needed."""
        del noise_power_mw
        streams = self._subbands.streams(iq)[..., : self.blocks * CHANNELS]
        rows = streams.reshape(-1, self.blocks, CHANNELS)
        largest = np.empty(len(rows), np.float64)
        at_once = max(1, _CELLS_AT_ONCE // self.cells)
        for start in range(0, len(rows), at_once):
            largest[start : start + at_once] = self._largest(rows[start : start + at_once])
        return largest.reshape(streams.shape[:-1])

    def _largest(self, rows: Complex64[np.ndarray, "row block channel"]) -> Float64[np.ndarray, " row"]:
        channels = scipy.fft.fft(rows, axis=-1).swapaxes(-1, -2)
        power = np.square(np.abs(channels)).sum(axis=-1, dtype=np.float64)
        products = channels[:, self._first] * np.conj(channels[:, self._second])
        lines = scipy.fft.fft(products, axis=-1, overwrite_x=True)
        peak = (np.square(lines.real) + np.square(lines.imag)).max(axis=-1).astype(np.float64)
        floor = np.maximum(power[:, self._first] * power[:, self._second], np.finfo(np.float64).tiny)
        return np.asarray((peak / floor).max(axis=-1))

    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return :func:`cell_threshold` for each sub-channel."""
        return np.full(self._count, cell_threshold(self.blocks, self.cells, false_alarm))

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"] | None:
        """Return None: how coherent a signal is does not follow from its power."""
        del false_alarm, snr
        return None
