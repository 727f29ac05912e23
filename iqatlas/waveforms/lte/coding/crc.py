"""Cyclic redundancy checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Int32, UInt8


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
    # Parity is linear over GF(2): it is the sum of what each single bit leaves.
    left = np.bitwise_xor.reduce(bits * _registers(crc, bits.shape[-1]), axis=-1)
    shifts = np.arange(crc.length - 1, -1, -1)
    values: UInt8[np.ndarray, "*n parity"] = ((left[..., None] >> shifts) & 1).astype(np.uint8)
    return values


def attach(crc: Crc, bits: UInt8[np.ndarray, "*n bit"]) -> UInt8[np.ndarray, "*n longer"]:
    """Return bits followed by their parity bits.

    Source: TS 36.212, section 5.1.1.
    """
    return np.concatenate([bits, parity(crc, bits)], axis=-1)


@cache
def _registers(crc: Crc, size: int) -> Int32[np.ndarray, "bit"]:
    """Return the register that each single bit of a block leaves, its parity bits as a number."""
    top, mask = 1 << (crc.length - 1), (1 << crc.length) - 1
    register, registers = crc.polynomial, np.empty(size, np.int32)
    for place in range(size - 1, -1, -1):
        registers[place] = register
        carry = register & top
        register = (register << 1) & mask
        if carry:
            register ^= crc.polynomial
    return registers
