"""Memory of batches: aligned, used again when it is free, and never while anybody looks at it."""

from __future__ import annotations

import numpy as np

from iqatlas.catalogs.batch_memory import BatchMemory

SHAPE, DTYPE = (64, 1024), np.dtype(np.complex64)


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_memory_comes_back_with_its_last_view() -> None:
    memory = BatchMemory()
    first = memory.empty(SHAPE, DTYPE)
    place, part = _address(first), first[3, 5:].real
    part[...] = 7
    del first
    other = memory.empty(SHAPE, DTYPE)  # a part of the first is still held
    assert _address(other) != place
    other[...] = 0
    assert (part == 7).all()
    del part
    assert _address(memory.empty(SHAPE, DTYPE)) == place


def test_arrays_begin_where_tensorflow_takes_them_over() -> None:
    memory = BatchMemory()
    held = [memory.empty((number, 1024), DTYPE) for number in range(8, 40)]
    assert all(_address(array) % 64 == 0 for array in held)
    assert len({_address(array) for array in held}) == len(held)


def test_other_lengths_get_memory_of_their_own() -> None:
    memory = BatchMemory()
    memory.empty(SHAPE, DTYPE)
    longer = memory.empty((65, 1024), DTYPE)
    assert longer.shape == (65, 1024)
    assert memory.empty((0, 3), DTYPE).shape == (0, 3)
