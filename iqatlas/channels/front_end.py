"""Receivers as real as the spec asks for: oscillator and clock before the noise, the rest behind it.

White circular noise stays what it is when it is turned or sampled a little faster, so that carrier
offset, phase noise and sampling clock act on the signal alone. I/Q imbalance, the constant and the
converters act on the sum. Levels are always referred to the antenna port.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Complex128, Float64, Int64, UInt64

from iqatlas.channels.front_end_spec import AutomaticGain, Converter, ReceiverFrontEnd
from iqatlas.seeds import Stage, key, stream, words
from iqatlas.waveforms import interpolation
from iqatlas.waveforms.oscillator import carrier_turn, turned, wiener_phase

_PHASE_NOISE_INDEX = 7


class FrontEnd:
    """The receivers of a corpus.

    Args:
        spec: The spec's receiver.
        receivers: How many there are.
        carrier_hz: Radio frequency that they are tuned to.
        sample_rate_hz: Nominal sampling rate.
        full_load_mw: Each receiver's mean power when every sub-channel is occupied, which the
            constant is relative to.
        seed: The spec's seed; what is drawn for each receiver follows from it.
    """

    def __init__(
        self,
        spec: ReceiverFrontEnd,
        *,
        receivers: int,
        carrier_hz: float,
        sample_rate_hz: float,
        full_load_mw: Float64[np.ndarray, "receiver"],
        seed: int,
    ) -> None:
        self.spec, self._rate_hz = spec, sample_rate_hz

        def drawn(value: float | tuple[float, float], index: int) -> Float64[np.ndarray, "receiver"]:
            if isinstance(value, tuple):
                return stream(seed, Stage.FRONT_END, index).uniform(*value, size=receivers)
            return np.full(receivers, float(value))

        self.carrier_offset_hz: Float64[np.ndarray, "receiver"] = drawn(
            spec.carrier_offset_ppm, 0
        ) * 1e-6 * carrier_hz + drawn(spec.carrier_offset_hz, 1)
        """By how much each oscillator is too high."""
        self.clock_error: Float64[np.ndarray, "receiver"] = drawn(spec.sampling_offset_ppm, 2) * 1e-6
        """Relative error of each sampling clock."""
        self.iq_gain_db: Float64[np.ndarray, "receiver"] = drawn(spec.iq_gain_db, 3)
        """Gain of Q over I."""
        self.iq_phase_deg: Float64[np.ndarray, "receiver"] = drawn(spec.iq_phase_deg, 4)
        """Error of the quadrature."""
        self.dc: Complex128[np.ndarray, "receiver"] = np.zeros(receivers, np.complex128)
        """The constant in √mW, of a phase that is drawn."""
        if spec.dc_offset_db is not None:
            phase = stream(seed, Stage.FRONT_END, 6).uniform(0, 2 * np.pi, size=receivers)
            power_mw = full_load_mw * 10 ** (drawn(spec.dc_offset_db, 5) / 10)
            self.dc = np.sqrt(power_mw) * np.exp(1j * phase)
        self._key = key(seed, Stage.FRONT_END, _PHASE_NOISE_INDEX)

    def margin(self, samples: int) -> int:
        """Return the samples that are needed on either side of a capture.

        Args:
            samples: Length of the capture.
        """
        if not self.clock_error.any():
            return 0
        return interpolation.REACH + int(np.ceil(samples * np.abs(self.clock_error).max())) + 1

    def tuned_and_sampled(
        self,
        window: Complex64[np.ndarray, "record receiver wide_sample"],
        *,
        start_sample: Int64[np.ndarray, "record"],
        samples: int,
        record: Int64[np.ndarray, "record"],
    ) -> Complex64[np.ndarray, "record receiver sample"]:
        """Return noise-free captures as the receivers' own oscillators and clocks take them.

        Args:
            window: What arrives at the antennas, from a margin before each capture to one after it.
            start_sample: First sample of each capture, on the axis of true time.
            samples: Length of the captures.
            record: Number of each record: its phase noise is its own.
        """
        margin = self.margin(samples)
        begin, wide = start_sample - margin, window.shape[-1]
        if self.carrier_offset_hz.any():
            turn = carrier_turn(begin, wide, offset_hz=-self.carrier_offset_hz, sample_rate_hz=self._rate_hz)
            window = turned(window, turn)
        if self.spec.phase_noise:
            walk = wiener_phase(
                self._keys(record, window.shape[1]),
                begin,
                wide,
                linewidth_hz=self.spec.phase_noise.linewidth_hz,
                sample_rate_hz=self._rate_hz,
            )
            window = turned(window, -walk)
        if margin == 0:
            return window
        out = np.empty((*window.shape[:2], samples), np.complex64)
        for receiver, error in enumerate(self.clock_error):
            position = margin + np.arange(samples) / (1 + error)
            out[:, receiver] = interpolation.interpolated_alike(window[:, receiver], position)
        return out

    def _keys(
        self, record: Int64[np.ndarray, "record"], receivers: int
    ) -> UInt64[np.ndarray, "record site 2"]:
        counter = np.empty((len(record), receivers, 2), np.uint64)
        counter[..., 0] = record[:, None]
        counter[..., 1] = np.arange(receivers)
        return words(self._key, counter)

    def converted(
        self, received: Complex64[np.ndarray, "record receiver sample"]
    ) -> Complex64[np.ndarray, "record receiver sample"]:
        """Return captures behind mixer and converters, in √mW at the antenna port.

        Args:
            received: Signal and noise.
        """
        if self.iq_gain_db.any() or self.iq_phase_deg.any():
            direct, image = imbalance(self.iq_gain_db, self.iq_phase_deg)
            received = direct[:, None] * received + image[:, None] * received.conj()
        if self.dc.any():
            received = received + self.dc[:, None].astype(np.complex64)
        if self.spec.adc is not None:
            received = quantised(received, self.spec.adc)
        return received


def imbalance(
    gain_db: Float64[np.ndarray, "receiver"], phase_deg: Float64[np.ndarray, "receiver"]
) -> tuple[Complex64[np.ndarray, "receiver"], Complex64[np.ndarray, "receiver"]]:
    """Return what an imbalanced mixer makes of x: the factors of x and of its conjugate.

    Their powers add up to 1, so that a circular signal keeps its power. The image is rejected by
    (1 + 2g cos φ + g²)/(1 − 2g cos φ + g²).

    Args:
        gain_db: Gain of Q over I.
        phase_deg: Error of the quadrature.

    Source: Valkama, Renfors and Koivunen, "Advanced methods for I/Q imbalance compensation in
    communication receivers", IEEE Trans. Signal Process. 49 (2001), equations 3 and 4.
    """
    gain = 10 ** (gain_db / 20) * np.exp(-1j * np.deg2rad(phase_deg))
    scale = np.sqrt(2 * (1 + np.abs(gain) ** 2))
    return ((1 + gain) / scale).astype(np.complex64), ((1 - gain.conj()) / scale).astype(np.complex64)


def quantised(
    received: Complex64[np.ndarray, "record receiver sample"], adc: Converter
) -> Complex64[np.ndarray, "record receiver sample"]:
    """Return captures as converters give them, the gain before them divided out again.

    Levels are the middles of 2^bits equal steps from −A to A; a tone of amplitude A just fills them,
    which gives it a signal-to-noise ratio of 6.02 bits + 1.76 dB.

    Args:
        received: Samples in √mW.
        adc: Bits and gain.

    Source: Bennett, "Spectra of quantized signals", Bell Syst. Tech. J. 27 (1948).
    """
    power = np.mean(np.square(np.abs(received)), axis=-1, keepdims=True, dtype=np.float64)
    if isinstance(adc.gain, AutomaticGain):
        full_db = 10 * np.log10(np.maximum(power, 1e-300)) + adc.gain.back_off_db
        if adc.gain.step_db:
            full_db = adc.gain.step_db * np.ceil(full_db / adc.gain.step_db)
        full = 10 ** (full_db / 20)
    else:
        full = np.full_like(power, 10 ** (adc.gain.full_scale_dbm / 20))
    step = full * 2.0 ** (1 - adc.bits)
    parts = received.view(np.float32).astype(np.float64)
    half = 2.0 ** (adc.bits - 1)
    level = np.clip(np.floor(parts / step), -half, half - 1) + 0.5
    return np.ascontiguousarray((level * step).astype(np.float32)).view(np.complex64)
