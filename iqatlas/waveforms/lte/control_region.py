"""The control region at the head of a subframe, in groups of four elements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int64

from iqatlas.waveforms.lte import pcfich, phich
from iqatlas.waveforms.lte.cell import Cell

_NARROW_BLOCKS = 10
"""Carriers of at most so many resource blocks have one control symbol more than the indicator says."""


def control_symbols(resource_blocks: int, control_format: int) -> int:
    """Return how many symbols the control region lasts.

    Args:
        resource_blocks: Resource blocks across the carrier.
        control_format: The control format indicator, 1 to 3.

    Source: TS 36.212, section 5.3.4.
    """
    return control_format + (resource_blocks <= _NARROW_BLOCKS)


def groups_of_symbol(cell: Cell, symbol: int) -> Int64[np.ndarray, "group 4"]:
    """Return the subcarriers of the resource-element groups of one symbol, by rising frequency.

    Where reference signals stand, those of two ports are left out even if there is one port.

    Args:
        cell: The cell.
        symbol: Symbol of the subframe, 0 to 3.

    Source: TS 36.211, section 6.2.4.
    """
    subcarrier = np.arange(cell.subcarriers, dtype=np.int64)
    if symbol == 0 or (symbol == 3 and cell.extended_prefix):
        subcarrier = subcarrier[subcarrier % 3 != cell.cell_id % 3]
    return subcarrier.reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class ControlRegion:
    """Who has which group of four elements.

    Args:
        symbols: Symbols that the region lasts.
        pcfich: Flat places, symbol · subcarriers + subcarrier, of the format indicator's groups.
        phich: Those of each mapping unit of hybrid-ARQ indicators, three groups each.
        pdcch: Those of the groups left to control messages, in the order of their mapping.
    """

    symbols: int
    pcfich: Int64[np.ndarray, "indicator_group 4"]
    phich: Int64[np.ndarray, "unit 3 4"]
    pdcch: Int64[np.ndarray, "group 4"]


@lru_cache(maxsize=64)
def control_region(cell: Cell, control_format: int) -> ControlRegion:
    """Return the layout of a cell's control region.

    Args:
        cell: The cell.
        control_format: The control format indicator, 1 to 3.

    Source: TS 36.211, sections 6.7.4, 6.8.5 and 6.9.3.
    """
    count = control_symbols(cell.resource_blocks, control_format)
    groups = [groups_of_symbol(cell, symbol) + symbol * cell.subcarriers for symbol in range(count)]
    first = groups[0]
    with_indicator = pcfich.group_places(cell)
    free = np.setdiff1d(np.arange(len(first)), with_indicator)
    units = free[phich.group_places(cell, len(free))]
    taken = np.zeros(len(first), bool)
    taken[with_indicator] = True
    taken[units] = True
    groups[0] = first[~taken]
    # In order of the lowest subcarrier of the group's span, symbols of the same one in order of time.
    flat = np.concatenate(groups)
    begin = np.concatenate(
        [_span_begin(g[:, 0] % cell.subcarriers, cell, symbol) for symbol, g in enumerate(groups)]
    )
    symbol = np.repeat(np.arange(count), [len(g) for g in groups])
    return ControlRegion(count, first[with_indicator], first[units], flat[np.lexsort((symbol, begin))])


def _span_begin(first: Int64[np.ndarray, "group"], cell: Cell, symbol: int) -> Int64[np.ndarray, "group"]:
    """Return where the span of groups begins, reference signals included."""
    width = 6 if symbol == 0 or (symbol == 3 and cell.extended_prefix) else 4
    begin: Int64[np.ndarray, "group"] = first - first % width
    return begin
