"""Sizes of transport blocks: single values of the table, and what holds for all of them."""

from __future__ import annotations

import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte import tbs
from iqatlas.waveforms.lte.coding.segmentation import segment


@pytest.mark.parametrize(
    ("row", "blocks", "size"),
    [
        (0, 1, 16),
        (0, 100, 2792),
        (2, 25, 1096),
        (4, 50, 3624),
        (9, 1, 136),
        (9, 50, 7992),
        (9, 100, 15840),
        (7, 6, 712),
        (12, 3, 680),
        (15, 50, 15264),
        (15, 100, 30576),
        (17, 75, 27376),
    ],
)
def test_values_of_the_table(row: int, blocks: int, size: int) -> None:
    assert tbs.transport_block_size(row, blocks) == size


def test_every_size_fits_code_blocks_without_filler_and_grows_with_the_allocation() -> None:
    # The table was made so: a slip of a digit would hardly keep to it.
    for sizes in (*tbs.SIZES.values(), tbs.SYSTEM_INFORMATION_SIZES):
        assert all(segment(size).filler == 0 for size in sizes)
        assert list(sizes) == sorted(sizes)
    for low, high in zip(list(tbs.SIZES)[:-1], list(tbs.SIZES)[1:], strict=True):
        assert all(a < b for a, b in zip(tbs.SIZES[low], tbs.SIZES[high], strict=True))


def test_the_column_for_two_blocks_is_the_tables() -> None:
    assert all(tbs.SYSTEM_INFORMATION_SIZES[row] == sizes[1] for row, sizes in tbs.SIZES.items())


@pytest.mark.parametrize(
    ("modulation", "row", "index"), [("qpsk", 0, 0), ("qpsk", 9, 9), ("16qam", 9, 10), ("16qam", 15, 16)]
)
def test_index_of_modulation_and_coding(modulation: str, row: int, index: int) -> None:
    assert tbs.modulation_coding(modulation, row) == index
    assert tbs.modulation_coding("64qam", 15) == 17


@pytest.mark.parametrize(("row", "blocks"), [(1, 1), (9, 0), (9, 101)])
def test_what_is_not_in_the_table_is_refused(row: int, blocks: int) -> None:
    with pytest.raises(SpecError, match=f"row {row}"):
        tbs.transport_block_size(row, blocks)
