"""The turbo code and its interleaver against the standard's numbers and the encoder's registers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.coding.qpp import BLOCK_SIZES, interleaver
from iqatlas.waveforms.lte.coding.turbo import encode


def test_there_are_188_block_sizes_from_40_to_6144() -> None:
    assert len(BLOCK_SIZES) == 188
    assert (BLOCK_SIZES[0], BLOCK_SIZES[-1]) == (40, 6144)
    steps = {512: 8, 1024: 16, 2048: 32, 6144: 64}
    for small, large in pairwise(BLOCK_SIZES):
        assert large - small == next(step for limit, step in steps.items() if large <= limit)


@pytest.mark.parametrize(
    ("size", "f1", "f2"),
    [(40, 3, 10), (48, 7, 12), (64, 7, 16), (512, 31, 64), (1024, 31, 64), (2048, 31, 64), (6144, 263, 480)],
)
def test_parameters_are_those_of_the_table(size: int, f1: int, f2: int) -> None:
    # TS 36.212, table 5.1.3-3.
    assert interleaver(size).tolist() == [(f1 * i + f2 * i * i) % size for i in range(size)]


def test_every_interleaver_is_a_permutation_and_keeps_places_apart_modulo_the_parallel_degrees() -> None:
    for size in BLOCK_SIZES:
        order = interleaver(size)
        assert np.array_equal(np.sort(order), np.arange(size))
        # Quadratic permutations are free of contention: windows of size/8 never meet in one bank.
        banks = order.reshape(8, -1) // (size // 8)
        assert (np.sort(banks, axis=0) == np.arange(8)[:, None]).all()


def test_a_size_outside_of_the_table_is_refused() -> None:
    with pytest.raises(SpecError, match="41 bits"):
        interleaver(41)


def slow_constituent(bits: list[int]) -> tuple[list[int], list[int], list[int]]:
    s1 = s2 = s3 = 0
    parity, tail, tail_parity = [], [], []
    for bit in bits:
        fed = bit ^ s2 ^ s3
        parity.append(fed ^ s1 ^ s3)
        s1, s2, s3 = fed, s1, s2
    for _ in range(3):
        tail.append(s2 ^ s3)
        tail_parity.append(s1 ^ s3)
        s1, s2, s3 = 0, s1, s2
    return parity, tail, tail_parity


@pytest.mark.parametrize("size", [40, 64, 512, 6144])
def test_streams_and_tails_are_those_of_two_registers(size: int) -> None:
    rows = np.random.default_rng(size).integers(0, 2, (3, size), np.uint8)
    coded = encode(rows)
    for row, (d0, d1, d2) in zip(rows, coded, strict=True):
        z, x, t = slow_constituent(row.tolist())
        z2, x2, t2 = slow_constituent(row[interleaver(size)].tolist())
        # Tails as in TS 36.212, section 5.1.3.2.2.
        assert d0.tolist() == [*row.tolist(), x[0], t[1], x2[0], t2[1]]
        assert d1.tolist() == [*z, t[0], x[2], t2[0], x2[2]]
        assert d2.tolist() == [*z2, x[1], t[2], x2[1], t2[2]]
