"""LTE's pseudo-random sequence: a length-31 Gold sequence."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float32, Int64, UInt8

_DEGREE = 31
_ADVANCE = 1600
"""How many values are skipped: N_C of the standard."""


def gold_sequence(c_init: Int64[np.ndarray, "*n"], length: int) -> UInt8[np.ndarray, "*n length"]:
    """Return the first values of the pseudo-random sequence c for each initial value.

    Args:
        c_init: Initial values of the second register, 31 bits each.
        length: Number of values, 0 or 1 each.

    Source: TS 36.211, section 7.2.
    """
    # Few lengths are kept: a shorter sequence begins a longer one.
    first, second = (values[..., :length] for values in _registers(1 << max(length, 512).bit_length()))
    bits = (c_init[..., None] >> np.arange(_DEGREE)) & 1
    # The second register is linear over GF(2) in its initial bits. Sums of 32 ones are exact in
    # floating point, whose product is a fast one.
    sums = bits.astype(np.float32) @ second + first
    values: UInt8[np.ndarray, "*n length"] = sums.astype(np.uint8) & np.uint8(1)
    return values


@cache
def _registers(length: int) -> tuple[Float32[np.ndarray, "length"], Float32[np.ndarray, "31 length"]]:
    """Return the first sequence, and the second one's response to each bit of its initial state."""
    unit = np.eye(_DEGREE, dtype=np.int64)
    first = _run(unit[:1], (0, 3), length)[0]
    second = _run(unit, (0, 1, 2, 3), length)
    return first.astype(np.float32), second.astype(np.float32)


def _run(
    start: Int64[np.ndarray, "register 31"], taps: tuple[int, ...], length: int
) -> Int64[np.ndarray, "register length"]:
    total = _ADVANCE + length
    # The newest tap is 28 values back, so 28 values at a time depend on known ones only.
    step = _DEGREE - max(taps)
    state = np.zeros((len(start), _DEGREE + total + step), np.int64)
    state[:, :_DEGREE] = start
    for at in range(0, total, step):
        block = sum(state[:, at + tap : at + tap + step] for tap in taps)
        state[:, at + _DEGREE : at + _DEGREE + step] = block & 1
    return state[:, _ADVANCE:total]
