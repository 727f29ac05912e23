"""Laws of the largest eigenvalue: Tracy-Widom, the exact one, and draws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from noise_captures import gaussian

from iqatlas.detectors.wishart import (
    largest_below,
    largest_threshold,
    tracy_widom,
    tracy_widom_quantile,
    tracy_widom_threshold,
    wishart_eigenvalues,
)


def test_tracy_widom_is_the_published_one() -> None:
    assert tracy_widom_quantile(0.9) == pytest.approx(-0.597, abs=1e-3)
    # Mean and variance of F₂: −1.771087, 0.813195 (Bornemann 2010, table 10).
    s = np.linspace(-8, 5, 521)
    density = np.diff([tracy_widom(value) for value in s])
    middle = (s[1:] + s[:-1]) / 2
    mean = float(density @ middle)
    assert density.sum() == pytest.approx(1, abs=1e-6)
    assert mean == pytest.approx(-1.771087, abs=1e-3)
    assert float(density @ (middle - mean) ** 2) == pytest.approx(0.813195, abs=1e-3)


def test_one_sensor_is_an_energy_detector() -> None:
    for value in (0.7, 1.0, 1.4):
        assert largest_below(value, 1, 30) == pytest.approx(scipy.special.gammainc(30, 30 * value))
        assert largest_below(value, 1, 30, spike=0.5) == pytest.approx(scipy.special.gammainc(30, 20 * value))


@pytest.mark.parametrize(("sensors", "samples"), [(2, 5), (3, 36), (4, 60)])
@pytest.mark.parametrize("spike", [0.0, 0.6])
def test_the_exact_law_fits_covariances(sensors: int, samples: int, spike: float) -> None:
    """20,000 covariances of drawn samples, and as many of drawn factors: within five sigma of the law."""
    count = 20_000
    noise = gaussian(count, sensors, samples, seed=50)
    noise[:, 0] *= np.float32(np.sqrt(1 + spike))
    largest = np.linalg.eigvalsh(noise @ np.conj(noise.swapaxes(1, 2)) / samples)[:, -1]
    drawn = wishart_eigenvalues(sensors, samples, count, rng=np.random.default_rng(1), spike=spike)[:, -1]
    for value in np.quantile(largest, [0.3, 0.9]):
        expected = largest_below(float(value), sensors, samples, spike)
        sigma = np.sqrt(expected * (1 - expected) / count)
        assert np.mean(largest < value) == pytest.approx(expected, abs=5 * sigma)
        assert np.mean(drawn < value) == pytest.approx(expected, abs=5 * sigma)


def test_both_laws_agree_for_many_samples() -> None:
    """Tracy and Widom's is the limit of many sensors; four of them are within 1%.

    The exact law's determinant keeps some seven digits here.
    """
    for false_alarm in (0.1, 0.01):
        exact, limit = largest_threshold(4, 500, false_alarm), tracy_widom_threshold(4, 500, false_alarm)
        assert exact == pytest.approx(limit, rel=0.01)
        assert largest_below(exact, 4, 500) == pytest.approx(1 - false_alarm, abs=1e-6)
    assert largest_threshold(12, 400, 0.1) == tracy_widom_threshold(12, 400, 0.1)


def test_many_sensors_keep_their_false_alarms() -> None:
    """Tracy-Widom for 16 sensors of 400 samples: 20,000 draws, its own error of some 10% of P on top."""
    drawn = wishart_eigenvalues(16, 400, 20_000, rng=np.random.default_rng(3))[:, -1]
    found = np.mean(drawn > largest_threshold(16, 400, 0.1))
    assert found == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize(("sensors", "samples"), [(1, 16), (2, 2), (2, 5), (3, 4), (4, 4), (4, 500)])
@pytest.mark.parametrize("false_alarm", [1e-6, 0.5, 0.99, 0.9999, 1 - 1e-7])
def test_any_probability_has_a_threshold(sensors: int, samples: int, false_alarm: float) -> None:
    """The determinant keeps some seven digits of 1."""
    level = largest_threshold(sensors, samples, false_alarm)
    assert level > 0
    assert largest_below(level, sensors, samples) == pytest.approx(1 - false_alarm, abs=1e-6)
