"""The cyclic line of the prefix: its height, its threshold, and Gaussian symbols in noise."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import gaussian, one_band, prefixed

from iqatlas.detectors.dandawate_giannakis import (
    DandawateGiannakisDetector,
    detection_probability,
    prefix_line,
    threshold,
)


def test_known_values() -> None:
    assert threshold(0.1) == pytest.approx(4.60517, abs=1e-5)  # −2 ln P
    # Lines of LTE at 30.72 Msps; equal prefixes are 146.3 of 2194.3 samples.
    share = 1 - 2048 * 14_000 / 30.72e6
    heights = [prefix_line(share, 2048, harmonic) for harmonic in range(4)]
    np.testing.assert_allclose(heights, [0.0667, 0.0662, 0.0647, 0.0623], atol=1e-4)
    # Without a signal P_D is P_FA.
    assert detection_probability(1000, 0.03, np.array([0.0]), line=0.1)[0] == pytest.approx(0.03, rel=1e-6)


@pytest.mark.parametrize("snr_db", [-7.0, -5.0, -3.0])
def test_symbols_in_noise_are_detected_as_often_as_theory_says(snr_db: float) -> None:
    """400 captures of 2048 products: Monte Carlo of four sigma, and 0.02 for a covariance of 400 bins."""
    points, snr = 2112, 10 ** (snr_db / 10)
    detector = DandawateGiannakisDetector(one_band(points))
    captures = gaussian(400, 1, points, seed=21)
    captures += prefixed(400, points, useful=64, prefix=16, power=snr, seed=22)[:, None]
    found = detector.decide(captures, np.ones((400, 1)), 0.1).mean()
    expected = float(detector.detection_probability(0.1, np.array([snr]))[0])
    assert 0.2 < expected < 0.99
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 400) + 0.02)


def test_the_tested_line_and_its_neighbours_are_left_out_of_the_covariance() -> None:
    """A line of the products would be its own covariance otherwise; so would all harmonics."""
    detector = DandawateGiannakisDetector(one_band(4096))
    spacing = detector.products / 80
    away = np.abs((detector._pairs + spacing / 2) % spacing - spacing / 2)
    assert away.min() > 1.5
    assert detector._pairs.min() >= 2
    assert 2 * len(detector._pairs) >= 200
