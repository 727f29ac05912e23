"""Bits to symbols of unit mean energy."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, UInt8

BITS_PER_SYMBOL = {"qpsk": 2, "16qam": 4, "64qam": 6}
_LEVELS = {
    2: np.array([1, -1]) / np.sqrt(2),
    4: np.array([1, 3, -1, -3]) / np.sqrt(10),
    6: np.array([3, 1, 5, 7, -3, -1, -5, -7]) / np.sqrt(42),
}
"""Level of the in-phase part for its bits, those at even places, first bit highest."""


def constellation(bits_per_symbol: int) -> Complex64[np.ndarray, "point"]:
    """Return the symbol of each group of bits, read as a number with the first bit highest.

    Args:
        bits_per_symbol: 2, 4 or 6.

    Source: TS 36.211, tables 7.1.2-1, 7.1.3-1 and 7.1.4-1.
    """
    number = np.arange(1 << bits_per_symbol)
    in_phase, quadrature = np.zeros_like(number), np.zeros_like(number)
    for place in range(0, bits_per_symbol, 2):
        in_phase = 2 * in_phase + (number >> (bits_per_symbol - 1 - place) & 1)
        quadrature = 2 * quadrature + (number >> (bits_per_symbol - 2 - place) & 1)
    levels = _LEVELS[bits_per_symbol]
    points: Complex64[np.ndarray, "point"] = (levels[in_phase] + 1j * levels[quadrature]).astype(np.complex64)
    return points


_TABLES = {order: constellation(order) for order in _LEVELS}


def modulate(bits: UInt8[np.ndarray, "*n bit"], bits_per_symbol: int) -> Complex64[np.ndarray, "*n symbol"]:
    """Return symbols of unit mean energy.

    Args:
        bits: Values 0 and 1, a multiple of ``bits_per_symbol`` of them.
        bits_per_symbol: 2 (QPSK), 4 (16QAM) or 6 (64QAM).

    Source: TS 36.211, section 7.1.
    """
    groups = bits.reshape(*bits.shape[:-1], -1, bits_per_symbol)
    number = groups @ (1 << np.arange(bits_per_symbol - 1, -1, -1))
    symbols: Complex64[np.ndarray, "*n symbol"] = _TABLES[bits_per_symbol][number]
    return symbols
