"""The hybrid-ARQ indicators: acknowledgements of what terminals sent."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Int64, UInt8

from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.gold import gold_sequence

_REPETITIONS = 3
_SPREAD_SYMBOLS = 12
_SEQUENCE = np.ones(4, np.complex64)
"""Orthogonal sequence 0, the only one in use: one indicator a group."""


def group_count(cell: Cell) -> int:
    """Return the number of indicator groups, for a PHICH resource of one.

    Source: TS 36.211, section 6.9.
    """
    groups = -(-cell.resource_blocks // 8)
    return 2 * groups if cell.extended_prefix else groups


def unit_count(cell: Cell) -> int:
    """Return the number of mapping units: with the extended prefix two groups share one."""
    return group_count(cell) // (2 if cell.extended_prefix else 1)


def group_places(cell: Cell, free: int) -> Int64[np.ndarray, "unit 3"]:
    """Return which groups of symbol 0 carry each mapping unit, among those the format indicator leaves.

    Args:
        cell: The cell.
        free: Groups of four elements that the format indicator leaves in symbol 0.

    Source: TS 36.211, section 6.9.3, normal duration.
    """
    unit = np.arange(unit_count(cell), dtype=np.int64)[:, None]
    thirds = np.arange(_REPETITIONS, dtype=np.int64) * free // 3
    places: Int64[np.ndarray, "unit 3"] = (cell.cell_id + unit + thirds) % free
    return places


def symbols(
    cell: Cell, subframe: int, indicators: UInt8[np.ndarray, "group"]
) -> Complex64[np.ndarray, "unit port 12"]:
    """Return what each port sends on the elements of each mapping unit.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        indicators: One for each group: 1 acknowledges, 0 does not.

    Source: TS 36.212, section 5.3.5; TS 36.211, sections 6.9.1 and 6.9.2.
    """
    spread = 2 if cell.extended_prefix else 4
    c_init = (subframe + 1) * (2 * cell.cell_id + 1) * 512 + cell.cell_id
    sign = 1.0 - 2.0 * gold_sequence(np.array(c_init, np.int64), _REPETITIONS * spread)
    value = (1 - 2.0 * indicators) * (1 + 1j) / np.sqrt(2)
    sent = (value[:, None] * sign * np.tile(_SEQUENCE[:spread], _REPETITIONS)).astype(np.complex64)
    if cell.extended_prefix:
        # Two groups share the four elements of a group: an even one has the first two, an odd one the rest.
        pairs = sent.reshape(-1, 2, _REPETITIONS, 2)
        sent = np.swapaxes(pairs, 1, 2).reshape(-1, _SPREAD_SYMBOLS)
    return np.stack([to_ports(unit, cell.antenna_ports) for unit in sent])
