"""The PyTorch stream: each item once in any number of ranks and workers, chunks read once, going on."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.shard_files import ShardFiles
from iqatlas.errors import CorpusError

torch = pytest.importorskip("torch")
NAMES = ("iq", "record")


def _loader(stream: Any, workers: int = 0, start: str = "fork", **options: Any) -> Any:
    context = {"multiprocessing_context": start, "timeout": 120} if workers else {}
    return torch.utils.data.DataLoader(stream, batch_size=None, num_workers=workers, **context, **options)


def _keys(batches: Iterator[Any]) -> list[int]:
    return [int(record) for batch in batches for record in np.atleast_1d(batch["record"])]


def _wanted(corpus: Corpus, split: str = "train") -> list[int]:
    return [int(record) for record in np.flatnonzero(corpus.split_mask(split))]


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_every_record_comes_once_an_epoch(small_corpus: Corpus, workers: int, world: int) -> None:
    seen = []
    for rank in range(world):
        stream = small_corpus.torch(
            split="train", variables=NAMES[1:], iterable=True, batch=7, buffer=20, rank=rank, world=world
        )
        own = _keys(_loader(stream, workers))
        assert len(own) == stream.items()
        seen += own
    assert sorted(seen) == _wanted(small_corpus)
    assert seen != sorted(seen)


def test_workers_that_are_spawned_read_the_same(small_corpus: Corpus) -> None:
    stream = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=16, buffer=20)
    assert _keys(_loader(stream, 2, "spawn")) == _keys(_loader(stream, 2, "fork"))


def test_batches_hold_what_is_stored(small_corpus: Corpus) -> None:
    iq = dict(zip(_wanted(small_corpus), small_corpus.split("train")["iq"].values, strict=True))
    stream = small_corpus.torch(split="train", variables=NAMES, iterable=True, batch=7, buffer=30)
    sizes = []
    for batch in stream:
        assert batch["iq"].dtype == torch.complex64
        for key, record in zip(_keys(iter([batch])), batch["iq"].numpy(), strict=True):
            np.testing.assert_array_equal(record, iq[key])
        sizes.append(len(batch["record"]))
    assert set(sizes[:-1]) == {7}
    assert 0 < sizes[-1] <= 7


def test_the_order_is_a_function_of_seed_and_epoch(small_corpus: Corpus) -> None:
    def order(seed: int, epoch: int, **options: Any) -> list[int]:
        stream = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, seed=seed, **options)
        stream.set_epoch(epoch)
        return _keys(iter(stream))

    first = order(1, 0)
    assert order(1, 0, batch=5) == first  # batches cut the order, they don't change it
    assert order(1, 1) != first
    assert order(2, 0) != first
    assert order(1, 0, buffer=1) != first
    assert order(1, 0, shuffle=False) == sorted(first)


def test_workers_that_live_on_see_the_epoch_move(small_corpus: Corpus) -> None:
    stream = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=16)
    loader = _loader(stream, 1, persistent_workers=True)
    by_epoch = []
    for epoch in (0, 1):
        stream.set_epoch(epoch)
        by_epoch.append(_keys(loader))
    alone = []
    for epoch in (0, 1):
        stream.set_epoch(epoch)
        alone.append(_keys(iter(stream)))
    assert by_epoch == alone
    assert by_epoch[0] != by_epoch[1]


@pytest.mark.parametrize("batch", [None, 7])
def test_receivers_come_singly_where_groups_are_off(small_corpus: Corpus, batch: int | None) -> None:
    variables = ("iq", "label", "snr", "slot")
    stream = small_corpus.torch(
        split="test",
        variables=variables,
        receivers=["uav2", "uav0"],
        groups=False,
        iterable=True,
        batch=batch,
    )
    stored = small_corpus.split("test").load()
    seen = []
    for given in stream:
        rows = (
            [given]
            if batch is None
            else [{k: v[i] for k, v in given.items()} for i in range(len(given["iq"]))]
        )
        for item in rows:
            match = np.argwhere((stored["iq"].values == item["iq"].numpy()).all(axis=-1))
            assert len(match) == 1
            record, receiver = match[0]
            assert item["snr"] == stored["snr"].values[record, receiver]
            assert item["slot"] == stored["slot"].values[record]
            np.testing.assert_array_equal(item["label"], stored["label"].values[record])
            seen.append((int(record), int(receiver)))
    wanted = [(record, receiver) for record in range(stored.sizes["record"]) for receiver in (0, 2)]
    assert sorted(seen) == wanted


@pytest.mark.parametrize("iterable", [True, False])
def test_windows_and_transforms(small_corpus: Corpus, iterable: bool) -> None:
    options = {"iterable": True, "shuffle": False} if iterable else {}
    items = small_corpus.torch(
        split="test", variables=("iq",), window=(100, 32), transform=lambda item: item["iq"].abs(), **options
    )
    first = next(iter(items)) if iterable else items[0]
    expected = np.abs(small_corpus.split("test")["iq"].values[0, :, 100:132])
    np.testing.assert_allclose(first.numpy(), expected, rtol=1e-6)  # two libraries round a root


def test_single_receivers_by_index(small_corpus: Corpus) -> None:
    items = small_corpus.torch(split="test", variables=("iq", "slot"), groups=False)
    stored = small_corpus.split("test").load()
    assert len(items) == 3 * stored.sizes["record"]
    for index, item in zip([7, 0, 7, 5], items.__getitems__([7, 0, 7, 5]), strict=True):
        np.testing.assert_array_equal(item["iq"], stored["iq"].values[index // 3, index % 3])
        assert item["slot"] == stored["slot"].values[index // 3]


def test_no_chunk_is_read_twice_in_an_epoch(small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    packed = ShardFiles.packed

    def counted(self: ShardFiles, number: int) -> Any:
        if self._name == "label":  # splits are read where a corpus is opened first
            reads.append(number)
        return packed(self, number)

    monkeypatch.setattr(ShardFiles, "packed", counted)  # labels are packed, I/Q is mapped
    stream = small_corpus.torch(variables=("iq", "label"), iterable=True, batch=5, buffer=24)
    assert sum(len(batch["label"]) for batch in stream) == 160
    assert len(reads) == len(set(reads)) == 20  # 160 records in chunks of 8


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [0, 3, 7])
def test_an_epoch_goes_on_where_it_stopped(small_corpus: Corpus, workers: int, taken: int) -> None:
    def stream() -> Any:
        made = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=8, buffer=20)
        made.set_epoch(4)
        return made

    first = stream()
    begun = iter(_loader(first, workers))
    before = [next(begun) for _ in range(taken)]
    state = json.loads(json.dumps(first.state_dict(taken if workers else None)))
    assert state["yields"] == taken
    second = stream()
    second.set_epoch(0)
    second.load_state_dict(state)
    rest = list(_loader(second, workers))
    whole = _keys(_loader(stream(), workers))
    assert sorted(_keys(iter(before)) + _keys(iter(rest))) == sorted(whole) == _wanted(small_corpus)
    if not workers:
        assert _keys(iter(before)) + _keys(iter(rest)) == whole
    second.set_epoch(5)
    assert len(_keys(iter(second))) == len(whole)  # the next epoch is whole


def test_a_state_of_another_order_is_one_line(small_corpus: Corpus) -> None:
    state = small_corpus.torch(iterable=True, seed=1).state_dict()
    with pytest.raises(CorpusError, match=r"^the state is of another seed; accepted: seed=2, rank="):
        small_corpus.torch(iterable=True, seed=2).load_state_dict(state)
    with pytest.raises(CorpusError, match="the state is of another loader"):
        small_corpus.torch(iterable=True, seed=1).load_state_dict({"seed": 1, "rank": [0, 1], "batch": None})


def test_a_stream_travels_without_its_store(small_corpus: Corpus) -> None:
    stream = small_corpus.torch(iterable=True, batch=4)
    size = len(pickle.dumps(stream))
    first = next(iter(stream))
    assert len(pickle.dumps(stream)) < size + 50
    np.testing.assert_array_equal(next(iter(pickle.loads(pickle.dumps(stream))))["iq"], first["iq"])


@pytest.mark.parametrize("iterable", [True, False])
def test_a_corpus_that_changed_is_one_line(copied: Path, iterable: bool) -> None:
    corpus = open_corpus(copied)
    items = corpus.torch(**({"iterable": True} if iterable else {}))
    manifest = copied / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(CorpusError, match=r"the corpus was changed since it was opened; open it again$"):
        next(iter(items)) if iterable else items[0]
    manifest.unlink()
    with pytest.raises(CorpusError, match=r"no manifest\.json in this folder"):
        next(iter(items)) if iterable else items[0]
    (copied / ".building").mkdir()
    with pytest.raises(CorpusError, match="unfinished"):
        next(iter(items)) if iterable else items[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shuffle": True}, "shuffle would change nothing in a map-style data set; accepted: iterable=True"),
        ({"batch": 4, "seed": 1}, "seed, batch would change nothing"),
        ({"window": 257}, "a window of 257 does not fit into captures of 256 samples; accepted: a number of"),
        ({"window": (200, 57)}, "a window of (200, 57) does not fit"),
        ({"window": 0}, "a window of 0 does not fit"),
        ({"window": 16, "variables": ("label",)}, "no variable asked for has any; leave window out"),
        ({"receivers": ["uav0", "uav0"]}, "a receiver is named twice"),
        ({"iterable": True, "batch": 0}, "a batch of 0 items; accepted: 1 or more"),
        ({"iterable": True, "buffer": -1}, "a buffer of -1 items"),
        ({"iterable": True, "seed": -1}, "a seed of -1; accepted: 0 to"),
        ({"iterable": True, "rank": 1}, "rank and world belong together"),
        ({"iterable": True, "rank": 2, "world": 2}, "rank 2 of a world of 2; accepted: 0 ≤ rank < world"),
    ],
)
def test_what_cannot_be_is_one_line(small_corpus: Corpus, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        small_corpus.torch(**asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_negative_epoch_is_one_line(small_corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="an epoch of -1; accepted: 0 or more"):
        small_corpus.torch(iterable=True).set_epoch(-1)
