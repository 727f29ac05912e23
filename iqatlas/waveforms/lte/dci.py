"""Downlink control information: the bits that announce what the shared channel holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from iqatlas.waveforms.lte.coding import convolutional
from iqatlas.waveforms.lte.coding.crc import CRC16, parity
from iqatlas.waveforms.lte.coding.ratematch import convolutional_order

SI_RNTI = 0xFFFF
_AMBIGUOUS_SIZES = (12, 14, 16, 20, 24, 26, 32, 40, 44, 56)
"""Sizes at which a message could be mistaken for a repetition (TS 36.212, table 5.3.3.1.2-1)."""
_NO_HEADER_BLOCKS = 10
_COMMON_BITS = 13
"""Modulation and coding 5, process 3, new data 1, redundancy version 2, power control 2 bits."""


@dataclass(frozen=True)
class Grant:
    """What a message says about a transport block, beside where it is.

    Args:
        modulation_coding: Index of modulation and coding, 0 to 28.
        process: Hybrid-ARQ process, 0 to 7.
        new_data: The new-data indicator, 0 or 1.
        redundancy_version: 0 to 3.
        power_control: The power-control field; for system information its last bit tells which
            column of the table of sizes is meant.
    """

    modulation_coding: int
    process: int = 0
    new_data: int = 0
    redundancy_version: int = 0
    power_control: int = 0


def block_group_size(resource_blocks: int) -> int:
    """Return how many resource blocks one bit of allocation type 0 stands for.

    Source: TS 36.213, table 7.1.6.1-1.
    """
    return 1 + sum(resource_blocks > limit for limit in (10, 26, 63))


def compact_size(resource_blocks: int) -> int:
    """Return the bits of format 1A, FDD.

    Source: TS 36.212, section 5.3.3.1.3.
    """
    size = 2 + _indication_bits(resource_blocks) + _COMMON_BITS
    return size + (size in _AMBIGUOUS_SIZES)


def bitmap_size(resource_blocks: int) -> int:
    """Return the bits of format 1, FDD.

    Source: TS 36.212, section 5.3.3.1.2.
    """
    groups = -(-resource_blocks // block_group_size(resource_blocks))
    size = (resource_blocks > _NO_HEADER_BLOCKS) + groups + _COMMON_BITS
    while size == compact_size(resource_blocks) or size in _AMBIGUOUS_SIZES:
        size += 1
    return size


def compact(resource_blocks: int, first: int, count: int, grant: Grant) -> UInt8[np.ndarray, "bit"]:
    """Return format 1A with neighbouring blocks: allocation type 2, localised.

    Args:
        resource_blocks: Resource blocks across the carrier.
        first: First resource block of the allocation.
        count: Number of resource blocks.
        grant: The transport block.

    Source: TS 36.212, section 5.3.3.1.3; TS 36.213, section 7.1.6.3.
    """
    if count - 1 <= resource_blocks // 2:
        indication = resource_blocks * (count - 1) + first
    else:
        indication = resource_blocks * (resource_blocks - count + 1) + resource_blocks - 1 - first
    fields = [(1, 1), (0, 1), (indication, _indication_bits(resource_blocks)), *_common(grant)]
    return _pack(fields, compact_size(resource_blocks))


def bitmap(resource_blocks: int, groups: Sequence[int], grant: Grant) -> UInt8[np.ndarray, "bit"]:
    """Return format 1 with a bitmap of block groups: allocation type 0.

    Args:
        resource_blocks: Resource blocks across the carrier.
        groups: Numbers of the block groups in the allocation.
        grant: The transport block.

    Source: TS 36.212, section 5.3.3.1.2; TS 36.213, section 7.1.6.1.
    """
    count = -(-resource_blocks // block_group_size(resource_blocks))
    header = [(0, 1)] if resource_blocks > _NO_HEADER_BLOCKS else []
    value = sum(1 << (count - 1 - group) for group in groups)
    return _pack([*header, (value, count), *_common(grant)], bitmap_size(resource_blocks))


def encode(message: UInt8[np.ndarray, "bit"], rnti: int, sent: int) -> UInt8[np.ndarray, "sent"]:
    """Return the coded bits of a message to one terminal.

    Args:
        message: The message.
        rnti: Identity of the terminal, 16 bits; it is mixed into the check.
        sent: Number of coded bits.

    Source: TS 36.212, sections 5.3.3.2 to 5.3.3.4.
    """
    mask = (rnti >> np.arange(15, -1, -1) & 1).astype(np.uint8)
    coded = convolutional.encode(np.concatenate([message, parity(CRC16, message) ^ mask]))
    matched: UInt8[np.ndarray, "sent"] = coded.reshape(-1)[convolutional_order(coded.shape[-1], sent)]
    return matched


def candidates(
    rnti: int, subframe: int, level: int, elements: int, *, common: bool
) -> Int64[np.ndarray, "candidate"]:
    """Return the first control-channel elements at which a terminal looks for its messages.

    Args:
        rnti: Identity of the terminal.
        subframe: Subframe of the frame, 0 to 9.
        level: Aggregation level: 1, 2, 4 or 8, in the common space 4 or 8.
        elements: Control-channel elements in the subframe.
        common: Whether the common search space is meant.

    Source: TS 36.213, section 9.1.1.
    """
    places = elements // level
    if places == 0:
        return np.zeros(0, np.int64)
    start = 0
    if not common:
        start = rnti
        for _ in range(subframe + 1):
            start = 39827 * start % 65537
    count = {1: 6, 2: 6, 4: 4 if common else 2, 8: 2}[level]
    return np.unique((start + np.arange(count, dtype=np.int64)) % places) * level


def _indication_bits(resource_blocks: int) -> int:
    return (resource_blocks * (resource_blocks + 1) // 2 - 1).bit_length()


def _common(grant: Grant) -> list[tuple[int, int]]:
    return [
        (grant.modulation_coding, 5),
        (grant.process, 3),
        (grant.new_data, 1),
        (grant.redundancy_version, 2),
        (grant.power_control, 2),
    ]


def _pack(fields: Sequence[tuple[int, int]], size: int) -> UInt8[np.ndarray, "bit"]:
    bits = [value >> (width - 1 - place) & 1 for value, width in fields for place in range(width)]
    # Zeros at the end make up the size of the format.
    return np.array(bits + [0] * (size - len(bits)), np.uint8)
