"""Bits map to the points of TS 36.211, section 7.1, and two ports share them by the block code."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, constellation, modulate


@pytest.mark.parametrize(
    ("bits", "point", "scale"),
    [
        ("00", 1 + 1j, 2),
        ("01", 1 - 1j, 2),
        ("10", -1 + 1j, 2),
        ("0000", 1 + 1j, 10),
        ("0011", 3 + 3j, 10),
        ("0110", 3 - 1j, 10),
        ("1101", -1 - 3j, 10),
        ("000000", 3 + 3j, 42),
        ("000011", 1 + 1j, 42),
        ("101111", -7 + 7j, 42),
    ],
)
def test_points_are_those_of_the_tables(bits: str, point: complex, scale: int) -> None:
    values = modulate(np.array([int(b) for b in bits], np.uint8), len(bits))
    # Rounding of complex64.
    np.testing.assert_allclose(values, [point / np.sqrt(scale)], atol=1e-6)


@pytest.mark.parametrize("order", BITS_PER_SYMBOL.values())
def test_points_have_unit_energy_and_neighbours_differ_in_one_bit(order: int) -> None:
    points = constellation(order)
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1, abs=1e-6)
    gaps = np.abs(points[:, None] - points)
    nearest = gaps[gaps > 1e-3].min()
    for a, b in np.argwhere(np.abs(gaps - nearest) < 1e-3):
        assert bin(int(a) ^ int(b)).count("1") == 1


def test_rows_are_modulated_each_by_itself() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, 24), np.uint8)
    np.testing.assert_array_equal(modulate(bits, 4)[1], modulate(bits[1], 4))


def test_one_port_sends_the_symbols_and_two_a_block_code_of_the_same_power() -> None:
    symbols = modulate(np.random.default_rng(2).integers(0, 2, 200, np.uint8), 2)
    np.testing.assert_array_equal(to_ports(symbols, 1), symbols[None])
    first, second = to_ports(symbols, 2) * np.sqrt(2)
    # TS 36.211, section 6.3.4.3; rounding of complex64.
    np.testing.assert_allclose(first, symbols, atol=1e-6)
    np.testing.assert_allclose(second[0::2], -symbols[1::2].conj(), atol=1e-6)
    np.testing.assert_allclose(second[1::2], symbols[0::2].conj(), atol=1e-6)
    # Orthogonal: that is what lets a receiver take them apart.
    pairs = np.stack([first, second]).reshape(2, -1, 2)
    np.testing.assert_allclose((pairs[0] * pairs[1].conj()).sum(axis=1), 0, atol=1e-6)
