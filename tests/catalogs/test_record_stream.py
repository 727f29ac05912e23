"""The PyTorch stream: each item once in any number of ranks and workers, chunks read once, going on."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
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


@pytest.mark.parametrize(("workers", "options"), [(0, {}), (2, {}), (2, {"persistent_workers": True})])
def test_passes_behind_the_rest_of_an_epoch_are_whole(
    small_corpus: Corpus, workers: int, options: dict[str, Any]
) -> None:
    def stream() -> Any:
        return small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=8, buffer=20)

    second = stream()
    second.load_state_dict(stream().state_dict(5, workers))
    assert second.state_dict()["yields"] == 5
    second.set_epoch(0)  # the loop of an epoch names it, and it is still the same
    loader = _loader(second, workers, **options)
    rest, *passes = [_keys(loader) for _ in range(3)]
    wanted = _wanted(small_corpus)
    assert 0 < len(rest) <= len(wanted) - 4 * 8  # of five batches four were full ones at least
    assert [sorted(one) for one in passes] == [wanted, wanted]
    second.set_epoch(0)
    assert sorted(_keys(loader)) == wanted
    if workers:
        assert sorted(_keys(iter(second))) == wanted


def test_the_position_is_of_the_epoch_that_is_named(small_corpus: Corpus) -> None:
    def stream(state: dict[str, Any] | None = None) -> Any:
        made = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=8, buffer=20)
        if state is not None:
            made.load_state_dict(state)
        return made

    first = stream()
    batches = len(list(first))
    assert first.state_dict()["yields"] == batches
    assert _keys(stream(first.state_dict())) == []
    first.set_epoch(1)
    state = first.state_dict()
    assert (state["epoch"], state["yields"]) == (1, 0)
    assert sorted(_keys(stream(state))) == _wanted(small_corpus)
    early, late = iter(first), iter(first)
    next(late), next(early), next(early)
    assert first.state_dict()["yields"] == 1  # of the iteration that was begun last
    going = stream(first.state_dict(3))
    assert going.state_dict() == first.state_dict(3)
    going.set_epoch(2)
    assert going.state_dict()["yields"] == 0
    assert sorted(_keys(going)) == _wanted(small_corpus)
    for yields in (-1, batches + 1):
        with pytest.raises(CorpusError, match=r"yields"):
            first.state_dict(yields, 1)
        with pytest.raises(CorpusError, match=r"yields"):
            first.load_state_dict({**state, "yields": yields, "workers": 1})
    for yields in ("3", 2.5):
        with pytest.raises(
            CorpusError, match=r"^yields of a state is .*; accepted: a whole number, 0 or more$"
        ):
            first.load_state_dict({**state, "yields": yields})
    with pytest.raises(CorpusError, match=r"^workers of a state is 1000000000; accepted: 0 to 4096$"):
        first.load_state_dict({**state, "workers": 10**9})


def test_batches_of_workers_are_not_counted_in_silence(small_corpus: Corpus) -> None:
    stream = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=8)
    assert stream.state_dict()["yields"] == 0
    begun = iter(_loader(stream, 1))
    next(begun)
    with pytest.raises(
        CorpusError,
        match=r"^num_workers=1: workers give this epoch, uncounted.*; accepted: state_dict\(yields=",
    ):
        stream.state_dict()
    assert stream.state_dict(1)["workers"] == 1
    stream.set_epoch(1)
    assert stream.state_dict()["yields"] == 0


def test_a_state_goes_on_with_as_many_workers(small_corpus: Corpus) -> None:
    stream = small_corpus.torch(split="train", variables=NAMES[1:], iterable=True, batch=8)
    stream.load_state_dict(stream.state_dict(3, workers=2))
    with pytest.raises(CorpusError) as caught:
        next(iter(_loader(stream, 1)))
    # As it was raised, not with the worker's traceback in it.
    said = "the state is of a loader with 2 workers, and this one has 1; accepted: num_workers=2"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("made", "loaded", "named"),
    [
        ({"seed": 1}, {"seed": 2}, r"seed; accepted: seed=2"),
        ({}, {"batch": 4}, r"batch; accepted: batch=4"),
        ({}, {"rank": 1, "world": 2}, r"rank; accepted: rank=\[1, 2\]"),
        ({}, {"buffer": 64}, r"buffer; accepted: buffer=64"),
        ({}, {"shuffle": False}, r"kind of order; accepted: shuffle=False"),
        ({}, {"even": True}, r"even; accepted: even=True"),
        ({}, {"groups": False}, r"choice of receivers; accepted: items_a_record=3"),
        ({}, {"split": "test"}, r"choice of records; accepted: records=[0-9a-f]{16}"),
    ],
)
def test_a_state_of_another_order_is_one_line(
    small_corpus: Corpus, made: dict[str, Any], loaded: dict[str, Any], named: str
) -> None:
    state = small_corpus.torch(iterable=True, **made).state_dict()
    with pytest.raises(CorpusError, match=rf"^the state is of another {named}$"):
        small_corpus.torch(iterable=True, **{**made, **loaded}).load_state_dict(state)


def test_a_state_of_another_corpus_or_age_is_one_line(
    copied: Path, small_corpus: Corpus, reseal: Callable[..., None]
) -> None:
    stream = small_corpus.torch(iterable=True)
    state = stream.state_dict()
    reseal(copied, name="other")
    with pytest.raises(CorpusError, match="the state is of another corpus; accepted: corpora="):
        open_corpus(copied).torch(iterable=True).load_state_dict(state)
    early = {"epoch": 0, "seed": 0, "rank": [0, 1], "batch": None, "yields": 3, "of_worker": False}
    with pytest.raises(
        CorpusError, match=r"^the state is of another loader, or of an earlier version: it has"
    ):
        stream.load_state_dict(early)
    with pytest.raises(
        CorpusError, match=r"^the state is of worker 0, and a whole loader is to go on from it"
    ):
        stream.load_state_dict({**state, "worker": 0})


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


@pytest.mark.parametrize("iterable", [True, False])
def test_what_a_worker_raises_is_one_line(copied: Path, iterable: bool) -> None:
    items = open_corpus(copied).torch(variables=("label",), **({"iterable": True} if iterable else {}))
    manifest = copied / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(CorpusError) as caught:
        next(iter(_loader(items, 1) if iterable else torch.utils.data.DataLoader(items, num_workers=1)))
    assert str(caught.value) == f"{copied}: the corpus was changed since it was opened; open it again"


def test_ranks_that_have_to_be_even_give_as_many_batches(small_corpus: Corpus) -> None:
    def stream(**options: Any) -> Any:
        return small_corpus.torch(
            split="train", variables=NAMES[1:], iterable=True, batch=4, world=3, **options
        )

    def sizes(epoch: int, **options: Any) -> list[int]:
        made = [stream(rank=rank, **options) for rank in range(3)]
        for one in made:
            one.set_epoch(epoch)
        given = [_keys(one) for one in made]
        assert [len(one) for one in given] == [one.items() for one in made]
        assert len({pair for one in given for pair in one}) == sum(map(len, given))
        return [len(one) for one in given]

    assert len(set(sizes(0))) > 1
    by_epoch = [sizes(epoch, even=True) for epoch in range(3)]
    assert all(len(set(ranks)) == 1 for ranks in by_epoch)
    assert all(sum(ranks) > 0.7 * small_corpus.manifest.splits["train"] for ranks in by_epoch)
    with pytest.raises(CorpusError, match=r"^90 ranks can't have as many items each of \d+ storage chunks; "):
        small_corpus.torch(split="train", iterable=True, rank=0, world=90, even=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shuffle": True}, "shuffle would change nothing in a map-style data set; accepted: iterable=True"),
        ({"even": True}, "even would change nothing in a map-style data set"),
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


@pytest.mark.parametrize("epoch", [-1, True])
def test_no_number_of_an_epoch_is_one_line(small_corpus: Corpus, epoch: Any) -> None:
    with pytest.raises(CorpusError, match=rf"^an epoch of {epoch}; accepted: 0 or more$"):
        small_corpus.torch(iterable=True).set_epoch(epoch)
