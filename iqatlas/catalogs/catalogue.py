"""A catalogue: a place with published versions, whose files are shared by content.

    catalogue.json                 says what the place is
    blobs/ab/ab12…                 a file, named by its SHA-256
    NAME/1.0.0.json                a release; the version exists when it does

Blobs come first and the release last, on the condition that there is none: a version is there whole
or not at all, and never changes.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.catalogs.release import LARGEST_RELEASE_BYTES, NAME_PATTERN, Release, parse_release
from iqatlas.catalogs.version_number import VersionNumber
from iqatlas.errors import CorpusError, MissingFileError, nearest

BLOBS = "blobs"
CATALOGUE_NAME = "catalogue.json"
_MARK = {"format": "iqatlas-catalogue", "format_version": 1}
_LARGEST_MARK_BYTES = 1 << 16


def blob_path(sha256: str) -> str:
    """Return where a file of this hash lies in a catalogue."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


class Catalogue:
    """A catalogue, opened for reading.

    Args:
        url: Its folder, or ``s3://bucket/name``.

    Raises:
        MissingFileError: There is no such place.
        CorpusError: It is no catalogue.
        StorageError: The store can't be reached.
    """

    def __init__(self, url: str | Path | CorpusPlace) -> None:
        self.place = place_of(url)
        with self.place.errors("read"):
            if self.place.kind() != "folder":
                raise MissingFileError("no such catalogue", where=self.place.name)
            if not self._is_marked():
                raise CorpusError(
                    f"no {CATALOGUE_NAME} here, so it is no catalogue",
                    where=self.place.name,
                    remedy="name the folder or address that `iqatlas catalog publish` was given",
                )

    def _is_marked(self) -> bool:
        for item in self.place.items():
            if item.path == CATALOGUE_NAME and item.kind == "file" and item.bytes <= _LARGEST_MARK_BYTES:
                try:
                    body = json.loads(self.place.read(CATALOGUE_NAME))
                except (ValueError, RecursionError):
                    return False
                return bool(body == _MARK)
        return False

    def names(self) -> list[str]:
        """Return the names of the corpora that have a version."""
        with self.place.errors("read"):
            found = [item.path for item in self.place.items() if item.kind == "folder"]
        return [
            name
            for name in found
            if re.fullmatch(NAME_PATTERN[1:-1], name) and name != BLOBS and self._files(name)
        ]

    def _files(self, name: str) -> dict[VersionNumber, int]:
        """Return the versions of a corpus, each with the size of its release, in order."""
        found = {}
        with self.place.errors("read"):
            for item in self.place.items(name):
                if item.kind == "file" and item.name.endswith(".json") and not item.name.startswith("."):
                    try:
                        found[VersionNumber.parse(item.name.removesuffix(".json"))] = item.bytes
                    except CorpusError:
                        continue
        return dict(sorted(found.items()))

    def versions(self, name: str) -> list[VersionNumber]:
        """Return the versions of a corpus, in order; none where the name is not known."""
        check_name(name, where=self.place.name)
        return list(self._files(name))

    def release(self, name: str, version: VersionNumber | str | None = None) -> Release:
        """Return a release; the newest without a version.

        Raises:
            CorpusError: There is no such name or version, or the release was changed.
        """
        check_name(name, where=self.place.name)
        files = self._files(name)
        if not files:
            near = nearest(name, self.names())
            raise CorpusError(
                f"no corpus {name!r} in this catalogue" + (f", did you mean {near!r}?" if near else ""),
                where=self.place.name,
            )
        where = self.place.name
        number = max(files) if version is None else VersionNumber.parse(str(version), where=where)
        if number not in files:
            raise CorpusError(
                f"{name} has no version {number}",
                where=self.place.name,
                accepted=", ".join(str(known) for known in list(files)[-10:]),
            )
        path = f"{name}/{number}.json"
        where = f"{self.place.name}/{path}"
        if files[number] > LARGEST_RELEASE_BYTES:
            raise CorpusError(f"larger than {LARGEST_RELEASE_BYTES >> 20} MiB", where=where)
        with self.place.errors("read"):
            raw = self.place.read(path)
        return parse_release(raw, name=name, version=str(number), where=where)

    def blob_bytes(self) -> dict[str, int]:
        """Return the hash and size of every blob that is there; links are none."""
        with self.place.errors("read"):
            items = self.place.items(BLOBS, deep=True)
        return {
            item.name: item.bytes
            for item in items
            if item.kind == "file" and item.path == blob_path(item.name)
        }

    def refuse_links(self, files: tuple[FileEntry, ...]) -> None:
        """Refuse blobs of a folder that are links: what they point to may be anything.

        Raises:
            CorpusError: One of them is.
        """
        if not isinstance(self.place, FolderPlace):
            return
        folder = self.place.folder
        for file in files:
            path = folder / blob_path(file.sha256)
            if path.is_symlink() or path.parent.is_symlink() or (folder / BLOBS).is_symlink():
                raise CorpusError("a symbolic link in place of a file", where=str(path))


def open_for_publishing(url: str | Path | CorpusPlace) -> Catalogue:
    """Return a catalogue, made where nothing is.

    Raises:
        CorpusError: The place holds something else.
        StorageError: It can't be written.
    """
    place = place_of(url)
    with place.errors():
        if place.kind() == "file":
            raise CorpusError("this is a file, not a catalogue", where=place.name)
        # The mark of another publisher who is here first, before it has its name.
        half_made = f".{CATALOGUE_NAME}."
        top = {item.name for item in place.items() if not item.name.startswith(half_made)}
        if CATALOGUE_NAME not in top:
            # Others may have begun between the two looks; what they put there comes after the mark.
            if top and CATALOGUE_NAME not in {item.name for item in place.items()}:
                raise CorpusError(
                    "this place holds something that is no catalogue",
                    where=place.name,
                    accepted="a catalogue, or a new or empty folder",
                )
            with suppress(FileExistsError):  # another publisher was here first
                place.create(CATALOGUE_NAME, (json.dumps(_MARK) + "\n").encode())
    return Catalogue(place)


def check_name(name: str, *, where: str) -> None:
    """Refuse what is no name of a corpus.

    Raises:
        CorpusError: It is none.
    """
    if not re.fullmatch(NAME_PATTERN[1:-1], name) or name == BLOBS:
        raise CorpusError(
            f"{name[:60]!r} is no name of a corpus",
            where=where,
            accepted="letters, digits, dots, dashes and underscores, and not blobs",
        )


def split_address(text: str) -> tuple[str, str | None]:
    """Return name and version of ``NAME`` or ``NAME@VERSION``."""
    name, _, version = text.partition("@")
    return name, version if "@" in text else None
