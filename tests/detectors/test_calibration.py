"""Brier score and calibration error: known values, scikit-learn's, and parts that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iqatlas.detectors.calibration import BINS, Reliability
from iqatlas.errors import SpecError

STATED = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))


@settings(deadline=None, max_examples=40)
@given(stated=STATED, seed=st.integers(0, 99))
def test_the_brier_score_is_scikit_learns(stated: np.ndarray, seed: int) -> None:
    label = np.random.default_rng(seed).random(len(stated)) < stated
    found = Reliability()
    found.add(stated, label)
    expected = sklearn.metrics.mean_squared_error(label.astype(float), stated)
    assert found.brier == pytest.approx(expected)
    if label.any() and not label.all():
        assert found.brier == pytest.approx(sklearn.metrics.brier_score_loss(label, stated))
    # By bins, from the definition.
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    gaps = [abs(stated[place == b].sum() - label[place == b].sum()) for b in range(BINS)]
    assert found.expected_calibration_error == pytest.approx(sum(gaps) / len(stated))


@given(stated=STATED, cut=st.integers(0, 60))
def test_parts_add_up(stated: np.ndarray, cut: int) -> None:
    label = stated > 0.4
    whole, parts = Reliability(), Reliability()
    whole.add(stated, label)
    parts.add(stated[:cut], label[:cut])
    parts.add(stated[cut:], label[cut:])
    assert np.array_equal(whole.cases, parts.cases)
    assert whole.brier == pytest.approx(parts.brier)
    assert whole.expected_calibration_error == pytest.approx(parts.expected_calibration_error, abs=1e-12)


def test_known_values() -> None:
    sure, coin = Reliability(), Reliability()
    sure.add(np.array([1.0, 0.0, 1.0, 1.0]), np.array([True, False, True, False]))
    assert sure.brier == 0.25
    assert sure.expected_calibration_error == 0.25
    coin.add(np.full(4, 0.5), np.array([True, False, True, False]))
    assert (coin.brier, coin.expected_calibration_error) == (0.25, 0.0)
    assert coin.table().to_dict("list") == {
        "lower": [7 / 15], "cases": [4], "stated": [0.5], "occupied_share": [0.5],
    }  # fmt: skip
    assert math.isnan(Reliability().brier)
    with pytest.raises(SpecError, match="no probability; accepted: 0 to 1"):
        coin.add(np.array([1.1]), np.array([True]))
