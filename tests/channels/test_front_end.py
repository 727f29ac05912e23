"""Receiver front ends against closed forms: each fault alone, as strong as asked and no stronger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from iqatlas.channels.front_end import FrontEnd, imbalance, quantised
from iqatlas.channels.front_end_spec import AutomaticGain, Converter, FixedGain, ReceiverFrontEnd

RATE, CARRIER, SAMPLES = 1.92e6, 1.8e9, 8192
RECORD = np.arange(3)


def front_end(receivers: int = 2, seed: int = 4, **spec: Any) -> FrontEnd:
    return FrontEnd(
        ReceiverFrontEnd.model_validate(spec),
        receivers=receivers,
        carrier_hz=CARRIER,
        sample_rate_hz=RATE,
        full_load_mw=np.full(receivers, 4e-9),
        seed=seed,
    )


def tone(frequency_hz: float, start: np.ndarray, samples: int, receivers: int = 2) -> np.ndarray:
    """Return a tone on the axis of true time, at every receiver."""
    phase = 2 * np.pi * frequency_hz / RATE * (start[:, None] + np.arange(samples))
    return np.repeat(np.exp(1j * phase)[:, None], receivers, axis=1).astype(np.complex64)


def taken(made: FrontEnd, frequency_hz: float = 50e3, start: np.ndarray | None = None) -> np.ndarray:
    start = np.array([0, 10_000, 123_457]) if start is None else start
    margin = made.margin(SAMPLES)
    window = tone(frequency_hz, start - margin, SAMPLES + 2 * margin, len(made.clock_error))
    return made.tuned_and_sampled(window, start_sample=start, samples=SAMPLES, record=RECORD)


def circular(seed: int, samples: int = 1 << 18, power_mw: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((1, 1, 2 * samples), dtype=np.float32) * np.float32(np.sqrt(power_mw / 2))
    return parts.view(np.complex64)


def test_ideal_receivers_change_nothing() -> None:
    made = front_end()
    assert ReceiverFrontEnd().off
    window = tone(50e3, RECORD, SAMPLES)
    assert made.margin(SAMPLES) == 0
    assert made.tuned_and_sampled(window, start_sample=RECORD, samples=SAMPLES, record=RECORD) is window
    assert made.converted(window) is window


@pytest.mark.parametrize("spec", [{"carrier_offset_hz": 700.0}, {"carrier_offset_ppm": 700 / 1800}])
def test_an_oscillator_that_is_too_high_moves_the_spectrum_down(spec: dict[str, float]) -> None:
    made = front_end(**spec)
    np.testing.assert_allclose(made.carrier_offset_hz, 700, rtol=1e-12)
    wanted = tone(50e3 - 700, np.array([0, 10_000, 123_457]), SAMPLES)
    # Phases go on over the whole draw; complex64 keeps them to 1e-6.
    np.testing.assert_allclose(taken(made), wanted, atol=1e-5)


@pytest.mark.parametrize("error_ppm", [100.0, -40.0])
def test_a_clock_that_is_too_fast_sees_frequencies_too_low(error_ppm: float) -> None:
    made = front_end(sampling_offset_ppm=error_ppm)
    start = np.array([0, 10_000, 123_457])
    seconds = np.arange(SAMPLES) / (RATE * (1 + error_ppm * 1e-6))
    first = np.exp(2j * np.pi * 50e3 / RATE * start)
    wanted = first[:, None] * np.exp(2j * np.pi * 50e3 * seconds)
    # The interpolation is good to 1e-5 of the signal; captures begin at their true time.
    np.testing.assert_allclose(taken(made)[:, 0], wanted, atol=3e-5)
    drift = SAMPLES * abs(error_ppm) * 1e-6
    assert made.margin(SAMPLES) >= drift + 16


def test_phase_noise_grows_by_two_pi_linewidth_a_second() -> None:
    """Of 400 × 4 captures, the variance of the phase over t: 2πΔν·t, to 5 · √(2/1600) = 18%."""
    made = front_end(4, phase_noise={"linewidth_hz": 200.0})
    start = np.arange(400) * 5000
    window = np.ones((400, 4, 2049), np.complex64)
    out = made.tuned_and_sampled(window, start_sample=start, samples=2049, record=np.arange(400))
    np.testing.assert_allclose(np.abs(out), 1, atol=1e-5)
    for step in (1, 64, 2048):
        turned = np.angle(out[..., step] * out[..., 0].conj())
        wanted = 2 * np.pi * 200 * step / RATE
        assert turned.var() == pytest.approx(wanted, rel=5 * np.sqrt(2 / turned.size))
    # Walks of records and receivers are their own: 1,600 phases in disorder, mean below 5/√1600.
    assert abs(out[..., 0].mean()) < 0.125


@pytest.mark.parametrize(("gain_db", "phase_deg"), [(1.0, 0.0), (0.0, 5.0), (-0.5, 2.0), (3.0, -10.0)])
def test_the_image_is_rejected_as_gain_and_phase_say(gain_db: float, phase_deg: float) -> None:
    made = front_end(1, iq_gain_db=gain_db, iq_phase_deg=phase_deg)
    bin_hz = RATE / SAMPLES
    received = tone(100 * bin_hz, np.zeros(1, int), SAMPLES, 1)
    spectrum = np.abs(np.fft.fft(made.converted(received)[0, 0])) ** 2
    gain, skew = 10 ** (gain_db / 20), np.deg2rad(phase_deg)
    rejection = (1 + 2 * gain * np.cos(skew) + gain**2) / (1 - 2 * gain * np.cos(skew) + gain**2)
    # Rounding of complex64 lies 140 dB down.
    assert spectrum[100] / spectrum[-100] == pytest.approx(rejection, rel=1e-3)
    np.testing.assert_allclose(spectrum[100] + spectrum[-100], SAMPLES**2, rtol=1e-4)


def test_an_imbalanced_mixer_is_a_gain_and_a_skew_of_the_branches() -> None:
    """I' = I and Q' = g (Q cos φ − I sin φ), but for a common factor and turn."""
    x = circular(1, 1000)[0, 0]
    direct, image = imbalance(np.array([2.0]), np.array([7.0]))
    y = direct[0] * x + image[0] * x.conj()
    gain, skew = 10 ** (2 / 20), np.deg2rad(7)
    wanted = x.real + 1j * gain * (x.imag * np.cos(skew) - x.real * np.sin(skew))
    np.testing.assert_allclose(y, wanted * np.sqrt(2 / (1 + gain**2)), atol=1e-5)


def test_circular_noise_keeps_its_power_through_the_mixer() -> None:
    made = front_end(1, iq_gain_db=3.0, iq_phase_deg=20.0)
    power = np.mean(np.abs(made.converted(circular(2))) ** 2)
    # Power of 2^18 circular samples: 1 ± 5/√2^18 = 1%, less than √2 times that when they are not.
    assert power == pytest.approx(1, abs=0.015)


def test_the_constant_lies_as_far_below_full_load_as_asked() -> None:
    made = front_end(3, dc_offset_db=-20.0)
    out = made.converted(np.zeros((2, 3, 64), np.complex64))
    np.testing.assert_allclose(np.abs(out) ** 2, 4e-11, rtol=1e-5)
    assert np.all(out == out[:1, :, :1])
    assert len(np.unique(np.angle(out[0, :, 0]))) == 3  # a phase for each receiver


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_a_full_scale_tone_has_six_decibels_a_bit(bits: int) -> None:
    adc = Converter(bits=bits, gain=FixedGain(full_scale_dbm=-30))
    # An irrational frequency visits all phases; amplitude A fills the converter without clipping.
    wave = 10 ** (-30 / 20) * tone(np.sqrt(2) * 1e5, np.zeros(1, int), 1 << 16, 1)
    error = quantised(wave, adc).astype(np.complex128) - wave
    ratio_db = 10 * np.log10(1e-3 / np.mean(np.abs(error) ** 2))
    # At its peaks a tone stays long in the outermost steps, 2^(−bits/2) of the time, where errors are
    # not uniform.
    assert ratio_db == pytest.approx(6.0206 * bits + 1.7609, abs=2.5 * 2 ** (-bits / 2))


@pytest.mark.parametrize("back_off_db", [12.0, 20.0, 30.0])
def test_back_off_costs_what_it_says(back_off_db: float) -> None:
    adc = Converter(bits=10, gain=AutomaticGain(back_off_db=back_off_db))
    signal = circular(3, power_mw=7e-10)
    error = quantised(signal, adc).astype(np.complex128) - signal
    ratio_db = 10 * np.log10(7e-10 / np.mean(np.abs(error) ** 2))
    # At 12 dB one branch is clipped once in e^15/… samples: nothing of 0.1 dB.
    assert ratio_db == pytest.approx(6.0206 * 10 + 1.7609 - back_off_db, abs=0.1)


def test_clipping_is_that_of_a_gaussian_signal() -> None:
    """At 0 dB back-off a branch of deviation A/√2 is clipped with probability erfc(1) = 0.157."""
    out = quantised(circular(4), Converter(bits=16, gain=AutomaticGain(back_off_db=0)))
    parts = np.abs(out.view(np.float32))
    assert np.mean(parts == parts.max()) == pytest.approx(0.1573, abs=0.003)  # 5 √(0.157·0.843/2^19)


def test_gain_steps_leave_up_to_a_step() -> None:
    weak, strong = (circular(5, 4096, power) for power in (1e-9, 1.5e-9))
    stepped = Converter(bits=8, gain=AutomaticGain(back_off_db=12, step_db=6))

    def step_of(signal: np.ndarray, adc: Converter) -> float:
        parts = np.unique(quantised(signal, adc).view(np.float32))
        return float(np.diff(parts).min())

    # Steps of a converter at 6 dB gain steps differ by a factor of 2^0 or 2^1, never between.
    ratio = step_of(strong, stepped) / step_of(weak, stepped)
    assert min(abs(ratio - 1), abs(ratio - 10 ** (6 / 20))) < 1e-3
    free = Converter(bits=8, gain=AutomaticGain(back_off_db=12))
    assert step_of(strong, free) / step_of(weak, free) == pytest.approx(np.sqrt(1.5), rel=0.05)


def test_silence_stays_finite() -> None:
    out = quantised(np.zeros((1, 1, 16), np.complex64), Converter())
    assert np.isfinite(out).all()


def test_ranges_are_drawn_for_each_receiver_once() -> None:
    spec = {
        "carrier_offset_ppm": (-0.1, 0.1),
        "sampling_offset_ppm": (-20.0, 20.0),
        "iq_gain_db": (-1.0, 1.0),
        "iq_phase_deg": (-5.0, 5.0),
        "dc_offset_db": (-40.0, -30.0),
    }
    one, again, other = (front_end(200, seed, **spec) for seed in (4, 4, 5))
    for name, low, high in (
        ("carrier_offset_hz", -180, 180),
        ("clock_error", -2e-5, 2e-5),
        ("iq_gain_db", -1, 1),
        ("iq_phase_deg", -5, 5),
    ):
        values = getattr(one, name)
        # The ends of 200 uniform numbers come within 5% of the range with probability 1 − 7e-5.
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high >= values.max() > high - 0.05 * (high - low)
        np.testing.assert_array_equal(values, getattr(again, name))
        assert (values != getattr(other, name)).all()
    level_db = 10 * np.log10(np.abs(one.dc) ** 2 / 4e-9)
    assert (-40 <= level_db.min() < -39.5) and (-30.5 < level_db.max() <= -30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"carrier_offset_ppm": 1.0, "carrier_offset_hz": 5.0},
        {"iq_gain_db": (1.0, -1.0)},
        {"sampling_offset_ppm": 101.0},
        {"adc": {"bits": 0}},
        {"adc": {"gain": {"kind": "agc", "full_scale_dbm": -40}}},
        {"phase_noise": {"linewidth_hz": 0}},
    ],
)
def test_what_can_not_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReceiverFrontEnd.model_validate(wrong)


def test_what_is_stored_can_be_read_again() -> None:
    spec = ReceiverFrontEnd.model_validate({"adc": {"bits": 8}, "dc_offset_db": (-40, -30)})
    assert ReceiverFrontEnd.model_validate(spec.model_dump(mode="json")) == spec
    assert not spec.off
