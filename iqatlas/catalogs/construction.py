"""A corpus under construction: resumable, one writer at a time, never half a corpus that opens.

While it is made, a corpus holds a folder ``.building`` with a lock, the key of what is being made,
and a ledger: one line for each finished shard, with the hash of each of its files. A shard is
written into a twin store, brought to the disk, and moved into place file by file; its ledger line
follows. The manifest comes last, by rename, and ``.building`` goes. Killed at any moment, the
folder either resumes or is whole.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from iqatlas.catalogs._zarr import copy_metadata, shard_files, sync_file
from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.errors import CorpusError, IqAtlasError, StorageError

BUILDING = ".building"
RECORDS = "records.zarr"


class Construction:
    """The right to write one corpus, as a context manager.

    Args:
        corpus: Folder of the corpus.
        build_key: Hash of everything that decides the corpus's bytes; work is resumed only where
            it is the same.
        overwrite: Whether a corpus that is there, finished or not, is removed first.

    Raises:
        CorpusError: The folder holds something else.
        StorageError: Another process writes this corpus.
    """

    def __init__(self, corpus: Path, *, build_key: str, overwrite: bool = False) -> None:
        self.corpus = corpus
        self.building = corpus / BUILDING
        self._key = build_key
        self._overwrite = overwrite
        self._ledger = self.building / "ledger.jsonl"
        self._lock = FileLock(str(self.building / "lock"))

    @property
    def records(self) -> Path:
        """The store of the records."""
        return self.corpus / RECORDS

    def __enter__(self) -> Construction:
        with storage_errors(self.corpus):
            _refuse_strangers(self.corpus)
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
                self._lock.release()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def _claim(self) -> None:
        key_file = self.building / "key"
        finished = (self.corpus / MANIFEST_NAME).exists()
        same = key_file.is_file() and key_file.read_text().strip() == self._key
        begun = key_file.exists() or finished
        if begun and not same and not self._overwrite:
            what = "a finished corpus" if finished else "an unfinished corpus of another spec"
            raise CorpusError(
                f"this folder holds {what}",
                where=str(self.corpus),
                remedy="choose another folder with -o, or remove it with --overwrite",
            )
        if begun and (self._overwrite or finished):
            self._clear()
        write_file(key_file, self._key.encode())

    def _clear(self) -> None:
        # The manifest goes first: from then on nothing here opens as a corpus.
        (self.corpus / MANIFEST_NAME).unlink(missing_ok=True)
        for item in self.corpus.iterdir():
            if item != self.building:
                shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
        for item in self.building.iterdir():
            if item.name != "lock":
                shutil.rmtree(item) if item.is_dir() else item.unlink()

    def ledger(self) -> dict[str, tuple[FileEntry, ...]]:
        """Return the finished steps, each with its files; a line that was cut short is left out."""
        if not self._ledger.is_file():
            return {}
        steps = {}
        for line in self._ledger.read_text().splitlines():
            try:
                entry = json.loads(line)
                files = tuple(FileEntry.model_validate(file) for file in entry["files"])
                steps[str(entry["step"])] = files
            except (ValueError, KeyError, TypeError):
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
            if self.records.exists():
                shutil.rmtree(self.records)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and end the construction."""
        with storage_errors(self.corpus):
            write_file(self.corpus / MANIFEST_NAME, manifest.serialise())
            self._lock.release()
            shutil.rmtree(self.building, ignore_errors=True)


def finished_with(corpus: Path, spec_sha256: str, inputs_sha256: list[str]) -> bool:
    """Return whether a folder holds a finished corpus of the same spec and inputs."""
    if not (corpus / MANIFEST_NAME).is_file():
        return False
    try:
        manifest = read_manifest(corpus)
    except IqAtlasError:
        return False
    return manifest.spec_sha256 == spec_sha256 and [i.sha256 for i in manifest.inputs] == inputs_sha256


def _refuse_strangers(corpus: Path) -> None:
    if not corpus.exists():
        return
    if not corpus.is_dir():
        raise CorpusError("this is a file, not a folder", where=str(corpus), remedy="choose another -o")
    ours = (corpus / MANIFEST_NAME).is_file() or (corpus / BUILDING).is_dir()
    if not ours and any(corpus.iterdir()):
        raise CorpusError(
            "this folder holds something else",
            where=str(corpus),
            accepted="a new or empty folder, or an unfinished corpus of the same spec",
            remedy="choose another folder with -o",
        )


def move_shard(corpus: Path, staging: Path, step: str) -> tuple[FileEntry, ...]:
    """Bring a shard's files to the disk, and move them from its twin store to their places.

    Args:
        corpus: Folder of the corpus.
        staging: Twin store that holds the shard.
        step: Name of the shard, for messages.
    """
    entries = []
    with storage_errors(corpus):
        for source in shard_files(staging):
            relative = Path(RECORDS) / source.relative_to(staging)
            target = corpus / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            sync_file(source)
            entries.append(
                FileEntry(path=relative.as_posix(), bytes=source.stat().st_size, sha256=sha256_file(source))
            )
            source.replace(target)
        shutil.rmtree(staging)
    if not entries:
        raise StorageError(f"{step} left no files", where=str(corpus))
    return tuple(entries)


def prepare_staging(corpus: Path, step: str) -> Path:
    """Return a fresh twin of the record store for one shard."""
    staging = corpus / BUILDING / "staging" / step
    with storage_errors(corpus):
        if staging.exists():
            shutil.rmtree(staging)
        copy_metadata(corpus / RECORDS, staging)
    return staging


def file_entry(corpus: Path, path: Path) -> FileEntry:
    """Return the entry of a file of a corpus."""
    return FileEntry(
        path=path.relative_to(corpus).as_posix(), bytes=path.stat().st_size, sha256=sha256_file(path)
    )


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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
