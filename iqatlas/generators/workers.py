"""Who makes the shards: this process, processes of this machine, or the workers of a cluster.

Kept apart from maps and ray tracing, so that a worker starts in a fraction of a second.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Protocol, runtime_checkable

from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.staging import Desk, StagedShard, desk_of
from iqatlas.errors import StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Recipe, Workshop

_AHEAD = 2
"""Shards that another process has at most: one that it makes, and one that waits for it."""


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
        workers: Processes of this machine, this one among them.
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
        workers: Processes of this machine, this one among them.
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
    return _alone(desk, workshop) if workers == 1 else _team(desk, recipe, workshop, workers, where)


def write_shard(desk: Desk, workshop: Workshop, shard: Shard) -> StagedShard:
    """Make a shard and bring it to safety."""
    with _written(desk, workshop, shard) as twin:
        return desk.stage(twin)


@contextmanager
def _written(desk: Desk, workshop: Workshop, shard: Shard) -> Iterator[Path]:
    """Make a shard, and give the twin that it is written in."""
    records = workshop.make_shard(shard)
    with desk.twin(shard.step) as twin:
        with storage_errors(desk.where):
            desk.store.write_records(twin, records, shard.start)
        del records  # a shard that is being staged needs no memory beside the next one
        yield twin


class _ThisProcess:
    """This process: while a shard is brought to safety it makes the next one."""

    def __init__(self, desk: Desk, workshop: Workshop, thread: ThreadPoolExecutor) -> None:
        self._desk = desk
        self._workshop = workshop
        self._thread = thread
        self._given: deque[Shard] = deque()
        self._staging: tuple[Shard, Future[StagedShard]] | None = None

    def room(self) -> int:
        """Return 2 at the start, then 1: what is staged stands behind what is made."""
        return (1 if self._staging else 2) - len(self._given)

    def submit(self, shard: Shard) -> None:
        self._given.append(shard)

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        """Make a shard, and return the one before it; the last one once nothing else is given."""
        ready: list[tuple[Shard, StagedShard]] = []
        while self._given and not ready:
            shard = self._given.popleft()
            with ExitStack() as kept:
                twin = kept.enter_context(_written(self._desk, self._workshop, shard))
                ready = self._staged()
                self._staging = (shard, self._thread.submit(self._stage, twin, kept.pop_all()))
        return ready or self._staged()

    def _stage(self, twin: Path, kept: ExitStack) -> StagedShard:
        with kept:
            return self._desk.stage(twin)

    def _staged(self) -> list[tuple[Shard, StagedShard]]:
        under_way, self._staging = self._staging, None
        return [(under_way[0], under_way[1].result())] if under_way else []


@contextmanager
def _alone(desk: Desk, workshop: Workshop) -> Iterator[_ThisProcess]:
    with ThreadPoolExecutor(1) as thread:
        yield _ThisProcess(desk, workshop, thread)


class _Team:
    """This process, and others of this machine.

    Others get shards once they have started, so that this process makes those that wait till then.
    """

    def __init__(self, own: _ThisProcess, pool: ProcessPoolExecutor, others: int) -> None:
        self._own = own
        self._pool = pool
        self._others = others
        with interrupts_held_back():
            self._starting = {pool.submit(_is_ready) for _ in range(others)}
        self._running: dict[Future[StagedShard], Shard] = {}

    def room(self) -> int:
        return self._own.room() + self._room_of_others()

    def _room_of_others(self) -> int:
        started = any(future.done() for future in self._starting)
        return _AHEAD * self._others - len(self._running) if started else 0

    def submit(self, shard: Shard) -> None:
        if self._own.room():
            self._own.submit(shard)
            return
        with interrupts_held_back():
            self._running[self._pool.submit(_work, shard)] = shard

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        ready = self._own.finished()
        done = [future for future in self._running if future.done()]
        if not ready and not done and self._running:
            done = list(wait(self._running, return_when=FIRST_COMPLETED).done)
        return ready + [(self._running.pop(future), future.result()) for future in done]

    @property
    def busy(self) -> bool:
        """Whether others have shards under way."""
        return bool(self._running)


@contextmanager
def _team(desk: Desk, recipe: Recipe, workshop: Workshop, workers: int, where: str) -> Iterator[Crew]:
    # Spawned, not forked: the ray tracer's threads don't survive a fork.
    pool = ProcessPoolExecutor(
        workers - 1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(desk, recipe),
    )
    busy = True
    try:
        with _alone(desk, workshop) as own:
            team = _Team(own, pool, workers - 1)
            yield team
            busy = team.busy
    except BrokenProcessPool:
        raise StorageError(
            "a worker process was killed, for want of memory perhaps",
            where=where,
            remedy="run the same command again, with fewer --workers: it resumes",
        ) from None
    finally:
        # Others that are still starting have nothing to lose, and end by themselves.
        pool.shutdown(wait=busy, cancel_futures=True)


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


def _is_ready() -> None:
    """Run where a process has started."""


def _work(shard: Shard) -> StagedShard:
    desk, workshop = _WORKER[0]
    return write_shard(desk, workshop, shard)
