"""The tail-biting code against its shift register, and its distance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from iqatlas.waveforms.lte.coding.convolutional import encode


def slow(bits: list[int]) -> list[list[int]]:
    register = bits[-1:-7:-1]  # newest first
    out: list[list[int]] = [[], [], []]
    for bit in bits:
        window = [bit, *register]
        for stream, generator in zip(out, ("1011011", "1111001", "1110101"), strict=True):
            stream.append(sum(int(g) & w for g, w in zip(generator, window, strict=True)) % 2)
        register = window[:6]
    return out


@pytest.mark.parametrize("size", [6, 7, 40, 43])
def test_streams_are_those_of_the_register_that_starts_with_the_last_six_bits(size: int) -> None:
    # Generators 133, 171 and 165 in octal (TS 36.212, figure 5.1.3-1), written in binary above.
    rows = np.random.default_rng(size).integers(0, 2, (4, size), np.uint8)
    coded = encode(rows)
    for row, streams in zip(rows, coded, strict=True):
        assert streams.tolist() == slow(row.tolist())


def test_one_bit_leaves_the_generators_behind() -> None:
    bits = np.zeros(40, np.uint8)
    bits[5] = 1
    assert ["".join(map(str, stream[5:12])) for stream in encode(bits)] == ["1011011", "1111001", "1110101"]


def test_no_two_short_messages_are_nearer_than_the_codes_free_distance() -> None:
    # The code's free distance is 15; messages of 16 bits are long enough not to bite their tails.
    singles = [encode(np.eye(16, dtype=np.uint8)[0]).sum()]
    for places in itertools.combinations(range(1, 9), 2):
        bits = np.zeros(16, np.uint8)
        bits[[0, *places]] = 1
        singles.append(encode(bits).sum())
    assert min(singles) >= 15
