"""Interpolation between samples, oversampling and decimation, against tones in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.interpolation import REACH, decimated, interpolated, interpolated_alike, oversampled


def tone(frequency: float, position: np.ndarray) -> np.ndarray:
    return np.exp(2j * np.pi * frequency * position)


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.4, 0.4), st.integers(0, 2**32))
def test_tones_within_0_4_of_the_rate_are_right_between_samples(frequency: float, seed: int) -> None:
    samples = tone(frequency, np.arange(300)).astype(np.complex64)
    position = np.random.default_rng(seed).uniform(REACH, 300 - REACH - 1, (1, 200))
    # A Kaiser window of beta 10 leaves -100 dB; float32 sums of 32 terms some 1e-6.
    np.testing.assert_allclose(interpolated(samples[None], position), tone(frequency, position), atol=3e-5)


def test_samples_themselves_are_kept() -> None:
    rng = np.random.default_rng(1)
    samples = (rng.standard_normal((2, 100)) + 1j * rng.standard_normal((2, 100))).astype(np.complex64)
    position = np.tile(np.arange(REACH, 80.0), (2, 1))
    np.testing.assert_allclose(interpolated(samples, position), samples[:, REACH:80], atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("frequency", [-0.4, 0.0, 0.11, 0.39])
def test_oversampling_is_right_at_every_point(factor: int, frequency: float) -> None:
    fine = oversampled(tone(frequency, np.arange(200)).astype(np.complex64), factor)
    assert fine.shape == ((200 - 2 * REACH) * factor,)
    position = REACH + np.arange(len(fine)) / factor
    np.testing.assert_allclose(fine, tone(frequency, position), atol=3e-5)  # -100 dB and rounding, as above


def test_decimation_undoes_oversampling_and_removes_what_lies_beyond() -> None:
    samples = tone(0.3, np.arange(200)).astype(np.complex64)
    np.testing.assert_allclose(
        decimated(oversampled(samples, 4), 4), samples[2 * REACH : -2 * REACH], atol=5e-5
    )
    beyond = tone(0.7 / 4, np.arange(800)).astype(np.complex64)
    assert np.abs(decimated(beyond, 4)).max() < 3e-5


def test_positions_that_all_records_share_give_the_same_bits() -> None:
    rng = np.random.default_rng(8)
    baseband = (rng.standard_normal((3, 200)) + 1j * rng.standard_normal((3, 200))).astype(np.complex64)
    position = 40 + np.arange(100) / (1 + 1e-3)
    apart = interpolated(baseband, np.broadcast_to(position, (3, 100)))
    together = interpolated_alike(baseband, position)
    assert apart.tobytes() == together.tobytes()
