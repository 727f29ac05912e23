"""Calibration makes scores probabilities and leaves their order."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from iqatlas.detectors.learned._sklearn import fit_isotonic, fit_platt
from iqatlas.detectors.learned.score_calibration import Isotonic, Platt

SCORES = st.lists(st.floats(-50, 50), min_size=2, max_size=50)


def overconfident(seed: int, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Return scores that are three times the log-odds, plus one, and labels drawn by the log-odds."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.5, count)
    return 3 * odds + 1, rng.random(count) < scipy.special.expit(odds)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_the_area_under_the_curve_stays_and_probabilities_get_right(fit: object) -> None:
    """On other records. Platt keeps the AUC to the bit; steps of isotonic tie scores, worth 0.002 here."""
    calibration = fit(*overconfident(1))  # type: ignore[operator]
    scores, label = overconfident(2)
    likely = calibration.probabilities(scores)
    before, after = (sklearn.metrics.roc_auc_score(label, values) for values in (scores, likely))
    assert after == pytest.approx(before, abs=1e-12 if isinstance(calibration, Platt) else 2e-3)
    raw = scipy.special.expit(scores)
    assert (
        sklearn.metrics.brier_score_loss(label, likely) < sklearn.metrics.brier_score_loss(label, raw) - 0.01
    )
    # In each tenth the mean probability is the share of the occupied, within five sigma of 2,000 labels.
    for part in np.array_split(np.argsort(likely), 10):
        assert abs(likely[part].mean() - label[part].mean()) < 5 * 0.5 / np.sqrt(len(part)) + 0.01


def test_platt_finds_the_logistic_that_labels_were_drawn_by() -> None:
    """Slope 1/3 and offset −1/3; 20,000 labels tell them to 0.03."""
    found = fit_platt(*overconfident(1))
    assert found.slope == pytest.approx(1 / 3, abs=0.03)
    assert found.offset == pytest.approx(-1 / 3, abs=0.05)


@given(scores=SCORES, slope=st.floats(0.01, 10), offset=st.floats(-5, 5))
def test_platt_never_changes_an_order(scores: list[float], slope: float, offset: float) -> None:
    made = Platt(slope=slope, offset=offset).probabilities(np.sort(np.array(scores)))
    assert np.all(np.diff(made) >= 0)
    assert np.all((made >= 0) & (made <= 1))


@given(scores=SCORES, seed=st.integers(0, 1000))
def test_isotonic_never_changes_an_order(scores: list[float], seed: int) -> None:
    values = np.array(scores)
    label = np.random.default_rng(seed).random(len(values)) < 0.5
    made = fit_isotonic(values, label).probabilities(np.linspace(-60, 60, 40))
    assert np.all(np.diff(made) >= 0)
    assert np.all((made >= 0) & (made <= 1))


def test_scores_that_say_the_opposite_keep_their_order() -> None:
    """The slope stays above zero, whatever the labels say."""
    scores, label = overconfident(1, 500)
    assert fit_platt(scores, ~label).slope > 0


@pytest.mark.parametrize(
    ("scores", "values"),
    [
        ((0, 1), (0.5,)),
        ((1, 0), (0, 1)),
        ((0, 0), (0, 1)),
        ((0, 1), (0.6, 0.5)),
        ((0, 1), (0, 1.1)),
        ((), ()),
    ],
)
def test_points_that_do_not_rise_are_refused(scores: tuple[float, ...], values: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Isotonic(scores=scores, values=values)
