"""Rate matching of the convolutional and the turbo code: which coded bit is sent when."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Int64

_COLUMNS = 32
_TURBO_COLUMNS = np.array([int(f"{column:05b}"[::-1], 2) for column in range(_COLUMNS)])
"""Order of columns for the turbo code: the bits of the column's number reversed (table 5.1.4-1)."""
_CONVOLUTIONAL_COLUMNS = np.concatenate([_TURBO_COLUMNS[16:], _TURBO_COLUMNS[:16]])
"""Order of columns for the convolutional code: the odd ones first (table 5.1.4-2)."""
_EMPTY = -1


@cache
def subblock_order(size: int) -> Int64[np.ndarray, "size"]:
    """Return the order in which the convolutional code's sub-block interleaver emits its input.

    Args:
        size: Number of values in the sub-block.

    Source: TS 36.212, section 5.1.4.2.1, without the padding.
    """
    padded = _rows(size)[:, _CONVOLUTIONAL_COLUMNS].T.reshape(-1)
    order: Int64[np.ndarray, "size"] = padded[padded != _EMPTY]
    return order


@cache
def convolutional_order(size: int, sent: int) -> Int64[np.ndarray, "sent"]:
    """Return which coded bit is sent at each place, by number in the streams laid end to end.

    Args:
        size: Bits of each of the three streams.
        sent: Number of bits that are sent.

    Source: TS 36.212, section 5.1.4.2.
    """
    order = subblock_order(size)
    return np.resize(np.concatenate([order, size + order, 2 * size + order]), sent)


@cache
def turbo_order(size: int, filler: int, sent: int, redundancy_version: int) -> Int64[np.ndarray, "sent"]:
    """Return which coded bit is sent at each place, by number in the streams laid end to end.

    The circular buffer is as long as the code block needs: no receiver's soft buffer limits it.

    Args:
        size: Bits of each of the three streams, tails included.
        filler: Bits in front that only fill the code block; they aren't sent.
        sent: Number of bits that are sent.
        redundancy_version: 0 to 3: where in the circular buffer the sending begins.

    Source: TS 36.212, section 5.1.4.1.
    """
    table = _rows(size)
    rows = len(table)
    padding = table.size - size
    systematic = table[:, _TURBO_COLUMNS].T.reshape(-1)
    # The second parity stream goes through the same table, read one place later.
    k = np.arange(table.size)
    place = (_TURBO_COLUMNS[k // rows] + _COLUMNS * (k % rows) + 1) % table.size
    second = np.where(place < padding, _EMPTY, place - padding)
    buffer = np.full(3 * table.size, _EMPTY, np.int64)
    buffer[: table.size] = np.where(systematic < filler, _EMPTY, systematic)
    buffer[table.size :: 2] = np.where(systematic < filler, _EMPTY, systematic + size)
    buffer[table.size + 1 :: 2] = np.where(second == _EMPTY, _EMPTY, second + 2 * size)
    start = rows * (2 * -(-len(buffer) // (8 * rows)) * redundancy_version + 2)
    buffer = np.roll(buffer, -start)
    return np.resize(buffer[buffer != _EMPTY], sent)


def _rows(size: int) -> Int64[np.ndarray, "row 32"]:
    """Return the numbers below a size written in rows of 32, padded in front."""
    rows = -(-size // _COLUMNS)
    return np.maximum(np.arange(rows * _COLUMNS, dtype=np.int64) - (rows * _COLUMNS - size), _EMPTY).reshape(
        rows, _COLUMNS
    )
