"""Who gets which resource blocks of a subframe, and where the messages that say so stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte import dci, pdcch, pdsch, sib1, tbs
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.control_region import control_region, control_symbols
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL

FIRST_RNTI, RNTIS = 0x0101, 1024
"""Identities of the terminals that payload goes to: so many, from the first on."""
SYSTEM_SUBFRAME = 5
_SYSTEM_ROW = 4
_SYSTEM_LEVEL = 4
_SYSTEM_RATE, _PAYLOAD_RATE = 0.7, 0.6
"""Highest code rates. System information is repeated in four versions, payload isn't."""
_CHECK_BITS = 24


@dataclass(frozen=True, eq=False)
class Assignment:
    """One transport block of a subframe.

    Args:
        rnti: Identity that it goes to.
        first_block: First resource block of the allocation.
        blocks: Number of resource blocks.
        groups: Block groups of the allocation where the message is a bitmap, else none.
        modulation: Its modulation.
        modulation_coding: Index of modulation and coding.
        size: Bits of the transport block.
        element: First control-channel element of the message.
        level: Control-channel elements of the message.
        places: Elements of the allocation, symbol · subcarriers + subcarrier.
        scrambling: Scrambling sequence of the code word.
    """

    rnti: int
    first_block: int
    blocks: int
    groups: tuple[int, ...]
    modulation: str
    modulation_coding: int
    size: int
    element: int
    level: int
    places: Int64[np.ndarray, "element"]
    scrambling: UInt8[np.ndarray, "bit"]


