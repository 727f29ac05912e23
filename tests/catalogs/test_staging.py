"""Shards on their way: apart from the corpus until they are whole, and moved by one process alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.staging import open_run, place_shard, prepare_twin, stage_shard
from iqatlas.errors import StorageError

ZARR = FORMATS["zarr"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a folder with an empty store of one array: four records, two a shard."""
    from iqatlas.axes import QUANTITIES

    ZARR.create(
        tmp_path,
        xr.Dataset(),
        {"slot": QUANTITIES["slot"]},
        {"record": 4},
        chunk_records=1,
        shard_records=2,
    )
    return tmp_path


def _stage(corpus: Path, run: Path, start: int) -> tuple[Path, object]:
    twin = prepare_twin(corpus, run, f"shard-{start // 2:05d}", ZARR)
    ZARR.write_records(twin, xr.Dataset({"slot": ("record", [start, start + 1])}), start)
    return twin, stage_shard(corpus, twin, ZARR)


def test_a_staged_shard_is_not_in_the_corpus_until_it_is_placed(corpus: Path) -> None:
    twin, staged = _stage(corpus, open_run(corpus), 2)
    place = corpus / "records.zarr" / "slot" / "c" / "1"
    assert [file.path for file in staged.files] == ["records.zarr/slot/c/1"]
    assert not place.exists()
    files = place_shard(corpus, staged)
    assert files == staged.files
    assert sha256_file(place) == files[0].sha256
    assert place.stat().st_size == files[0].bytes
    assert not twin.exists()
    slots = xr.open_zarr(corpus / "records.zarr", consolidated=False)["slot"].values
    assert slots.tolist() == [0, 0, 2, 3]


def test_a_run_that_outlives_its_parent_touches_nothing_of_the_next(corpus: Path) -> None:
    # A worker whose parent was killed comes to its end while the same shard is made again.
    old, new = open_run(corpus), open_run(corpus)
    assert old != new
    twin, _ = _stage(corpus, new, 0)
    before = {path: path.read_bytes() for path in twin.rglob("*") if path.is_file()}
    _stage(corpus, old, 0)
    assert {path: path.read_bytes() for path in twin.rglob("*") if path.is_file()} == before
    assert not (corpus / "records.zarr" / "slot" / "c").exists()


def test_a_shard_is_placed_over_one_that_was_damaged(corpus: Path) -> None:
    run = open_run(corpus)
    place = corpus / "records.zarr" / "slot" / "c" / "0"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"half")
    files = place_shard(corpus, _stage(corpus, run, 0)[1])
    assert sha256_file(place) == files[0].sha256


def test_a_shard_that_left_no_files_is_an_error(corpus: Path) -> None:
    twin = prepare_twin(corpus, open_run(corpus), "shard-00001", ZARR)
    with pytest.raises(StorageError, match="shard-00001 left no files"):
        stage_shard(corpus, twin, ZARR)
