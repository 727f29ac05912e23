"""Scores against scikit-learn's, and the identities that any table of them must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iqatlas.detectors.scores import Scores, binomial_interval, binomial_p_value, count, score_columns

PAIRS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.just(2)))


# scikit-learn takes milliseconds a score, however few the cases.
@settings(deadline=None, max_examples=40)
@given(pairs=PAIRS)
def test_scores_are_scikit_learns(pairs: np.ndarray) -> None:
    label, predicted = pairs.T
    scores = count(label, predicted)
    matrix = sklearn.metrics.confusion_matrix(label, predicted, labels=[False, True])
    assert matrix.tolist() == [[scores.rejections, scores.false_alarms], [scores.misses, scores.hits]]
    nan = float("nan")
    for ours, theirs in (
        (scores.detection, sklearn.metrics.recall_score(label, predicted, zero_division=nan)),
        (scores.f1_occupied, sklearn.metrics.f1_score(label, predicted, zero_division=nan)),
        (scores.f1_hole, sklearn.metrics.f1_score(~label, ~predicted, zero_division=nan)),
        (1 - scores.false_alarm, sklearn.metrics.recall_score(~label, ~predicted, zero_division=nan)),
        (scores.precision, sklearn.metrics.precision_score(label, predicted, zero_division=nan)),
        (
            scores.negative_predictive_value,
            sklearn.metrics.precision_score(~label, ~predicted, zero_division=nan),
        ),
        (scores.accuracy, sklearn.metrics.accuracy_score(label, predicted)),
    ):
        assert ours == pytest.approx(theirs, nan_ok=True)


@given(counts=st.lists(st.integers(1, 10**9), min_size=4, max_size=4))
def test_identities_that_any_table_must_keep(counts: list[int]) -> None:
    """Accuracy between sensitivity and specificity, rates that complement each other, F1 from both ratios."""
    scores = Scores(*counts)
    columns = score_columns(scores)
    low, high = sorted((columns["sensitivity"], columns["specificity"]))
    assert low - 1e-12 <= columns["accuracy"] <= high + 1e-12
    assert columns["fpr"] == pytest.approx(1 - columns["specificity"], abs=1e-12)
    assert columns["fnr"] == pytest.approx(1 - columns["sensitivity"], abs=1e-12)
    for kind in ("", "_hole"):
        precision, recall = columns[f"precision{kind}"], columns[f"recall{kind}"]
        f1 = columns["f1_occupied" if not kind else "f1_hole"]
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    # Matthews' coefficient is the geometric mean of informedness and markedness.
    informed = columns["sensitivity"] + columns["specificity"] - 1
    marked = columns["precision"] + columns["npv"] - 1
    assert columns["mcc"] ** 2 == pytest.approx(informed * marked, rel=1e-6, abs=1e-12)
    assert columns["balanced_accuracy"] == pytest.approx((informed + 1) / 2)


@settings(deadline=None, max_examples=40)
@given(pairs=PAIRS)
def test_micro_scores_and_matthews_are_scikit_learns(pairs: np.ndarray) -> None:
    """Micro averages over sub-channels are scores of everything that was counted."""
    label, predicted = pairs.T
    wide = np.stack([label, ~label, label], axis=1), np.stack([predicted, predicted, ~predicted], axis=1)
    scores = count(*wide)
    for ours, theirs in (
        (scores.precision, sklearn.metrics.precision_score),
        (scores.detection, sklearn.metrics.recall_score),
        (scores.f1_occupied, sklearn.metrics.f1_score),
    ):
        assert ours == pytest.approx(theirs(*wide, average="micro", zero_division=float("nan")), nan_ok=True)
    one = count(label, predicted)
    if not math.isnan(one.matthews):
        assert one.matthews == pytest.approx(sklearn.metrics.matthews_corrcoef(label, predicted), abs=1e-12)


@given(pairs=PAIRS, cut=st.integers(0, 40))
def test_scores_of_parts_add_up(pairs: np.ndarray, cut: int) -> None:
    label, predicted = pairs.T
    parts = count(label[:cut], predicted[:cut]) + count(label[cut:], predicted[cut:])
    assert parts == count(label, predicted)


@given(pairs=PAIRS)
def test_identities_hold(pairs: np.ndarray) -> None:
    scores = count(*pairs.T)
    if math.isnan(scores.detection) or math.isnan(scores.false_alarm):
        return
    accuracy = (scores.hits + scores.rejections) / len(pairs)
    specificity = 1 - scores.false_alarm
    low, high = sorted((scores.detection, specificity))
    assert low - 1e-12 <= accuracy <= high + 1e-12
    if scores.hits:
        precision = scores.hits / (scores.hits + scores.false_alarms)
        harmonic = 2 / (1 / precision + 1 / scores.detection)
        assert scores.f1_occupied == pytest.approx(harmonic)


def test_ratios_without_a_case_are_nan() -> None:
    assert math.isnan(count(np.ones(3, bool), np.ones(3, bool)).matthews)
    nothing_occupied = Scores(hits=0, misses=0, false_alarms=0, rejections=7)
    assert math.isnan(nothing_occupied.detection)
    assert math.isnan(nothing_occupied.f1_occupied)
    assert nothing_occupied.f1_hole == 1
    everything_occupied = Scores(hits=7, misses=0, false_alarms=0, rejections=0)
    assert math.isnan(everything_occupied.false_alarm)
    assert math.isnan(everything_occupied.f1_hole)


def test_the_detector_that_never_looks() -> None:
    """OR over three sites at 0.5 makes 0.875 of the labels 1: always saying so has F1 = 0.933."""
    label = np.arange(8) < 7
    assert count(label, np.ones(8, bool)).f1_occupied == pytest.approx(0.933, abs=5e-4)


@given(trials=st.integers(1, 3000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_intervals_are_clopper_pearsons(trials: int, share: float, confidence: float) -> None:
    successes = round(share * trials)
    low, high = binomial_interval(successes, trials, confidence)
    tail = (1 - confidence) / 2
    # Quantiles of Beta: Clopper and Pearson, Biometrika 1934.
    expected_low = scipy.stats.beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    expected_high = (
        scipy.stats.beta.isf(tail, successes + 1, trials - successes) if successes < trials else 1.0
    )
    assert low == pytest.approx(expected_low, abs=1e-8)
    assert high == pytest.approx(expected_high, abs=1e-8)
    assert low <= successes / trials <= high


def test_p_values() -> None:
    assert binomial_p_value(0, 1, 0.5) == 1.0
    assert binomial_p_value(10, 10, 0.5) == pytest.approx(2 / 2**10)  # both ends are as unlikely
    assert binomial_p_value(3200, 32_000, 0.1) == pytest.approx(1, abs=0.02)
    assert binomial_p_value(3500, 32_000, 0.1) < 1e-4