@dataclass(frozen=True)
class Scheduler:
    """The rules by which a cell fills its subframes.

    Occupied sub-channels hold payload and nothing else does. Where whole block groups are occupied
    or vacant, one terminal gets them all by a bitmap; else each run of neighbouring blocks goes to
    a terminal of its own. System information block 1, which isn't payload, takes blocks at the edge
    of the carrier: left-over ones, and as many of the sub-channel beside them as it needs.

    Args:
        cell: The cell.
        subchannels: How the carrier is divided.
        modulation: Modulation of the payload, where there is room for it.
    """

    cell: Cell
    subchannels: Subchannels
    modulation: str

    @property
    def control_format(self) -> int:
        """The control format indicator: 2, or 3 where the messages could need more room."""
        if self.cell.resource_blocks <= 15:
            return 3
        groups = len(control_region(self.cell, 2).pdcch)
        return 2 if pdcch.element_count(groups) >= _SYSTEM_LEVEL + self._most_runs + 8 else 3

    @property
    def control_symbols(self) -> int:
        """Symbols of the control region."""
        return control_symbols(self.cell.resource_blocks, self.control_format)

    @property
    def _most_runs(self) -> int:
        return -(-self.subchannels.count // 2)

    def system_blocks(self) -> range:
        """Return the resource blocks of system information block 1."""
        total = self.cell.resource_blocks
        above = total - self.subchannels.first_block - self.subchannels.count * self.subchannels.blocks_each
        needed = 2 * (tbs.SYSTEM_INFORMATION_SIZES[_SYSTEM_ROW] + _CHECK_BITS) / _SYSTEM_RATE / 4
        for count in range(1, total + 1):
            first = total - count if above > self.subchannels.first_block else 0
            blocks = range(first, first + count)
            if len(self._places(SYSTEM_SUBFRAME, blocks)) >= needed:
                break
        return blocks

    def schedule(self, subframe: int, occupied: tuple[bool, ...], *, system: bool) -> tuple[Assignment, ...]:
        """Return the transport blocks of a subframe, system information first.

        Args:
            subframe: Subframe of the frame, 0 to 9.
            occupied: Which sub-channels hold payload.
            system: Whether system information block 1 is sent.

        Raises:
            SpecError: There is no place for all messages.
        """
        return _schedule(self, subframe, occupied, system)

    def allocations(
        self, occupied: tuple[bool, ...], system: range
    ) -> list[tuple[range | None, tuple[int, ...], Bool[np.ndarray, "block"]]]:
        """Return the payload's allocations: run of blocks or block groups, and the blocks as a mask."""
        total = self.cell.resource_blocks
        busy = np.zeros(total, bool)
        first, each = self.subchannels.first_block, self.subchannels.blocks_each
        busy[first : first + each * self.subchannels.count] = np.repeat(occupied, each)
        busy[list(system)] = False
        edges = np.flatnonzero(np.diff(np.concatenate([[0], busy.view(np.int8), [0]]))).reshape(-1, 2)
        runs = [range(low, high) for low, high in edges.tolist()]
        if len(runs) < 2:
            return [(run, (), busy) for run in runs]
        of_group = np.arange(total) // dci.block_group_size(total)
        chosen = np.unique(of_group[busy])
        if (np.isin(of_group, chosen) == busy).all():
            return [(None, tuple(chosen.tolist()), busy)]
        masks = [np.isin(np.arange(total), list(run)) for run in runs]
        return [(run, (), mask) for run, mask in zip(runs, masks, strict=True)]

    def _places(self, subframe: int, blocks: range) -> Int64[np.ndarray, "element"]:
        mask = np.isin(np.arange(self.cell.resource_blocks), list(blocks))
        return pdsch.places(self.cell, subframe, self.control_symbols, mask)


@lru_cache(maxsize=512)
def _schedule(
    scheduler: Scheduler, subframe: int, occupied: tuple[bool, ...], system: bool
) -> tuple[Assignment, ...]:
    cell = scheduler.cell
    region = control_region(cell, scheduler.control_format)
    elements = pdcch.element_count(len(region.pdcch))
    free = np.ones(elements, bool)
    out = []
    system_blocks = scheduler.system_blocks() if system else range(0)
    if system:
        places = scheduler._places(subframe, system_blocks)
        free[:_SYSTEM_LEVEL] = False
        out.append(
            Assignment(
                dci.SI_RNTI,
                system_blocks.start,
                len(system_blocks),
                (),
                "qpsk",
                _SYSTEM_ROW,
                tbs.SYSTEM_INFORMATION_SIZES[_SYSTEM_ROW],
                0,
                _SYSTEM_LEVEL,
                places,
                pdsch.scrambling(cell, subframe, dci.SI_RNTI, 2 * len(places)),
            )
        )
    allocations = scheduler.allocations(occupied, system_blocks)
    messages = _place_messages(len(allocations), subframe, free)
    for (run, groups, mask), (rnti, element, level) in zip(allocations, messages, strict=True):
        places = pdsch.places(cell, subframe, scheduler.control_symbols, mask)
        count = int(mask.sum())
        modulation, row = _rate(scheduler.modulation, count, len(places))
        bits = BITS_PER_SYMBOL[modulation] * len(places)
        out.append(
            Assignment(
                rnti,
                int(np.argmax(mask)) if run is None else run.start,
                count,
                groups,
                modulation,
                tbs.modulation_coding(modulation, row),
                tbs.transport_block_size(row, count),
                element,
                level,
                places,
                pdsch.scrambling(cell, subframe, rnti, bits),
            )
        )
    return tuple(out)


def _rate(wanted: str, blocks: int, elements: int) -> tuple[str, int]:
    """Return modulation and row of the largest block that the elements carry at a code rate in bounds."""
    orders = list(BITS_PER_SYMBOL)
    for modulation in reversed(orders[: orders.index(wanted) + 1]):
        for row in reversed(tbs.rows(modulation)):
            size = tbs.transport_block_size(row, blocks) + _CHECK_BITS
            if size <= _PAYLOAD_RATE * BITS_PER_SYMBOL[modulation] * elements:
                return modulation, row
    return "qpsk", tbs.rows("qpsk")[0]


def _place_messages(
    count: int, subframe: int, free: Bool[np.ndarray, "element"]
) -> Sequence[tuple[int, int, int]]:
    """Return identity, first element and level of each message, on elements that are free."""
    elements = len(free)
    for level in pdcch.LEVELS[1:]:
        if count * level > int(free.sum()) - (level - 1) * (count > 1):
            continue
        taken = ~free
        found: list[tuple[int, int, int]] = []
        for rnti in range(FIRST_RNTI, FIRST_RNTI + RNTIS):
            if len(found) == count:
                break
            for element in dci.candidates(rnti, subframe, level, elements, common=False).tolist():
                if not taken[element : element + level].any():
                    taken[element : element + level] = True
                    found.append((rnti, element, level))
                    break
        if len(found) == count:
            return found
    raise SpecError(
        f"no room for {count} messages in the control region of a subframe",
        where="waveform.subchannels",
        remedy="ask for fewer sub-channels or a wider channel",
    )


def system_block(access: sib1.CellAccess) -> UInt8[np.ndarray, "bit"]:
    """Return system information block 1 as the transport block that is sent."""
    message = sib1.encode(access)
    block = np.zeros(tbs.SYSTEM_INFORMATION_SIZES[_SYSTEM_ROW], np.uint8)
    block[: len(message)] = message
    return block
