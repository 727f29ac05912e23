"""``iqatlas train`` and ``iqatlas score``: what they show, write and refuse."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from iqatlas.cli.score_table import beats_nothing, score_table
from iqatlas.detectors.learned.card import ScoreRow
from iqatlas.errors import CorpusError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from iqatlas.generators.execute import generate
    from iqatlas.generators.spec import CorpusSpec

    spec = {
        "raytracing": {"kind": "free_space"},
        "receivers": {"count": 2},
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
        "capture": {"slots": 120, "samples": 64, "snr_db": [0, 20]},
        "features": {"spectrogram": None},
    }
    return generate(CorpusSpec.from_tree(spec), tmp_path_factory.mktemp("train") / "corpus").path


def test_a_model_is_trained_scored_and_scored_again(
    corpus: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    """Both print the same table: a row for each of two levels and two receivers."""
    model = tmp_path / "model"
    shown = command(
        "train", corpus, "--model", "cnn", "-o", model, "--epochs", "2", "--onnx", "--window", "48"
    )
    assert shown.code == 0, shown.err
    assert "parameters" in shown.out
    assert re.search(r"epochs +2, the best [12], stopped by epochs", shown.out)
    assert "✓" in shown.out
    assert re.search(r"epoch 1 of 2: loss 0\.\d{4}, validation 0\.\d{4}", shown.err)
    assert sorted(item.name for item in model.iterdir()) == [
        "model.json",
        "model.onnx",
        "weights.safetensors",
    ]
    card = json.loads((model / "model.json").read_text())
    assert card["detector"] == {"kind": "cnn", "window": 48, "power": "capture"}
    assert len(card["scores"]) == 4
    again = command("score", model, corpus)
    assert again.code == 0, again.err
    rows = [line for line in shown.out.splitlines() if "uav" in line]
    assert len(rows) == 4
    assert [line for line in again.out.splitlines() if "uav" in line] == rows
    assert "another corpus" not in again.out
    seen = command("score", model, corpus, "--split", "train")
    assert "it has seen the train split" in seen.out


@pytest.mark.parametrize(("f1", "told"), [(0.5, True), (0.7, False)])
def test_a_detector_that_has_learned_nothing_is_told(f1: float, told: bool) -> None:
    row = ScoreRow(
        snr_level_db=None,
        receiver="uav0",
        captures=9,
        f1_occupied=f1,
        f1_hole=0.5,
        energy=0.8,
        all_ones=0.6,
        prior=0.4,
    )
    assert beats_nothing([row]) is told
    for recorded, word in ((False, "thermal"), (True, "recorded")):
        assert [str(cell) for cell in score_table("F1", [row], recorded=recorded).columns[0].cells] == [word]
    assert not beats_nothing([row, row.model_copy(update={"f1_occupied": 0.61})])


def test_a_model_of_another_corpus_says_so(
    corpus: Path, tmp_path: Path, small_corpus: Any, command: Callable[..., Any]
) -> None:
    assert command("train", corpus, "--model", "boosted", "-o", tmp_path / "m", "--epochs", "1").code == 0
    refused = command("score", tmp_path / "m", small_corpus.path)
    assert refused.code == 2
    assert "not learned from" in refused.err
    assert len(refused.error_lines) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "boosted", "--onnx"], "--onnx: boosted trees have no ONNX graph"),
        (["--budget", "soon"], "--budget: 'soon' is no time; accepted: 90s, 10m or 1h"),
        (["--window", "65"], "65 samples of captures of 64; accepted: 16 to 64"),
        (["--window", "16"], "can't take captures of 16 samples"),
        (["--window", "70000"], "Invalid value for '--window'"),
        (["--epochs", "200000"], "Invalid value for '--epochs'"),
        (["--patience", "200000"], "Invalid value for '--patience'"),
        (["--seed", "9223372036854775808"], "Invalid value for '--seed'"),
        (["--model", "forest"], "forest"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    options: list[str], message: str, corpus: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    shown = command("train", corpus, "-o", tmp_path / "model", *options)
    assert shown.code == 2
    assert message in shown.err
    assert len(shown.error_lines) == 1
    assert not (tmp_path / "model").exists()


def test_a_missing_library_is_told_before_anything_is_trained(
    corpus: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "iqatlas.detectors.learned._onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    shown = command("train", corpus, "-o", tmp_path / "model", "--epochs", "1", "--onnx")
    assert shown.code == 2
    assert shown.error_lines == [
        "iqatlas: onnx and onnxruntime are not installed; pip install 'iqatlas[detectors]'"
    ]
    assert not (tmp_path / "model").exists()


def test_folders_are_refused_before_anything_is_trained(
    corpus: Path, tmp_path: Path, command: Callable[..., Any]
) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    shown = command("train", corpus, "-o", tmp_path)
    assert shown.code == 2
    assert "letter.txt" in shown.err
    assert "epoch" not in shown.err
    missing = command("score", tmp_path / "none", corpus)
    assert missing.code == 2
    assert "so there is no model" in missing.err


def test_training_can_be_ended_by_time(corpus: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    shown = command("train", corpus, "-o", tmp_path / "model", "--budget", "0.001s")
    assert shown.code == 0
    assert "stopped by budget" in shown.out


def test_a_recording_has_no_level_and_a_model_outlives_its_scores(
    corpus: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.detectors.learned import scored

    whole = Corpus.dataset.func  # type: ignore[attr-defined]
    unasked = cached_property(lambda self: whole(self).drop_vars(["snr_level", "noise_power"]))
    unasked.__set_name__(Corpus, "dataset")
    monkeypatch.setattr(Corpus, "dataset", unasked)
    model = tmp_path / "model"
    shown = command("train", corpus, "--model", "boosted", "-o", model, "--epochs", "1")
    assert shown.code == 0, shown.err
    scores = json.loads((model / "model.json").read_text())["scores"]
    assert [row["snr_level_db"] for row in scores] == [None, None]
    assert command("score", model, corpus).code == 0

    def failing(*_: object, **__: object) -> None:
        raise CorpusError("no scores")

    monkeypatch.setattr(scored, "score", failing)
    kept = tmp_path / "kept"
    assert command("train", corpus, "--model", "boosted", "-o", kept, "--epochs", "1").code == 2
    assert json.loads((kept / "model.json").read_text())["scores"] == []
