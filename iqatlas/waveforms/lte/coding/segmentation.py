"""Division of transport blocks into code blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from iqatlas.waveforms.lte.coding.crc import CRC24A, CRC24B
from iqatlas.waveforms.lte.coding.qpp import BLOCK_SIZES

_LARGEST = BLOCK_SIZES[-1]


@dataclass(frozen=True)
class Segmentation:
    """How a transport block, its check included, is cut.

    Args:
        sizes: Bits of each code block, checks and filler included.
        filler: Bits, all zero, in front of the first one.
        check_bits: Check bits at the end of each code block: 24, or none where it is the only one.
    """

    sizes: tuple[int, ...]
    filler: int
    check_bits: int


@cache
def segment(transport_block_size: int) -> Segmentation:
    """Return how a transport block is cut into code blocks.

    Args:
        transport_block_size: Bits of the transport block without its check.

    Source: TS 36.212, section 5.1.2.
    """
    bits = transport_block_size + CRC24A.length
    count, check_bits = 1, 0
    if bits > _LARGEST:
        check_bits = CRC24B.length
        count = -(-bits // (_LARGEST - check_bits))
    total = bits + count * check_bits
    at = next(i for i, size in enumerate(BLOCK_SIZES) if count * size >= total)
    large = BLOCK_SIZES[at]
    small, smalls = large, 0
    if count > 1:
        small = BLOCK_SIZES[at - 1]
        smalls = (count * large - total) // (large - small)
    sizes = (small,) * smalls + (large,) * (count - smalls)
    return Segmentation(sizes, sum(sizes) - total, check_bits)
