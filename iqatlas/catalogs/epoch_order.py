"""Which records a reader takes in an epoch, and in which order: arrays alone, whatever framework reads.

Every storage chunk and every item has a random key of (seed, epoch). Chunks in the order of their keys are
dealt round to ranks, and what a rank has to its workers, so that nobody reads a chunk of another. A reader
takes as many whole chunks as its buffer holds, and gives their items in the order of the items' keys. Where
ranks have to be even, the largest chunks are dealt first, and who has more than another rank stops early.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64, UInt64

from iqatlas.errors import CorpusError
from iqatlas.seeds import Stage, key, sequence, sequence_words

_CHUNKS, _ITEMS = 0, 1


@dataclass(frozen=True)
class Part:
    """Who reads: one worker of one rank.

    Args:
        rank: Number of the process that trains.
        world: Number of such processes.
        worker: Number of the worker that loads for it.
        workers: Number of such workers, 1 where the process loads itself.

    Raises:
        CorpusError: A rank beyond the world, or a worker beyond the workers.
    """

    rank: int = 0
    world: int = 1
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        for name, number, of, count in (
            ("rank", self.rank, "world", self.world),
            ("worker", self.worker, "workers", self.workers),
        ):
            if not 0 <= number < count:
                raise CorpusError(f"{name} {number} of a {of} of {count}", accepted=f"0 ≤ {name} < {of}")


@dataclass(frozen=True)
class Reading:
    """Chunks that are read at once, and the order in which their items are given.

    Args:
        chunks: The chunks, in the order in which they are read.
        counts: Records wanted of each.
        rows: Records that are wanted, chunk by chunk.
        order: Items in the order in which they are given: positions in ``rows``, or where each receiver is
            an item of its own, position times the number of receivers, plus the receiver.
    """

    chunks: Int64[np.ndarray, " chunk"]
    counts: Int64[np.ndarray, " chunk"]
    rows: Int64[np.ndarray, " row"]
    order: Int64[np.ndarray, " item"]


@dataclass(frozen=True)
class EpochOrder:
    """The order of one request's items, for every epoch and every reader.

    Args:
        rows: Records that are wanted, ascending.
        edges: First record of each storage chunk, and the number of all records.
        each: Items in a record: 1, or the number of receivers where they are given singly.
        shuffle: Whether the order is random; as stored without it.
        seed: Of the order.
        buffer: Items that are read at once, and shuffled among each other, as long as there are so many.
        even: Whether all ranks give as many items, those of the same number of worker each.
    """

    rows: Int64[np.ndarray, " row"]
    edges: Int64[np.ndarray, " edge"]
    each: int
    shuffle: bool
    seed: int
    buffer: int
    even: bool = False
    _bounds: Int64[np.ndarray, " edge"] = field(init=False)
    _chunks: Int64[np.ndarray, " chunk"] = field(init=False)

    def __post_init__(self) -> None:
        bounds = np.searchsorted(self.rows, self.edges)
        object.__setattr__(self, "_bounds", bounds.astype(np.int64))
        object.__setattr__(self, "_chunks", np.flatnonzero(np.diff(bounds)).astype(np.int64))

    def _keys(self, epoch: int, what: int, positions: Int64[np.ndarray, " n"]) -> UInt64[np.ndarray, " n"]:
        own = sequence(key(self.seed, Stage.LOADING, epoch, what))
        return sequence_words(own, positions, 1)[:, 0]

    def _counts(self, chunks: Int64[np.ndarray, " chunk"]) -> Int64[np.ndarray, " chunk"]:
        """Return the number of items in each chunk."""
        counts: Int64[np.ndarray, " chunk"] = (self._bounds[chunks + 1] - self._bounds[chunks]) * self.each
        return counts

    def _dealt(
        self, epoch: int, part: Part
    ) -> tuple[Int64[np.ndarray, " chunk"], Int64[np.ndarray, " chunk"]]:
        """Return all chunks in their order, and who reads each: rank, plus worker times world."""
        chunks = self._chunks
        if self.shuffle:
            chunks = chunks[np.argsort(self._keys(epoch, _CHUNKS, chunks), kind="stable")]
        count = part.world * part.workers
        turn, reader = np.divmod(np.arange(len(chunks)), count)
        if self.even and part.world > 1:
            if len(chunks) < part.world:
                raise CorpusError(
                    f"{part.world} ranks can't have as many items each of {len(chunks)} storage chunks",
                    accepted="a chunk or more for each rank",
                    remedy="train with fewer ranks, or by index with a DistributedSampler",
                )
            # Back and forth, the largest first, so that sums come near each other.
            dealt = np.empty_like(reader)
            dealt[np.argsort(-self._counts(chunks), kind="stable")] = np.where(
                turn % 2, count - 1 - reader, reader
            )
            reader = dealt
        return chunks, reader

    def chunks_of(self, epoch: int, part: Part) -> Int64[np.ndarray, " own"]:
        """Return the chunks that a reader takes in an epoch, in its order.

        Args:
            epoch: Number of the epoch.
            part: Who reads.

        Raises:
            CorpusError: Ranks have to be even, and there are fewer chunks than ranks.
        """
        chunks, reader = self._dealt(epoch, part)
        own: Int64[np.ndarray, " own"] = chunks[reader == part.rank + part.worker * part.world]
        return own

    def items_of(self, epoch: int, part: Part) -> int:
        """Return the number of items that a reader gives in an epoch.

        Args:
            epoch: Number of the epoch.
            part: Who reads.

        Raises:
            CorpusError: Ranks have to be even, and there are fewer chunks than ranks.
        """
        return int(self.items_by_worker(epoch, part)[part.worker])

    def items_by_worker(self, epoch: int, part: Part) -> Int64[np.ndarray, " worker"]:
        """Return the number of items that each worker of a reader's rank gives in an epoch.

        Args:
            epoch: Number of the epoch.
            part: A worker of the rank.

        Raises:
            CorpusError: Ranks have to be even, and there are fewer chunks than ranks.
        """
        chunks, reader = self._dealt(epoch, part)
        counts = np.bincount(reader, self._counts(chunks), part.world * part.workers).astype(np.int64)
        of_ranks = counts.reshape(part.workers, part.world)
        # Loaders batch what each worker gives: ranks make as many steps only where their workers are even.
        own: Int64[np.ndarray, " worker"] = of_ranks.min(axis=1) if self.even else of_ranks[:, part.rank]
        return own

    def readings(self, epoch: int, part: Part, *, skip: int = 0) -> Iterator[Reading]:
        """Give what a reader reads in an epoch, reading by reading.

        Args:
            epoch: Number of the epoch.
            part: Who reads.
            skip: Items that were given before, and are left out; readings that held only such are not read.

        Raises:
            CorpusError: Ranks have to be even, and there are fewer chunks than ranks.
        """
        chunks, left = self.chunks_of(epoch, part), self.items_of(epoch, part)
        items = self._counts(chunks)
        before = np.cumsum(items) - items
        first = 0
        while first < len(chunks) and left:
            stop = max(first + 1, int(np.searchsorted(before, before[first] + self.buffer)))
            count = min(int(items[first:stop].sum()), left)
            if skip >= count:
                skip -= count
            else:
                yield self._reading(epoch, chunks[first:stop], slice(skip, count))
                skip = 0
            left -= count
            first = stop

    def _reading(self, epoch: int, chunks: Int64[np.ndarray, " chunk"], given: slice) -> Reading:
        first, stop = self._bounds[chunks], self._bounds[chunks + 1]
        rows = np.concatenate([self.rows[a:b] for a, b in zip(first, stop, strict=True)])
        order = np.arange(len(rows) * self.each)
        if self.shuffle:
            items = (rows[:, None] * self.each + np.arange(self.each)).ravel()
            order = np.argsort(self._keys(epoch, _ITEMS, items), kind="stable")
        return Reading(chunks, stop - first, rows, order[given])


def given_by(total: int, yields: Int64[np.ndarray, " worker"]) -> Int64[np.ndarray, " worker"]:
    """Return how many yields came from each worker, of the first ``total`` that a loader gave.

    Workers give in turns, one yield each; who has no more is passed over.

    Args:
        total: Yields so far.
        yields: What each worker gives in all.
    """
    # A worker's n-th yield comes in turn n; within a turn workers come in order.
    turn = np.concatenate([np.arange(count) for count in yields])
    worker = np.repeat(np.arange(len(yields)), yields)
    first = np.lexsort((worker, turn))[:total]
    return np.bincount(worker[first], minlength=len(yields)).astype(np.int64)
