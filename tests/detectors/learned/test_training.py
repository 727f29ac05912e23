"""Training on a small corpus: it learns, twice the same, from the training split alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.learned.captures import Captures
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.scored import score
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, TrainingSpec
from iqatlas.detectors.learned.stopping import TrainingProgress
from iqatlas.detectors.learned.training import origin_of, train
from iqatlas.errors import CorpusError, SpecError


def likely_and_label(detector: LearnedDetector, corpus: Corpus, split: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = corpus.numpy(split=split)
    likely = detector.probabilities(arrays["iq"])
    return likely, np.broadcast_to(arrays["label"][:, None], likely.shape)


def test_each_kind_learns(detector: LearnedDetector, learnable: Corpus) -> None:
    """In seconds: F1 well over the best of those that don't look, at every level and receiver."""
    rows = score(detector, learnable)
    assert len(rows) == 4
    for row in rows:
        assert row.f1_occupied is not None
        assert row.all_ones is not None
        assert row.prior is not None
        assert row.f1_occupied > max(row.all_ones, row.prior) + 0.1, row


def test_the_same_seed_gives_the_same_detector(learnable: Corpus) -> None:
    """Bit for bit; another seed gives another, and more threads are another seed's equal."""
    short = {"epochs": 1, "batch": 128}
    for spec, training in (
        (CnnSpec(window=32), TrainingSpec(**short)),
        (BoostedSpec(rows=2000), TrainingSpec(**short)),
    ):
        one, two = (train(learnable, spec, training) for _ in range(2))
        assert one.weights.keys() == two.weights.keys()
        for name, array in one.weights.items():
            np.testing.assert_array_equal(array, two.weights[name])
    other = train(learnable, CnnSpec(window=32), TrainingSpec(**short, seed=1))
    first = train(learnable, CnnSpec(window=32), TrainingSpec(**short))
    assert not np.array_equal(first.weights["0.weight"], other.weights["0.weight"])


def test_the_report_is_of_the_best_epoch(cnn: LearnedDetector, learnable: Corpus) -> None:
    """The loss that is reported is that of the weights that are kept, computed by scikit-learn."""
    report = cnn.card.report
    losses = [epoch.validation_loss for epoch in report.epochs]
    assert report.best_epoch == int(np.argmin(losses)) + 1
    likely, label = likely_and_label(cnn, learnable, "validation")
    loss = sklearn.metrics.log_loss(label.ravel(), likely.ravel().astype(np.float64))
    assert report.best.validation_loss == pytest.approx(loss, rel=1e-4)  # float32 probabilities
    splits = learnable.manifest.splits
    assert (report.samples, report.validation_samples) == (2 * splits["train"], 2 * splits["validation"])
    assert report.parameters == sum(array.size for array in cnn.weights.values())
    assert report.seconds > 0
    assert cnn.card.corpora == (origin_of(learnable),)


def test_the_origin_is_the_hash_that_the_manifest_states(learnable: Corpus) -> None:
    stated = (learnable.path / "manifest.json").read_text()
    assert f'"manifest_sha256": "{origin_of(learnable).manifest_sha256}"' in stated


def test_scaling_is_of_the_training_split(learnable: Corpus) -> None:
    """With absolute powers: the spread of real and imaginary parts in that split, to float32."""
    detector = train(learnable, CnnSpec(power="absolute", window=32), TrainingSpec(epochs=1))
    iq = learnable.numpy(split="train", variables=("iq",), window=32)["iq"]
    parts = np.stack([iq.real, iq.imag]).astype(np.float64)
    assert detector.card.scaling is not None
    assert detector.card.scaling.spread[0] == pytest.approx(parts.std(), rel=1e-5)
    assert detector.card.scaling.records == iq.shape[0] * iq.shape[1]


def test_calibrated_trees_keep_the_area_under_the_curve(learnable: Corpus) -> None:
    """On the test split: Platt to the rounding of float32, isotonic to the ties of its steps."""
    area: dict[str, float] = {}
    for calibration in ("none", "platt", "isotonic"):
        spec = BoostedSpec(rows=4000, calibration=calibration)
        likely, label = likely_and_label(train(learnable, spec, TrainingSpec(epochs=2)), learnable, "test")
        area[calibration] = sklearn.metrics.roc_auc_score(label.ravel(), likely.ravel())
    assert area["platt"] == pytest.approx(area["none"], abs=1e-5)
    assert area["isotonic"] == pytest.approx(area["none"], abs=5e-3)


def test_progress_is_told(learnable: Corpus) -> None:
    heard: list[TrainingProgress] = []
    train(learnable, CnnSpec(window=32), TrainingSpec(epochs=2, batch=1024), progress=heard.append)
    captures = 2 * learnable.manifest.splits["train"]
    assert [item.done for item in heard if item.epoch == 0] == [*range(1024, captures, 1024), captures]
    assert heard[-1].epoch == 2
    assert heard[-1].losses is not None


def test_a_budget_ends_an_epoch_in_its_middle(learnable: Corpus) -> None:
    heard: list[TrainingProgress] = []
    spent = TrainingSpec(epochs=50, batch=64, budget_s=1e-3)
    detector = train(learnable, CnnSpec(window=32), spent, progress=heard.append)
    assert detector.card.report.stopped_by == "budget"
    assert len(detector.card.report.epochs) == 1
    assert [item.done for item in heard if item.epoch == 0] == [64]


def test_what_cannot_be_learned_from_is_told(learnable: Corpus, made_corpus: Callable[..., Corpus]) -> None:
    with pytest.raises(CorpusError, match="100 samples of captures of 64; accepted: 16 to 64"):
        train(learnable, CnnSpec(window=100))
    with pytest.raises(SpecError, match="can't take captures of 16 samples"):
        train(learnable, CnnSpec(window=16))
    alone = made_corpus(splits={"train": 1, "validation": 0, "test": 0}, capture={"slots": 40, "snr_db": 10})
    with pytest.raises(
        CorpusError, match=r"the split 'validation' is empty; give splits\.validation a share"
    ):
        train(alone, CnnSpec())


@pytest.mark.parametrize(("occupied", "word"), [(False, "vacant"), (True, "occupied")])
def test_trees_need_both_kinds_of_labels(
    occupied: bool, word: str, learnable: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Captures.batches
    monkeypatch.setattr(
        Captures,
        "batches",
        lambda self, epoch=0: ((iq, np.full_like(label, occupied)) for iq, label in whole(self, epoch)),
    )
    with pytest.raises(CorpusError, match=f"every sub-channel of the split 'train' is {word}"):
        train(learnable, BoostedSpec(rows=1000))
