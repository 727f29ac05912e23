"""A corpus under construction: resumable, one writer at a time, never half a corpus that opens.

While it is made, a corpus holds a folder ``.building`` with a lock, the key of what is being made,
and a ledger: one line for each finished shard, with the hash of each of its files. A shard is
written apart, brought to safety, and put into place file by file, each whole; its ledger line
follows. The manifest comes last, and ``.building`` goes. Killed at any moment, the place either
resumes or is whole. Whether it is a folder or an object store is the place's own affair.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.durable import storage_errors, sync_file, sync_folder, write_file
from iqatlas.catalogs.folder import (
    BUILDING,
    KEY,
    STAGING,
    Held,
    clear,
    refuse_additions,
    survey,
    sweep,
)
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.catalogs.record_store import FORMATS, RecordStore
from iqatlas.errors import CorpusError, MissingFileError

__all__ = [
    "Construction",
    "file_entry",
    "finished_with",
    "storage_errors",
    "sync_file",
    "sync_folder",
    "tidy",
    "write_file",
]

_HASHED_AT_ONCE = 4


class Construction:
    """The right to write one corpus, as a context manager.

    Args:
        corpus: Folder or address of the corpus.
        build_key: Hash of everything that decides the corpus's bytes; work is resumed only where
            it is the same.
        overwrite: Whether another corpus that is there, finished or not, is removed first.
        store: Format of the records; Zarr without it.

    Raises:
        CorpusError: The place holds something else.
        StorageError: Another process writes this corpus, or the place can't be written.
    """

    def __init__(
        self,
        corpus: str | Path | CorpusPlace,
        *,
        build_key: str,
        overwrite: bool = False,
        store: RecordStore | None = None,
    ) -> None:
        self.place = place_of(corpus)
        self.store = store or FORMATS["zarr"]
        self._key = build_key
        self._overwrite = overwrite

    @property
    def bench(self) -> Path:
        """Folder of this machine, laid out as the corpus, in which its files are made."""
        return self.place.bench

    @property
    def begun(self) -> bool:
        """Whether an earlier try has left something to go on with."""
        with self.place.errors():
            return any(item.path == BUILDING for item in self.place.items())

    def refuse_strangers(self) -> None:
        """See, before any work, that the place is free or holds what may be gone on with or removed.

        Raises:
            CorpusError: The place holds something else; it is left as it was.
            StorageError: The place can't be read.
        """
        with self.place.errors():
            self._survey()

    def __enter__(self) -> Construction:
        self.refuse_strangers()
        with self.place.errors():
            self.place.hold()
            try:
                self._claim()
            except BaseException:
                if self._has_key():
                    self.place.release()
                else:
                    self.place.abandon()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._holds_nothing():
            self.place.abandon()
        else:
            self.place.release()

    def _has_key(self) -> bool:
        with suppress(OSError):
            return any(item.name == KEY for item in self.place.items(BUILDING))
        return True

    def _holds_nothing(self) -> bool:
        """Return whether no step is finished, so that there is nothing to go on with."""
        with suppress(OSError):
            return not self.place.lines() and [i.path for i in self.place.items()] == [BUILDING]
        return False

    def _survey(self) -> Held:
        """Return what the place holds, if that may be gone on with or removed."""
        held = survey(self.place)
        if held.nothing or held.key == self._key:
            return held
        if not self._overwrite:
            what = "a finished corpus" if held.finished else "an unfinished corpus of another spec or version"
            raise CorpusError(
                f"this folder holds {what}",
                where=self.place.name,
                remedy="choose another folder with -o, or remove it with --overwrite",
            )
        if held.finished:
            refuse_additions(self.place)
        return held

    def _claim(self) -> None:
        held = self._survey()  # again, under the lock: another process may have been here in between
        if held.key == self._key:
            self._go_on()
            return
        if not held.nothing:
            clear(self.place)
        self.place.put(f"{BUILDING}/{KEY}", self._key.encode())

    def _go_on(self) -> None:
        kept = {file.path for files in self.ledger().values() for file in files}
        self.place.remove(f"{BUILDING}/{STAGING}")
        root = self.store.unvouched()
        sweep(self.place, kept | ({root} if root else set()))
        if root is None:
            return
        try:
            json.loads(self.place.read(root))
        except (FileNotFoundError, ValueError):
            # The root's metadata changes until the end, so that no ledger line vouches for it.
            self.forget()
        else:
            self.place.fetch(root)

    def ledger(self) -> dict[str, tuple[FileEntry, ...]]:
        """Return the finished steps, each with its files; a line that was cut short is left out."""
        steps = {}
        with self.place.errors():
            lines = self.place.lines()
        for line in lines:
            try:
                entry = json.loads(line)
                files = tuple(FileEntry.model_validate(file) for file in entry["files"])
                steps[str(entry["step"])] = files
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return steps

    def intact(self, files: tuple[FileEntry, ...]) -> bool:
        """Return whether files are still as the ledger says."""
        with self.place.errors(), ThreadPoolExecutor(_HASHED_AT_ONCE) as pool:
            return all(pool.map(self._is_intact, files))

    def _is_intact(self, file: FileEntry) -> bool:
        try:
            return self.place.sha256(file.path) == file.sha256
        except (FileNotFoundError, IsADirectoryError):
            return False

    def resume(self, step: str) -> bool:
        """Return whether a step is finished and intact; its files are on the bench then."""
        files = self.ledger().get(step)
        if not files or not self.intact(files):
            return False
        with self.place.errors():
            for file in files:
                self.place.fetch(file.path)
        return True

    def enter(self, step: str, made: Iterable[Path]) -> None:
        """Put files that were made on the bench into the corpus, and add their step to the ledger."""
        with self.place.errors():
            files = tuple(file_entry(self.bench, path) for path in made)
            for file in files:
                self.place.take(file.path, self.bench / file.path)
            self.place_root()
        self.record(step, files)

    def place_root(self) -> None:
        """Put the file of the store that changes until the end, if there is one, where readers find it."""
        root = self.store.unvouched()
        if root and (self.bench / root).is_file():
            self.place.take(root, self.bench / root)

    def record(self, step: str, files: tuple[FileEntry, ...]) -> None:
        """Add a finished step to the ledger, safe before this returns."""
        line = json.dumps({"step": step, "files": [file.model_dump() for file in files]}) + "\n"
        with self.place.errors():
            self.place.held()
            self.place.add_line(step, line)

    def forget(self) -> None:
        """Drop all finished steps and their files: what they were made from has changed."""
        with self.place.errors():
            self.place.drop_lines()
            for name in self.store.contents:
                self.place.remove(name)

    def gather(self, known: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
        """Return the entries of all files: those that are known, and what else lies on the bench.

        What the corpus does not hold yet is put there.

        Args:
            known: Files of the shards, which need not be on the bench.
        """
        files = {file.path: file for file in known}
        with self.place.errors():
            placed = {file.path for step in self.ledger().values() for file in step}
            for path in sorted(self.bench.rglob("*")):
                relative = path.relative_to(self.bench).as_posix()
                if not path.is_file() or relative.split("/")[0] == BUILDING or relative in files:
                    continue
                files[relative] = file_entry(self.bench, path)
                if relative not in placed:
                    self.place.take(relative, path)
        return tuple(files[path] for path in sorted(files, key=PurePosixPath))

    def finish(self, manifest: Manifest) -> None:
        """Bring every file to safety, write the manifest, and end the construction."""
        with self.place.errors():
            self.place.settle(file.path for file in manifest.files)
            self.place.held()
            self.place.put(MANIFEST_NAME, manifest.serialise())
            self.place.end()


def tidy(corpus: str | Path | CorpusPlace) -> None:
    """Remove from a finished corpus what a process that was killed at the very end has left."""
    place = place_of(corpus)
    if not any(item.path == BUILDING and item.kind == "folder" for item in place.items()):
        return
    # Another process that overwrites the corpus holds the lock; a read-only folder stays as it is.
    with suppress(OSError):
        place.hold()
        place.end()


def finished_with(corpus: str | Path | CorpusPlace, spec_sha256: str, inputs_sha256: list[str]) -> bool:
    """Return whether a place holds a finished corpus of the same spec and inputs.

    Raises:
        CorpusError: It does, but a file of it is gone or has another size.
        StorageError: The place can't be read.
    """
    try:
        manifest = read_manifest(corpus)
    except (CorpusError, MissingFileError):
        return False
    if manifest.spec_sha256 != spec_sha256 or [i.sha256 for i in manifest.inputs] != inputs_sha256:
        return False
    _refuse_damage(place_of(corpus), manifest)
    return True


def _refuse_damage(place: CorpusPlace, manifest: Manifest) -> None:
    """Refuse a corpus that lacks files: Zarr reads zeros where a file of samples is gone."""
    with place.errors("read"):
        sizes = {item.path: item.bytes for item in place.items(deep=True) if item.kind == "file"}
    damaged = [file for file in manifest.files if sizes.get(file.path) != file.bytes]
    if not damaged:
        return
    first = damaged[0]
    there = f"has {sizes[first.path]} bytes" if first.path in sizes else "is gone"
    more = f", and {len(damaged) - 1} more files are damaged" if len(damaged) > 1 else ""
    raise CorpusError(
        f"this corpus was finished, but {first.path} {there}{more}",
        where=place.name,
        accepted=f"a file of {first.bytes} bytes, as the manifest says",
        remedy="`iqatlas verify` names all that is damaged; --overwrite makes the corpus anew",
    )


def file_entry(corpus: Path, path: Path) -> FileEntry:
    """Return the entry of a file of a corpus."""
    return FileEntry(
        path=path.relative_to(corpus).as_posix(), bytes=path.stat().st_size, sha256=sha256_file(path)
    )
