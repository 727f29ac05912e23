"""Cyclic redundancy checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Crc:
    """A cyclic redundancy check: registers start at zero, nothing is reflected or inverted.

    Args:
        length: Number of parity bits.
        polynomial: Generator without its leading term, the highest power in the highest bit.
    """

    length: int
    polynomial: int


CRC24A = Crc(24, 0x864CFB)
CRC24B = Crc(24, 0x800063)
CRC16 = Crc(16, 0x1021)
CRC8 = Crc(8, 0x9B)


def parity(crc: Crc, bits: UInt8[np.ndarray, "*n bit"]) -> UInt8[np.ndarray, "*n parity"]:
    """Return the parity bits of each row of bits, first bit first.

    Args:
        crc: Which check.
        bits: Values 0 and 1.

    Source: TS 36.212, section 5.1.1.
    """
    # Parity is linear over GF(2): it is the sum of what each single bit leaves. Floating point
    # keeps whole numbers this small exact, and its product is a fast one.
    response = _responses(crc, bits.shape[-1])
    sums = bits.astype(np.float32) @ response
    values: UInt8[np.ndarray, "*n parity"] = (sums.astype(np.int64) & 1).astype(np.uint8)
    return values


def attach(crc: Crc, bits: UInt8[np.ndarray, "*n bit"]) -> UInt8[np.ndarray, "*n longer"]:
    """Return bits followed by their parity bits.

    Source: TS 36.212, section 5.1.1.
    """
    return np.concatenate([bits, parity(crc, bits)], axis=-1)


@cache
def _responses(crc: Crc, size: int) -> np.ndarray:
    """Return the parity that each single bit of a block leaves, on [bit, parity]."""
    top, mask = 1 << (crc.length - 1), (1 << crc.length) - 1
    register, registers = crc.polynomial, np.empty(size, np.int64)
    for place in range(size - 1, -1, -1):
        registers[place] = register
        carry = register & top
        register = (register << 1) & mask
        if carry:
            register ^= crc.polynomial
    shifts = np.arange(crc.length - 1, -1, -1)
    return ((registers[:, None] >> shifts) & 1).astype(np.float32)
