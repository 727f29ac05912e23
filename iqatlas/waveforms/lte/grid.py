"""Where everything lies: sub-channels across the carrier, control across the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.numerology import (
    SLOTS_PER_FRAME,
    SUBCARRIER_SPACING_HZ,
    SUBCARRIERS_PER_BLOCK,
    Numerology,
    symbols_per_slot,
)
from iqatlas.waveforms.lte.reference import reference_sequences, reference_subcarriers, reference_symbols
from iqatlas.waveforms.lte.sync import (
    PSS_SYMBOL,
    SSS_SYMBOL,
    SYNC_LENGTH,
    SYNC_SLOTS,
    SYNC_SUBFRAMES,
    pss,
    sss,
    sync_subcarriers,
)


@dataclass(frozen=True)
class Subchannels:
    """Equal groups of resource blocks, as wide as fit, centred in the carrier.

    Blocks that are left over are split between the two edges (an odd one goes to the upper edge)
    and never carry payload.

    Args:
        count: Number of sub-channels.
        blocks_each: Resource blocks of each.
        first_block: Resource block at which the lowest sub-channel begins.
    """

    count: int
    blocks_each: int
    first_block: int

    @classmethod
    def centred(cls, count: int, resource_blocks: int) -> Subchannels:
        """Divide a carrier.

        Raises:
            SpecError: There are more sub-channels than resource blocks.
        """
        if not 1 <= count <= resource_blocks:
            raise SpecError(
                f"{count} sub-channels in {resource_blocks} resource blocks",
                where="waveform.subchannels",
                accepted=f"1 to {resource_blocks} at this bandwidth",
                remedy="ask for fewer sub-channels or a wider channel",
            )
        each = resource_blocks // count
        return cls(count, each, (resource_blocks - each * count) // 2)

    @property
    def subcarriers(self) -> Int64[np.ndarray, "subchannel subcarrier"]:
        """Subcarriers of each sub-channel, as places among those in use."""
        width = SUBCARRIERS_PER_BLOCK * self.blocks_each
        places = np.arange(self.count * width, dtype=np.int64).reshape(self.count, width)
        return places + SUBCARRIERS_PER_BLOCK * self.first_block

    def edges_hz(self, numerology: Numerology) -> Float64[np.ndarray, "subchannel 2"]:
        """Return lower and upper edge of each sub-channel, relative to the carrier.

        An edge lies half a subcarrier beyond the outermost subcarrier. The subcarrier at DC is not
        in use, so sub-channels above DC lie one subcarrier higher than resource blocks alone would
        say, and one that straddles DC is one subcarrier wider.
        """
        outermost = numerology.subcarrier_hz[self.subcarriers[:, [0, -1]]]
        edges: Float64[np.ndarray, "subchannel 2"] = outermost + np.array([-0.5, 0.5]) * SUBCARRIER_SPACING_HZ
        return edges


@dataclass(frozen=True, eq=False)
class ControlElements:
    """One kind of control, for every cell: which elements of which symbols hold what.

    Args:
        ordinal: For each symbol of the frame the place on the axis ``symbol`` below, or −1.
        subcarrier: Reserved subcarriers, as places among those in use.
        value: What is sent there; 0 on elements that are reserved and stay empty.
    """

    ordinal: Int64[np.ndarray, "symbol_of_frame"]
    subcarrier: Int64[np.ndarray, "symbol cell element"]
    value: Complex64[np.ndarray, "symbol cell element"]


def reference_elements(
    cell_ids: Sequence[int], resource_blocks: int, *, antenna_ports: int = 1, extended_prefix: bool = False
) -> ControlElements:
    """Return the cell-specific reference signals of a frame.

    Args:
        cell_ids: Physical-layer cell identities.
        resource_blocks: Resource blocks across the carrier.
        antenna_ports: 1 or 2.
        extended_prefix: Whether the cyclic prefix is the extended one.

    Raises:
        SpecError: An identity is not between 0 and 503.
    """
    symbols = reference_symbols(extended_prefix)
    places = [(slot, symbol) for slot in range(SLOTS_PER_FRAME) for symbol in symbols]
    ports = range(antenna_ports)
    # Where they lie is the same in every slot.
    of_symbol = np.array(
        [
            [
                np.concatenate(
                    [reference_subcarriers(cell, l_, resource_blocks, port=port) for port in ports]
                )
                for cell in cell_ids
            ]
            for l_ in symbols
        ]
    )
    # Both ports send the same sequence, at places of their own.
    once = reference_sequences(cell_ids, places, resource_blocks, extended_prefix=extended_prefix)
    value = np.tile(once.astype(np.complex64), antenna_ports)
    ordinal = _ordinal(places, extended_prefix)
    return ControlElements(ordinal, np.tile(of_symbol, (SLOTS_PER_FRAME, 1, 1)), value)


def sync_elements(
    cell_ids: Sequence[int], resource_blocks: int, *, extended_prefix: bool = False
) -> ControlElements:
    """Return the synchronisation signals of a frame, FDD.

    Args:
        cell_ids: Physical-layer cell identities.
        resource_blocks: Resource blocks across the carrier.
        extended_prefix: Whether the cyclic prefix is the extended one.

    Raises:
        SpecError: An identity is not between 0 and 503.

    Source: TS 36.211, sections 6.11.1.2 and 6.11.2.2.
    """
    symbols = symbols_per_slot(extended_prefix)
    places: list[tuple[int, int]] = []
    values = []
    for slot, subframe in zip(SYNC_SLOTS, SYNC_SUBFRAMES, strict=True):
        places += [(slot, symbols + SSS_SYMBOL), (slot, symbols + PSS_SYMBOL)]
        values += [[sss(cell, subframe) for cell in cell_ids], [pss(cell) for cell in cell_ids]]
    reserved = sync_subcarriers(resource_blocks)
    value = np.zeros((len(places), len(cell_ids), len(reserved)), np.complex64)
    spare = (len(reserved) - SYNC_LENGTH) // 2
    value[..., spare:-spare] = np.array(values)
    subcarrier = np.broadcast_to(reserved, value.shape).copy()
    return ControlElements(_ordinal(places, extended_prefix), subcarrier, value)


@dataclass(frozen=True, eq=False)
class BroadcastElements:
    """The broadcast channel of every cell: symbols of slot 1 on subcarriers around DC.

    Args:
        first_symbol: Symbol of the frame at which the channel begins.
        subcarrier: Subcarriers that it reserves, as places among those in use.
        used: Where it sends; other elements of it are left to reference signals, or empty.
    """

    first_symbol: int
    subcarrier: Int64[np.ndarray, "72"]
    used: Bool[np.ndarray, "cell 4 72"]


def broadcast_elements(cells: Sequence[Cell]) -> BroadcastElements:
    """Return the elements of the broadcast channels.

    Args:
        cells: Cells of one bandwidth and prefix.
    """
    subcarrier = sync_subcarriers(cells[0].resource_blocks)
    used = np.stack([pbch.elements(cell)[:, subcarrier] for cell in cells])
    return BroadcastElements(cells[0].symbols_per_slot, subcarrier, used)


def broadcast_values(
    cells: Sequence[Cell], elements: BroadcastElements
) -> Complex64[np.ndarray, "1024 cell 4 72"]:
    """Return the symbols of the channels in each frame of the count, the sum of ports; 0 where nothing is.

    Args:
        cells: The cells.
        elements: Their channels.
    """
    value = np.zeros((pbch.FRAME_NUMBERS, *elements.used.shape), np.complex64)
    for at, cell in enumerate(cells):
        value[:, at, elements.used[at]] = pbch.symbols(cell).sum(axis=0)
    return value


def _ordinal(
    places: Sequence[tuple[int, int]], extended_prefix: bool
) -> Int64[np.ndarray, "symbol_of_frame"]:
    symbols = symbols_per_slot(extended_prefix)
    ordinal = np.full(SLOTS_PER_FRAME * symbols, -1, np.int64)
    for at, (slot, symbol) in enumerate(places):
        ordinal[slot * symbols + symbol] = at
    return ordinal
