"""The energy detector keeps its promise on noise, and detects as theory says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.detectors.energy import detection_probability, energy, threshold
from iqatlas.detectors.scores import binomial_interval
from iqatlas.errors import SpecError
from iqatlas.features.subchannel_energy import subchannel_bins
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

RATE_HZ = 15.36e6
EDGES_HZ = LteDownlink(LteWaveform(), cell_ids=[0]).subchannel_edges_hz


def gaussian(captures: int, samples: int, power: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((captures, 2 * samples), dtype=np.float32).view(np.complex64)
    return noise * np.float32(np.sqrt(power / 2))


@pytest.mark.parametrize("samples", [32, 128, 1024])
@pytest.mark.parametrize("false_alarm", [0.1, 0.01])
def test_false_alarms_on_noise_are_as_many_as_designed(samples: int, false_alarm: float) -> None:
    """4000 captures of 16 sub-channels: the designed probability is in the exact 99% interval."""
    bins = subchannel_bins(samples, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ)
    noise = gaussian(4000, samples, 3e-9, seed=21)
    decided = energy(noise, np.full(4000, 3e-9), bins) > threshold(bins.sum(axis=1), false_alarm)
    low, high = binomial_interval(int(decided.sum()), decided.size)
    assert low <= false_alarm <= high
    # And each sub-channel by itself, within five sigma.
    sigma = np.sqrt(false_alarm * (1 - false_alarm) / 4000)
    np.testing.assert_allclose(decided.mean(axis=0), false_alarm, atol=5 * sigma)


@pytest.mark.parametrize("snr_db", [-12.0, -9.0, -6.0, -3.0])
def test_a_gaussian_signal_is_detected_as_often_as_theory_says(snr_db: float) -> None:
    """Q(N, Nλ/(1+γ)); 2000 captures of 16 sub-channels of 36 bins, within five sigma."""
    snr, captures, samples = 10 ** (snr_db / 10), 2000, 1024
    bins = subchannel_bins(samples, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ)
    count = bins.sum(axis=1)
    received = gaussian(captures, samples, 1.0, seed=1) + gaussian(captures, samples, snr, seed=2)
    decided = energy(received, np.ones(captures), bins) > threshold(count, 0.1)
    expected = detection_probability(count, 0.1, np.full(len(count), snr))
    sigma = np.sqrt(expected * (1 - expected) / captures) + 1e-3
    assert np.all(np.abs(decided.mean(axis=0) - expected) < 5 * sigma)
    assert np.all((expected > 0.15) & (expected < 0.9))  # neither blind nor certain


def test_known_values() -> None:
    """One bin: power of noise is exponential, λ = −ln P and P_D = P^(1/(1+γ))."""
    one = np.array([1])
    np.testing.assert_allclose(threshold(one, 0.1), np.log(10))
    np.testing.assert_allclose(detection_probability(one, 0.1, np.array([3.0])), 0.1 ** (1 / 4))
    # Many bins: Gaussian, 1 + 1.2816/√N; the third moment adds (1.2816² − 1)/3N.
    np.testing.assert_allclose(threshold(np.array([10_000]), 0.1), 1 + 0.012816, atol=3e-5)


@given(
    n=st.integers(1, 5000),
    low=st.floats(1e-6, 0.49),
    high=st.floats(0.5, 0.999),
    snr=st.floats(0, 100),
)
def test_thresholds_and_detections_move_the_right_way(n: int, low: float, high: float, snr: float) -> None:
    bins = np.array([n])
    assert threshold(bins, low)[0] > threshold(bins, high)[0]
    # More bins at the same P_FA need less of an excess.
    if low < 0.3:
        assert threshold(bins, low)[0] > threshold(bins + 1, low)[0] > 1
    here, more = (detection_probability(bins, low, np.array([s]))[0] for s in (snr, snr + 0.5))
    assert low * (1 - 1e-6) <= here <= more <= 1
    assert here <= detection_probability(bins, high, np.array([snr]))[0]


def test_without_a_signal_detection_is_false_alarm() -> None:
    bins = np.array([1, 5, 36, 576])
    np.testing.assert_allclose(detection_probability(bins, 0.05, np.zeros(4)), 0.05, rtol=1e-9)


@pytest.mark.parametrize("false_alarm", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_what_is_no_probability_is_refused(false_alarm: float) -> None:
    with pytest.raises(SpecError, match="no probability of false alarm; accepted: between 0 and 1"):
        threshold(np.array([4]), false_alarm)


@pytest.mark.parametrize("samples", [16, 32, 128, 1000, 1024])
def test_bins_belong_to_one_subchannel_each(samples: int) -> None:
    bins = subchannel_bins(samples, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ)
    assert bins.shape == (16, samples)
    assert np.all(bins.any(axis=1))
    frequency = np.fft.fftfreq(samples, 1 / RATE_HZ)
    for subchannel, (lower, upper) in enumerate(EDGES_HZ):
        inside = frequency[bins[subchannel]]
        # A sub-channel that is narrower than a bin has the bin nearest to it.
        slack = RATE_HZ / samples if len(inside) == 1 else 0.0
        assert np.all((inside >= lower - slack) & (inside < upper + slack))
    if samples >= 128:
        assert np.all(bins.sum(axis=0) <= 1)
        np.testing.assert_allclose(bins.sum(axis=1), 540e3 * samples / RATE_HZ, atol=2)


def test_a_tone_raises_its_own_subchannel_only() -> None:
    samples = 1024
    bins = subchannel_bins(samples, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ)
    middle = np.round(EDGES_HZ[11].mean() / RATE_HZ * samples)
    tone = np.exp(2j * np.pi * middle * np.arange(samples) / samples).astype(np.complex64)
    statistic = energy(tone[None], np.array([0.5]), bins)
    # All of N² on one of the sub-channel's bins, over bins · N · 0.5.
    np.testing.assert_allclose(statistic[0, 11], samples / bins[11].sum() / 0.5, rtol=1e-5)
    assert np.delete(statistic[0], 11).max() < 1e-6
