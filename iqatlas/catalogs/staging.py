"""Shards on their way: written apart from the corpus, brought to safety, then put in their places.

In a folder every run, and every worker of a cluster, has a folder of its own for them. Worker
processes write there alone, so that one that outlives a run for a moment, its parent killed, can't
disturb the next run; the process that holds the lock moves the files. In an object store workers
upload under the final names, each object whole, as long as the run that they work for has its lease.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import xarray as xr

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.durable import storage_errors, sync_file
from iqatlas.catalogs.folder import BUILDING, STAGING
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.lease import LeaseClaim
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.object_store import ObjectStore
from iqatlas.catalogs.record_store import RecordStore
from iqatlas.errors import SetupError, StorageError

_UPLOADS_AT_ONCE = 4
_SPARE = "spare-"
"""Begins the names of twins that are empty again."""


@dataclass(frozen=True)
class StagedShard:
    """A shard that is safe, but not yet entered.

    Args:
        twin: Folder that holds it, laid out as the corpus; None where its files are in their places.
        files: Its files, as they will be in the corpus.
    """

    twin: Path | None
    files: tuple[FileEntry, ...]


@runtime_checkable
class Desk(Protocol):
    """Where a worker makes its shards; small, sent to it."""

    @property
    def store(self) -> RecordStore:
        """Format of the records."""

    @property
    def where(self) -> str:
        """The corpus, for messages."""

    def at_worker(self) -> Desk:
        """Return the desk of one worker of a cluster, on its own machine.

        Raises:
            SetupError: That machine doesn't see the corpus.
        """

    def twin(self, step: str) -> AbstractContextManager[Path]:
        """Give a folder laid out as the corpus, with an empty twin of the record store for one shard."""

    def stage(self, twin: Path) -> StagedShard:
        """Bring a shard's files to safety, and hash them.

        Raises:
            StorageError: The shard left no files, or the disk or the store refuses.
        """

    def place(self, staged: StagedShard) -> tuple[FileEntry, ...]:
        """Put a shard's files in their places, in the process that holds the right to write."""


def desk_of(construction: Construction) -> Desk:
    """Return the desk of a run."""
    place = construction.place
    if isinstance(place, FolderPlace):
        folder = place.folder.absolute()  # workers of a cluster have another current folder
        return FolderDesk(folder, open_run(folder), construction.store)
    if not isinstance(place, ObjectStore):
        raise StorageError("no shards can be written there", where=place.name)
    with storage_errors(place.name), tempfile.TemporaryDirectory(prefix="iqatlas-twin-") as name:
        twin = Path(name)
        construction.store.make_twin(construction.bench, twin)
        metadata = {
            path.relative_to(twin).as_posix(): path.read_bytes()
            for path in sorted(twin.rglob("*"))
            if path.is_file()
        }
    return StoreDesk(place.name, place.claim, construction.store, metadata)


@dataclass(frozen=True)
class FolderDesk:
    """The desk of a run whose corpus is in a folder.

    Args:
        corpus: Folder of the corpus.
        run: Folder of the run.
        store: Format of the records.
    """

    corpus: Path
    run: Path
    store: RecordStore

    @property
    def where(self) -> str:
        """Folder of the corpus."""
        return str(self.corpus)

    def at_worker(self) -> FolderDesk:
        """Return a desk with a folder of its own, on a file system that the machines share."""
        if not self.run.is_dir():
            raise SetupError(
                "a worker does not see this folder, or the run is over",
                where=str(self.corpus),
                remedy="choose a folder on a file system that all workers share, or s3://bucket/name",
            )
        return replace(self, run=open_run(self.corpus))

    @contextmanager
    def twin(self, step: str) -> Iterator[Path]:
        """Give an empty twin of the record store for one shard."""
        yield prepare_twin(self.corpus, self.run, step, self.store)

    def stage(self, twin: Path) -> StagedShard:
        """Bring a shard's files to the disk, and hash them."""
        return stage_shard(self.corpus, twin, self.store)

    def place(self, staged: StagedShard) -> tuple[FileEntry, ...]:
        """Move a shard's files to their places."""
        return place_shard(self.corpus, staged)


