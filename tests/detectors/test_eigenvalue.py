"""Eigenvalue detectors: one Gaussian signal at all receivers is found as often as theory says."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import gaussian, lte_setting

from iqatlas.detectors.eigenvalue import EigenvalueRatioDetector, LargestEigenvalueDetector, ratio_threshold
from iqatlas.detectors.subbands import subbands


@pytest.mark.parametrize("kind", [LargestEigenvalueDetector, EigenvalueRatioDetector])
@pytest.mark.parametrize("snr", [0.25, 0.5])
def test_a_signal_at_all_receivers(kind: type, snr: float) -> None:
    """250 records of 16 sub-channels, four sigma and 0.01 for theory's own draws."""
    setting = lte_setting(1024)
    received = gaussian(250, 3, 1024, power=2.0, seed=61)
    # The noise differs from receiver to receiver; each is told its own, and hears a third of the SNR.
    told = np.array([2.0, 8.0, 0.5]) * np.ones((250, 1))
    received *= np.array([1, 2, 0.5], np.float32)[:, None]
    common = gaussian(250, 1, 1024, power=snr / 3, seed=62)
    received += common * np.sqrt(told).astype(np.float32)[:, :, None] * np.exp(2j * np.arange(3))[:, None]
    detector = kind(setting)
    found = detector.decide(received.astype(np.complex64), told, 0.1)[:, 0].mean()
    expected = float(detector.detection_probability(0.1, np.full(16, snr))[0])
    assert 0.15 < expected < 0.97
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 4000) + 0.01)


def test_the_calibrated_threshold_is_one_number_for_one_seed() -> None:
    assert ratio_threshold(3, 36, 0.1, seed=7) == ratio_threshold(3, 36, 0.1, seed=7)
    assert ratio_threshold(3, 36, 0.1, seed=7) == pytest.approx(ratio_threshold(3, 36, 0.1, seed=8), rel=0.01)
    assert ratio_threshold(3, 36, 0.1, seed=7) != ratio_threshold(3, 36, 0.1, seed=8)


def test_points_are_those_of_the_narrowest_subchannel() -> None:
    bands = subbands(lte_setting(1024).captures)
    assert bands is not None
    assert LargestEigenvalueDetector(lte_setting(1024)).samples == bands.points == 36
