"""The manifest: what a corpus is, where it comes from, and the hash of every file; written last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.errors import CorpusError, MissingFileError

MANIFEST_NAME = "manifest.json"
FORMAT: Literal["iqatlas-corpus"] = "iqatlas-corpus"
FORMAT_VERSION: Literal[1] = 1
_LARGEST_MANIFEST_BYTES = 256 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 60)]


class _ManifestModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_ManifestModel):
    """A file of the corpus."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    """Relative to the corpus, with forward slashes."""
    bytes: Count
    sha256: Sha256


class ShardEntry(_ManifestModel):
    """A range of records that was written at once."""

    index: Count
    start: Count
    stop: Count
    sha256: Sha256
    """Hash over the paths and hashes of the shard's files."""


class InputEntry(_ManifestModel):
    """A file that the corpus was made from."""

    role: str
    name: str
    bytes: Count
    sha256: Sha256
    licence: str
    attribution: str


class Manifest(_ManifestModel):
    """Everything that a stranger needs to trust, cite and rebuild a corpus."""

    format: Literal["iqatlas-corpus"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    status: Literal["complete"] = "complete"
    name: str
    created: str
    spec: dict[str, Any]
    spec_sha256: Sha256
    inputs: tuple[InputEntry, ...]
    versions: dict[str, str]
    scene: dict[str, Any]
    paths: dict[str, Any]
    records: Count
    splits: dict[str, Count]
    statistics: dict[str, Any]
    shards: tuple[ShardEntry, ...]
    files: tuple[FileEntry, ...]

    def serialise(self) -> bytes:
        """Return the bytes of the manifest file; its last key is the hash of all the others."""
        body = self.model_dump(mode="json")
        body["manifest_sha256"] = sha256_json(body)
        return (json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_manifest(corpus: Path) -> Manifest:
    """Return the manifest of a corpus.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus, or the manifest was changed.
    """
    if not corpus.is_dir():
        raise MissingFileError("no such corpus folder", where=str(corpus))
    path = corpus / MANIFEST_NAME
    if not path.is_file():
        if (corpus / ".building").is_dir():
            raise CorpusError(
                "this corpus is unfinished", where=str(corpus), remedy="run the same `iqatlas generate` again"
            )
        raise CorpusError(f"no {MANIFEST_NAME} in this folder, so it is no corpus", where=str(corpus))
    if path.stat().st_size > _LARGEST_MANIFEST_BYTES:
        raise CorpusError(f"larger than {_LARGEST_MANIFEST_BYTES >> 20} MiB", where=str(path))
    raw = path.read_bytes()
    try:
        body = json.loads(raw)
        if not isinstance(body, dict):
            raise CorpusError("not a manifest", where=str(path))
        stated = body.pop("manifest_sha256", None)
        if body.get("format") == FORMAT and body.get("format_version") != FORMAT_VERSION:
            raise CorpusError(
                f"format version {body.get('format_version')!r} is not known here",
                where=str(path),
                accepted=f"version {FORMAT_VERSION}",
                remedy="update iqatlas",
            )
        manifest = Manifest.model_validate(body)
    except (ValidationError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as failure:
        raise CorpusError(
            f"the manifest can't be read ({str(failure).splitlines()[0]})",
            where=str(path),
            remedy="get the corpus again",
        ) from None
    if stated != sha256_json(body) or manifest.serialise() != raw:
        raise CorpusError(
            "the manifest was changed after it was written", where=str(path), remedy="get the corpus again"
        )
    return manifest
