"""Answers of map servers on disk: each question is asked once, and its answer kept with its date."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iqatlas.errors import StorageError
from iqatlas.scenes.cache_root import VARIABLE, cache_root

_REQUEST_FILE = "request.json"


@dataclass(frozen=True)
class StoredAnswer:
    """An answer in the cache.

    Args:
        path: The file of the answer, as the server sent it.
        request: What was asked: its keys, with ``retrieved`` (UTC), ``sha256`` and ``bytes`` of the answer.
    """

    path: Path
    request: Mapping[str, Any]

    def content(self) -> bytes:
        """Return the answer's bytes."""
        return self.path.read_bytes()

    def request_json(self) -> bytes:
        """Return the request as the JSON that is archived with the answer."""
        return _json(self.request)


def default_folder() -> Path:
    """Return where answers are kept: ``answers`` in :func:`~iqatlas.scenes.cache_root.cache_root`."""
    return cache_root() / "answers"


def stored_answer(
    question: Mapping[str, Any],
    name: str,
    ask: Callable[[], bytes],
    *,
    folder: Path | None = None,
) -> StoredAnswer:
    """Return the answer to a question: the stored one, or else the one that ``ask`` gets, stored now.

    An answer whose bytes are no longer those that were stored is asked for again.

    Args:
        question: What decides the answer, as JSON values; its SHA-256 is the key.
        name: Name of the answer's file.
        ask: Gets the answer.
        folder: The cache; the user's cache folder without it.

    Raises:
        StorageError: The folder can't be written to.
        IqAtlasError: What ``ask`` raises.
    """
    key = hashlib.sha256(_json(question)).hexdigest()
    place = (folder or default_folder()) / key[:32]
    known = _known(place, name)
    if known is not None:
        return known
    content = ask()
    request = {
        **question,
        "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        _write(place / name, content)
        # Last: without it the answer doesn't count.
        _write(place / _REQUEST_FILE, _json(request))
    except OSError as error:
        raise StorageError(
            f"can't keep a map server's answer in {place} ({error.strerror or error})",
            remedy=f"free some space, or set {VARIABLE} to a folder that can be written to",
        ) from error
    return StoredAnswer(place / name, request)


def _known(place: Path, name: str) -> StoredAnswer | None:
    try:
        request = json.loads((place / _REQUEST_FILE).read_bytes())
        digest = hashlib.sha256((place / name).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None
    is_whole = isinstance(request, dict) and request.get("sha256") == digest and "retrieved" in request
    return StoredAnswer(place / name, request) if is_whole else None


def _write(path: Path, content: bytes) -> None:
    # Two processes may ask the same at once: each writes its own file, and the last rename counts.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
