"""The largest cyclic coherence: thresholds, the law of a true coherence, and a line in noise."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import gaussian, one_band

from iqatlas.detectors.cyclic_coherence import (
    CHANNELS,
    CyclicCoherenceDetector,
    cell_threshold,
    coherence_distribution,
    detection_probability,
)


def test_known_values() -> None:
    assert cell_threshold(5, 1, 0.1) == pytest.approx(1 - 0.1 ** (1 / 4))
    # Without a signal the law is Beta(1, K − 1), and at a certain coherence nothing stays below.
    assert coherence_distribution(0.3, np.array([0.0]), 9)[0] == pytest.approx(1 - 0.7**8)
    assert coherence_distribution(0.3, np.array([0.999]), 9)[0] < 1e-12
    np.testing.assert_allclose(detection_probability(16, 500, 0.07, np.array([0.0])), 0.07, rtol=1e-9)


def test_the_law_of_a_true_coherence() -> None:
    """100,000 draws of 8 pairs with coherence 0.4: within five sigma."""
    drawn, true = 100_000, 0.4
    common, one, other = (gaussian(drawn, 8, seed=seed) for seed in (1, 2, 3))
    # Both hold the same signal at a power s over noise 1: s²/(1+s)² is the squared coherence.
    s = np.sqrt(true) / (1 - np.sqrt(true))
    first, second = one + np.sqrt(s) * common, other + np.sqrt(s) * common
    measured = np.abs((first * np.conj(second)).sum(axis=1)) ** 2
    measured /= np.square(np.abs(first)).sum(axis=1) * np.square(np.abs(second)).sum(axis=1)
    for value in (0.2, 0.4, 0.6):
        expected = float(coherence_distribution(value, np.array([true]), 8)[0])
        sigma = np.sqrt(expected * (1 - expected) / drawn)
        assert np.mean(measured < value) == pytest.approx(expected, abs=5 * sigma)


@pytest.mark.parametrize("snr", [1.0, 2.0, 4.0])
def test_a_line_in_noise_is_found_as_often_as_theory_says(snr: float) -> None:
    """Two bins of a block that share a Gaussian signal; 600 captures of 24 blocks, four sigma and 0.01."""
    blocks, captures = 24, 600
    detector = CyclicCoherenceDetector(one_band(blocks * CHANNELS))
    assert detector.blocks == blocks
    spectra = gaussian(captures, blocks, CHANNELS, power=CHANNELS, seed=31)
    common = gaussian(captures, blocks, power=snr * CHANNELS, seed=32)
    turns = np.exp(2j * np.pi * 5 * np.arange(blocks) / blocks).astype(np.complex64)
    spectra[..., 3] += common
    spectra[..., 9] += common * turns
    received = np.fft.ifft(spectra, axis=-1).astype(np.complex64).reshape(captures, 1, -1)
    # The sub-channel's bins rise from −fs/2: a shift by half the rate, an even number of bins.
    found = detector.decide(received, np.ones((captures, 1)), 0.05).mean()
    expected = float(detection_probability(blocks, detector.cells, 0.05, np.array([snr]))[0])
    sigma = np.sqrt(expected * (1 - expected) / captures)
    assert found == pytest.approx(expected, abs=4 * sigma + 0.01)
