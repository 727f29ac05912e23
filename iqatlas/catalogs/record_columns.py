"""Records that were made ready, and items taken from them in any order: one copy for each item."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from iqatlas.catalogs.batch_memory import BatchMemory
from iqatlas.catalogs.quantised import dequantise


class Column:
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

    def take(
        self, positions: Int64[np.ndarray, " item"], single: Int64[np.ndarray, " item"] | None = None
    ) -> np.ndarray:
        """Return some records, in any order, in memory of their own.

        Args:
            positions: Which of the records.
            single: Which of the wanted receivers each item is; None where an item has all of them.
        """
        pieces = self._piece[positions] if len(self._pieces) > 1 else np.zeros(1, np.int64)
        if (pieces == pieces[:1]).all():
            piece = int(pieces[0]) if len(pieces) else 0
            return self._taken(piece, positions, single, None)
        out: np.ndarray | None = None
        room: np.ndarray | None = None
        for piece in range(len(self._pieces)):
            here = np.flatnonzero(pieces == piece)
            if not len(here):
                continue
            found = self._taken(piece, positions[here], None if single is None else single[here], room)
            if out is None or room is None:
                out, room = (self._memory.empty((len(positions), *found.shape[1:]), found.dtype) for _ in "ab")
            out[here] = found
        return np.empty(0) if out is None else out

    def _taken(
        self,
        piece: int,
        positions: Int64[np.ndarray, " item"],
        single: Int64[np.ndarray, " item"] | None,
        room: np.ndarray | None,
    ) -> np.ndarray:
        """Return records of one piece, in the room for them if there is one and it is of use."""
        values, scale = self._pieces[piece], self._scales[piece]
        index = self._index[positions]
        if self.receivers and (single is not None or self._kept is not None):
            kept = np.arange(values.shape[1]) if self._kept is None else self._kept
            found = values[index[:, None], kept] if single is None else values[index, kept[single]]
        else:
            fits = room is not None and (room.shape[1:], room.dtype) == (values.shape[1:], values.dtype)
            shape = (len(index), *values.shape[1:])
            out = room[: len(index)] if fits and room is not None else self._memory.empty(shape, values.dtype)
            found = _records(values, index, out)
        return found if scale is None else dequantise(found, scale.take(positions, single))


def _records(values: np.ndarray, index: Int64[np.ndarray, " item"], out: np.ndarray) -> np.ndarray:
    if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
        out[...] = values[index[0] : index[-1] + 1]
    elif values.flags.c_contiguous and values.flags.aligned:
        # Any other mode would go by way of a copy.
        values.take(index, 0, out, "clip")
    else:
        out[...] = values[index]
    return out
