"""A detector in a folder: a card in JSON and weights in safetensors, written and read safely."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.catalogs.manifest import Sha256, reason_of
from iqatlas.detectors.learned._safetensors import arrays_in, stored
from iqatlas.detectors.learned.card import ModelCard
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.errors import CorpusError, MissingFileError
from iqatlas.user_paths import user_path

CARD = "model.json"
WEIGHTS = "weights.safetensors"
ONNX = "model.onnx"
_LARGEST_CARD_BYTES = 64 << 20
_LARGEST_WEIGHTS_BYTES = 512 << 20


class _StoredCard(ModelCard):
    weights_sha256: Sha256


def refuse_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Refuse a folder that can't take a model, before anything is trained.

    Args:
        folder: Where the model is to be.
        overwrite: Whether a model may lie there already.

    Raises:
        CorpusError: It is a file, or holds something; or a model, which may not be overwritten.
        StorageError: The system won't tell what is there.
    """
    folder = user_path(folder)
    with storage_errors(folder, resumes=False):
        if folder.exists() and not folder.is_dir():
            raise CorpusError("this is a file, not a folder", where=str(folder), remedy="choose another -o")
        held = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
        linked = any((folder / name).is_symlink() for name in held)
    strange = [name for name in held if name not in (CARD, WEIGHTS, ONNX)]
    if strange or linked:
        raise CorpusError(
            f"the folder holds {(strange or held)[0]!r}, which is no part of a model",
            where=str(folder),
            remedy="choose another -o",
        )
    if held and not overwrite:
        raise CorpusError(
            "there is a model already", where=str(folder), remedy="choose another -o, or --overwrite"
        )


def save_model(detector: LearnedDetector, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a detector into a folder, and return the folder.

    Args:
        detector: The detector.
        folder: Where to; made where there is none.
        overwrite: Whether a model may lie there already.

    Raises:
        CorpusError: The folder holds something.
        StorageError: It can't be written.
        SetupError: safetensors is not installed.
    """
    folder = user_path(folder)
    refuse_folder(folder, overwrite=overwrite)
    content = stored(detector.weights)
    card = _StoredCard(**dict(detector.card), weights_sha256=hashlib.sha256(content).hexdigest())
    text = json.dumps(card.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with storage_errors(folder, resumes=False):
        # An older graph is not that of these weights.
        (folder / ONNX).unlink(missing_ok=True)
        write_file(folder / WEIGHTS, content)
        write_file(folder / CARD, text.encode())
    return folder


def load_model(folder: str | Path) -> LearnedDetector:
    """Read a detector from a folder. Nothing in it is run, whoever has written it.

    Args:
        folder: What :func:`save_model` has written.

    Raises:
        MissingFileError: There is no model.
        CorpusError: A file is not what it should be.
        SetupError: safetensors is not installed.
    """
    folder = user_path(folder)
    card_file, weights_file = folder / CARD, folder / WEIGHTS
    text = _content(card_file, _LARGEST_CARD_BYTES)
    try:
        body = json.loads(text)
        known = isinstance(body, dict) and body.get("format") == "iqatlas-model"
        if known and body.get("format_version") != 1:
            raise CorpusError(
                f"format version {str(body.get('format_version'))[:40]} is not known here",
                where=str(card_file),
                accepted="version 1",
                remedy="update iqatlas",
            )
        card = _StoredCard.model_validate(body)
    except CorpusError:
        raise
    except (ValidationError, ValueError, RecursionError) as failure:
        raise CorpusError(
            f"not the card of a model ({reason_of(failure)})",
            where=str(card_file),
            remedy="get the model again",
        ) from None
    content = _content(weights_file, _LARGEST_WEIGHTS_BYTES)
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise CorpusError(
            "the weights are not those that the card is of",
            where=str(weights_file),
            remedy="get the model again",
        )
    fields = {name: getattr(card, name) for name in ModelCard.model_fields}
    return LearnedDetector(
        ModelCard(**fields), arrays_in(content, where=str(weights_file)), where=str(weights_file)
    )


def _content(file: Path, largest: int) -> bytes:
    if not file.is_file():
        raise MissingFileError(
            "no such file, so there is no model", where=str(file), remedy="train one: iqatlas train"
        )
    with storage_errors(file, "read"):
        if file.stat().st_size > largest:
            raise CorpusError(f"larger than {largest >> 20} MiB", where=str(file))
        return file.read_bytes()
