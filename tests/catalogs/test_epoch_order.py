"""The order of an epoch: every item once, the same whoever asks, chunks kept together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.catalogs.epoch_order import EpochOrder, Part, Reading, given_by
from iqatlas.errors import CorpusError

EDGES = np.array([0, 8, 16, 24, 32, 40, 43])


def _order(rows: np.ndarray | None = None, **changes: object) -> EpochOrder:
    rows = np.arange(43) if rows is None else rows
    asked = {"each": 1, "shuffle": True, "seed": 5, "buffer": 16}
    return EpochOrder(rows, EDGES, **{**asked, **changes})


def _items(windows: list[Reading], each: int) -> np.ndarray:
    given = [w.rows[w.order // each] * each + w.order % each for w in windows]
    return np.concatenate([np.empty(0, np.int64), *given])


@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("epoch", [0, 1])
def test_every_item_comes_once_an_epoch(
    each: int, shuffle: bool, world: int, workers: int, epoch: int
) -> None:
    rows = np.flatnonzero(np.arange(43) % 5)
    order = _order(rows, each=each, shuffle=shuffle)
    all_items, all_chunks = [], []
    for rank in range(world):
        for worker in range(workers):
            part = Part(rank, world, worker, workers)
            windows = list(order.readings(epoch, part))
            own = _items(windows, each)
            assert len(own) == order.items_of(epoch, part)
            all_items.append(own)
            all_chunks += [chunk for window in windows for chunk in window.chunks.tolist()]
    wanted = (rows[:, None] * each + np.arange(each)).ravel()
    np.testing.assert_array_equal(np.sort(np.concatenate(all_items)), wanted)
    assert len(all_chunks) == len(set(all_chunks)) == 6  # nobody reads what another has read


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    keep=st.integers(0, 2**32),
    each=st.integers(1, 4),
    shuffle=st.booleans(),
    buffer=st.integers(1, 60),
    world=st.integers(1, 4),
    workers=st.integers(1, 4),
    skip=st.integers(0, 40),
)
def test_whatever_the_chunks_nothing_is_lost_and_going_on_gives_the_rest(
    lengths: list[int],
    keep: int,
    each: int,
    shuffle: bool,
    buffer: int,
    world: int,
    workers: int,
    skip: int,
) -> None:
    edges = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.flatnonzero(np.random.default_rng(keep).random(edges[-1]) < 0.7)
    order = EpochOrder(rows, edges, each, shuffle, 1, buffer)
    seen = []
    for rank in range(world):
        for worker in range(workers):
            part = Part(rank, world, worker, workers)
            own = _items(list(order.readings(2, part)), each)
            rest = _items(list(order.readings(2, part, skip=skip)), each)
            np.testing.assert_array_equal(rest, own[skip:])
            seen.append(own)
    wanted = (rows[:, None] * each + np.arange(each)).ravel()
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), wanted)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=4, max_size=16),
    each=st.integers(1, 3),
    shuffle=st.booleans(),
    buffer=st.integers(1, 60),
    world=st.integers(1, 4),
    workers=st.integers(1, 3),
    skip=st.integers(0, 40),
)
def test_even_ranks_have_as_many_items_worker_by_worker(
    lengths: list[int], each: int, shuffle: bool, buffer: int, world: int, workers: int, skip: int
) -> None:
    edges = np.concatenate([[0], np.cumsum(lengths)])
    order = EpochOrder(np.arange(edges[-1]), edges, each, shuffle, 1, buffer, even=True)
    counts = np.zeros((world, workers), int)
    seen = []
    for rank in range(world):
        for worker in range(workers):
            part = Part(rank, world, worker, workers)
            own = _items(list(order.readings(2, part)), each)
            np.testing.assert_array_equal(_items(list(order.readings(2, part, skip=skip)), each), own[skip:])
            counts[rank, worker] = len(own)
            assert len(own) == order.items_of(2, part)
            seen.append(own)
    assert (counts == counts[0]).all()
    assert counts[0, 0] > 0
    given = np.concatenate(seen)
    assert len(np.unique(given)) == len(given)
    if world == 1:
        alone = EpochOrder(np.arange(edges[-1]), edges, each, shuffle, 1, buffer)
        for worker, own in enumerate(seen):
            of_worker = Part(0, 1, worker, workers)
            np.testing.assert_array_equal(own, _items(list(alone.readings(2, of_worker)), each))


def test_little_is_left_out_to_make_ranks_even_and_not_always_the_same() -> None:
    lengths = np.random.default_rng(3).integers(40, 100, 64)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    left_out = []
    for epoch in range(2):
        order = EpochOrder(np.arange(edges[-1]), edges, 1, True, 1, 500, even=True)
        given = [_items(list(order.readings(epoch, Part(rank, 4))), 1) for rank in range(4)]
        left_out.append(set(range(edges[-1])) - set(np.concatenate(given).tolist()))
        # Dealt back and forth by size, sums of ranks differ by less than a chunk.
        assert len(left_out[-1]) < 4 * lengths.max()
    assert left_out[0] != left_out[1]


def test_even_ranks_need_a_chunk_each() -> None:
    with pytest.raises(CorpusError, match=r"^7 ranks can't have as many items each of 6 storage chunks; acc"):
        _order(even=True).items_of(0, Part(0, 7))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    first = _items(list(_order().readings(3, Part())), 1)
    np.testing.assert_array_equal(_items(list(_order().readings(3, Part())), 1), first)
    assert not np.array_equal(_items(list(_order().readings(4, Part())), 1), first)
    assert not np.array_equal(_items(list(_order(seed=6).readings(3, Part())), 1), first)


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("workers", [2, 3])
def test_chunks_come_in_one_order_however_many_read(world: int, workers: int) -> None:
    order = _order()
    alone = order.chunks_of(1, Part())
    dealt = np.full(len(alone), -1)
    for rank in range(world):
        for worker in range(workers):
            dealt[rank + worker * world :: world * workers] = order.chunks_of(
                1, Part(rank, world, worker, workers)
            )
    np.testing.assert_array_equal(dealt, alone)


def test_two_items_of_a_window_come_in_one_order_whoever_reads_them() -> None:
    alone = _items(list(_order(buffer=100).readings(1, Part())), 1)
    for worker in (0, 1):
        own = _items(list(_order(buffer=100).readings(1, Part(0, 1, worker, 2))), 1)
        np.testing.assert_array_equal(own, alone[np.isin(alone, own)])


def test_without_shuffling_the_order_is_the_stored_one() -> None:
    np.testing.assert_array_equal(_items(list(_order(shuffle=False).readings(0, Part())), 1), np.arange(43))


def test_the_buffer_says_how_far_items_mix() -> None:
    windows = list(_order(buffer=16).readings(0, Part()))
    assert [len(w.chunks) for w in windows] in ([2, 2, 2], [2, 2, 2, 1], [2, 3, 1], [3, 2, 1])
    assert all(len(w.rows) >= 16 for w in windows[:-1])
    (whole,) = _order(buffer=43).readings(0, Part())
    assert len(whole.rows) == 43
    each_its_own = list(_order(buffer=1).readings(0, Part()))
    assert [len(w.chunks) for w in each_its_own] == [1] * 6


def test_receivers_of_a_record_are_apart_where_each_is_an_item() -> None:
    (window,) = _order(each=3, buffer=1000).readings(0, Part())
    record = window.rows[window.order // 3]
    assert (np.diff(record) == 0).mean() < 0.2  # by chance 2 of 128 neighbours; kept together 2 of 3


def test_all_orders_of_three_items_are_as_likely() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for epoch in range(1200):
        order = EpochOrder(np.arange(3), np.array([0, 3]), 1, True, 9, 3)
        (window,) = order.readings(epoch, Part())
        counts[tuple(window.order.tolist())] = counts.get(tuple(window.order.tolist()), 0) + 1
    assert len(counts) == 6
    # 200 each, deviation √(1200·5/36) = 12.9: five of them.
    assert max(abs(count - 200) for count in counts.values()) < 65


@pytest.mark.parametrize("part", [(2, 2, 0, 1), (-1, 1, 0, 1), (0, 1, 3, 3), (0, 0, 0, 1)])
def test_a_reader_beyond_the_number_is_one_line(part: tuple[int, int, int, int]) -> None:
    with pytest.raises(CorpusError, match=r"^(rank|worker) -?\d of a \w+ of \d; accepted: 0 ≤"):
        Part(*part)


@given(
    yields=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    total=st.integers(0, 30),
)
def test_turns_of_workers_are_counted(yields: list[int], total: int) -> None:
    left, given, worker = list(yields), [0] * len(yields), 0
    for _ in range(min(total, sum(yields))):
        while not left[worker]:
            worker = (worker + 1) % len(yields)
        left[worker] -= 1
        given[worker] += 1
        worker = (worker + 1) % len(yields)
    assert given_by(total, np.array(yields)).tolist() == given
