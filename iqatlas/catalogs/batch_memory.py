"""Memory for batches that is used again when nobody holds it any more."""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np

_ALIGNMENT = 64
"""Bytes: TensorFlow takes memory over that begins at a multiple of these, and copies any other."""
_SMALL = 1 << 16
_MOST = 1 << 27


class BatchMemory:
    """Gives arrays, and takes their memory back when the last view of them, or tensor on them, is gone.

    New memory costs more than a batch: the system clears it page by page as it is touched.
    """

    def __init__(self) -> None:
        self._free: dict[int, list[memoryview]] = {}
        self._waiting = 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Return an array whose values are not set.

        Args:
            shape: Lengths of its axes.
            dtype: Type of its elements.
        """
        size = math.prod(shape) * dtype.itemsize
        if size < _SMALL:
            return np.empty(shape, dtype)
        free = self._free.get(size)
        if free:
            block = free.pop()
            self._waiting -= size
        else:
            whole = np.empty(size + _ALIGNMENT, np.uint8)
            start = -whole.__array_interface__["data"][0] % _ALIGNMENT
            block = whole[start : start + size].data
        # Every view of this array, and every tensor on it, holds this very object.
        owner = np.frombuffer(block, np.uint8)
        weakref.finalize(owner, self._take_back, block).atexit = False
        return owner.view(dtype).reshape(shape)

    def _take_back(self, block: memoryview) -> None:
        size = block.nbytes
        if self._waiting + size <= _MOST:
            self._free.setdefault(size, []).append(block)
            self._waiting += size
