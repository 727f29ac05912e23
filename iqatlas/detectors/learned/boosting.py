"""Boosted trees from a corpus: rows of sub-channels, as many trees as validation likes, calibrated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from iqatlas.detectors.learned._sklearn import boosted_trees, fit_isotonic, fit_platt
from iqatlas.detectors.learned.captures import Captures
from iqatlas.detectors.learned.card import Epoch, TrainingReport
from iqatlas.detectors.learned.inputs import looked_at
from iqatlas.detectors.learned.score_calibration import Calibration
from iqatlas.detectors.learned.spec import BoostedSpec, TrainingSpec
from iqatlas.detectors.learned.stopping import EarlyStopping, Listener, TrainingProgress
from iqatlas.detectors.learned.subchannel_rows import subchannel_rows
from iqatlas.detectors.learned.trees import Trees
from iqatlas.errors import CorpusError
from iqatlas.features.setting import CaptureSetting

_LEARNING_RATE = 100.0
"""Of boosting over that of Adam: both defaults are usual then."""
_TREES_AN_EPOCH = 10


def train_trees(
    learning: Captures,
    validating: Captures,
    *,
    spec: BoostedSpec,
    training: TrainingSpec,
    setting: CaptureSetting,
    seed: int,
    progress: Listener | None,
) -> tuple[Trees, Calibration | None, TrainingReport]:
    """Return trees, what makes their scores probabilities, and what that has cost.

    Args:
        learning: Captures of the training split, in random order.
        validating: Captures of the validation split, likewise.
        spec: What the detector is.
        training: How long and how.
        setting: What the captures are.
        seed: Of scikit-learn's random numbers.
        progress: Called after every ten trees.

    Raises:
        CorpusError: All sub-channels of a split are occupied, or all are vacant.
        SetupError: scikit-learn is not installed.
    """
    stopping: EarlyStopping[int] = EarlyStopping(training)
    rows, label, captures = _rows(learning, spec, setting, "train")
    unseen, truth, others = _rows(validating, spec, setting, "validation")
    scores = {"learned": np.zeros(len(rows)), "unseen": np.zeros(len(unseen))}
    known = 0

    def go_on(trees: Trees) -> bool:
        nonlocal known
        # Only what has been added since: the sum over all trees would grow with their square.
        added = replace(trees, root=trees.root[known:], start=trees.start * (known == 0))
        known = len(trees.root)
        scores["learned"] += added.scores(rows)
        scores["unseen"] += added.scores(unseen)
        epoch = Epoch(
            training_loss=_loss(scores["learned"], label), validation_loss=_loss(scores["unseen"], truth)
        )
        further = stopping.after(epoch, lambda: known)
        if progress is not None:
            done = len(stopping.epochs)
            progress(TrainingProgress(done, training.epochs, captures, captures, epoch))
        return further

    grown = boosted_trees(
        rows,
        label,
        trees=_TREES_AN_EPOCH * training.epochs,
        leaves=spec.leaves,
        learning_rate=min(1.0, _LEARNING_RATE * training.learning_rate),
        seed=seed,
        go_on=go_on,
    )
    trees = grown.first(stopping.best or len(grown.root))
    calibration = _calibration(spec, trees.scores(unseen), truth)
    branches = int(np.count_nonzero(trees.left != np.arange(len(trees.left))))
    report = TrainingReport(
        parameters=2 * branches + len(trees.feature) - branches,
        samples=captures,
        validation_samples=others,
        best_epoch=stopping.best_epoch,
        seconds=stopping.seconds,
        stopped_by=stopping.stopped_by,
        epochs=tuple(stopping.epochs),
    )
    return trees, calibration, report


def _rows(
    captures: Captures, spec: BoostedSpec, setting: CaptureSetting, split: str
) -> tuple[Float32[np.ndarray, "row column"], Bool[np.ndarray, " row"], int]:
    """Return rows and labels, as many as the spec allows, and how many captures they are of."""
    subchannels = len(setting.subchannel_edges_hz)
    most = max(1, spec.rows // subchannels)
    parts, labels, taken = [], [], 0
    for iq, label in captures.batches():
        room = most - taken
        parts.append(subchannel_rows(looked_at(iq[:room], spec, setting), setting))
        labels.append(label[:room].reshape(-1))
        taken += len(iq[:room])
        if taken == most:
            break
    truth = np.concatenate(labels)
    if truth.all() or not truth.any():
        raise CorpusError(
            f"every sub-channel of the split {split!r} is {'occupied' if truth.all() else 'vacant'}",
            remedy="there is nothing to tell apart: choose occupancy.p01 and p10 between 0 and 1",
        )
    return np.concatenate(parts), truth, taken


def _loss(scores: Float64[np.ndarray, " row"], label: Bool[np.ndarray, " row"]) -> float:
    """Return the mean binary cross-entropy of log-odds."""
    return float(np.mean(np.logaddexp(0, np.where(label, -scores, scores))))


def _calibration(
    spec: BoostedSpec, scores: Float64[np.ndarray, " row"], label: Bool[np.ndarray, " row"]
) -> Calibration | None:
    if spec.calibration == "none":
        return None
    return fit_isotonic(scores, label) if spec.calibration == "isotonic" else fit_platt(scores, label)
