"""Cell-specific reference signals of antenna port 0."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex128, Int64

from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.sync import check_cell_id

REFERENCE_SYMBOLS = (0, 4)
"""Symbols of every slot that carry reference signals of port 0, normal prefix."""
_MAX_BLOCKS = 110
_NORMAL_PREFIX = 1


def reference_sequence(
    cell_id: int, slot: int, symbol: int, resource_blocks: int
) -> Complex128[np.ndarray, "n"]:
    """Return the reference values of one symbol, two a resource block, unit magnitude.

    Args:
        cell_id: Physical-layer cell identity.
        slot: Slot of the radio frame, 0 to 19.
        symbol: Symbol of the slot, 0 or 4.
        resource_blocks: Resource blocks across the carrier.

    Raises:
        SpecError: The identity is not between 0 and 503.

    Source: TS 36.211, sections 6.10.1.1 and 6.10.1.2.
    """
    check_cell_id(cell_id)
    c_init = (7 * (slot + 1) + symbol + 1) * (2 * cell_id + 1) * 1024 + 2 * cell_id + _NORMAL_PREFIX
    bits = gold_sequence(np.array(c_init, np.int64), 4 * _MAX_BLOCKS).reshape(-1, 2)
    # The sequence belongs to the widest carrier; a narrower one takes its middle.
    bits = bits[_MAX_BLOCKS - resource_blocks : _MAX_BLOCKS + resource_blocks]
    signs = (1.0 - 2.0 * bits) / np.sqrt(2)
    values: Complex128[np.ndarray, "n"] = signs[:, 0] + 1j * signs[:, 1]
    return values


def reference_subcarriers(cell_id: int, symbol: int, resource_blocks: int) -> Int64[np.ndarray, "n"]:
    """Return the subcarriers that carry reference values in one symbol, every sixth.

    Args:
        cell_id: Physical-layer cell identity; it shifts them by its remainder modulo 6.
        symbol: Symbol of the slot, 0 or 4.
        resource_blocks: Resource blocks across the carrier.

    Source: TS 36.211, section 6.10.1.2.
    """
    shift = ((0 if symbol == 0 else 3) + cell_id % 6) % 6
    return 6 * np.arange(2 * resource_blocks, dtype=np.int64) + shift
