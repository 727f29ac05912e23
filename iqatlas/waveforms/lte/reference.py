"""Cell-specific reference signals of antenna ports 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence

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
    values: Complex128[np.ndarray, "n"] = reference_sequences(
        [cell_id], [(slot, symbol)], resource_blocks, extended_prefix=extended_prefix
    )[0, 0]
    return values


def reference_sequences(
    cell_ids: Sequence[int],
    places: Sequence[tuple[int, int]],
    resource_blocks: int,
    *,
    extended_prefix: bool = False,
) -> Complex128[np.ndarray, "place cell n"]:
    """Return what :func:`reference_sequence` does for several symbols of several cells at once.

    Args:
        cell_ids: Physical-layer cell identities.
        places: Slot of the radio frame and symbol of the slot.
        resource_blocks: Resource blocks across the carrier.
        extended_prefix: Whether the cyclic prefix is the extended one.

    Raises:
        SpecError: An identity is not between 0 and 503.
    """
    for cell_id in cell_ids:
        check_cell_id(cell_id)
    cell = np.array(cell_ids, np.int64)
    of_symbol = np.array([7 * (slot + 1) + symbol + 1 for slot, symbol in places], np.int64)
    c_init = of_symbol[:, None] * (2 * cell + 1) * 1024 + 2 * cell + (not extended_prefix)
    bits = gold_sequence(c_init, 4 * _MAX_BLOCKS).reshape(*c_init.shape, -1, 2)
    # The sequence belongs to the widest carrier; a narrower one takes its middle.
    bits = bits[..., _MAX_BLOCKS - resource_blocks : _MAX_BLOCKS + resource_blocks, :]
    signs = (1.0 - 2.0 * bits) / np.sqrt(2)
    values: Complex128[np.ndarray, "place cell n"] = signs[..., 0] + 1j * signs[..., 1]
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
