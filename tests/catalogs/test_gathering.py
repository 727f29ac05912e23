"""Rows of several arrays in one pass: what NumPy's own indexing gives, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iqatlas.catalogs.gathering import gather
from iqatlas.catalogs.row_files import FileMaps

RNG = np.random.default_rng(3)


def mapped(folder: Path, rows: int, row: tuple[int, ...], dtype: str = "complex64") -> list[np.ndarray]:
    """Return arrays in files that are mapped, at addresses that the system chooses."""
    maps, found = FileMaps(), []
    for number in range(5):
        count = rows + number
        values = RNG.integers(0, 256, count * int(np.prod(row)) * np.dtype(dtype).itemsize, np.uint8)
        path = folder / f"{number}.bin"
        values.tofile(path)
        found.append(maps.array(path, 0, (count, *row), np.dtype(dtype)))
    return found


@pytest.mark.parametrize(("row", "dtype"), [((3, 1024), "complex64"), ((1000, 2), "int16"), ((256,), "bool")])
def test_rows_of_mapped_files_are_those_of_indexing(tmp_path: Path, row: tuple[int, ...], dtype: str) -> None:
    sources = mapped(tmp_path, 40, row, dtype)
    source, index = RNG.integers(0, 5, 300), RNG.integers(0, 40, 300)
    out = np.zeros((300, *row), dtype)
    done = gather(sources, source, index, out)
    assert done == (dtype != "int16")  # rows of 4,000 bytes, and pages of 4,096: 32 in common
    expected = np.stack([sources[a][b] for a, b in zip(source, index, strict=True)])
    np.testing.assert_array_equal(out.view(np.uint8), (expected if done else 0 * expected).view(np.uint8))


def test_the_order_of_arrays_in_memory_does_not_matter() -> None:
    room = np.arange(64 * 512, dtype=np.float32).reshape(64, 512)
    parts = [room[40:], room[:10], room[20:30]]
    source, index = RNG.integers(0, 3, 100), RNG.integers(0, 10, 100)
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        out = np.empty((100, 512), np.float32)
        assert gather([parts[i] for i in order], np.argsort(order)[source], index, out)
        np.testing.assert_array_equal(out[:, 0], np.array([40, 0, 20])[source] * 512 + index * 512)


def test_what_does_not_lie_together_is_left_to_others() -> None:
    whole = np.zeros((8, 4, 512), np.float32)
    rows = np.zeros(3, np.int64)
    refused: dict[str, tuple[list[np.ndarray], np.ndarray]] = {
        "windows": ([whole[:, :, :100]] * 2, np.ones((3, 4, 100), np.float32)),
        "another type": ([whole, whole.astype(np.float64)], np.ones((3, 4, 512), np.float32)),
        "another shape": ([whole, whole[:, :2].copy()], np.ones((3, 4, 512), np.float32)),
        "nothing in one": ([whole, whole[:0]], np.ones((3, 4, 512), np.float32)),
        "scattered room": ([whole, whole[4:]], np.ones((3, 8, 512), np.float32)[:, ::2]),
        "short rows": ([whole[:, 0, :8].copy(), whole[:, 0, :8].copy()], np.ones((3, 8), np.float32)),
    }
    for name, (sources, out) in refused.items():
        assert not gather(sources, rows, rows, out), name
        assert (out == 1).all(), name
