"""The PyTorch stream from an object store: what an epoch asks of the server."""

from __future__ import annotations

from collections import Counter
from typing import Any

import fsspec
import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs import _zarr
from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.split_index import SPLIT_NAMES
from iqatlas.errors import StorageError

pytest.importorskip("torch")
pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")

CHUNKS = 160 // 8
SHARDS = 7
Request = tuple[str, int | None, int | None]


@pytest.fixture
def copied_there(small_corpus: Corpus, store: str) -> str:
    """Return the address of the small corpus: 7 shards of 3 chunks of 8 records, the last one of 2."""
    files = fsspec.filesystem("s3", use_listings_cache=False)
    files.put(str(small_corpus.path), store, recursive=True)
    return store


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Return a list that every object, or range of one, that is fetched is added to."""
    asked: list[Request] = []
    fetch = s3fs.S3FileSystem._cat_file

    async def noted(
        self: Any,
        path: str,
        version_id: str | None = None,
        start: int | None = None,
        end: int | None = None,
        **options: Any,
    ) -> bytes:
        asked.append((path, start, end))
        return bytes(await fetch(self, path, version_id=version_id, start=start, end=end, **options))

    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", noted)
    return asked


def _of_records(requests: list[Request]) -> list[Request]:
    names = ("/records.zarr/iq/c/", "/records.zarr/label/c/")
    return [request for request in requests if any(name in request[0] for name in names)]


def _is_index(request: Request) -> bool:
    return request[1] is not None and request[1] < 0


@pytest.mark.parametrize("world", [1, 2])
def test_no_chunk_is_fetched_twice_in_an_epoch(
    copied_there: str, small_corpus: Corpus, requests: list[Request], world: int
) -> None:
    corpus = open_corpus(copied_there)
    labels: list[np.ndarray] = []
    chunks: Counter[Request] = Counter()
    for rank in range(world):
        # A buffer of three chunks: an epoch reads several times, here and there in the shards.
        stream = corpus.torch(
            variables=("iq", "label"), iterable=True, batch=5, buffer=24, rank=rank, world=world
        )
        indices: Counter[Request] = Counter()
        for epoch in (0, 1):
            stream.set_epoch(epoch)
            requests.clear()
            given = [batch["label"].numpy() for batch in stream]
            labels += given if epoch == 0 else []
            found = Counter(_of_records(requests))
            assert found and set(found.values()) == {1}
            indices.update(filter(_is_index, found))
            if epoch == 0:
                chunks.update(request for request in found if not _is_index(request))
        # What tells where the chunks of a shard lie is fetched once, and not again in the next epoch.
        assert set(indices.values()) == {1}
    # Ranks share the chunks of both arrays out: together each one once.
    assert len(chunks) == chunks.total() == 2 * CHUNKS
    stored = small_corpus.dataset["label"].values
    assert sorted(map(bytes, np.concatenate(labels))) == sorted(map(bytes, stored))


def test_indices_are_remembered_up_to_a_limit(
    copied_there: str, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_zarr, "_REMEMBERED_BYTES", 100)  # one index of 3 chunks, of 52 bytes
    stream = open_corpus(copied_there).torch(variables=("iq",), iterable=True, batch=5, buffer=8)
    assert sum(len(batch["iq"]) for batch in stream) == 160
    indices = Counter(filter(_is_index, _of_records(requests)))
    assert list(indices.values()).count(1) == 1
    assert len(indices) == SHARDS


def test_splits_are_told_from_the_bytes_of_their_objects(
    copied_there: str, small_corpus: Corpus, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_text(names: np.ndarray) -> None:
        raise AssertionError(f"{len(names)} names were read as text")

    monkeypatch.setattr("iqatlas.catalogs.corpus.splits_of_text", as_text)
    splits = open_corpus(copied_there).dataset["split"].values
    assert splits.tolist() == small_corpus.dataset["split"].values.tolist()
    fetched = Counter(path for path, *_ in requests if "/records.zarr/split/c/" in path)
    assert sorted(fetched.values()) == [1] * SHARDS
    # In a catalogue the objects have other names; a shard that is gone has a line.
    root, files = copied_there, small_corpus.path / "records.zarr"
    names = {
        path.relative_to(files).as_posix(): f"records.zarr/{path.relative_to(files).as_posix()}"
        for path in [files / "zarr.json", *(files / "split/c").iterdir()]
    }
    codes = small_corpus.store.word_codes(NamedFiles(root, names), "split", SPLIT_NAMES)
    assert [SPLIT_NAMES[code] for code in codes] == splits.tolist()
    del names["split/c/2"]
    with pytest.raises(StorageError, match="split/c/2: a file of this version is missing"):
        small_corpus.store.word_codes(NamedFiles(root, names), "split", SPLIT_NAMES)
    fsspec.filesystem("s3", use_listings_cache=False).rm_file(f"{copied_there}/records.zarr/split/c/2")
    with pytest.raises(StorageError, match="split/c/2: a file of the corpus is missing"):
        _ = open_corpus(copied_there).dataset
