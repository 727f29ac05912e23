"""Records that were made ready, and items taken from them in any order: one copy for each item."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Int64

from iqatlas.catalogs.quantised import dequantise

_ALIGNMENT = 64
"""Bytes: TensorFlow takes memory over that begins at a multiple of these, and copies any other."""


class Column:
    """One variable of some records, each of them in a mapped file or in memory.

    Args:
        rows: How many records there are.
        receivers: Whether it has receivers, its second axis then.
        kept: Which receivers are wanted, in this order; None for all.
    """

    def __init__(self, rows: int, *, receivers: bool, kept: tuple[int, ...] | None = None) -> None:
        self.receivers = receivers
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
        if len(self._pieces) == 1:
            return self._taken(0, positions, single)
        pieces = self._piece[positions]
        out: np.ndarray | None = None
        for piece in range(len(self._pieces)):
            here = np.flatnonzero(pieces == piece)
            if len(here) == len(positions):
                return self._taken(piece, positions, single)
            if not len(here):
                continue
            found = self._taken(piece, positions[here], None if single is None else single[here])
            if out is None:
                out = _aligned((len(positions), *found.shape[1:]), found.dtype)
            out[here] = found
        return np.empty(0) if out is None else out

    def _taken(
        self, piece: int, positions: Int64[np.ndarray, " item"], single: Int64[np.ndarray, " item"] | None
    ) -> np.ndarray:
        values, scale = self._pieces[piece], self._scales[piece]
        index = self._index[positions]
        if self.receivers and (single is not None or self._kept is not None):
            kept = np.arange(values.shape[1]) if self._kept is None else self._kept
            found = values[index[:, None], kept] if single is None else values[index, kept[single]]
        else:
            found = _records(values, index)
        return found if scale is None else dequantise(found, scale.take(positions, single))


def _records(values: np.ndarray, index: Int64[np.ndarray, " item"]) -> np.ndarray:
    out = _aligned((len(index), *values.shape[1:]), values.dtype)
    if len(index) and index[-1] - index[0] == len(index) - 1 and (np.diff(index) == 1).all():
        out[...] = values[index[0] : index[-1] + 1]
    elif values.flags.c_contiguous and values.flags.aligned:
        # Any other mode would go by way of a copy.
        values.take(index, 0, out, "clip")
    else:
        out[...] = values[index]
    return out


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    size = math.prod(shape) * dtype.itemsize
    whole = np.empty(size + _ALIGNMENT, np.uint8)
    start = -whole.__array_interface__["data"][0] % _ALIGNMENT
    return whole[start : start + size].view(dtype).reshape(shape)
