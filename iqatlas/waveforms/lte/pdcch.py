"""The physical downlink control channel: messages interleaved over the control region."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Complex64, Int64, UInt8

from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.coding.ratematch import subblock_order
from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.modulation import modulate

GROUPS_PER_ELEMENT = 9
BITS_PER_ELEMENT = 72
_BITS_PER_GROUP = 8
LEVELS = (8, 4, 2, 1)
"""Aggregation levels: control-channel elements that a message may take."""


def element_count(groups: int) -> int:
    """Return the control-channel elements that a number of groups makes.

    Source: TS 36.211, section 6.8.1.
    """
    return groups // GROUPS_PER_ELEMENT


def symbols(
    cell: Cell, subframe: int, groups: int, messages: Sequence[tuple[int, UInt8[np.ndarray, "_"]]]
) -> Complex64[np.ndarray, "port group 4"]:
    """Return what each port sends on each group of the region, nothing where there is no message.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        groups: Groups of four elements that the region has for messages.
        messages: First control-channel element and coded bits of each message.

    Source: TS 36.211, sections 6.8.2 to 6.8.5.
    """
    bits = np.zeros(_BITS_PER_GROUP * groups, np.uint8)
    used = np.zeros(groups, bool)
    for first, coded in messages:
        bits[first * BITS_PER_ELEMENT :][: len(coded)] = coded
        used[first * GROUPS_PER_ELEMENT :][: len(coded) // _BITS_PER_GROUP] = True
    c_init = np.array(subframe * 512 + cell.cell_id, np.int64)
    values = to_ports(modulate(bits ^ gold_sequence(c_init, len(bits)), 2), cell.antenna_ports)
    quadruplets = values.reshape(cell.antenna_ports, groups, 4) * used[:, None]
    return quadruplets[:, _order(groups, cell.cell_id)].astype(np.complex64)


@cache
def _order(groups: int, cell_id: int) -> Int64[np.ndarray, "group"]:
    """Return which quadruplet goes to each group: interleaved, then shifted by the cell's identity."""
    return np.roll(subblock_order(groups), -(cell_id % groups))
