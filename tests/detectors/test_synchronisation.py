"""The PSS matched filter: a known signal at a known lag, an LTE downlink at any, and its times."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import RATE_HZ, gaussian, lte_setting

from iqatlas.detectors.synchronisation import (
    SynchronisationDetector,
    _sequence,
    detection_probability,
    normalised_threshold,
    threshold,
)


def test_known_values() -> None:
    assert threshold(1, 0.1) == pytest.approx(-np.log(0.1))
    assert normalised_threshold(1, 64, 0.1) == pytest.approx(1 - 0.1 ** (1 / 63))
    assert detection_probability(65, 0.1, np.array([0.0]))[0] == pytest.approx(0.1, rel=1e-6)


def test_the_sequences_are_alike_to_themselves_alone() -> None:
    """Zadoff-Chu sequences of prime length 63, the middle left out: cross-correlations stay below 0.4."""
    sequences = np.stack([_sequence(identity) for identity in range(3)])
    likeness = np.abs(sequences @ np.conj(sequences).T)
    np.testing.assert_allclose(np.diag(likeness), 1, rtol=1e-6)
    assert (likeness - np.eye(3) * likeness).max() < 0.4


@pytest.mark.parametrize("energy_db", [6.0, 9.0, 11.0])
def test_a_known_signal_is_detected_as_often_as_theory_says(energy_db: float) -> None:
    """600 captures with the sequence on a lag: Monte Carlo of four sigma, and 0.01 for the lags beside."""
    energy = 10 ** (energy_db / 10)
    detector = SynchronisationDetector(lte_setting(2048, receivers=1))
    body = np.zeros(2048, np.complex128)
    # 64 points of 960 kHz, brought to 15.36 Msps: bins of a transform of 1024 about the carrier.
    spectrum = np.zeros(1024, np.complex128)
    spectrum[np.r_[-32:32]] = np.fft.fftshift(np.fft.fft(_sequence(1)))
    body[320:1344] = np.fft.ifft(spectrum)
    body *= np.sqrt(energy / np.square(np.abs(body)).sum())
    received = gaussian(600, 1, 2048, seed=71) + body.astype(np.complex64)
    statistic = detector.statistic(received, np.ones((600, 1)))
    found = (statistic > detector.threshold(0.01)).mean()
    expected = float(detection_probability(detector.trials, 0.01, np.array([energy]))[0])
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 600) + 0.01)
    if energy_db > 10:
        assert np.mean(detector.identity(received) == 1) > 0.9


def test_unknown_noise_keeps_its_false_alarms() -> None:
    """1500 captures of 65 lags and three sequences, within five sigma."""
    detector = SynchronisationDetector(lte_setting(2048, receivers=1))
    share = detector.normalised_statistic(gaussian(1500, 1, 2048, power=9.0, seed=72))
    found = (share > normalised_threshold(detector.trials, 64, 0.1)).mean()
    assert found == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 1500))


def test_captures_that_hold_the_signal() -> None:
    """It ends the first slot of a half frame, and comes again after 5 ms."""
    detector = SynchronisationDetector(lte_setting(4096))
    begin = (7680 - 1024) / RATE_HZ
    for half_frame in (0.0, 5e-3, 35e-3):
        last = half_frame + begin
        early = last - (4096 - 1024) / RATE_HZ
        times = np.array([early - 1 / RATE_HZ, early, last, last + 1 / RATE_HZ])
        assert detector.holds_signal(times % 40e-3).tolist() == [False, True, True, False]
