"""The manifest: what a corpus is, where it comes from, and the hash of every file; written last."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.errors import CorpusError, MissingFileError

MANIFEST_NAME = "manifest.json"
FORMAT: Literal["iqatlas-corpus"] = "iqatlas-corpus"
FORMAT_VERSION: Literal[1] = 1
LARGEST_MANIFEST_BYTES = 256 << 20
PULLING = ".pulling"
"""Folder of a corpus that is being pulled from a catalogue."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 60)]


def _inside(path: str) -> str:
    """Return a path if it is spelt in the one way that can't leave the corpus."""
    parts = PurePosixPath(path).parts
    if "/".join(parts) != path or ".." in parts or not path.isprintable() or set(path) & set('\\:*?"<>|'):
        raise ValueError(f"{path[:100]!r} is not a plain path inside the corpus")
    return path


class _ManifestModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_ManifestModel):
    """A file of the corpus."""

    path: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_inside)]
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


def shard_sha256(files: Iterable[FileEntry]) -> str:
    """Return the hash of a shard.

    Args:
        files: Its files, in the order in which the format names them.
    """
    return sha256_json([[file.path, file.sha256] for file in files])


class InputEntry(_ManifestModel):
    """A file that the corpus was made from."""

    role: str
    name: str
    bytes: Count
    sha256: Sha256
    licence: str
    attribution: str
    source: str | None = None
    """Where it comes from, where somebody says; left out otherwise, as is the date."""
    date: str | None = None
    """When it was made, as ISO 8601 has it."""

    @model_serializer(mode="wrap")
    def _without_unknown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Manifests from before there were such keys keep their bytes.
        stored: dict[str, Any] = handler(self)
        return {name: value for name, value in stored.items() if value is not None}


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

    @model_validator(mode="after")
    def _adds_up(self) -> Manifest:
        paths = [file.path for file in self.files]
        if len(set(paths)) < len(paths) or MANIFEST_NAME in paths:
            raise ValueError("a file is named twice")
        stops = [0, *(shard.stop for shard in self.shards)]
        ranges = [(shard.index, shard.start) for shard in self.shards]
        if ranges != list(enumerate(stops[:-1])) or stops != sorted(set(stops)) or stops[-1] != self.records:
            raise ValueError("the shards don't follow each other from the first record to the last")
        if sum(self.splits.values()) != self.records:
            raise ValueError("the splits don't add up to the records")
        return self

    def serialise(self) -> bytes:
        """Return the bytes of the manifest file; its last key is the hash of all the others."""
        body = self.model_dump(mode="json")
        body["manifest_sha256"] = sha256_json(body)
        return (json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_manifest(corpus: str | Path | CorpusPlace) -> Manifest:
    """Return the manifest of a corpus.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus, or the manifest was changed.
        StorageError: The store that holds it can't be reached.
    """
    place = place_of(corpus)
    if place.kind() != "folder":
        raise MissingFileError("no such corpus folder", where=place.name)
    top = {item.name: item for item in place.items()}
    there = top.get(MANIFEST_NAME)
    if there is None or there.kind != "file":
        if ".building" in top:
            raise CorpusError(
                "this corpus is unfinished", where=place.name, remedy="run the same `iqatlas generate` again"
            )
        if PULLING in top:
            raise CorpusError(
                "this corpus was pulled in part",
                where=place.name,
                remedy="run the same `iqatlas catalog pull` again: it resumes",
            )
        raise CorpusError(f"no {MANIFEST_NAME} in this folder, so it is no corpus", where=place.name)
    path = f"{place.name}/{MANIFEST_NAME}"
    if there.bytes > LARGEST_MANIFEST_BYTES:
        raise CorpusError(f"larger than {LARGEST_MANIFEST_BYTES >> 20} MiB", where=path)
    raw = place.read(MANIFEST_NAME)
    try:
        body = json.loads(raw)
        if not isinstance(body, dict):
            raise CorpusError("not a manifest", where=path, remedy="get the corpus again")
        stated = body.pop("manifest_sha256", None)
        if body.get("format") == FORMAT and body.get("format_version") != FORMAT_VERSION:
            raise CorpusError(
                f"format version {str(body.get('format_version'))[:40]} is not known here",
                where=path,
                accepted=f"version {FORMAT_VERSION}",
                remedy="update iqatlas",
            )
        manifest = Manifest.model_validate(body)
        changed = stated != sha256_json(body) or manifest.serialise() != raw
    except CorpusError:
        raise
    except (ValueError, RecursionError) as failure:
        # Besides wrong JSON and wrong types: numbers of thousands of digits, NaN, half a surrogate pair.
        raise CorpusError(
            f"the manifest can't be read ({reason_of(failure)})", where=path, remedy="get the corpus again"
        ) from None
    if changed:
        raise CorpusError(
            "the manifest was changed after it was written", where=path, remedy="get the corpus again"
        )
    return manifest


def reason_of(failure: Exception) -> str:
    """Return in a few words why a value was not accepted."""
    if isinstance(failure, ValidationError):
        first = failure.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(element) for element in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        return f"{place}: {message}" if place else message
    return str(failure).partition("\n")[0][:200]
