"""The prefix detector: thresholds, known values of P_D, and Gaussian symbols in noise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from noise_captures import gaussian, one_band, prefixed

from iqatlas.detectors.prefix_correlation import (
    PrefixDetector,
    detection_probability,
    modulus_threshold,
    threshold,
)


def test_known_values() -> None:
    """M = 2000 products, Ng/Ns = 1/5, P = 0.05: three figures of the literature's setting."""
    snr = 10 ** (np.array([-8.0, -6.0, -4.0]) / 10)
    np.testing.assert_allclose(
        detection_probability(2000, 0.05, snr, prefix_share=0.2), [0.534, 0.815, 0.975], atol=1e-3
    )


@given(products=st.integers(400, 10**6), false_alarm=st.floats(1e-4, 0.4))
def test_thresholds_go_to_their_limits(products: int, false_alarm: float) -> None:
    """erfc⁻¹(2P)/√M and √(−ln P/M), to the order 1/M that is left out."""
    limit = scipy.special.erfcinv(2 * false_alarm) / np.sqrt(products)
    assert threshold(products, false_alarm) == pytest.approx(limit, rel=6 / products + 1e-6, abs=1e-6)
    limit = np.sqrt(-np.log(false_alarm) / products)
    assert modulus_threshold(products, false_alarm) == pytest.approx(limit, rel=6 / products + 1e-6)


def test_the_modulus_keeps_its_false_alarms() -> None:
    """Two products a capture of independent points: the smallest case; 40,000 trials within five sigma."""
    first, second = gaussian(40_000, 2, seed=1), gaussian(40_000, 2, seed=2)
    norm = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    modulus = np.abs((first * np.conj(second)).sum(axis=1)) / norm
    for false_alarm in (0.1, 0.01):
        sigma = np.sqrt(false_alarm / 40_000)
        assert np.mean(modulus > modulus_threshold(2, false_alarm)) == pytest.approx(
            false_alarm, abs=5 * sigma
        )
        real = np.real((first * np.conj(second)).sum(axis=1)) / norm
        assert np.mean(real > threshold(2, false_alarm)) == pytest.approx(false_alarm, abs=5 * sigma)


@pytest.mark.parametrize("snr_db", [-8.0, -6.0, -4.0])
def test_symbols_in_noise_are_detected_as_often_as_theory_says(snr_db: float) -> None:
    """700 captures of 2048 products: four sigma, and 0.01 for the variance that is left out."""
    points, snr = 2112, 10 ** (snr_db / 10)
    detector = PrefixDetector(one_band(points))
    assert detector.products == 2048
    captures = gaussian(700, 1, points, seed=11)
    captures += prefixed(700, points, useful=64, prefix=16, power=snr, seed=12)[:, None]
    found = detector.decide(captures, np.ones((700, 1)), 0.05).mean()
    expected = float(detector.detection_probability(0.05, np.array([snr]))[0])
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 700) + 0.01)
