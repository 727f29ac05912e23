"""The control format indicator: how many symbols the control region lasts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Int64

from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.modulation import modulate

_GROUPS = 4
_CODE_WORDS = {1: (0, 1, 1), 2: (1, 0, 1), 3: (1, 1, 0)}
_CODED_BITS = 32


def group_places(cell: Cell) -> Int64[np.ndarray, "4"]:
    """Return which groups of symbol 0 carry the indicator, in the order of its symbols.

    Source: TS 36.211, section 6.7.4.
    """
    # Two groups to a resource block: half blocks count groups.
    first = cell.cell_id % (2 * cell.resource_blocks)
    steps = np.arange(_GROUPS, dtype=np.int64) * cell.resource_blocks // 2
    places: Int64[np.ndarray, "4"] = (first + steps) % (2 * cell.resource_blocks)
    return places


@lru_cache(maxsize=512)
def symbols(cell: Cell, subframe: int, control_format: int) -> Complex64[np.ndarray, "port 16"]:
    """Return what each port sends on the indicator's elements.

    Args:
        cell: The cell.
        subframe: Subframe of the frame, 0 to 9.
        control_format: 1 to 3.

    Source: TS 36.212, section 5.3.4; TS 36.211, section 6.7.
    """
    bits = np.resize(np.array(_CODE_WORDS[control_format], np.uint8), _CODED_BITS)
    c_init = (subframe + 1) * (2 * cell.cell_id + 1) * 512 + cell.cell_id
    scrambled = bits ^ gold_sequence(np.array(c_init, np.int64), _CODED_BITS)
    return to_ports(modulate(scrambled, 2), cell.antenna_ports)
