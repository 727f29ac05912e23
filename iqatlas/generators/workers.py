"""Who makes the shards: this process, processes of this machine, or the workers of a cluster.

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
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from typing import Protocol, runtime_checkable

from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.staging import Desk, StagedShard, desk_of
from iqatlas.errors import StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Recipe, Workshop


@runtime_checkable
class Crew(Protocol):
    """Those who make shards."""

    def room(self) -> int:
        """Return how many more shards may be given out: a few ahead keep workers busy, many cost memory."""

    def submit(self, shard: Shard) -> None:
        """Give out a shard."""

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        """Wait until a shard is staged, and return what is; nothing once no shard is under way.

        Raises:
            StorageError: A shard could not be written, or the workers are gone.
        """


def write_shards(
    construction: Construction,
    recipe: Recipe,
    workshop: Workshop,
    todo: list[Shard],
    workers: int,
    scheduler: str | None = None,
) -> Iterator[tuple[Shard, tuple[FileEntry, ...]]]:
    """Write shards, and yield each one with its files as soon as it is in place.

    Args:
        construction: The right to write.
        recipe: What the records follow from; sent to the workers.
        workshop: The same, ready to be used by this process.
        todo: Shards to write.
        workers: Processes of this machine; with one, this process writes.
        scheduler: Address of a Dask scheduler, or ``local``, whose workers write.
    """
    if todo:
        desk, where = desk_of(construction), construction.place.name
        yield from make_shards(desk, recipe, workshop, todo, workers, scheduler, where=where)


def make_shards(
    desk: Desk,
    recipe: Recipe,
    workshop: Workshop,
    todo: list[Shard],
    workers: int,
    scheduler: str | None = None,
    *,
    where: str,
) -> Iterator[tuple[Shard, tuple[FileEntry, ...]]]:
    """Make shards at a desk, and yield each one with its files as soon as it is in place.

    Args:
        desk: Where they are made.
        recipe: What the records follow from; sent to the workers.
        workshop: The same, ready to be used by this process.
        todo: Shards to make.
        workers: Processes of this machine; with one, this process makes them.
        scheduler: Address of a Dask scheduler, or ``local``, whose workers make them.
        where: The corpus, for messages.
    """
    with _crew(desk, recipe, workshop, min(workers, len(todo)), scheduler, where) as crew:
        waiting = iter(todo)
        while True:
            for shard in islice(waiting, crew.room()):
                crew.submit(shard)
            ready = crew.finished()
            if not ready:
                return
            for shard, staged in ready:
                yield shard, desk.place(staged)


def require_crew(scheduler: str | None) -> None:
    """See, before any work, that those who are to make the shards are there.

    Args:
        scheduler: Address of a Dask scheduler, or ``local``; None for processes of this machine.

    Raises:
        SetupError: Dask is not installed, no scheduler answers, or versions on the cluster differ.
    """
    if scheduler is not None:
        from iqatlas.generators._dask import require_cluster

        require_cluster(scheduler)


def _crew(
    desk: Desk, recipe: Recipe, workshop: Workshop, workers: int, scheduler: str | None, where: str
) -> AbstractContextManager[Crew]:
    if scheduler is not None:
        from iqatlas.generators._dask import cluster_crew

        return cluster_crew(scheduler, desk, recipe, workers=workers, where=where)
    return _alone(desk, workshop) if workers == 1 else _pool(desk, recipe, workers, where)


def write_shard(desk: Desk, workshop: Workshop, shard: Shard) -> StagedShard:
    """Make a shard and bring it to safety."""
    records = workshop.make_shard(shard)
    with desk.twin(shard.step) as twin:
        with storage_errors(desk.where):
            desk.store.write_records(twin, records, shard.start)
        return desk.stage(twin)


class _Alone:
    """This process, one shard at a time."""

    def __init__(self, desk: Desk, workshop: Workshop) -> None:
        self._desk = desk
        self._workshop = workshop
        self._next: Shard | None = None

    def room(self) -> int:
        return 1 if self._next is None else 0

    def submit(self, shard: Shard) -> None:
        self._next = shard

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        shard, self._next = self._next, None
        return [] if shard is None else [(shard, write_shard(self._desk, self._workshop, shard))]


@contextmanager
def _alone(desk: Desk, workshop: Workshop) -> Iterator[Crew]:
    yield _Alone(desk, workshop)


class _Pool:
    """Processes of this machine."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self._pool = pool
        self._at_most = workers + 1
        self._running: dict[Future[StagedShard], Shard] = {}

    def room(self) -> int:
        return self._at_most - len(self._running)

    def submit(self, shard: Shard) -> None:
        with interrupts_held_back():
            self._running[self._pool.submit(_work, shard)] = shard

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        if not self._running:
            return []
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future.result()) for future in done]


@contextmanager
def _pool(desk: Desk, recipe: Recipe, workers: int, where: str) -> Iterator[Crew]:
    # Spawned, not forked: the ray tracer's threads don't survive a fork.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(desk, recipe),
    )
    try:
        yield _Pool(pool, workers)
    except BrokenProcessPool:
        raise StorageError(
            "a worker process was killed, for want of memory perhaps",
            where=where,
            remedy="run the same command again, with fewer --workers: it resumes",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
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


_WORKER: list[tuple[Desk, Workshop]] = []


def _start_worker(desk: Desk, recipe: Recipe) -> None:
    # Ctrl-C is for the parent, which lets shards under way come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _WORKER[:] = [(desk, Workshop(recipe))]


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A killed parent can't stop its workers, and nobody would take what they make.
    parent.join()
    os._exit(1)


def _work(shard: Shard) -> StagedShard:
    desk, workshop = _WORKER[0]
    return write_shard(desk, workshop, shard)
