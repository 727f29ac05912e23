"""Records that were made ready, and items taken from them in any order: one copy for each item."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Int64

from iqatlas.catalogs.batch_memory import BatchMemory
from iqatlas.catalogs.gathering import gather
from iqatlas.catalogs.quantised import dequantise

_CACHED = 1 << 20
"""Bytes that fit into the cache of a core beside what they are copied from and to."""


class ItemColumn(ABC):
    """What items can be taken from."""

    receivers: bool
    """Whether it has receivers, its second axis then."""

    @abstractmethod
    def room(self, items: int, *, singly: bool) -> np.ndarray:
        """Return memory for items.

        Args:
            items: How many.
            singly: Whether an item is one receiver of a record.
        """

    @abstractmethod
    def take(
        self,
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> None:
        """Put some records, in any order, into the memory for them.

        Args:
            positions: Which of the records.
            single: Which of the wanted receivers each item is; None where an item has all of them.
            out: Memory for them, [item, …].
        """


class Column(ItemColumn):
    """One variable of some records, each of them in a mapped file or in memory.

    Args:
        rows: How many records there are.
        memory: Gives memory for what is taken.
        receivers: Whether it has receivers, its second axis then.
        kept: Which receivers are wanted, in this order; None for all.
    """

    def __init__(
        self, rows: int, memory: BatchMemory, *, receivers: bool, kept: tuple[int, ...] | None
    ) -> None:
        self.receivers, self._memory = receivers, memory
        self._kept = None if kept is None else np.array(kept, np.int64)
        self._pieces: list[np.ndarray] = []
        self._scales: list[Column | None] = []
        self._piece = np.zeros(rows, np.int64)
        self._index = np.zeros(rows, np.int64)

    def add(
        self,
        at: Int64[np.ndarray, " n"],
        piece: np.ndarray,
        index: Int64[np.ndarray, " n"],
        scale: Column | None = None,
    ) -> None:
        """Say where some of the records lie.

        Args:
            at: Their positions among all.
            piece: An array that holds them, [record, …].
            index: Where in it.
            scale: √mW per count of all records, where this array holds counts of I and Q.
        """
        self._piece[at] = len(self._pieces)
        self._index[at] = index
        self._pieces.append(piece)
        self._scales.append(scale)

    def windowed(self, first: int, stop: int) -> Column:
        """Return the same records with some of their samples, which follow record and receiver.

        Args:
            first: First sample.
            stop: The one after the last.
        """
        column = Column(len(self._piece), self._memory, receivers=self.receivers, kept=None)
        column._kept, column._piece, column._index = self._kept, self._piece, self._index
        column._pieces = [piece[:, :, first:stop] for piece in self._pieces]
        column._scales = self._scales
        return column

    def shape(self, items: int, *, singly: bool) -> tuple[int, ...]:
        """Return the shape of items.

        Args:
            items: How many.
            singly: Whether an item is one receiver of a record.
        """
        shape = self._pieces[0].shape[1:]
        if self.receivers:
            shape = shape[1:] if singly else (len(self._wanted(self._pieces[0])), *shape[1:])
        return (items, *(shape if self._scales[0] is None else shape[:-1]))

    def room(self, items: int, *, singly: bool) -> np.ndarray:
        """Return memory for items."""
        dtype = self._pieces[0].dtype if self._scales[0] is None else np.dtype(np.complex64)
        return self._memory.empty(self.shape(items, singly=singly), dtype)

    def take(
        self,
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> None:
        """Copy some records, in any order."""
        pieces = self._piece[positions]
        if not len(pieces) or (pieces == pieces[0]).all():
            self._copy(int(pieces[0]) if len(pieces) else 0, positions, single, out)
            return
        if self._kept is None and not any(self._scales) and self._gather(pieces, positions, single, out):
            return
        # On their way to their places records stay in the cache of a core.
        at_once = max(1, _CACHED * len(out) // max(1, out.nbytes))
        room = self._memory.empty((at_once, *out.shape[1:]), out.dtype)
        for piece in range(len(self._pieces)):
            of_piece = np.flatnonzero(pieces == piece)
            for start in range(0, len(of_piece), at_once):
                here = of_piece[start : start + at_once]
                found = room[: len(here)]
                self._copy(piece, positions[here], None if single is None else single[here], found)
                out[here] = found

    def _gather(
        self,
        pieces: Int64[np.ndarray, " item"],
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> bool:
        """Copy records of several pieces in one pass, if they lie so that it can be done."""
        sources, index = self._pieces, self._index[positions]
        if single is not None:
            if not all(piece.flags.c_contiguous for piece in sources):
                return False
            index = index * sources[0].shape[1] + single
            sources = [piece.reshape(-1, *piece.shape[2:]) for piece in sources]
        return gather(sources, pieces, index, out)

    def _wanted(self, values: np.ndarray) -> Int64[np.ndarray, " receiver"]:
        return np.arange(values.shape[1]) if self._kept is None else self._kept

    def _copy(
        self,
        piece: int,
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> None:
        """Copy records of one piece."""
        values, scale = self._pieces[piece], self._scales[piece]
        index = self._index[positions]
        if scale is not None:
            counts = self._memory.empty((*out.shape, 2), values.dtype)
            self._copy_stored(values, index, single, counts)
            levels = scale.room(len(index), singly=single is not None)
            scale.take(positions, single, levels)
            out[...] = dequantise(counts, levels)
        else:
            self._copy_stored(values, index, single, out)

    def _copy_stored(
        self,
        values: np.ndarray,
        index: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        out: np.ndarray,
    ) -> None:
        if not self.receivers or (single is None and self._kept is None):
            if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
                out[...] = values[index[0] : index[-1] + 1]
            else:
                _take(values, index, out)
            return
        kept = self._wanted(values)
        receivers = kept if single is None else kept[single]
        records = index[:, None] if single is None else index
        if values.flags.c_contiguous:
            flat = values.reshape(-1, *values.shape[2:])
            _take(flat, records * values.shape[1] + receivers, out)
        else:
            out[...] = values[records, receivers]


def _take(values: np.ndarray, index: Int64[np.ndarray, "*item"], out: np.ndarray) -> None:
    if values.flags.c_contiguous and values.flags.aligned:
        # Any other mode would go by way of a copy.
        values.take(index, 0, out, "clip")
    else:
        out[...] = values[index]
