"""The physical broadcast channel and the master information block in it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Complex64, UInt8

from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.coding import convolutional
from iqatlas.waveforms.lte.coding.crc import CRC16, parity
from iqatlas.waveforms.lte.coding.ratematch import convolutional_order
from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.modulation import modulate
from iqatlas.waveforms.lte.sync import sync_subcarriers

FRAME_NUMBERS = 1024
"""System frame numbers count modulo this."""
FRAMES = 4
"""Frames that one transport block is spread over."""
SYMBOLS = 4
"""Symbols of slot 1 that carry the channel, from its first on."""
_BANDWIDTH_CODES = {6: 0, 15: 1, 25: 2, 50: 3, 75: 4, 100: 5}
_PHICH_NORMAL, _PHICH_ONE = 0, 2
_SPARE_BITS = 10
_PORT_MASKS = {1: 0, 2: 1}


def master_information_block(resource_blocks: int, frame: int) -> UInt8[np.ndarray, "24"]:
    """Return the message of a frame: bandwidth, PHICH set-up, upper eight bits of the frame number.

    PHICH has normal duration and its resource is one.

    Args:
        resource_blocks: Resource blocks across the carrier.
        frame: System frame number; what lies above 1023 is dropped.

    Source: TS 36.331, section 6.2.2, MasterInformationBlock.
    """
    value = _BANDWIDTH_CODES[resource_blocks]
    value = value << 1 | _PHICH_NORMAL
    value = value << 2 | _PHICH_ONE
    value = value << 8 | (frame % FRAME_NUMBERS) // FRAMES
    value <<= _SPARE_BITS
    return (value >> np.arange(23, -1, -1) & 1).astype(np.uint8)


def elements(cell: Cell) -> Bool[np.ndarray, "4 subcarrier"]:
    """Return the elements of the channel in the first four symbols of slot 1.

    Places of reference signals of four ports stay free, however many ports there are.

    Source: TS 36.211, section 6.6.4.
    """
    mask = np.zeros((SYMBOLS, cell.subcarriers), bool)
    mask[:, sync_subcarriers(cell.resource_blocks)] = True
    with_reference = (0, 1, 3) if cell.extended_prefix else (0, 1)
    for symbol in with_reference:
        mask[symbol, cell.cell_id % 3 :: 3] = False
    return mask


@lru_cache(maxsize=16)
def symbols(cell: Cell) -> Complex64[np.ndarray, "port 1024 element"]:
    """Return the channel in every frame of the count, in the order of its elements.

    Args:
        cell: The cell.

    Source: TS 36.212, section 5.3.1; TS 36.211, section 6.6.
    """
    frames = range(0, FRAME_NUMBERS, FRAMES)
    messages = np.stack([master_information_block(cell.resource_blocks, frame) for frame in frames])
    # The check tells how many ports there are.
    check = parity(CRC16, messages) ^ np.uint8(_PORT_MASKS[cell.antenna_ports])
    coded = convolutional.encode(np.concatenate([messages, check], axis=-1))
    sent = FRAMES * 2 * int(elements(cell).sum())
    matched = coded.reshape(len(coded), -1)[:, convolutional_order(coded.shape[-1], sent)]
    scrambled = matched ^ gold_sequence(np.array(cell.cell_id, np.int64), sent)
    return to_ports(modulate(scrambled, 2).reshape(FRAME_NUMBERS, -1), cell.antenna_ports)
