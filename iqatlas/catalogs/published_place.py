"""A published version as a place: it reads as a corpus in a folder does, and never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal, NoReturn

from iqatlas.catalogs.catalogue import Catalogue, blob_path
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.place import CorpusPlace, Item, NamedFiles
from iqatlas.catalogs.release import Release
from iqatlas.errors import CorpusError, StorageError


class PublishedPlace(CorpusPlace):
    """The files of a release, each of them a blob of its catalogue.

    Args:
        catalogue: The catalogue.
        release: The release.
    """

    def __init__(self, catalogue: Catalogue, release: Release) -> None:
        self.catalogue = catalogue
        self.published = release
        self._held = catalogue.place
        catalogue.refuse_links(release.files)

    @cached_property
    def _files(self) -> dict[str, FileEntry]:
        return {file.path: file for file in self.published.files}

    @property
    def name(self) -> str:
        """Address of the version."""
        return f"{self._held.name}/{self.published.name}@{self.published.version}"

    @property
    def address(self) -> str:
        """Address of the version, that of its catalogue from the root on."""
        return f"{self._held.address}/{self.published.name}@{self.published.version}"

    @property
    def bench(self) -> Path:
        """There is none."""
        self._refuse()

    def kind(self) -> Literal["nothing", "file", "folder"]:
        """Return that it is a folder of files."""
        return "folder"

    def items(self, below: str = "", *, deep: bool = False) -> list[Item]:
        """Return what lies in a folder; with ``deep``, as far as its blobs are there, in their sizes."""
        there = self.catalogue.blob_bytes() if deep else None
        found: dict[str, Item] = {}
        for file in self.published.files:
            size = file.bytes if there is None else there.get(file.sha256)
            if size is None:
                continue
            for path in (file.path, *(parent.as_posix() for parent in PurePosixPath(file.path).parents)):
                kind: Literal["file", "folder"] = "file" if path == file.path else "folder"
                if path not in found and path != ".":
                    found[path] = Item(path, kind, size if kind == "file" else 0)
        start = f"{below}/" if below else ""
        return [
            found[path]
            for path in sorted(found, key=lambda path: path.split("/"))
            if path.startswith(start) and (deep or "/" not in path[len(start) :])
        ]

    def _entry(self, path: str) -> FileEntry:
        if path not in self._files:
            raise FileNotFoundError(2, "No such file in this version", path)
        return self._files[path]

    def read(self, path: str) -> bytes:
        """Return the content of a file, which has to be what was published.

        Raises:
            CorpusError: It was changed.
        """
        entry = self._entry(path)
        content = self._held.read(blob_path(entry.sha256))
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise CorpusError(f"{path} was changed after it was published", where=self.name)
        return content

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of what lies there for a file."""
        return self._held.sha256(blob_path(self._entry(path).sha256))

    def store(self, path: str) -> Path | str | NamedFiles:
        """Return a folder of arrays, or the file itself."""
        root = self._held.folder if isinstance(self._held, FolderPlace) else self._held.name
        if path in self._files:
            return self._held.store(blob_path(self._files[path].sha256))
        start = f"{path}/"
        files = {
            file.path.removeprefix(start): blob_path(file.sha256)
            for file in self.published.files
            if file.path.startswith(start)
        }
        return NamedFiles(root, files)

    def errors(self, doing: Literal["read", "write"] = "write") -> AbstractContextManager[None]:
        """Give a context that turns what the system or the store says into one line."""
        return self._held.errors(doing)

    def copy(self, path: str, target: Path) -> None:
        """Copy a file."""
        self._held.copy(blob_path(self._entry(path).sha256), target)

    def _refuse(self, *asked: object) -> NoReturn:
        del asked
        raise StorageError(
            "a published version never changes",
            where=self.name,
            remedy="choose another folder with -o, or publish a new version",
        )

    def hold(self) -> None:
        """Refuse, as all that writes."""
        self._refuse()

    def held(self) -> None:
        """Refuse."""
        self._refuse()

    def release(self) -> None:
        """Nothing is ever held."""

    def abandon(self) -> None:
        """Nothing is ever held."""

    def end(self) -> None:
        """Nothing is ever held."""

    def put(self, path: str, content: bytes) -> None:
        """Refuse."""
        self._refuse(path, content)

    def create(self, path: str, content: bytes) -> None:
        """Refuse."""
        self._refuse(path, content)

    def take(self, path: str, made: Path) -> None:
        """Refuse."""
        self._refuse(path, made)

    def fetch(self, path: str) -> None:
        """Refuse."""
        self._refuse(path)

    def remove(self, path: str) -> None:
        """Refuse."""
        self._refuse(path)

    def settle(self, paths: Iterable[str]) -> None:
        """Refuse."""
        self._refuse(paths)

    def add_line(self, step: str, line: str) -> None:
        """Refuse."""
        self._refuse(step, line)

    def lines(self) -> list[bytes]:
        """Return that there is no ledger."""
        return []

    def drop_lines(self) -> None:
        """Refuse."""
        self._refuse()


def published_place(url: str | Path | CorpusPlace, name: str, version: str | None = None) -> PublishedPlace:
    """Return a published version as a place; the newest without a version.

    Args:
        url: The catalogue.
        name: Name of the corpus.
        version: MAJOR.MINOR.PATCH.

    Raises:
        MissingFileError: There is no such catalogue.
        CorpusError: It has no such version.
        StorageError: The store can't be reached.
    """
    catalogue = Catalogue(url)
    return PublishedPlace(catalogue, catalogue.release(name, version))
