"""A release: the file of a catalogue by which a version exists, and that names all its files by content."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.manifest import LARGEST_MANIFEST_BYTES, MANIFEST_NAME, Count, FileEntry, reason_of
from iqatlas.catalogs.version_number import VersionNumber
from iqatlas.errors import CorpusError

LARGEST_RELEASE_BYTES = LARGEST_MANIFEST_BYTES
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_VERSION_PATTERN = r"^\d{1,9}\.\d{1,9}\.\d{1,9}$"
_FORMAT: Literal["iqatlas-release"] = "iqatlas-release"
_HASH = "release_sha256"


class Release(BaseModel):
    """A published version of a corpus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["iqatlas-release"] = _FORMAT
    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    version: Annotated[str, Field(pattern=_VERSION_PATTERN)]
    published: Annotated[str, Field(max_length=40)]
    """When, in ISO 8601."""
    previous: Annotated[str, Field(pattern=_VERSION_PATTERN)] | None
    """The newest lower version when it was published."""
    changes: tuple[Annotated[str, Field(max_length=1000)], ...]
    """What is not as in that one, a line each."""
    records: Count
    files: tuple[FileEntry, ...]
    """All files, the manifest among them; the content of each is a blob named by its hash."""

    @model_validator(mode="after")
    def _adds_up(self) -> Release:
        paths = [file.path for file in self.files]
        if len(set(paths)) < len(paths):
            raise ValueError("a file is named twice")
        if MANIFEST_NAME not in paths:
            raise ValueError("it names no manifest")
        return self

    @property
    def number(self) -> VersionNumber:
        """The version's number."""
        return VersionNumber.parse(self.version)

    @property
    def manifest(self) -> FileEntry:
        """The entry of the manifest."""
        return next(file for file in self.files if file.path == MANIFEST_NAME)

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    def serialise(self) -> bytes:
        """Return the bytes of the release file; its last key is the hash of all the others."""
        body = self.model_dump(mode="json")
        body[_HASH] = sha256_json(body)
        return (json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_release(raw: bytes, *, name: str, version: str, where: str) -> Release:
    """Return the release that a file holds.

    Args:
        raw: Content of the file.
        name: Name of the corpus, by where the file lies.
        version: Version, by where the file lies.
        where: The file, for messages.

    Raises:
        CorpusError: It holds none, was changed, or is that of another version.
    """
    try:
        body: Any = json.loads(raw)
        if not isinstance(body, dict):
            raise CorpusError("not a release", where=where)
        stated = body.pop(_HASH, None)
        if body.get("format") == _FORMAT and body.get("format_version") != 1:
            raise CorpusError(
                f"format version {str(body.get('format_version'))[:40]} is not known here",
                where=where,
                accepted="version 1",
                remedy="update iqatlas",
            )
        release = Release.model_validate(body)
        changed = stated != sha256_json(body)
    except CorpusError:
        raise
    except (ValueError, RecursionError) as failure:
        raise CorpusError(f"the release can't be read ({reason_of(failure)})", where=where) from None
    if changed:
        raise CorpusError("the release was changed after it was published", where=where)
    if (release.name, release.version) != (name, version):
        raise CorpusError(f"this is the release of {release.name}@{release.version}", where=where)
    return release
