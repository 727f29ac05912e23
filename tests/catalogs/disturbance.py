"""What disturbs the writing of a corpus, and what has to hold afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr.storage._local
from fsspec.implementations.memory import MemoryFileSystem

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.errors import CorpusError, MissingFileError


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Disk:
    """Every call that changes the disk or a store in memory: counted, and one of them broken.

    Args:
        monkeypatch: The test's.
    """

    _CALLS = (
        (os, "fsync"),
        (Path, "replace"),
        (Path, "rename"),
        (Path, "unlink"),
        (Path, "mkdir"),
        (Path, "write_text"),
        (shutil, "copyfile"),
        (shutil, "rmtree"),
        (zarr.storage._local, "_put"),
        (Construction, "record"),
        (MemoryFileSystem, "pipe_file"),
        (MemoryFileSystem, "put_file"),
        (MemoryFileSystem, "rm_file"),
        (MemoryFileSystem, "rm"),
    )

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self._break: tuple[int, BaseException, bool] | None = None
        self._call: tuple[str, int, BaseException] | None = None
        self._dies = self._dead = False
        for owner, name in self._CALLS:
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name), name))

    def break_at(self, number: int, error: BaseException, *, after: bool) -> None:
        """Raise an error in place of the call of a number, or just after it has been done."""
        self.calls.clear()
        self._break = (number, error, after)

    def break_call(self, name: str, occurrence: int, error: BaseException, *, dies: bool = False) -> None:
        """Raise an error in place of the n-th call of a name: of Zarr's threads none is always the first.

        With ``dies`` nothing after it changes the disk: what would clean up is dead, as after a kill.
        """
        self.calls.clear()
        self._call = (name, occurrence, error)
        self._dies, self._dead = dies, False

    def _watched(self, call: Callable[..., object], name: str) -> Callable[..., object]:
        def watched(*args: object, **kwargs: object) -> object:
            number = len(self.calls)
            self.calls.append(name)
            if self._dead:
                raise Killed
            if self._call is not None and (name, self.calls.count(name) - 1) == self._call[:2]:
                self._dead = self._dies
                raise self._call[2]
            if self._break is not None and number == self._break[0] and not self._break[2]:
                raise self._break[1]
            result = call(*args, **kwargs)
            if self._break is not None and number == self._break[0]:
                raise self._break[1]
            return result

        return watched


def is_complete(folder: Path) -> bool:
    """Return whether a folder opens as a corpus."""
    try:
        open_corpus(folder)
    except (CorpusError, MissingFileError):
        return False
    return True


def check_disturbed(folder: Path) -> None:
    """Assert that a folder in which a process was killed is unfinished, or sound but for remains."""
    if is_complete(folder):
        left = [p for p in verify_corpus(folder).problems if not p.startswith(".building: left by")]
        assert left == []


def hashes(corpus: Corpus) -> dict[str, str]:
    """Return the hash of every file and of every shard."""
    files = {f.path: f.sha256 for f in corpus.manifest.files}
    return {**files, **{f"shard {s.index}": s.sha256 for s in corpus.manifest.shards}}


def state(folder: Path) -> dict[str, tuple[object, int]]:
    """Return everything in a folder: names, contents and times."""
    return {
        path.relative_to(folder).as_posix(): (
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else "folder",
            path.lstat().st_mtime_ns if path.is_file() else 0,
        )
        for path in sorted(folder.rglob("*"))
    }


def interrupted(spec: CorpusSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, shards: int) -> Path:
    """Make a corpus until so many shards are in the ledger."""
    record = Construction.record

    def record_some(self: Construction, step: str, files: tuple[FileEntry, ...]) -> None:
        record(self, step, files)
        if step == f"shard-{shards - 1:05d}":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Construction, "record", record_some)
        with pytest.raises(Killed):
            generate(spec, folder)
    return folder
