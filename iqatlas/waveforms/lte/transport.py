"""The downlink shared transport channel: a transport block to its code word."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from jaxtyping import UInt8

from iqatlas.waveforms.lte.coding import turbo
from iqatlas.waveforms.lte.coding.crc import CRC24A, CRC24B, attach
from iqatlas.waveforms.lte.coding.ratematch import turbo_order
from iqatlas.waveforms.lte.coding.segmentation import segment


def code_word(
    block: UInt8[np.ndarray, "bit"],
    sent: int,
    *,
    bits_per_symbol: int,
    layers: int,
    redundancy_version: int = 0,
) -> UInt8[np.ndarray, "sent"]:
    """Return the coded bits of a transport block.

    Args:
        block: The transport block.
        sent: Bits of the code word, a multiple of ``bits_per_symbol · layers``.
        bits_per_symbol: Of the modulation that follows.
        layers: 1, or 2 for transmit diversity by two ports.
        redundancy_version: 0 to 3.

    Source: TS 36.212, section 5.3.2.
    """
    cut = segment(len(block))
    checked = np.concatenate([np.zeros(cut.filler, np.uint8), attach(CRC24A, block)])
    shares = sent_shares(sent, len(cut.sizes), bits_per_symbol * layers)
    parts, at, number = [], 0, 0
    # Blocks of one size are coded together; there are at most two sizes.
    for size, run in groupby(cut.sizes):
        count, fresh = len(list(run)), size - cut.check_bits
        pieces = checked[at : at + count * fresh].reshape(count, fresh)
        coded = turbo.encode(attach(CRC24B, pieces) if cut.check_bits else pieces)
        for piece in coded:
            filler = cut.filler if number == 0 else 0
            order = turbo_order(coded.shape[-1], filler, shares[number], redundancy_version)
            parts.append(piece.reshape(-1)[order])
            number += 1
        at += count * fresh
    return np.concatenate(parts)


def sent_shares(sent: int, blocks: int, unit: int) -> list[int]:
    """Return how many bits of the code word each code block gets.

    Args:
        sent: Bits of the code word.
        blocks: Number of code blocks.
        unit: Bits that stay together: those of a symbol on every layer.

    Source: TS 36.212, section 5.1.4.1.2.
    """
    units, longer = divmod(sent // unit, blocks)
    return [unit * (units + (block >= blocks - longer)) for block in range(blocks)]
