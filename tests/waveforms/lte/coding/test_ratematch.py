"""Rate matching against the matrices of TS 36.212, section 5.1.4, filled element by element."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.lte.coding.ratematch import convolutional_order, subblock_order, turbo_order

TURBO = "0 16 8 24 4 20 12 28 2 18 10 26 6 22 14 30 1 17 9 25 5 21 13 29 3 19 11 27 7 23 15 31"
CONVOLUTIONAL = "1 17 9 25 5 21 13 29 3 19 11 27 7 23 15 31 0 16 8 24 4 20 12 28 2 18 10 26 6 22 14 30"


def matrix(size: int, columns: str) -> list[int | None]:
    rows = -(-size // 32)
    padded: list[int | None] = [None] * (32 * rows - size) + list(range(size))
    return [padded[32 * row + int(column)] for column in columns.split() for row in range(rows)]


@pytest.mark.parametrize("size", [37, 40, 43, 64, 120])
@pytest.mark.parametrize("times", [0.5, 1.0, 16.0])
def test_convolutional_bits_are_read_round_the_buffer(size: int, times: float) -> None:
    one = [place for place in matrix(size, CONVOLUTIONAL) if place is not None]
    buffer = [stream * size + place for stream in range(3) for place in one]
    sent = int(3 * size * times)
    assert convolutional_order(size, sent).tolist() == [buffer[i % len(buffer)] for i in range(sent)]
    assert subblock_order(size).tolist() == one


@settings(max_examples=40, deadline=None)
@given(
    size=st.sampled_from([44, 52, 68, 516, 1028]),
    filler=st.sampled_from([0, 0, 16]),
    sent=st.integers(1, 5000),
    version=st.integers(0, 3),
)
def test_turbo_bits_are_read_round_the_buffer_from_their_versions_start(
    size: int, filler: int, sent: int, version: int
) -> None:
    rows = -(-size // 32)
    total, padding = 32 * rows, 32 * rows - size
    columns = [int(column) for column in TURBO.split()]
    v0 = matrix(size, TURBO)
    buffer: list[int | None] = [None if v is None or v < filler else v for v in v0]
    for k in range(total):
        first = v0[k]
        buffer.append(None if first is None or first < filler else size + first)
        second = (columns[k // rows] + 32 * (k % rows) + 1) % total - padding
        buffer.append(2 * size + second if second >= 0 else None)
    at = rows * (2 * -(-3 * total // (8 * rows)) * version + 2)
    wanted: list[int] = []
    while len(wanted) < sent:
        value = buffer[at % len(buffer)]
        wanted += [] if value is None else [value]
        at += 1
    assert turbo_order(size, filler, sent, version).tolist() == wanted


def test_the_first_version_begins_with_systematic_bits_and_the_third_with_parity() -> None:
    size = 516
    assert (turbo_order(size, 0, 300, 0) < size).all()
    assert (turbo_order(size, 0, 300, 2) >= size).all()


def test_a_whole_turn_sends_every_coded_bit_once() -> None:
    for version in range(4):
        assert np.array_equal(np.sort(turbo_order(132, 0, 396, version)), np.arange(396))
