"""Rapp's amplifier against its closed form, and its output in the band."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.amplifier import MARGIN, amplified, power_gain, rapp, saturation
from iqatlas.waveforms.spec import RappAmplifier


def compress(amplitude: float, saturated: float = 2.0, smoothness: float = 2.0) -> float:
    signal = np.array([amplitude * 1j], np.complex64)
    return float(np.abs(rapp(signal, saturation=np.array([saturated], np.float32), smoothness=smoothness)[0]))


@pytest.mark.parametrize("smoothness", [0.5, 1.0, 2.0, 3.0, 10.0])
def test_at_saturation_the_output_is_down_by_a_factor_of_2_to_1_over_2p(smoothness: float) -> None:
    compression_db = 20 * np.log10(2.0 / compress(2.0, smoothness=smoothness))
    assert compression_db == pytest.approx(20 * np.log10(2) / (2 * smoothness), abs=1e-5)  # float32


def test_small_signals_pass_and_large_ones_stay_below_saturation() -> None:
    assert compress(0.002) == pytest.approx(0.002, rel=1e-6)
    assert compress(2000.0) == pytest.approx(2.0, rel=1e-5)
    drive = np.linspace(0.01, 100, 500)
    assert (np.diff([compress(a) for a in drive]) > -1e-6).all()  # it never turns back, to rounding


def test_phases_are_left_alone() -> None:
    rng = np.random.default_rng(1)
    signal = (rng.standard_normal(1000) + 1j * rng.standard_normal(1000)).astype(np.complex64)
    out = rapp(signal, saturation=np.array([0.5], np.float32), smoothness=3.0)
    np.testing.assert_allclose(np.angle(out), np.angle(signal), atol=1e-6)


@pytest.mark.parametrize("back_off_db", [0.0, 3.0, 6.0, 9.0, 20.0])
def test_power_gain_is_that_of_gaussian_signals(back_off_db: float) -> None:
    spec = RappAmplifier(back_off_db=back_off_db)
    rng = np.random.default_rng(2)
    signal = (rng.standard_normal(200_000) + 1j * rng.standard_normal(200_000)).astype(np.complex64)
    signal *= np.float32(np.sqrt(1.5))  # 3 mW
    out = rapp(signal, saturation=saturation(spec, np.array([3.0]))[0], smoothness=spec.smoothness)
    # 200,000 exponential powers: 0.22% each; four deviations.
    measured = np.mean(np.abs(out) ** 2) / np.mean(np.abs(signal) ** 2)
    assert measured == pytest.approx(power_gain(spec), rel=0.01)


def test_within_the_band_the_third_order_product_is_where_and_as_strong_as_it_must_be() -> None:
    # Two tones of equal strength: power series of Rapp's p = 1 gives a(1 - |a|²/2A²), so that the
    # products at 2f1-f2 have amplitude c³/2A² each.
    amplitude, saturated = 0.05, 1.0
    spec = RappAmplifier(back_off_db=0.0, smoothness=1.0)
    at = np.arange(4096 + 2 * MARGIN) - MARGIN
    tones = sum(np.exp(2j * np.pi * k * at / 4096) for k in (200, 300))
    signal = (amplitude * tones).astype(np.complex64)
    out = amplified(signal[None, None], spec, mean_power_mw=np.array([saturated**2]))[0, 0]
    lines = np.abs(np.fft.fft(out)) / 4096
    assert lines[100] == pytest.approx(amplitude**3 / 2, rel=0.02)  # next order: 3·c²·(…)/A² = 1.5%
    assert lines[400] == pytest.approx(amplitude**3 / 2, rel=0.02)
    assert lines[200] == pytest.approx(amplitude, rel=0.01)


def test_products_beyond_the_band_do_not_fold_back_into_it() -> None:
    # 2·0.35 - (-0.35) = 1.05 of the rate would appear at 0.05 if the amplifier worked at it.
    at = np.arange(4000 + 2 * MARGIN)
    tones = np.exp(2j * np.pi * 0.35 * at) + np.exp(-2j * np.pi * 0.35 * at)
    signal = (0.5 * tones).astype(np.complex64)
    out = amplified(signal[None, None], RappAmplifier(back_off_db=3.0), mean_power_mw=np.ones(1))[0, 0]
    lines = np.abs(np.fft.fft(out)) / 4000
    native = rapp(signal, saturation=np.array([10**0.15], np.float32), smoothness=3.0)[MARGIN:-MARGIN]
    assert np.abs(np.fft.fft(native))[200] / 4000 > 1e-3
    # The filters let through -100 dB of it.
    assert lines[200] < 1e-5
