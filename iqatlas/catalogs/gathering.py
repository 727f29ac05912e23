"""Rows of several arrays, copied once to where they belong.

NumPy takes rows in any order from one array, by one copy of each; from several arrays it takes them apart,
and puts them to their places by another. Memory is one, though: what lies in several arrays is taken here by
its distance from the first of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

_LEAST_BYTES = 256
"""Below these a copy costs less than finding out what to copy."""


def gather(
    sources: Sequence[np.ndarray],
    source: Int64[np.ndarray, " item"],
    row: Int64[np.ndarray, " item"],
    out: np.ndarray,
) -> bool:
    """Copy rows of several arrays, in any order, each row once.

    Args:
        sources: The arrays, [row, …], with rows of one shape and type.
        source: Which of them holds each item; all within.
        row: Where in it; all within.
        out: Memory for the items, [item, …], of the same type.

    Returns:
        Whether it was done: not of arrays whose rows do not lie one behind the other in memory, nor where
        rows of one are at an odd distance from those of another.
    """
    like = sources[0]
    row_bytes = math.prod(like.shape[1:]) * like.dtype.itemsize
    alike = all(
        array.flags.c_contiguous and array.dtype == out.dtype and array.shape[1:] == like.shape[1:]
        for array in sources
    )
    if not alike or not row_bytes or not out.flags.c_contiguous or any(not len(array) for array in sources):
        return False
    address = np.array([array.__array_interface__["data"][0] for array in sources], np.int64)
    lowest = int(address.argmin())
    distance = address - address[lowest]
    unit = math.gcd(row_bytes, *distance.tolist())
    if unit < _LEAST_BYTES:
        return False
    units = row_bytes // unit
    index = (distance // unit)[source] + row * units
    index = index[:, None] + np.arange(units)
    block = np.dtype((np.void, unit))
    # A view that reaches over what lies between the arrays, of which nothing is touched.
    memory = np.lib.stride_tricks.as_strided(
        sources[lowest].reshape(-1).view(block),
        shape=(int((distance // unit + [len(array) * units for array in sources]).max()),),
        strides=(unit,),
        writeable=False,
    )
    memory.take(index, 0, out.reshape(-1).view(block).reshape(index.shape), "clip")
    return True
