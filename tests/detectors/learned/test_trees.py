"""Trees as arrays decide as scikit-learn's do, and arrays that are no trees are refused."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.ensemble

from iqatlas.detectors.learned._sklearn import boosted_trees
from iqatlas.detectors.learned.trees import Trees, trees_from
from iqatlas.errors import CorpusError


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((3000, 6)).astype(np.float32)
    return rows, (rows[:, 0] * rows[:, 3] + 0.5 * rng.standard_normal(3000)) > 0


def grown(trees: int = 25) -> Trees:
    rows, label = table()
    return boosted_trees(rows, label, trees=trees, leaves=8, learning_rate=0.1, seed=4, go_on=lambda _: True)


def test_scores_are_scikit_learns() -> None:
    """The log-odds of its own prediction, to the rounding of sums in another order."""
    rows, label = table()
    theirs = sklearn.ensemble.HistGradientBoostingClassifier(
        learning_rate=0.1, max_leaf_nodes=8, early_stopping=False, max_iter=25, random_state=4
    ).fit(rows, label)
    unseen = np.random.default_rng(8).standard_normal((2000, 6)).astype(np.float32)
    np.testing.assert_allclose(grown().scores(unseen), theirs.decision_function(unseen), atol=1e-9)


def test_the_first_trees_are_those_of_a_shorter_training() -> None:
    rows, _ = table()
    np.testing.assert_array_equal(grown(25).first(10).scores(rows), grown(10).scores(rows))
    np.testing.assert_array_equal(grown(25).first(25).scores(rows), grown(25).scores(rows))


def test_growing_stops_when_told() -> None:
    rows, label = table()
    heard: list[int] = []

    def go_on(trees: Trees) -> bool:
        heard.append(len(trees.root))
        return len(heard) < 2

    made = boosted_trees(rows, label, trees=100, leaves=4, learning_rate=0.1, seed=0, go_on=go_on)
    assert heard == [10, 20]
    assert len(made.root) == 20


def test_stored_trees_are_the_same_trees() -> None:
    rows, _ = table()
    made = grown()
    again = trees_from(made.arrays(), columns=6, where="file")
    np.testing.assert_array_equal(again.scores(rows), made.scores(rows))


def _with(arrays: dict[str, np.ndarray], name: str, place: int, value: int) -> dict[str, np.ndarray]:
    changed = arrays[name].copy()
    changed[place] = value
    return {**arrays, name: changed}


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("left", 0, 0),  # a branch that leads back to itself on one side
        ("right", 3, 1),  # a circle
        ("left", 2, 1 << 30),  # beyond the last node
        ("left", 0, -5),
        ("feature", 1, 6),  # beyond the last column
        ("feature", 1, -1),
        ("root", 1, 1 << 30),
        ("root", 0, 1),
    ],
)
def test_trees_that_lead_nowhere_are_refused(name: str, place: int, value: int) -> None:
    arrays = grown(10).arrays()
    with pytest.raises(CorpusError, match="the trees lead nowhere"):
        trees_from(_with(arrays, name, place, value), columns=6, where="file")


@pytest.mark.parametrize("broken", ["missing", "type", "length", "shape", "added", "empty"])
def test_arrays_that_are_no_trees_are_refused(broken: str) -> None:
    arrays = grown(10).arrays()
    changed = {
        "missing": {name: array for name, array in arrays.items() if name != "value"},
        "type": {**arrays, "threshold": arrays["threshold"].astype(np.float32)},
        "length": {**arrays, "left": arrays["left"][:-1]},
        "shape": {**arrays, "feature": arrays["feature"][:, None]},
        "added": {**arrays, "more": np.zeros(3)},
        "empty": {name: array[:0] for name, array in arrays.items()},
    }[broken]
    with pytest.raises(CorpusError, match="the arrays are not those of trees"):
        trees_from(changed, columns=6, where="file")