@dataclass(frozen=True)
class StoreDesk:
    """The desk of a run whose corpus is in an object store.

    Args:
        url: Address of the corpus.
        claim: The lease of the run.
        store: Format of the records.
        metadata: Files of an empty twin.
    """

    url: str
    claim: LeaseClaim
    store: RecordStore
    metadata: dict[str, bytes]

    @property
    def where(self) -> str:
        """Address of the corpus."""
        return self.url

    def at_worker(self) -> StoreDesk:
        """Return itself: an object store is the same from everywhere."""
        return self

    @contextmanager
    def twin(self, step: str) -> Iterator[Path]:
        """Give an empty twin of the record store for one shard, on this machine's disk."""
        with (
            storage_errors(self.url),
            tempfile.TemporaryDirectory(prefix="iqatlas-shard-", ignore_cleanup_errors=True) as folder,
        ):
            twin = Path(folder) / step
            for name, content in self.metadata.items():
                (twin / name).parent.mkdir(parents=True, exist_ok=True)
                (twin / name).write_bytes(content)
            yield twin

    def stage(self, twin: Path) -> StagedShard:
        """Upload a shard's files, each whole, under their final names."""
        place = ObjectStore(self.url)
        with place.errors():
            entries = shard_entries(twin, self.store)
            if not entries:
                raise StorageError(f"{twin.name} left no files", where=self.url)
            place.check(self.claim)
            with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
                for upload in [pool.submit(place.take, entry.path, path) for path, entry in entries]:
                    upload.result()
        return StagedShard(None, tuple(entry for _, entry in entries))

    def place(self, staged: StagedShard) -> tuple[FileEntry, ...]:
        """Return the files, which are in their places."""
        return staged.files


def open_run(corpus: Path) -> Path:
    """Return a new folder for the shards of a run."""
    staging = corpus / BUILDING / STAGING
    with storage_errors(corpus):
        staging.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="run-", dir=staging))


def prepare_twin(corpus: Path, run: Path, step: str, store: RecordStore) -> Path:
    """Return a folder laid out as the corpus, with an empty twin of the record store for one shard.

    A twin that a placed shard has left empty is used again: its folders and metadata are many small steps.

    Args:
        corpus: Folder of the corpus.
        run: Folder of the run.
        step: Name of the shard.
        store: Format of the records.
    """
    with storage_errors(corpus):
        if (run / step).exists():  # an earlier try at the shard failed in this run
            shutil.rmtree(run / step)
        for spare in run.glob(f"{_SPARE}*"):
            with suppress(FileNotFoundError):  # another process of the run was quicker
                return spare.rename(run / step)
        store.make_twin(corpus, run / step)
    return run / step


def stage_shard(corpus: Path, twin: Path, store: RecordStore) -> StagedShard:
    """Bring a shard's files to the disk, and hash them.

    Raises:
        StorageError: The shard left no files, or the disk refuses.
    """
    with storage_errors(corpus):
        staged = shard_entries(twin, store)
        for path, _ in staged:
            sync_file(path)
        entries = tuple(entry for _, entry in staged)
    if not entries:
        raise StorageError(f"{twin.name} left no files", where=str(corpus))
    return StagedShard(twin, entries)


def write_shard(construction: Construction, desk: Desk, step: str, records: xr.Dataset, start: int) -> None:
    """Write a shard in this process, from its twin to its line in the ledger.

    Args:
        construction: The run.
        desk: Its desk.
        step: Name of the shard.
        records: All its records.
        start: Number of the first.

    Raises:
        StorageError: The disk or the store refuses.
    """
    with desk.twin(step) as twin:
        with construction.place.errors():
            desk.store.write_records(twin, records, start)
        staged = desk.stage(twin)
    construction.record(step, desk.place(staged))


def shard_entries(twin: Path, store: RecordStore) -> list[tuple[Path, FileEntry]]:
    """Return the files of a shard in its twin, each with its entry in the corpus."""
    return [
        (
            path,
            FileEntry(
                path=path.relative_to(twin).as_posix(),
                bytes=path.stat().st_size,
                sha256=sha256_file(path),
            ),
        )
        for path in store.shard_files(twin)
    ]


def place_shard(corpus: Path, staged: StagedShard) -> tuple[FileEntry, ...]:
    """Move a shard's files to their places in the corpus, and return them."""
    if staged.twin is None:
        return staged.files
    with storage_errors(corpus):
        for file in staged.files:
            source, target = staged.twin / file.path, corpus / file.path
            # A folder that the corpus lacks is moved with the file in it, and is not left in the twin.
            while not target.parent.exists():
                source, target = source.parent, target.parent
            source.replace(target)
        staged.twin.rename(staged.twin.parent / f"{_SPARE}{staged.twin.name}")
    return staged.files
