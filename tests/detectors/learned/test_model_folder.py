"""Models in folders: read back as they were, and nothing read that is not a model."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.learned.model_folder import load_model, save_model
from iqatlas.detectors.learned.scored import score
from iqatlas.errors import CorpusError, MissingFileError


def test_what_is_read_is_what_was_written(
    detector: LearnedDetector, learnable: Corpus, tmp_path: Path
) -> None:
    """Card and weights to the bit, and so the probabilities."""
    detector = detector.scored(score(detector, learnable))
    again = load_model(save_model(detector, tmp_path / "model"))
    assert again.card == detector.card
    assert again.card.scores
    assert again.weights.keys() == detector.weights.keys()
    for name, array in detector.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)
        assert again.weights[name].dtype == array.dtype
    iq = learnable.numpy(split="test", variables=("iq",))["iq"][:20]
    np.testing.assert_array_equal(again.probabilities(iq), detector.probabilities(iq))


@pytest.fixture
def folder(cnn: LearnedDetector, tmp_path: Path) -> Path:
    return save_model(cnn, tmp_path / "model")


@pytest.fixture
def changed(folder: Path) -> Callable[..., Path]:
    """Give a function that changes keys of the card, keys joined by dots."""

    def change(**values: Any) -> Path:
        card = json.loads((folder / "model.json").read_text())
        for path, value in values.items():
            *way, last = path.split("__")
            place = card
            for name in way:
                place = place[name]
            place[last] = value
        (folder / "model.json").write_text(json.dumps(card))
        return folder

    return change


def with_weights(folder: Path, content: bytes) -> Path:
    """Put other weights into a model, with their hash on the card."""
    (folder / "weights.safetensors").write_bytes(content)
    card = json.loads((folder / "model.json").read_text())
    card["weights_sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_a_pickle_is_never_opened(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("the pickle was run",))

    with pytest.raises(CorpusError, match="not a safetensors file"):
        load_model(with_weights(folder, pickle.dumps(Trap())))


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x10" + b"\0" * 7 + b"{}" + b" " * 14])
def test_bytes_that_are_no_weights_are_refused(folder: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"not a safetensors file|not those of this detector"):
        load_model(with_weights(folder, content))


def test_weights_of_another_shape_are_refused(folder: Path, cnn: LearnedDetector) -> None:
    other = {**cnn.weights, "0.bias": np.zeros(17, np.float32)}
    with pytest.raises(CorpusError, match="the weights are not those of this detector"):
        load_model(with_weights(folder, safetensors.numpy.save(other)))


def test_weights_that_were_changed_are_told(folder: Path) -> None:
    file = folder / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CorpusError, match="the weights are not those that the card is of"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "format version 2 is not known here; accepted: version 1"),
        ({"format": "other"}, "not the card of a model"),
        ({"more": 1}, "not the card of a model"),
        ({"setting__samples": 1 << 40}, "not the card of a model"),
        ({"setting__sample_rate_hz": float("nan")}, "not the card of a model"),
        ({"report__best_epoch": 99}, "not the card of a model"),
        ({"corpora": [{"name": "x", "manifest_sha256": "beef"}]}, "not the card of a model"),
        ({"setting__samples": 40}, "the weights are not those of this detector"),
    ],
)
def test_cards_that_were_changed_are_told(
    changed: Callable[..., Path], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        load_model(changed(**change))


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"7"])
def test_bytes_that_are_no_card_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(CorpusError, match="not the card of a model"):
        load_model(folder)


def test_where_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="so there is no model; train one"):
        load_model(tmp_path)


def test_folders_that_hold_something_are_left_alone(
    cnn: LearnedDetector, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match="there is a model already"):
        save_model(cnn, folder)
    (folder / "model.onnx").write_bytes(b"of older weights")
    save_model(cnn, folder, overwrite=True)
    assert sorted(item.name for item in folder.iterdir()) == ["model.json", "weights.safetensors"]
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(CorpusError, match=r"the folder holds 'letter\.txt', which is no part of a model"):
        save_model(cnn, folder, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="this is a file"):
        save_model(cnn, tmp_path / "file")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "model.json").symlink_to(tmp_path / "file")
    with pytest.raises(CorpusError, match=r"holds 'model\.json'"):
        save_model(cnn, linked, overwrite=True)
