"""Who makes the shards: this process, or workers that each write their own.

Kept apart from maps and ray tracing, so that a worker starts in a fraction of a second.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path

from iqatlas.catalogs.construction import storage_errors
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.staging import StagedShard, open_run, place_shard, prepare_twin, stage_shard
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
    run = open_run(corpus)
    if workers == 1 or len(todo) < 2:
        for shard in todo:
            yield shard, place_shard(corpus, _write_shard(corpus, run, workshop, shard))
        return
    with _pool(corpus, run, recipe, min(workers, len(todo))) as pool:
        waiting = iter(todo)
        running: dict[Future[StagedShard], Shard] = {}
        while True:
            # A few shards ahead keep the workers busy and an interruption cheap.
            with _interrupts_held_back():
                for shard in islice(waiting, workers + 1 - len(running)):
                    running[pool.submit(_work, shard)] = shard
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), place_shard(corpus, future.result())


@contextmanager
def _pool(corpus: Path, run: Path, recipe: Recipe, workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, not forked: the ray tracer's threads don't survive a fork.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(corpus, run, recipe),
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


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start processes that Ctrl-C doesn't reach, from their first instruction on.

    A terminal sends it to all processes, and one that is still importing would die with a
    traceback. What is blocked here is blocked in the processes started here; for this process it
    arrives when the block ends. Windows knows no such thing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Its own start would lift the block.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_WORKER: list[tuple[Path, Path, Workshop]] = []


def _start_worker(corpus: Path, run: Path, recipe: Recipe) -> None:
    # Ctrl-C is for the parent, which lets shards under way come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _WORKER[:] = [(corpus, run, Workshop(recipe))]


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A killed parent can't stop its workers, and nobody would take what they make.
    parent.join()
    os._exit(1)


def _work(shard: Shard) -> StagedShard:
    corpus, run, workshop = _WORKER[0]
    return _write_shard(corpus, run, workshop, shard)


def _write_shard(corpus: Path, run: Path, workshop: Workshop, shard: Shard) -> StagedShard:
    records = workshop.make_shard(shard)
    store = FORMATS[workshop.plan.spec.storage.format]
    twin = prepare_twin(corpus, run, shard.step, store)
    with storage_errors(corpus):
        store.write_records(twin, records, shard.start)
    return stage_shard(corpus, twin, store)
