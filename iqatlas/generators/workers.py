"""Who makes the shards: this process, or workers that each write their own.

Kept apart from maps and ray tracing, so that a worker starts in a fraction of a second.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from iqatlas.catalogs._zarr import write_records
from iqatlas.catalogs.construction import move_shard, prepare_staging, storage_errors
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.errors import StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Recipe, Workshop


def write_shards(
    corpus: Path, recipe: Recipe, workshop: Workshop, todo: list[Shard], workers: int
) -> Iterator[tuple[Shard, tuple[FileEntry, ...]]]:
    """Write shards, and yield each one with its files as soon as it is in place.

    Args:
        corpus: Folder of the corpus.
        recipe: What the records follow from; sent to the workers.
        workshop: The same, ready to be used by this process.
        todo: Shards to write.
        workers: Processes; with one, this process writes.
    """
    if workers == 1 or len(todo) < 2:
        for shard in todo:
            yield shard, _write_shard(corpus, workshop, shard)
        return
    with _pool(corpus, recipe, min(workers, len(todo))) as pool:
        waiting = iter(todo)
        running: dict[Future[tuple[FileEntry, ...]], Shard] = {}
        while True:
            # A few shards ahead keep the workers busy and an interruption cheap.
            for shard in islice(waiting, workers + 1 - len(running)):
                running[pool.submit(_work, shard)] = shard
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


@contextmanager
def _pool(corpus: Path, recipe: Recipe, workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, not forked: the ray tracer's threads don't survive a fork.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(corpus, recipe),
    )
    try:
        yield pool
    except BrokenProcessPool:
        raise StorageError(
            "a worker process was killed, for want of memory perhaps",
            where=str(corpus),
            remedy="run the same command again, with fewer --workers: it resumes",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_WORKER: list[tuple[Path, Workshop]] = []


def _start_worker(corpus: Path, recipe: Recipe) -> None:
    # Ctrl-C is for the parent, which lets shards under way come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _WORKER[:] = [(corpus, Workshop(recipe))]


def _work(shard: Shard) -> tuple[FileEntry, ...]:
    corpus, workshop = _WORKER[0]
    return _write_shard(corpus, workshop, shard)


def _write_shard(corpus: Path, workshop: Workshop, shard: Shard) -> tuple[FileEntry, ...]:
    records = workshop.make_shard(shard)
    staging = prepare_staging(corpus, shard.step)
    with storage_errors(corpus):
        write_records(staging, records, shard.start)
    return move_shard(corpus, staging, shard.step)
