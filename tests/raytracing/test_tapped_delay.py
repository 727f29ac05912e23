"""Tapped delay lines: their powers and spreads are those that the standard's tables are made for."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.raytracing.tapped_delay import draw_taps, profile


@pytest.mark.parametrize(("line_of_sight", "taps"), [(False, 23), (True, 13)])
def test_powers_add_up_to_one_and_the_spread_is_one(line_of_sight: bool, taps: int) -> None:
    delays = profile(line_of_sight=line_of_sight)
    assert len(delays.power) == len(delays.delay) == taps
    assert delays.power.sum() + delays.direct == pytest.approx(1, abs=1e-12)
    mean = np.sum(delays.power * delays.delay)
    spread = np.sqrt(np.sum(delays.power * delays.delay**2) - mean**2)
    # The tables give a tenth of a decibel and four decimals: 1% of the spread.
    assert spread == pytest.approx(1.0, abs=0.01)


def test_the_line_of_sight_leads_by_the_factor_of_the_table() -> None:
    """TDL-D's first tap has a K-factor of 13.3 dB (TR 38.901, table 7.7.2-4)."""
    delays = profile(line_of_sight=True)
    assert 10 * np.log10(delays.direct / delays.power[0]) == pytest.approx(13.3, abs=1e-9)
    assert profile(line_of_sight=False).direct == 0


@pytest.mark.parametrize("line_of_sight", [False, True])
def test_taps_fade_about_their_powers(line_of_sight: bool) -> None:
    delays = profile(line_of_sight=line_of_sight)
    taps = draw_taps((20_000,), delays, rng=np.random.default_rng(3))
    if line_of_sight:
        np.testing.assert_array_equal(taps[:, 0], np.sqrt(delays.direct))
        taps = taps[:, 1:]
    # An exponential power over 20,000 draws: 0.7% a tap, five of them.
    np.testing.assert_allclose(np.mean(np.abs(taps) ** 2, axis=0), delays.power, rtol=0.035)
    assert np.abs(np.mean(taps, axis=0)).max() < 5 * np.sqrt(delays.power.max() / 20_000)
    # Rayleigh: the second moment of the power is twice the square of the first.
    strong = np.abs(taps[:, int(np.argmax(delays.power))]) ** 2
    assert np.mean(strong**2) / np.mean(strong) ** 2 == pytest.approx(2, abs=0.15)


def test_the_stream_decides() -> None:
    delays = profile(line_of_sight=False)
    first, again, other = (draw_taps((3,), delays, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
