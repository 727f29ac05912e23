"""Energy without exact knowledge of the noise: Fisher's law, the wall, and signals in noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise_captures import gaussian, lte_setting

from iqatlas.detectors import energy
from iqatlas.detectors.uncertain_energy import (
    EstimatedEnergyDetector,
    UncertainEnergyDetector,
    estimated_detection,
    estimated_threshold,
    reference_bins,
    snr_wall,
)
from iqatlas.errors import SpecError


def test_known_values() -> None:
    # One bin over one: a ratio of exponentials exceeds λ with probability 1/(1+λ).
    np.testing.assert_allclose(estimated_threshold(np.array([1]), 1, 0.1), 9)
    # With endless references the noise is known.
    known = energy.threshold(np.array([36]), 0.1)
    np.testing.assert_allclose(estimated_threshold(np.array([36]), 10**7, 0.1), known, rtol=1e-4)
    assert snr_wall(1.0) == 0
    assert snr_wall(10**0.1) == pytest.approx(0.4646, abs=1e-4)
    with pytest.raises(SpecError, match="no factor of uncertainty"):
        snr_wall(0.9)


@pytest.mark.parametrize("snr", [0.2, 0.5])
def test_gaussian_signals_are_detected_as_often_as_theory_says(snr: float) -> None:
    """300 captures with a signal in half of the band: five sigma, and 0.01 for what spills into the rest."""
    detector = EstimatedEnergyDetector(lte_setting(1024, receivers=1))
    spectrum = np.fft.fft(gaussian(300, 1, 1024, power=snr, seed=81))
    spectrum[..., reference_bins(lte_setting(1024).captures)] = 0
    received = gaussian(300, 1, 1024, seed=82) + np.fft.ifft(spectrum).astype(np.complex64)
    found = detector.decide(received, np.ones((300, 1)), 0.1).mean()
    expected = float(detector.detection_probability(0.1, np.full(16, snr))[0])
    direct = estimated_detection(np.full(16, 36), detector.reference, 0.1, np.full(16, snr))
    assert expected == pytest.approx(float(direct[0]))
    assert found == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / 4800) + 0.01)


@given(uncertainty_db=st.floats(0.1, 3), samples=st.sampled_from([1024, 16_384, 131_072]))
def test_beyond_the_wall_length_helps_and_below_it_does_not(uncertainty_db: float, samples: int) -> None:
    """The quietest noise with a signal at the wall is as loud as the loudest without: P_D is P_FA."""
    detector = UncertainEnergyDetector(lte_setting(samples, subchannels=1), uncertainty_db)
    rho = detector.uncertainty
    count = np.array([round(540e3 * samples / 15.36e6)])
    level = detector.threshold(0.1)
    at_wall = energy.tail(count, level / (1 / rho + detector.snr_wall))
    np.testing.assert_allclose(at_wall, 0.1, rtol=1e-6)
    np.testing.assert_allclose(detector.detection_probability(0.1, np.array([rho - 1])), 0.1, rtol=1e-6)


def test_the_reference_is_away_from_all_subchannels() -> None:
    setting = lte_setting(1024).captures
    frequency = np.fft.fftfreq(1024, 1 / setting.sample_rate_hz)[reference_bins(setting)]
    edges = setting.subchannel_edges_hz
    assert np.abs(frequency).min() > edges.max() + 540e3 - 1
    assert len(frequency) > 300
