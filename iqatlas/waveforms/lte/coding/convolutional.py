"""The tail-biting convolutional code of broadcast and control channels."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

CONSTRAINT_LENGTH = 7
GENERATORS = (0o133, 0o171, 0o165)
"""Generators, the newest bit in the highest place."""


def encode(bits: UInt8[np.ndarray, "*n bit"]) -> UInt8[np.ndarray, "*n 3 bit"]:
    """Return the three coded streams of each row of bits, rate 1/3.

    The register starts with the last six bits of the row, so that it ends where it began.

    Args:
        bits: Values 0 and 1, at least six.

    Source: TS 36.212, section 5.1.3.1.
    """
    delayed = [np.roll(bits, delay, axis=-1) for delay in range(CONSTRAINT_LENGTH)]
    streams = []
    for generator in GENERATORS:
        stream = np.zeros_like(bits)
        for delay, row in enumerate(delayed):
            if generator >> (CONSTRAINT_LENGTH - 1 - delay) & 1:
                stream = stream ^ row
        streams.append(stream)
    return np.stack(streams, axis=-2)
