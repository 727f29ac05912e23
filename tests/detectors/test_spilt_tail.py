"""Tails of unevenly spread power, against draws of it."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.detectors.energy import detection_probability, tail, threshold
from iqatlas.detectors.spilt_tail import SpiltTail

DRAWN = 100_000


@pytest.mark.parametrize(("bins", "parts"), [(9, 1), (36, 2), (540, 15)])
@pytest.mark.parametrize("spread", [0.0, 0.2])
@pytest.mark.parametrize("false_alarm", [0.1, 1e-3])
def test_sums_of_two_gammas(bins: int, parts: int, spread: float, false_alarm: float) -> None:
    """Within five sigma of the draws, and 0.008 of 64 quantiles and of steps between the table's places."""
    count = np.array([bins])
    level = threshold(count, false_alarm)
    spilt = np.array([0.0, 0.01, 0.1, 0.5, 3.0, 100.0])[:, None]
    freedom = 1.15 * parts
    rng = np.random.default_rng(2)
    rest, few = rng.gamma(bins - freedom, size=DRAWN), rng.gamma(freedom, size=DRAWN)
    drawn = (rest * (1 + spread) + few * (1 + spread + bins * spilt / freedom)) / bins
    found = SpiltTail(count, level).of(np.full_like(spilt, spread), spilt, np.full(len(spilt), parts))[:, 0]
    share = (drawn > level).mean(axis=-1)
    off = np.abs(found - share)
    assert np.all(off < 5 * np.sqrt(share * (1 - share) / DRAWN) + 0.008), off
    assert np.all(np.diff(found) >= 0)


def test_without_spill_it_is_the_gaussian_law() -> None:
    """The threshold itself is a place of the table; between places it is off by 1e-3 at most."""
    count = np.array([1, 36, 35])
    tails = SpiltTail(count, threshold(count, 0.1))
    snr = np.array([0.0, 0.05, 0.3, 2.0, 1e4])[:, None] * np.ones(3)
    found = tails.of(snr, np.zeros_like(snr), np.full(5, 2))
    np.testing.assert_allclose(found, detection_probability(count, 0.1, snr), atol=1e-3)
    np.testing.assert_allclose(found[0], 0.1, rtol=1e-9)
    # As many degrees of freedom as bins: spilt power is spread as any other.
    many = tails.of(np.zeros_like(snr), snr, np.full(5, 1000))
    np.testing.assert_allclose(many, tail(count, threshold(count, 0.1) / (1 + snr)), rtol=1e-9)


def test_degrees_of_freedom_of_both_powers() -> None:
    tails = SpiltTail(np.array([36]), threshold(np.array([36]), 0.1))
    of = lambda spread, spilt: tails.freedom(  # noqa: E731
        np.array([[spread]]), np.array([[spilt]]), np.array([2])
    )[0, 0]
    assert of(1.0, 0.0) == pytest.approx(36) and of(0.0, 1.0) == pytest.approx(2.3)
    assert 2.3 < of(1.0, 1.0) < 36 and of(0.0, 0.0) == 1
