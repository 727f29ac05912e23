"""A corpus under construction: resumable, one writer at a time, never half a corpus that opens.

While it is made, a corpus holds a folder ``.building`` with a lock, the key of what is being made,
and a ledger: one line for each finished shard, with the hash of each of its files. A shard is
written apart, brought to the disk, and moved into place file by file; its ledger line follows. The
manifest comes last, by rename, and ``.building`` goes. Killed at any moment, the folder either
resumes or is whole.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.folder import (
    BUILDING,
    KEY,
    LEDGER,
    LOCK,
    STAGING,
    Held,
    clear,
    refuse_additions,
    survey,
    sweep,
)
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.catalogs.record_store import FORMATS, RecordStore, remove_store
from iqatlas.errors import CorpusError, IqAtlasError, StorageError


class Construction:
    """The right to write one corpus, as a context manager.

    Args:
        corpus: Folder of the corpus.
        build_key: Hash of everything that decides the corpus's bytes; work is resumed only where
            it is the same.
        overwrite: Whether another corpus that is there, finished or not, is removed first.
        store: Format of the records; Zarr without it.

    Raises:
        CorpusError: The folder holds something else.
        StorageError: Another process writes this corpus, or the folder can't be written.
    """

    def __init__(
        self, corpus: Path, *, build_key: str, overwrite: bool = False, store: RecordStore | None = None
    ) -> None:
        self.corpus = corpus
        self.store = store or FORMATS["zarr"]
        self.building = corpus / BUILDING
        self._key = build_key
        self._overwrite = overwrite
        self._made_folder = False
        self._ledger = self.building / LEDGER
        self._lock = FileLock(str(self.building / LOCK))

    def refuse_strangers(self) -> None:
        """See, before any work, that the folder is free or holds what may be gone on with or removed.

        Raises:
            CorpusError: The folder holds something else; it is left as it was.
            StorageError: The folder can't be read.
        """
        with storage_errors(self.corpus):
            self._survey()

    def __enter__(self) -> Construction:
        self.refuse_strangers()
        with storage_errors(self.corpus):
            self._made_folder = not self.corpus.exists()
            self.building.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise StorageError(
                    "another process is writing this corpus",
                    where=str(self.corpus),
                    remedy="wait for it, or choose another folder with -o",
                ) from None
            try:
                self._claim()
            except BaseException:
                if not (self.building / KEY).exists():
                    shutil.rmtree(self.building, ignore_errors=True)
                self._lock.release()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._holds_nothing():
            shutil.rmtree(self.building, ignore_errors=True)
            if self._made_folder:
                with suppress(OSError):
                    self.corpus.rmdir()
        self._lock.release()

    def _holds_nothing(self) -> bool:
        """Return whether no step is finished, so that there is nothing to go on with."""
        with suppress(OSError):
            return not self._ledger.exists() and [i.name for i in self.corpus.iterdir()] == [BUILDING]
        return False

    def _survey(self) -> Held:
        """Return what the folder holds, if that may be gone on with or removed."""
        held = survey(self.corpus)
        if held.nothing or held.key == self._key:
            return held
        if not self._overwrite:
            what = "a finished corpus" if held.finished else "an unfinished corpus of another spec or version"
            raise CorpusError(
                f"this folder holds {what}",
                where=str(self.corpus),
                remedy="choose another folder with -o, or remove it with --overwrite",
            )
        if held.finished:
            refuse_additions(self.corpus)
        return held

    def _claim(self) -> None:
        held = self._survey()  # again, under the lock: another process may have been here in between
        if held.key == self._key:
            self._go_on()
            return
        if not held.nothing:
            clear(self.corpus)
        write_file(self.building / KEY, self._key.encode())

    def _go_on(self) -> None:
        root = self.store.unvouched()
        kept = {file.path for files in self.ledger().values() for file in files}
        shutil.rmtree(self.building / STAGING, ignore_errors=True)
        sweep(self.corpus, kept | ({root} if root else set()))
        if root is None:
            return
        try:
            json.loads((self.corpus / root).read_bytes())
        except (FileNotFoundError, ValueError):
            # The root's metadata changes until the end, so that no ledger line vouches for it.
            self.forget()

    def ledger(self) -> dict[str, tuple[FileEntry, ...]]:
        """Return the finished steps, each with its files; a line that was cut short is left out."""
        if not self._ledger.is_file():
            return {}
        steps = {}
        for line in self._ledger.read_bytes().split(b"\n"):
            try:
                entry = json.loads(line)
                files = tuple(FileEntry.model_validate(file) for file in entry["files"])
                steps[str(entry["step"])] = files
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return steps

    def intact(self, files: tuple[FileEntry, ...]) -> bool:
        """Return whether files are still as the ledger says."""
        for file in files:
            path = self.corpus / file.path
            if not path.is_file() or path.stat().st_size != file.bytes or sha256_file(path) != file.sha256:
                return False
        return True

    def record(self, step: str, files: tuple[FileEntry, ...]) -> None:
        """Add a finished step to the ledger, on the disk before this returns."""
        line = json.dumps({"step": step, "files": [file.model_dump() for file in files]}) + "\n"
        with storage_errors(self.corpus), self._ledger.open("ab+") as ledger:
            if ledger.tell():
                ledger.seek(-1, os.SEEK_END)
                if ledger.read(1) != b"\n":  # a killed writer left half a line
                    line = "\n" + line
            ledger.write(line.encode())
            ledger.flush()
            os.fsync(ledger.fileno())

    def forget(self) -> None:
        """Drop all finished steps and their files: what they were made from has changed."""
        with storage_errors(self.corpus):
            self._ledger.unlink(missing_ok=True)
            remove_store(self.corpus)

    def finish(self, manifest: Manifest) -> None:
        """Bring every file to the disk, write the manifest, and end the construction."""
        with storage_errors(self.corpus):
            folders = {self.corpus}
            for file in manifest.files:
                path = self.corpus / file.path
                sync_file(path)
                folders.update(self.corpus / parent for parent in Path(file.path).parents)
            for folder in sorted(folders):
                sync_folder(folder)
            # Its temporary twin lies where nothing is gathered into a manifest after a kill.
            write_file(self.corpus / MANIFEST_NAME, manifest.serialise(), by_way_of=self.building)
            sync_folder(self.corpus)
            _remove_building(self.building, self._lock)


def tidy(corpus: Path) -> None:
    """Remove from a finished corpus what a process that was killed at the very end has left."""
    building = corpus / BUILDING
    if not building.is_dir() or building.is_symlink():
        return
    lock = FileLock(str(building / LOCK))
    # Another process that overwrites the corpus holds the lock; a read-only folder stays as it is.
    with suppress(Timeout, OSError):
        lock.acquire(timeout=0)
        _remove_building(building, lock)


def _remove_building(building: Path, lock: FileLock) -> None:
    # Removed while it is held: a process that waits for it finds it gone, and not a lock of its own.
    shutil.rmtree(building, ignore_errors=True)
    lock.release()
    if os.name == "nt":  # where an open file can't be removed
        shutil.rmtree(building, ignore_errors=True)


def finished_with(corpus: Path, spec_sha256: str, inputs_sha256: list[str]) -> bool:
    """Return whether a folder holds a finished corpus of the same spec and inputs."""
    if not (corpus / MANIFEST_NAME).is_file():
        return False
    try:
        manifest = read_manifest(corpus)
    except IqAtlasError:
        return False
    return manifest.spec_sha256 == spec_sha256 and [i.sha256 for i in manifest.inputs] == inputs_sha256


def file_entry(corpus: Path, path: Path) -> FileEntry:
    """Return the entry of a file of a corpus."""
    return FileEntry(
        path=path.relative_to(corpus).as_posix(), bytes=path.stat().st_size, sha256=sha256_file(path)
    )


def write_file(path: Path, content: bytes, *, by_way_of: Path | None = None) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: The file.
        content: Its bytes.
        by_way_of: Folder on the same disk that takes it until it is whole; the file's own without it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (by_way_of or path.parent) / f".{path.name}.writing"
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_file(path: Path) -> None:
    """Make sure that a file's bytes are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make sure that the names in a folder are on the disk, where the system has a way to."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(corpus: Path) -> Iterator[None]:
    """Turn what an operating system says of a full disk or a closed folder into one line."""
    try:
        yield
    except IqAtlasError:
        raise
    except OSError as failure:
        remedies = {
            errno.ENOSPC: "free some space and run the same command again: it resumes",
            errno.EDQUOT: "free some of your quota and run the same command again: it resumes",
            errno.EACCES: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
        }
        raise StorageError(
            f"can't write ({failure.strerror or failure})",
            where=str(failure.filename or corpus),
            remedy=remedies.get(failure.errno or 0, "run the same command again: it resumes"),
        ) from None
