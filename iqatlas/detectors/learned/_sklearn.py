"""The door to scikit-learn: boosted trees, and calibrations of their scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Float64

from iqatlas.detectors.learned.score_calibration import Isotonic, Platt
from iqatlas.detectors.learned.trees import Trees
from iqatlas.errors import SetupError

try:
    import sklearn.ensemble
    import sklearn.isotonic
    import sklearn.linear_model
except ImportError:
    raise SetupError("scikit-learn is not installed", remedy="pip install 'iqatlas[detectors]'") from None

_TREES_AT_ONCE = 10


def boosted_trees(
    rows: Float32[np.ndarray, "row column"],
    label: Bool[np.ndarray, " row"],
    *,
    trees: int,
    leaves: int,
    learning_rate: float,
    seed: int,
    go_on: Callable[[Trees], bool],
) -> Trees:
    """Return gradient-boosted trees, grown ten at a time.

    Args:
        rows: Statistics, a row a sub-channel of a capture.
        label: Whether it is occupied.
        trees: Trees at most.
        leaves: Leaves of a tree at most.
        learning_rate: Share of each tree that counts.
        seed: Of the bins that statistics are sorted into, where there are many rows.
        go_on: Called with the trees so far; tells whether to grow more.
    """
    model = sklearn.ensemble.HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        early_stopping=False,
        warm_start=True,
        random_state=seed % (1 << 32),
    )
    grown = 0
    while True:
        grown = min(trees, grown + _TREES_AT_ONCE)
        model.set_params(max_iter=grown).fit(rows, label)
        made = _arrays(model)
        if not go_on(made) or grown == trees:
            return made


def _arrays(model: sklearn.ensemble.HistGradientBoostingClassifier) -> Trees:
    """Return the trees of a model as arrays; scikit-learn itself stores them as pickles alone."""
    nodes = [stage[0].nodes for stage in model._predictors]
    root = np.cumsum([0, *(len(tree) for tree in nodes[:-1])])
    own = [np.arange(len(tree)) for tree in nodes]
    leaf = [tree["is_leaf"].astype(bool) for tree in nodes]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([tree[name] for tree in nodes])

    def onward(name: str) -> np.ndarray:
        each = zip(nodes, own, leaf, root, strict=True)
        return np.concatenate([np.where(end, at, tree[name]) + first for tree, at, end, first in each])

    return Trees(
        root=root.astype(np.int32),
        feature=joined("feature_idx").astype(np.int32),
        threshold=joined("num_threshold").astype(np.float64),
        left=onward("left").astype(np.int32),
        right=onward("right").astype(np.int32),
        value=joined("value").astype(np.float64),
        start=np.ravel(model._baseline_prediction).astype(np.float64),
    )


def fit_isotonic(scores: Float64[np.ndarray, " row"], label: Bool[np.ndarray, " row"]) -> Isotonic:
    """Return the rising line that is nearest to the labels in squares."""
    fitted = sklearn.isotonic.IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, label)
    return Isotonic(
        scores=tuple(fitted.X_thresholds_.tolist()),
        values=tuple(np.clip(fitted.y_thresholds_, 0, 1).tolist()),
    )


def fit_platt(scores: Float64[np.ndarray, " row"], label: Bool[np.ndarray, " row"]) -> Platt:
    """Return the logistic that makes the labels likeliest."""
    fitted = sklearn.linear_model.LogisticRegression(C=np.inf).fit(scores[:, None], label)
    # A score that says nothing could turn the order round by chance: it stays what it is.
    return Platt(slope=max(float(fitted.coef_[0, 0]), 1e-6), offset=float(fitted.intercept_[0]))
