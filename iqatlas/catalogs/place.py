"""Where a corpus lies: what a folder and an object store have in common for whoever writes or reads one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iqatlas.errors import CorpusError
from iqatlas.user_paths import user_path

STORES = ("s3",)
"""Schemes of object stores whose conditional writes are known to hold."""


_PUBLISHED = re.compile(
    r"(?:(?P<catalogue>.*)/)?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)@(?P<version>\d+\.\d+\.\d+)/*", re.ASCII
)


@dataclass(frozen=True)
class Item:
    """Something that lies in a corpus.

    Args:
        path: Relative to the corpus, with forward slashes.
        kind: A file, a folder, or a symbolic link, which is never followed.
        bytes: Size of a file.
    """

    path: str
    kind: Literal["file", "folder", "link"]
    bytes: int = 0

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class NamedFiles:
    """A folder of arrays whose files lie elsewhere, under other names.

    Args:
        root: Folder or address below which they lie.
        files: For each path in the folder, where its file lies below the root.
    """

    root: Path | str
    files: Mapping[str, str]


class CorpusPlace(ABC):
    """A place that holds one corpus.

    Paths are relative to the corpus, with forward slashes. Each file appears whole or not at all.
    What a place can't do raises a StorageError; a file that is not there, a FileNotFoundError.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The place as the user wrote it."""

    @property
    def address(self) -> str:
        """What names the place to another process, whatever its current folder."""
        return self.name

    @property
    @abstractmethod
    def bench(self) -> Path:
        """Folder of this machine, laid out as the corpus, in which its files are made; while it is held."""

    @abstractmethod
    def kind(self) -> Literal["nothing", "file", "folder"]:
        """Return what is there by the corpus's name."""

    @abstractmethod
    def items(self, below: str = "", *, deep: bool = False) -> list[Item]:
        """Return what lies in a folder of the corpus, in a fixed order; with ``deep``, in all below it."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def signature(self, path: str) -> tuple[int, ...] | None:
        """Return what differs once a file is replaced, at next to no cost; None where nothing tells that.

        A published version never changes. An object store would have to be asked for each signature.
        """
        del path
        return None

    @abstractmethod
    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file."""

    @abstractmethod
    def store(self, path: str) -> Path | str | NamedFiles:
        """Return a folder of arrays as a record store opens it."""

    @abstractmethod
    def errors(self, doing: Literal["read", "write"] = "write") -> AbstractContextManager[None]:
        """Give a context that turns what the system or the store says into one line."""

    @abstractmethod
    def hold(self) -> None:
        """Take the right to write.

        Raises:
            StorageError: Another process has it.
        """

    @abstractmethod
    def held(self) -> None:
        """See that the right to write is still this process's.

        Raises:
            StorageError: Another process has taken it over.
        """

    @abstractmethod
    def release(self) -> None:
        """Give the right to write back."""

    @abstractmethod
    def abandon(self) -> None:
        """Give it back and leave nothing of the construction."""

    @abstractmethod
    def end(self) -> None:
        """Remove what only the construction needed, and give the right to write back."""

    @abstractmethod
    def put(self, path: str, content: bytes) -> None:
        """Write a file."""

    @abstractmethod
    def create(self, path: str, content: bytes) -> None:
        """Write a file on the condition that there is none by its name.

        Raises:
            FileExistsError: There is one.
        """

    @abstractmethod
    def copy(self, path: str, target: Path) -> None:
        """Copy a file of the corpus to one of this machine."""

    @abstractmethod
    def take(self, path: str, made: Path) -> None:
        """Make a finished file of this machine the corpus's; the file may be moved."""

    @abstractmethod
    def fetch(self, path: str) -> None:
        """See that a file of the corpus is on the bench."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all below it, if it is there."""

    @abstractmethod
    def settle(self, paths: Iterable[str]) -> None:
        """See that files outlive a power failure."""

    @abstractmethod
    def add_line(self, step: str, line: str) -> None:
        """Add a line to the ledger, safe before this returns."""

    @abstractmethod
    def lines(self) -> list[bytes]:
        """Return the lines of the ledger; a killed writer may have cut one short."""

    @abstractmethod
    def drop_lines(self) -> None:
        """Forget the ledger."""


def place_of(corpus: str | Path | CorpusPlace) -> CorpusPlace:
    """Return the place that a user names: a folder, or ``s3://bucket/name``.

    ``CATALOGUE/NAME@1.2.3`` is a published version, which is read only.

    Raises:
        CorpusError: A scheme that is not known, or an address without a name.
        SetupError: The library of the store is not installed.
    """
    if isinstance(corpus, CorpusPlace):
        return corpus
    if not isinstance(corpus, str | Path):
        raise CorpusError(f"a corpus is named by {corpus!r}", accepted="a folder, or s3://bucket/name")
    published = _PUBLISHED.fullmatch(str(corpus))
    if published is not None and not user_path(str(corpus)).exists():
        from iqatlas.catalogs.published_place import published_place

        return published_place(published["catalogue"] or ".", published["name"], published["version"])
    # A Path has lost one of the slashes.
    scheme = re.match(r"([a-z][a-z0-9+.]+):/+", corpus if isinstance(corpus, str) else corpus.as_posix())
    if scheme is None:
        from iqatlas.catalogs.folder_place import FolderPlace

        return FolderPlace(user_path(corpus))
    if scheme[1] not in STORES:
        raise CorpusError(
            f"no store is known by {scheme[1]!r}", where=str(corpus), accepted="a folder, or s3://bucket/name"
        )
    from iqatlas.catalogs.object_store import ObjectStore

    return ObjectStore(f"{scheme[1]}://{str(corpus)[scheme.end() :]}")
