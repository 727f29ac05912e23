"""Streams of sub-channels: white noise stays white, and each hears its own band alone."""

from __future__ import annotations

import numpy as np
import pytest
from noise_captures import EDGES_HZ, RATE_HZ, gaussian, lte_setting

from iqatlas.detectors.subbands import subbands


def test_noise_keeps_its_power_and_stays_white() -> None:
    """Of 400 captures of 36 points, powers within five standard errors and no correlation of neighbours."""
    bands = subbands(lte_setting(1024).captures)
    assert bands is not None
    assert (bands.used, bands.points, bands.lag) == (1024, 36, 0)
    streams = bands.streams(gaussian(400, 1024, power=2.0, seed=5))
    assert streams.shape == (400, 16, 36)
    assert streams.dtype == np.complex64
    error = 1 / np.sqrt(streams.size)
    assert np.square(np.abs(streams)).mean() == pytest.approx(2, abs=5 * 2 * error)
    assert abs((streams[..., 1:] * np.conj(streams[..., :-1])).mean()) < 5 * 2 * error


@pytest.mark.parametrize("lag", [None, 1024])
def test_a_tone_is_heard_in_its_own_subchannel(lag: int | None) -> None:
    bands = subbands(lte_setting(4096).captures, lag_samples=lag)
    assert bands is not None
    step = RATE_HZ / bands.used
    for subchannel in (0, 7, 15):
        middle = np.round(EDGES_HZ[subchannel].mean() / step) * step
        tone = np.exp(2j * np.pi * middle * np.arange(4096) / RATE_HZ).astype(np.complex64)
        power = np.square(np.abs(bands.streams(tone[None])[0])).mean(axis=-1)
        # All of it: N² of one bin, over N·K points of a stream, that is N/K.
        assert power[subchannel] == pytest.approx(bands.used / bands.points, rel=1e-4)
        assert np.delete(power, subchannel).max() < 1e-5


def test_what_recurs_at_the_lag_keeps_its_phase() -> None:
    """A capture of period 1024 samples: every stream's lag products, turned back, are real and positive."""
    once = gaussian(1, 1024, seed=9)
    bands = subbands(lte_setting(5000).captures, lag_samples=1024)
    assert bands is not None
    assert bands.used == 4096
    streams = bands.streams(np.tile(once, 5)[:, :5000])
    products = (streams[..., bands.lag :] * np.conj(streams[..., : -bands.lag])).sum(axis=-1)
    products = products * bands.lag_rotation()
    np.testing.assert_allclose(np.angle(products), 0, atol=1e-3)


def test_captures_without_room_have_no_streams() -> None:
    assert subbands(lte_setting(1000).captures, lag_samples=1024) is None
    assert subbands(lte_setting(16).captures) is None
