"""Cell-specific reference signals of antenna ports 0 and 1."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex128, Int64

from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.numerology import symbols_per_slot
from iqatlas.waveforms.lte.sync import check_cell_id

_MAX_BLOCKS = 110


def reference_symbols(extended_prefix: bool) -> tuple[int, int]:
    """Return the symbols of every slot that carry reference signals of ports 0 and 1.

    Source: TS 36.211, section 6.10.1.2.
    """
    return 0, symbols_per_slot(extended_prefix) - 3


def reference_sequence(
    cell_id: int, slot: int, symbol: int, resource_blocks: int, *, extended_prefix: bool = False
) -> Complex128[np.ndarray, "n"]:
    """Return the reference values of one symbol, two a resource block, unit magnitude.

    Args:
        cell_id: Physical-layer cell identity.
        slot: Slot of the radio frame, 0 to 19.
        symbol: Symbol of the slot, 0 or 4 (3 with the extended prefix).
        resource_blocks: Resource blocks across the carrier.
        extended_prefix: Whether the cyclic prefix is the extended one.

    Raises:
        SpecError: The identity is not between 0 and 503.

    Source: TS 36.211, sections 6.10.1.1 and 6.10.1.2.
    """
    check_cell_id(cell_id)
    c_init = (7 * (slot + 1) + symbol + 1) * (2 * cell_id + 1) * 1024 + 2 * cell_id + (not extended_prefix)
    bits = gold_sequence(np.array(c_init, np.int64), 4 * _MAX_BLOCKS).reshape(-1, 2)
    # The sequence belongs to the widest carrier; a narrower one takes its middle.
    bits = bits[_MAX_BLOCKS - resource_blocks : _MAX_BLOCKS + resource_blocks]
    signs = (1.0 - 2.0 * bits) / np.sqrt(2)
    values: Complex128[np.ndarray, "n"] = signs[:, 0] + 1j * signs[:, 1]
    return values


def reference_subcarriers(
    cell_id: int, symbol: int, resource_blocks: int, *, port: int = 0
) -> Int64[np.ndarray, "n"]:
    """Return the subcarriers that carry reference values in one symbol, every sixth.

    Args:
        cell_id: Physical-layer cell identity; it shifts them by its remainder modulo 6.
        symbol: Symbol of the slot, one of those that carry reference signals.
        resource_blocks: Resource blocks across the carrier.
        port: Antenna port, 0 or 1: each keeps silent where the other one sends.

    Source: TS 36.211, section 6.10.1.2.
    """
    shift = (3 * ((symbol != 0) ^ (port != 0)) + cell_id % 6) % 6
    return 6 * np.arange(2 * resource_blocks, dtype=np.int64) + shift
