"""Shards on their way: written and brought to the disk apart from the corpus, then moved to their places.

Every run has a folder of its own for them. Worker processes write there alone, so that one that
outlives a run for a moment, its parent killed, can't disturb the next run; the process that holds
the lock moves the files.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.construction import storage_errors, sync_file
from iqatlas.catalogs.folder import BUILDING, STAGING
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.record_store import RecordStore
from iqatlas.errors import StorageError


@dataclass(frozen=True)
class StagedShard:
    """A shard that is on the disk, but not yet in its place.

    Args:
        twin: Folder that holds it, laid out as the corpus.
        files: Its files, as they will be in the corpus.
    """

    twin: Path
    files: tuple[FileEntry, ...]


def open_run(corpus: Path) -> Path:
    """Return a new folder for the shards of a run."""
    staging = corpus / BUILDING / STAGING
    with storage_errors(corpus):
        staging.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="run-", dir=staging))


def prepare_twin(corpus: Path, run: Path, step: str, store: RecordStore) -> Path:
    """Return a folder laid out as the corpus, with an empty twin of the record store for one shard.

    Args:
        corpus: Folder of the corpus.
        run: Folder of the run.
        step: Name of the shard.
        store: Format of the records.
    """
    with storage_errors(corpus):
        store.make_twin(corpus, run / step)
    return run / step


def stage_shard(corpus: Path, twin: Path, store: RecordStore) -> StagedShard:
    """Bring a shard's files to the disk, and hash them.

    Raises:
        StorageError: The shard left no files, or the disk refuses.
    """
    entries = []
    with storage_errors(corpus):
        for path in store.shard_files(twin):
            sync_file(path)
            entries.append(
                FileEntry(
                    path=path.relative_to(twin).as_posix(),
                    bytes=path.stat().st_size,
                    sha256=sha256_file(path),
                )
            )
    if not entries:
        raise StorageError(f"{twin.name} left no files", where=str(corpus))
    return StagedShard(twin, tuple(entries))


def place_shard(corpus: Path, staged: StagedShard) -> tuple[FileEntry, ...]:
    """Move a shard's files to their places in the corpus, and return them."""
    with storage_errors(corpus):
        for file in staged.files:
            target = corpus / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (staged.twin / file.path).replace(target)
        shutil.rmtree(staged.twin)
    return staged.files
