"""One coded subframe: every channel of it, from the message to the elements."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Complex64, UInt8, UInt64

from iqatlas.seeds import words
from iqatlas.waveforms.lte import dci, pbch, pcfich, pdcch, phich, sib1, transport
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.control_region import control_region
from iqatlas.waveforms.lte.diversity import to_ports
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, modulate
from iqatlas.waveforms.lte.numerology import SUBFRAMES_PER_FRAME
from iqatlas.waveforms.lte.schedule import SYSTEM_SUBFRAME, Assignment, Scheduler, system_block

_PROCESSES = 8
_WORD_BITS = 128
_PAYLOAD, _ACKNOWLEDGEMENTS = 1 << 63, 1 << 62
"""Which random words are meant, by their second counter; the first is the subframe."""


@dataclass(frozen=True)
class CodedCell:
    """A cell whose broadcast, control and shared channels decode.

    Reference and synchronisation signals, which don't depend on any message, are not among them.

    Args:
        cell: The cell.
        subchannels: How the carrier is divided.
        modulation: Modulation of the payload: qpsk, 16qam or 64qam.
        band: Operating band that system information tells.
    """

    cell: Cell
    subchannels: Subchannels
    modulation: str
    band: int = sib1.DEFAULT_BAND
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheduler", Scheduler(self.cell, self.subchannels, self.modulation))

    def assignments(self, subframe: int, occupied: Bool[np.ndarray, "subchannel"]) -> tuple[Assignment, ...]:
        """Return the transport blocks of a subframe.

        Args:
            subframe: Subframe, counted from the start of frame 0; negative ones come before it.
            occupied: Which sub-channels hold payload.
        """
        frame, within = divmod(subframe, SUBFRAMES_PER_FRAME)
        system = within == SYSTEM_SUBFRAME and frame % 2 == 0
        return self.scheduler.schedule(within, tuple(occupied.tolist()), system=system)

    def transport_block(
        self, assignment: Assignment, subframe: int, key: UInt64[np.ndarray, "2"]
    ) -> UInt8[np.ndarray, "bit"]:
        """Return the bits that an assignment carries: random payload, or system information.

        Args:
            assignment: One of the subframe's.
            subframe: Subframe, counted from the start of frame 0.
            key: Payload key (see :func:`iqatlas.seeds.key`).
        """
        if assignment.rnti == dci.SI_RNTI:
            return system_block(sib1.CellAccess(cell_identity=256 + self.cell.cell_id, band=self.band))
        return _random_bits(key, subframe, _PAYLOAD + (assignment.first_block << 32), assignment.size)

    def ports(
        self, subframe: int, occupied: Bool[np.ndarray, "subchannel"], key: UInt64[np.ndarray, "2"]
    ) -> Complex64[np.ndarray, "port symbol subcarrier"]:
        """Return what each antenna port sends in a subframe, unit energy an element.

        Args:
            subframe: Subframe, counted from the start of frame 0; negative ones come before it.
            occupied: Which sub-channels hold payload.
            key: Payload key (see :func:`iqatlas.seeds.key`).
        """
        cell, scheduler = self.cell, self.scheduler
        frame, within = divmod(subframe, SUBFRAMES_PER_FRAME)
        region = control_region(cell, scheduler.control_format)
        grid = np.zeros((cell.antenna_ports, cell.symbols_per_subframe * cell.subcarriers), np.complex64)
        messages = []
        for assignment in self.assignments(subframe, occupied):
            block = self.transport_block(assignment, subframe, key)
            version = 0
            if assignment.rnti == dci.SI_RNTI:
                version = sib1.redundancy_version(frame)
            grid[:, assignment.places] = self._shared(assignment, block, version)
            messages.append((assignment.element, self._message(assignment, subframe, version)))
        groups = len(region.pdcch)
        grid[:, region.pdcch] = pdcch.symbols(cell, within, groups, messages)
        indicator = pcfich.symbols(cell, within, scheduler.control_format)
        grid[:, region.pcfich.reshape(-1)] = indicator
        heard = _random_bits(key, subframe, _ACKNOWLEDGEMENTS, phich.group_count(cell))
        for places, values in zip(region.phich, phich.symbols(cell, within, heard), strict=True):
            grid[:, places.reshape(-1)] = values
        shaped = grid.reshape(cell.antenna_ports, cell.symbols_per_subframe, cell.subcarriers)
        if within == 0:
            symbols = cell.symbols_per_slot
            broadcast = shaped[:, symbols : symbols + pbch.SYMBOLS]
            broadcast[:, pbch.elements(cell)] = pbch.symbols(cell)[:, frame % pbch.FRAME_NUMBERS]
        return shaped

    def _shared(
        self, assignment: Assignment, block: UInt8[np.ndarray, "bit"], version: int
    ) -> Complex64[np.ndarray, "port element"]:
        order, ports = BITS_PER_SYMBOL[assignment.modulation], self.cell.antenna_ports
        bits = transport.code_word(
            block,
            len(assignment.scrambling),
            bits_per_symbol=order,
            layers=ports,
            redundancy_version=version,
        )
        return to_ports(modulate(bits ^ assignment.scrambling, order), ports)

    def _message(self, assignment: Assignment, subframe: int, version: int) -> UInt8[np.ndarray, "bit"]:
        blocks = self.cell.resource_blocks
        if assignment.rnti == dci.SI_RNTI:
            grant = dci.Grant(assignment.modulation_coding, redundancy_version=version)
        else:
            toggle, process = divmod(subframe, _PROCESSES)
            grant = dci.Grant(assignment.modulation_coding, process, toggle % 2)
        if assignment.groups:
            message = dci.bitmap(blocks, assignment.groups, grant)
        else:
            message = dci.compact(blocks, assignment.first_block, assignment.blocks, grant)
        return dci.encode(message, assignment.rnti, pdcch.BITS_PER_ELEMENT * assignment.level)


def _random_bits(
    key: UInt64[np.ndarray, "2"], subframe: int, tag: int, size: int
) -> UInt8[np.ndarray, "bit"]:
    counter = np.empty((-(-size // _WORD_BITS), 2), np.uint64)
    counter[:, 0] = np.int64(subframe).view(np.uint64)
    counter[:, 1] = np.uint64(tag) + np.arange(len(counter), dtype=np.uint64)
    octets = np.ascontiguousarray(words(key, counter), "<u8").view(np.uint8).reshape(-1)
    return np.unpackbits(octets, bitorder="little")[:size]
