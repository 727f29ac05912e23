"""The turbo code of the shared channel."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from iqatlas.waveforms.lte.coding.qpp import interleaver

TAIL_BITS = 4
"""Bits that trellis termination adds to each of the three streams."""
_PERIOD = 7


def encode(bits: UInt8[np.ndarray, "*n size"]) -> UInt8[np.ndarray, "*n 3 longer"]:
    """Return systematic and two parity streams of each code block, rate 1/3, with their tails.

    Args:
        bits: Code blocks of one size out of the interleaver's table; values 0 and 1.

    Raises:
        SpecError: The code has no block of this size.

    Source: TS 36.212, section 5.1.3.2.
    """
    size = bits.shape[-1]
    order = interleaver(size)
    parity, tail, tail_parity = _constituent(bits)
    parity2, tail2, tail_parity2 = _constituent(bits[..., order])
    out = np.empty((*bits.shape[:-1], 3, size + TAIL_BITS), np.uint8)
    out[..., 0, :size], out[..., 1, :size], out[..., 2, :size] = bits, parity, parity2
    # Tails in the order x z x z x z of the first encoder, then of the second, dealt to the streams.
    run = np.empty((*bits.shape[:-1], 12), np.uint8)
    run[..., 0:6:2], run[..., 1:6:2] = tail, tail_parity
    run[..., 6::2], run[..., 7::2] = tail2, tail_parity2
    out[..., size:] = np.swapaxes(run.reshape(*run.shape[:-1], TAIL_BITS, 3), -1, -2)
    return out


def _constituent(
    bits: UInt8[np.ndarray, "*n size"],
) -> tuple[UInt8[np.ndarray, "*n size"], UInt8[np.ndarray, "*n 3"], UInt8[np.ndarray, "*n 3"]]:
    """Return parity, tail and the tail's parity of the 8-state encoder (1 + D + D³)/(1 + D² + D³)."""
    # 1/(1 + D² + D³) = (1 + D² + D³ + D⁴)/(1 + D⁷): a short filter and a running sum at stride
    # seven, in place of a loop over bits.
    filtered = bits.copy()
    for delay in (2, 3, 4):
        filtered[..., delay:] ^= bits[..., :-delay]
    size = bits.shape[-1]
    rows = -(-size // _PERIOD)
    padded = np.zeros((*bits.shape[:-1], rows * _PERIOD), np.uint8)
    padded[..., :size] = filtered
    strided = padded.reshape(*bits.shape[:-1], rows, _PERIOD)
    register = np.bitwise_xor.accumulate(strided, axis=-2).reshape(padded.shape)[..., :size]
    parity = register.copy()
    for delay in (1, 3):
        parity[..., delay:] ^= register[..., :-delay]
    s1, s2, s3 = (register[..., -delay] for delay in (1, 2, 3))
    tail, tail_parity = [], []
    # Feedback is fed into the encoder, so that zeros enter the register until it is empty.
    for _ in range(3):
        tail.append(s2 ^ s3)
        tail_parity.append(s1 ^ s3)
        s1, s2, s3 = np.zeros_like(s1), s1, s2
    return parity, np.stack(tail, axis=-1), np.stack(tail_parity, axis=-1)
