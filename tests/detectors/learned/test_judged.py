"""Learned detectors among those of ``validate``, and the verdict on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.assessment import Assessment, assess
from iqatlas.detectors.learned.judged import JudgedModel, judged_models, model_verdicts
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.model_folder import save_model
from iqatlas.detectors.verdicts import sound


@pytest.fixture(scope="module")
def found(cnn: LearnedDetector, learnable: Corpus) -> Assessment:
    return assess(learnable, names=["energy"], also=[JudgedModel(cnn, "cnn")])


def test_a_model_is_counted_over_all_records(
    cnn: LearnedDetector, learnable: Corpus, found: Assessment
) -> None:
    """The same decisions and Brier score by scikit-learn; no verdict on its false alarms on noise."""
    arrays = learnable.numpy()
    likely = cnn.probabilities(arrays["iq"]).astype(np.float64)
    label = np.broadcast_to(arrays["label"][:, None], likely.shape)
    expected = sklearn.metrics.f1_score(label.ravel(), likely.ravel() > 0.5)
    assert found.tallies["cnn"].scores().f1_occupied == pytest.approx(expected, abs=1e-12)
    brier = sklearn.metrics.brier_score_loss(label.ravel(), likely.ravel())
    assert found.reliability["cnn"].brier == pytest.approx(brier, rel=1e-6)
    assert set(found.noise) == {"energy"}


def with_levels(found: Assessment, levels: list[float]) -> Assessment:
    """Return the assessment as if levels had been lower: counts stay."""
    tallies = {name: replace_levels(tally, levels) for name, tally in found.tallies.items()}
    return replace(found, tallies=tallies)


def replace_levels(tally: object, levels: list[float]) -> object:
    made = replace(tally, levels=np.array(levels))  # type: ignore[type-var]
    made.counts[:] = tally.counts  # type: ignore[attr-defined]
    return made


def test_the_verdict_is_of_the_levels_below_and_binds_nobody(
    cnn: LearnedDetector, learnable: Corpus, found: Assessment
) -> None:
    models = [JudgedModel(cnn, "cnn")]
    assert model_verdicts(found, models, learnable) == ()  # 5 and 15 dB
    hard = with_levels(found, [-15.0, -5.0])  # −5 dB is not below −5 dB
    (verdict,) = model_verdicts(hard, models, learnable)
    assert verdict.text.startswith("cnn beats energy below -5 dB: ")
    assert not verdict.binding
    losing = replace(hard, blocks={"cnn": hard.blocks["energy"], "energy": hard.blocks["cnn"]})
    (other,) = model_verdicts(losing, models, learnable)
    answers = [v.text.split(": ")[1].split(",")[0] for v in (verdict, other)]
    assert sorted(answers) in (["no", "yes"], ["no difference", "no difference"])
    assert verdict.holds == (answers[0] == "yes")
    assert sound((replace(verdict, holds=False),))
    (same,) = model_verdicts(
        replace(hard, blocks={**hard.blocks, "cnn": hard.blocks["energy"]}), models, learnable
    )
    assert "no difference" in same.text and "0.000 to 0.000" in same.text and not same.holds
    assert model_verdicts(replace(hard, blocks={"cnn": hard.blocks["cnn"]}), models, learnable) == ()


class Memory(LearnedDetector):
    """Knows the labels of the captures that it has learned from, and of no others."""

    def __init__(self, like: LearnedDetector, corpus: Corpus, split: tuple[str, ...]) -> None:
        super().__init__(like.card, like.weights)
        dataset = corpus.dataset
        rows = np.flatnonzero(np.isin(dataset["split"].values.astype(str), split))
        label = dataset["label"].values[rows]
        self.known = dict(zip(dataset["iq"].values[rows, 0, 0].tolist(), label, strict=True))
        self.channels = label.shape[1]

    def probabilities(self, iq: np.ndarray) -> np.ndarray:
        nothing = np.zeros(self.channels, bool)
        told = np.stack([self.known.get(first, nothing) for first in iq[:, 0, 0].tolist()])
        return np.broadcast_to(told[:, None], (*iq.shape[:2], self.channels)).astype(np.float32)


def test_what_is_known_by_heart_is_not_counted(cnn: LearnedDetector, learnable: Corpus) -> None:
    """All right on its own records, blind on the test split: MCC there has no value, energy's has."""
    memory = JudgedModel(Memory(cnn, learnable, ("train", "validation")), "memory")
    found = with_levels(assess(learnable, names=["energy"], also=[memory]), [-15.0, -5.0])
    assert found.tallies["memory"].scores().matthews > found.tallies["energy"].scores().matthews
    (verdict,) = model_verdicts(found, [memory], learnable)
    assert verdict.text.startswith("memory beats energy below -5 dB: no, Matthews' correlation nan against")
    assert verdict.text.endswith("(test split of the corpus that it has learned from)")
    # Of another corpus it has learned nothing, and is counted throughout.
    origin = memory.model.card.corpora[0].model_copy(update={"manifest_sha256": "0" * 64})
    memory.model.card = memory.model.card.model_copy(update={"corpora": (origin,)})
    (other,) = model_verdicts(found, [memory], learnable)
    assert other.holds and "test split" not in other.text


def test_models_of_one_kind_have_names_of_their_own(
    cnn: LearnedDetector, boosted: LearnedDetector, learnable: Corpus, tmp_path: Path
) -> None:
    folders = [
        save_model(cnn, tmp_path / "a"),
        save_model(boosted, tmp_path / "b"),
        save_model(cnn, tmp_path / "c"),
    ]
    assert [model.name for model in judged_models(folders, learnable)] == ["cnn-1", "boosted", "cnn-3"]


def test_validate_takes_a_model(
    boosted: LearnedDetector, learnable: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from iqatlas.cli.app import run

    model = save_model(boosted, tmp_path / "model")
    code = run(
        [
            "validate",
            str(learnable.path),
            "--detectors",
            "energy",
            "--model",
            str(model),
            "-o",
            str(tmp_path / "v"),
        ]
    )
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "boosted" in shown
    assert "beats energy" not in shown  # no level below −5 dB
