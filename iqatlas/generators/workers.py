"""Who makes the shards: this process, processes of this machine, or the workers of a cluster.

Kept apart from maps and ray tracing, so that a worker starts in a fraction of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.manifest import FileEntry
from iqatlas.catalogs.staging import Desk, StagedShard, desk_of
from iqatlas.generators.plan import Shard
from iqatlas.generators.processes import Other, others_beside
from iqatlas.generators.shard import Recipe, Workshop

LOCAL = "local"
"""Names a cluster of this machine, in place of a scheduler's address."""
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


@dataclass(frozen=True)
class Workforce:
    """Who is there to make shards.

    Args:
        workers: Processes, this one among them; or workers of a local cluster.
        scheduler: Address of a Dask scheduler, or ``local``, whose workers make them instead.
        others: The processes beside this one.
    """

    workers: int = 1
    scheduler: str | None = None
    others: tuple[Other, ...] = ()


@contextmanager
def workforce_of(workers: int, scheduler: str | None = None, *, where: str) -> Iterator[Workforce]:
    """Give those who are to make shards; processes of this machine begin to start now.

    Args:
        workers: Processes of this machine, this one among them; more than there are shards don't help.
        scheduler: Address of a Dask scheduler, or ``local``, whose workers make them.
        where: The corpus, for messages.

    Raises:
        StorageError: A process was killed.
    """
    beside = workers - 1 if scheduler is None else 0
    with others_beside(beside, _get_ready, where=where) as others:
        yield Workforce(workers, scheduler, others)


def write_shards(
    construction: Construction,
    recipe: Recipe,
    workshop: Workshop,
    todo: list[Shard],
    workforce: Workforce | None = None,
) -> Iterator[tuple[Shard, tuple[FileEntry, ...]]]:
    """Write shards, and yield each one with its files as soon as it is in place.

    Args:
        construction: The right to write.
        recipe: What the records follow from; sent to the workers.
        workshop: The same, ready to be used by this process.
        todo: Shards to write.
        workforce: Who writes; this process alone without it.
    """
    if todo:
        yield from make_shards(desk_of(construction), recipe, workshop, todo, workforce)


def make_shards(
    desk: Desk,
    recipe: Recipe,
    workshop: Workshop,
    todo: list[Shard],
    workforce: Workforce | None = None,
) -> Iterator[tuple[Shard, tuple[FileEntry, ...]]]:
    """Make shards at a desk, and yield each one with its files as soon as it is in place.

    Args:
        desk: Where they are made.
        recipe: What the records follow from; sent to the workers.
        workshop: The same, ready to be used by this process.
        todo: Shards to make.
        workforce: Who makes them; this process alone without it.
    """
    with _crew(desk, recipe, workshop, workforce or Workforce(), len(todo)) as crew:
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
    desk: Desk, recipe: Recipe, workshop: Workshop, workforce: Workforce, shards: int
) -> AbstractContextManager[Crew]:
    if workforce.scheduler is not None:
        from iqatlas.generators._dask import cluster_crew

        workers = min(workforce.workers, shards)
        return cluster_crew(workforce.scheduler, desk, recipe, workers=workers, where=desk.where)
    others = workforce.others[: shards - 1]
    return _team(desk, recipe, workshop, others) if others else _alone(desk, workshop)


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

    def __init__(self, own: _ThisProcess, others: tuple[Other, ...]) -> None:
        self._own = own
        self._others = others
        self._running: dict[Future[StagedShard], tuple[Shard, Other]] = {}

    def room(self) -> int:
        return self._own.room() + sum(self._room_of(other) for other in self._others)

    def _room_of(self, other: Other) -> int:
        under_way = sum(one is other for _, one in self._running.values())
        return _AHEAD - under_way if other.started else 0

    def submit(self, shard: Shard) -> None:
        if self._own.room():
            self._own.submit(shard)
            return
        other = max(self._others, key=self._room_of)
        self._running[other.submit(_work, shard)] = (shard, other)

    def finished(self) -> list[tuple[Shard, StagedShard]]:
        ready = self._own.finished()
        done = [future for future in self._running if future.done()]
        if not ready and not done and self._running:
            done = list(wait(self._running, return_when=FIRST_COMPLETED).done)
        return ready + [(self._running.pop(future)[0], future.result()) for future in done]

    def come_to_an_end(self) -> None:
        """Take back what others have not begun, and wait for what they are at: it writes to the desk."""
        wait([future for future in self._running if not future.cancel()])


@contextmanager
def _team(desk: Desk, recipe: Recipe, workshop: Workshop, others: tuple[Other, ...]) -> Iterator[Crew]:
    for other in others:
        other.submit(_take, desk, recipe)
    with _alone(desk, workshop) as own:
        team = _Team(own, others)
        try:
            yield team
        finally:
            team.come_to_an_end()


_WORKER: list[tuple[Desk, Workshop]] = []


def _get_ready() -> None:
    """Come up: what makes records is imported with this module, the compiler apart."""


def _take(desk: Desk, recipe: Recipe) -> None:
    _WORKER[:] = [(desk, Workshop(recipe))]


def _work(shard: Shard) -> StagedShard:
    desk, workshop = _WORKER[0]
    return write_shard(desk, workshop, shard)
