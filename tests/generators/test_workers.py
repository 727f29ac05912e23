"""This process as a worker: it makes a shard while the one before it is brought to safety, never two."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from iqatlas.catalogs.staging import StagedShard
from iqatlas.errors import StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.workers import make_shards

SHARDS = [Shard(index, index, index + 1) for index in range(5)]
PATIENCE_S = 20.0


class Quick(Workshop):
    """Notes which shards are begun."""

    def __init__(self) -> None:
        self.begun = [threading.Event() for _ in SHARDS]

    def make_shard(self, shard: Shard) -> xr.Dataset:
        self.begun[shard.index].set()
        return xr.Dataset()


class Slow:
    """A desk that brings a shard to safety only once the next one is begun.

    Args:
        workshop: Whose shards they are.
        full: A shard for which there is no room.
    """

    store: Any
    where = "nowhere"

    def __init__(self, workshop: Quick, full: int | None = None) -> None:
        self.store, self.workshop, self.full = self, workshop, full
        self.staging = self.most = 0
        self.open: set[str] = set()
        self.waited = True

    def write_records(self, twin: Path, records: xr.Dataset, start: int) -> None: ...

    def at_worker(self) -> Any:
        return self

    @contextmanager
    def twin(self, step: str) -> Iterator[Path]:
        self.open.add(step)
        try:
            yield Path(step)
        finally:
            self.open.remove(step)

    def stage(self, twin: Path) -> StagedShard:
        self.staging += 1
        self.most = max(self.most, self.staging)
        index = int(twin.name.rpartition("-")[2])
        assert twin.name in self.open  # what it lies in is kept until it is safe
        if index == self.full:
            raise StorageError("no room", where="nowhere")
        if index + 1 < len(SHARDS):
            self.waited &= self.workshop.begun[index + 1].wait(PATIENCE_S)
        self.staging -= 1
        return StagedShard(twin, ())

    def place(self, staged: StagedShard) -> tuple[()]:
        return ()


def made(desk: Slow) -> Iterator[Shard]:
    recipe = object.__new__(Recipe)
    for shard, _ in make_shards(desk, recipe, desk.workshop, SHARDS):
        yield shard


def test_a_shard_is_made_while_the_one_before_it_is_brought_to_safety() -> None:
    desk = Slow(Quick())
    assert list(made(desk)) == SHARDS
    assert desk.waited  # not one of them had to lose its patience
    assert desk.most == 1
    assert not desk.open


def test_what_the_disk_refuses_is_told_and_what_came_before_is_kept() -> None:
    desk, safe = Slow(Quick(), full=2), []
    with pytest.raises(StorageError, match="no room"):
        for shard in made(desk):
            safe.append(shard.index)
    assert safe == [0, 1]
    assert not desk.open
    assert not desk.workshop.begun[4].is_set()  # nothing more is made than what was under way
