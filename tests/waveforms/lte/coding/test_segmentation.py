"""Transport blocks are cut as TS 36.212, section 5.1.2 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.waveforms.lte.coding.qpp import BLOCK_SIZES
from iqatlas.waveforms.lte.coding.segmentation import segment


@pytest.mark.parametrize(
    ("size", "sizes", "filler"),
    [
        (16, (40,), 0),
        (120, (144,), 0),
        (6120, (6144,), 0),
        (6200, (3136, 3136), 0),
        (15840, (5312,) * 3, 0),
        (10, (40,), 6),
        (6121, (3072, 3136), 15),
    ],
)
def test_known_blocks(size: int, sizes: tuple[int, ...], filler: int) -> None:
    cut = segment(size)
    assert (cut.sizes, cut.filler) == (sizes, filler)
    assert cut.check_bits == (24 if len(sizes) > 1 else 0)


@given(st.integers(1, 80_000))
def test_pieces_hold_the_block_its_check_and_theirs_and_nothing_is_wasted(size: int) -> None:
    cut = segment(size)
    assert sum(cut.sizes) == size + 24 + cut.filler + cut.check_bits * len(cut.sizes)
    assert set(cut.sizes) <= set(BLOCK_SIZES)
    assert list(cut.sizes) == sorted(cut.sizes)
    assert len(set(cut.sizes)) <= 2
    # Less filler than the smallest step of the table, 8, and where blocks are many less than one of 64.
    assert 0 <= cut.filler < (64 if size > 488 else 40)
