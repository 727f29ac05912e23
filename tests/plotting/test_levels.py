"""Levels in dB: what a value is, whatever the scale it was stored on, down to what counts as nothing."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.plotting.levels import level_db


@pytest.mark.parametrize(
    ("units", "in_db"), [("mW/Hz", "dBm/Hz"), ("1/Hz", "dBFS/Hz"), ("mW", "dBm"), ("1", "dB")]
)
def test_weak_values_keep_their_level_beside_strong_ones(units: str, in_db: str) -> None:
    # A line 110 dB over the floor is drawn where it is; 0 and what is below 1e-12 of the largest, at that.
    values = np.array([[2.0, -2e-3], [2e-11, 2e-13], [0.0, 2e-12]])
    level, unit = level_db(values, units)
    # Levels of float64 are exact to a part in 1e15 of some hundred dB.
    np.testing.assert_allclose(level - level[0, 0], [[0, -30], [-110, -120], [-120, -120]], atol=1e-9)
    np.testing.assert_allclose(level[0, 0], 10 * np.log10(2), atol=1e-9)
    assert unit == in_db


def test_levels_stay_as_they_are_stored() -> None:
    values = np.array([-200.0, 3.0], np.float32)
    level, unit = level_db(values, "dBm/Hz")
    np.testing.assert_array_equal(level, values)
    assert unit == "dBm/Hz"


def test_silence_has_a_level_that_can_be_drawn() -> None:
    level, _ = level_db(np.zeros(3), "mW")
    assert np.isfinite(level).all()
