"""The physical downlink shared channel: which elements it has, and what stands there."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.numerology import SUBCARRIERS_PER_BLOCK
from iqatlas.waveforms.lte.reference import reference_subcarriers, reference_symbols
from iqatlas.waveforms.lte.sync import PSS_SYMBOL, SSS_SYMBOL, SYNC_SUBFRAMES, sync_subcarriers


@lru_cache(maxsize=256)
def free_elements(cell: Cell, subframe: int, control_symbols: int) -> Bool[np.ndarray, "symbol subcarrier"]:
    """Return the elements of a subframe that the shared channel may use.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        control_symbols: Symbols of the control region.

    Source: TS 36.211, section 6.3.5.
    """
    symbols = cell.symbols_per_slot
    free = np.ones((2 * symbols, cell.subcarriers), bool)
    free[:control_symbols] = False
    for slot in range(2):
        for symbol in reference_symbols(cell.extended_prefix):
            for port in range(cell.antenna_ports):
                places = reference_subcarriers(cell.cell_id, symbol, cell.resource_blocks, port=port)
                free[slot * symbols + symbol, places] = False
    centre = sync_subcarriers(cell.resource_blocks)
    if subframe in SYNC_SUBFRAMES:
        for symbol in (SSS_SYMBOL, PSS_SYMBOL):
            free[symbols + symbol, centre] = False
    if subframe == 0:
        free[symbols : symbols + pbch.SYMBOLS, centre] = False
    return free


def places(
    cell: Cell, subframe: int, control_symbols: int, blocks: Bool[np.ndarray, "block"]
) -> Int64[np.ndarray, "element"]:
    """Return the elements of an allocation in the order of its symbols, symbol · subcarriers + subcarrier.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        control_symbols: Symbols of the control region.
        blocks: Which resource blocks are allocated.

    Source: TS 36.211, section 6.3.5.
    """
    allocated = np.repeat(blocks, SUBCARRIERS_PER_BLOCK)
    return np.flatnonzero(free_elements(cell, subframe, control_symbols) & allocated)


def scrambling(cell: Cell, subframe: int, rnti: int, bits: int) -> UInt8[np.ndarray, "bit"]:
    """Return the scrambling sequence of one code word.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        rnti: Identity of the terminal.
        bits: Length of the sequence.

    Source: TS 36.211, section 6.3.1.
    """
    return gold_sequence(np.array(rnti << 14 | subframe << 9 | cell.cell_id, np.int64), bits)
