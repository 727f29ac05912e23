"""Killed at each step of the commit protocol in turn, a corpus is unfinished, and resumes to the same bytes.

The steps are counted where the disk, or a store in memory, is changed; nobody lists them. The corpus
is the smallest that takes every step: one array, two shards, a table, a manifest. Dead just after a
step is dead in place of the next.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from disturbance import Disk, Killed
from fsspec.implementations.memory import MemoryFileSystem

from iqatlas import open_corpus
from iqatlas.axes import QUANTITIES
from iqatlas.catalogs import lease as leases
from iqatlas.catalogs import place
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.manifest import Manifest, ShardEntry
from iqatlas.catalogs.place import place_of
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.errors import CorpusError, MissingFileError, StorageError
from iqatlas.generators.plan import Shard
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.workers import write_shards

ARRAYS = ("slot",)
SHARDS = [Shard(index, 2 * index, 2 * index + 2) for index in range(2)]
PLACES = {"folder": "zarr", "store": "zarr", "folder of HDF5": "hdf5"}
"""Kinds of places, and the format of the records that are made there."""


class Quick(Workshop):
    """Makes shards of two numbers each, without a signal."""

    def __init__(self) -> None:
        pass

    def make_shard(self, shard: Shard) -> xr.Dataset:
        numbers = np.arange(shard.start, shard.stop)
        return xr.Dataset({name: ("record", numbers.astype(QUANTITIES[name].dtype)) for name in ARRAYS})


def make(address: str, kind: str) -> dict[str, str]:
    """Make the corpus by the same steps as a generation, or go on with it, and return its hashes."""
    with Construction(address, build_key="k", store=FORMATS[PLACES[kind]]) as construction:
        if not construction.resume("store"):
            construction.forget()
            with construction.place.errors():
                construction.store.create(
                    construction.bench,
                    xr.Dataset(),
                    {name: QUANTITIES[name] for name in ARRAYS},
                    {"record": 4},
                    chunk_records=1,
                    shard_records=2,
                )
            construction.enter("store", construction.store.metadata_files(construction.bench))
        done = {step for step, files in construction.ledger().items() if construction.intact(files)}
        todo = [shard for shard in SHARDS if shard.step not in done]
        recipe: Recipe = object.__new__(Recipe)
        for shard, files in write_shards(construction, recipe, Quick(), todo):
            construction.record(shard.step, files)
        with construction.place.errors():
            construction.store.finish(construction.bench)
            construction.place_root()
            (construction.bench / "scene").mkdir(exist_ok=True)
            (construction.bench / "scene" / "sites.parquet").write_bytes(b"a table")
        ledger = construction.ledger()
        files = construction.gather(file for shard in SHARDS for file in ledger[shard.step])
        construction.finish(manifest(files, ledger))
    return {file.path: file.sha256 for file in files}


def manifest(files: Any, ledger: Any) -> Manifest:
    return Manifest(
        name="smallest", created="now", spec={}, spec_sha256="0" * 64, inputs=(), versions={}, scene={},
        paths={}, records=4, splits={"train": 4}, statistics={}, files=files,
        shards=tuple(
            ShardEntry(
                index=shard.index, start=shard.start, stop=shard.stop,
                sha256=sha256_json([[file.path, file.sha256] for file in ledger[shard.step]]),
            )
            for shard in SHARDS
        ),
    )  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Give a function that returns an address of a kind at which nothing is.

    The store is one in memory, whose writers are dead as soon as they are asked about.
    """
    monkeypatch.setattr(place, "STORES", ("s3", "memory"))
    monkeypatch.setattr(leases, "STALE_S", -1.0)

    def empty(kind: str) -> str:
        if kind.startswith("folder"):
            shutil.rmtree(tmp_path / "corpus", ignore_errors=True)
            return str(tmp_path / "corpus")
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = ["", "/bucket"]
        return "memory://bucket/corpus"

    return empty


def is_open(address: str) -> bool:
    try:
        open_corpus(address)
    except (CorpusError, MissingFileError):
        return False
    return True


def hashes_of(address: str) -> dict[str, str]:
    there = place_of(address)
    paths = [item.path for item in there.items(deep=True) if item.kind == "file"]
    corpus = [path for path in paths if path != "manifest.json" and not path.startswith(".building")]
    return {path: there.sha256(path) for path in corpus}


def numbered(steps: list[str], names: set[str]) -> list[tuple[str, int]]:
    """Return each step of some names, as its name and how many of that name came before."""
    return [(step, steps[:number].count(step)) for number, step in enumerate(steps) if step in names]


def steps_of(monkeypatch: pytest.MonkeyPatch, address: str, kind: str) -> tuple[list[str], dict[str, str]]:
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        made = make(address, kind)
        return list(disk.calls), made


@pytest.mark.parametrize("kind", PLACES)
def test_killed_at_each_step_it_resumes(
    kind: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, wanted = steps_of(monkeypatch, fresh(kind), kind)
    assert ({"put_file"} if kind == "store" else {"fsync", "rename"}) <= set(steps)
    opened = 0
    for name, occurrence in numbered(steps, set(steps) - {"mkdir"}):
        address = fresh(kind)
        with monkeypatch.context() as patch:
            disk = Disk(patch)
            disk.break_call(name, occurrence, Killed(), dies=True)
            with suppress(Killed):  # what is removed at the very end may fail in silence
                make(address, kind)
            assert disk.calls.count(name) > occurrence
        if is_open(address):
            opened += 1
        else:
            assert make(address, kind) == wanted, (name, occurrence)
        assert hashes_of(address) == wanted, (name, occurrence)
    assert 0 < opened < len(steps) / 3  # those after the manifest alone


@pytest.mark.parametrize("kind", PLACES)
def test_a_full_disk_at_each_step_is_one_line_and_resumes(
    kind: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, wanted = steps_of(monkeypatch, fresh(kind), kind)
    told = 0
    for name, occurrence in numbered(steps, {"fsync", "_put", "copyfile", "put_file", "pipe_file"}):
        address = fresh(kind)
        with monkeypatch.context() as patch:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            Disk(patch).break_call(name, occurrence, full)
            try:
                make(address, kind)
            except StorageError as failure:
                told += 1
                assert "\n" not in str(failure)
                assert "No space left on device" in str(failure)
        if not is_open(address):
            assert make(address, kind) == wanted, (name, occurrence)
        assert hashes_of(address) == wanted, (name, occurrence)
    # All but those of a lease's end; HDF5 has one file a shard, and no metadata that Zarr puts.
    assert told >= (15 if PLACES[kind] == "zarr" else 10)
