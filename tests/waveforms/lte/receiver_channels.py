"""The channels of a subframe as a test receiver reads them, written from TS 36.211 to 36.213."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from receiver import Grid, equalise, search, soft_bits
from receiver_codes import (
    collect,
    convolutional_places,
    crc,
    number,
    reencode,
    transport_block,
    viterbi,
)

from iqatlas.waveforms.lte.gold import gold_sequence
from iqatlas.waveforms.lte.tbs import SIZES, SYSTEM_INFORMATION_SIZES

BANDWIDTHS = (6, 15, 25, 50, 75, 100)
THREE_BLOCK_SIZES = (56, 88, 144, 176, 208, 224, 256, 328, 392, 456, 504, 584, 680, 744, 840, 904, 968, 1064)
SI_RNTI = 0xFFFF


@dataclass(frozen=True)
class Broadcast:
    """A master information block and what its decoding tells."""

    resource_blocks: int
    phich_extended: bool
    phich_resource: int
    frame: int
    ports: int


@dataclass(frozen=True)
class Message:
    """A control message: who it is for and what it grants."""

    rnti: int
    blocks: tuple[int, ...]
    modulation_coding: int
    new_data: int
    redundancy_version: int
    power_control: int
    element: int
    level: int


def scrambled(c_init: int, soft: np.ndarray) -> np.ndarray:
    return soft * (1 - 2.0 * gold_sequence(np.array(c_init), len(soft)))


def broadcast(grid: Grid, subframe: int) -> Broadcast | None:
    """Return the master information block of a frame whose first subframe is given, or none."""
    heard, cell_id = grid.subframe(subframe), grid.found.cell_id
    centre = 6 * grid.resource_blocks - 36
    elements = []
    for symbol in range(4):
        with_reference = symbol < 2 or (symbol == 3 and grid.found.extended)
        for subcarrier in range(centre, centre + 72):
            if not (with_reference and subcarrier % 3 == cell_id % 3):
                elements.append((grid.symbols + symbol, subcarrier))
    symbol, subcarrier = np.array(elements).T
    for ports in (1, 2):
        channel, noise = grid.channel(heard, subframe, ports)
        values, ratio = equalise(heard[symbol, subcarrier], channel[:, subcarrier], noise)
        soft = soft_bits(values, ratio, 2)
        count = len(soft)
        rows = []
        for quarter in range(4):
            whole = np.zeros(4 * count)
            whole[quarter * count : (quarter + 1) * count] = soft
            rows.append(scrambled(cell_id, whole))
        streams = collect(np.array(rows), convolutional_places(40, 4 * count), 120).reshape(4, 3, 40)
        for quarter, bits in enumerate(viterbi(streams)):
            mask = {1: 0, 2: 0xFFFF}[ports]
            if crc(bits[:24], 0x1021, 16) ^ mask != number(bits[24:]) or not bits[:24].any():
                continue
            bandwidth = number(bits[:3])
            if bandwidth < 6:
                frame = 4 * number(bits[6:14]) + quarter
                return Broadcast(BANDWIDTHS[bandwidth], bool(bits[3]), number(bits[4:6]), frame, ports)
    return None


def groups(grid: Grid, symbol: int) -> list[tuple[int, list[int]]]:
    """Return groups of four elements of a control symbol: first subcarrier of the span, elements."""
    with_reference = symbol == 0 or (symbol == 3 and grid.found.extended)
    width = 6 if with_reference else 4
    out = []
    for first in range(0, 12 * grid.resource_blocks, width):
        span = range(first, first + width)
        out.append((first, [k for k in span if not (with_reference and k % 3 == grid.found.cell_id % 3)]))
    return out


def pcfich_places(grid: Grid) -> list[int]:
    blocks = grid.resource_blocks
    first = 6 * (grid.found.cell_id % (2 * blocks))
    return [(first + (i * blocks // 2) * 6) % (12 * blocks) for i in range(4)]


class Subframe:
    """One subframe of a known cell.

    Args:
        grid: The grid at the cell's bandwidth.
        place: The subframe's place in the grid; a multiple of ten begins a frame.
        block: The master information block.
    """

    def __init__(self, grid: Grid, place: int, block: Broadcast) -> None:
        self.grid, self.block = grid, block
        self.number = place % 10
        self.heard = grid.subframe(place)
        self.channel, self.noise = grid.channel(self.heard, place, block.ports)
        self.cell_id = grid.found.cell_id

    def read(self, elements: list[tuple[int, int]] | np.ndarray, bits: int = 2) -> np.ndarray:
        """Return soft bits of elements, given as symbol and subcarrier."""
        symbol, subcarrier = np.array(elements).T
        values, ratio = equalise(self.heard[symbol, subcarrier], self.channel[:, subcarrier], self.noise)
        return soft_bits(values, ratio, bits)

    def control_format(self) -> tuple[int, float]:
        """Return the control format indicator, and how well its code word fits (1 at best)."""
        first = dict(groups(self.grid, 0))
        elements = [(0, k) for begin in pcfich_places(self.grid) for k in first[begin]]
        soft = scrambled((self.number + 1) * (2 * self.cell_id + 1) * 512 + self.cell_id, self.read(elements))
        words = {1: [0, 1, 1], 2: [1, 0, 1], 3: [1, 1, 0]}
        scores = {c: float(soft @ (1 - 2 * np.resize(word, 32))) for c, word in words.items()}
        best = max(scores, key=scores.__getitem__)
        return best, scores[best] / np.abs(soft).sum()

    def message_groups(self, control_format: int) -> list[list[tuple[int, int]]]:
        """Return the groups of control messages in the order of their mapping."""
        grid, blocks = self.grid, self.grid.resource_blocks
        lasts = control_format + (blocks <= 10)
        taken = {(begin, 0) for begin in pcfich_places(grid)}
        free = [begin for begin, _ in groups(grid, 0) if (begin, 0) not in taken]
        resource = (1 / 6, 1 / 2, 1, 2)[self.block.phich_resource]
        units = int(np.ceil(resource * blocks / 8 - 1e-9))
        if self.block.phich_extended:
            by_symbol = [free] + [[b for b, _ in groups(grid, symbol)] for symbol in (1, 2)]
        for unit in range(units):
            for i in range(3):
                symbol = i if self.block.phich_extended else 0
                row = by_symbol[symbol] if self.block.phich_extended else free
                n = len(row)
                ratio = self.cell_id * n // len(free)
                taken.add((row[(ratio + unit + i * n // 3) % n], symbol))
        of_symbol = [dict(groups(grid, symbol)) for symbol in range(lasts)]
        out = []
        for begin in range(12 * blocks):
            for symbol in range(lasts):
                if begin in of_symbol[symbol] and (begin, symbol) not in taken:
                    out.append([(symbol, k) for k in of_symbol[symbol][begin]])
        return out

    def messages(self, control_format: int) -> list[Message]:
        """Return every message whose check, code word and place fit."""
        mapped = self.message_groups(control_format)
        total = len(mapped)
        order = one_stream(total)
        soft = self.read([element for group in mapped for element in group]).reshape(total, 8)
        sorted_soft = np.empty_like(soft)
        for i in range(total):
            # What lies at group i is the interleaver's output number i + cell identity.
            sorted_soft[order[(i + self.cell_id) % total]] = soft[i]
        bits = scrambled(self.number * 512 + self.cell_id, sorted_soft.reshape(-1))
        found, claimed = [], np.zeros(total // 9, bool)
        for level in (8, 4, 2, 1):
            count = total // 9 // level
            if count == 0:
                continue
            rows = bits[: count * level * 72].reshape(count, -1)
            for size, compact in format_sizes(self.grid.resource_blocks):
                places = convolutional_places(size + 16, 72 * level)
                streams = collect(rows, places, 3 * (size + 16)).reshape(count, 3, size + 16)
                for place, decided in enumerate(viterbi(streams)):
                    span = slice(place * level, (place + 1) * level)
                    if claimed[span].any():
                        continue
                    agree = np.sign(rows[place]) * (1 - 2 * reencode(decided).reshape(-1)[places])
                    if np.mean(agree > 0) < 0.9:
                        continue
                    rnti = crc(decided[:-16], 0x1021, 16) ^ number(decided[-16:])
                    if not self._looked_at(rnti, place, level, total // 9, compact):
                        continue
                    message = self._parse(decided[:-16], compact, rnti, place * level, level)
                    if message is not None:
                        found.append(message)
                        claimed[span] = True
        return found

    def _looked_at(self, rnti: int, place: int, level: int, elements: int, compact: bool) -> bool:
        count = elements // level
        if rnti == SI_RNTI:
            return compact and level >= 4 and place in {m % count for m in range(16 // level)}
        if not 0x0101 <= rnti < 0x0101 + 1024:
            return False
        start = rnti
        for _ in range(self.number + 1):
            start = start * 39827 % 65537
        return place in {(start + m) % count for m in range({1: 6, 2: 6, 4: 2, 8: 2}[level])}

    def _parse(self, bits: np.ndarray, compact: bool, rnti: int, element: int, level: int) -> Message | None:
        total = self.grid.resource_blocks
        if compact:
            if bits[0] != 1:
                return None
            width = int(np.ceil(np.log2(total * (total + 1) / 2)))
            at = 2 + width
            value = number(bits[2:at])
            length, first = divmod(value, total)
            length += 1
            if first + length > total:
                length, first = total + 2 - length, total - 1 - first
            if first + length > total or length < 1:
                return None
            blocks = list(range(first, first + length))
            if bits[1]:
                return None  # distributed blocks, which no cell of these tests uses
        else:
            size = 1 + (total > 10) + (total > 26) + (total > 63)
            header = int(total > 10)
            if header and bits[0]:
                return None
            count = -(-total // size)
            at = header + count
            blocks = [b for b in range(total) if bits[header + b // size]]
        rest = bits[at:]
        return Message(
            rnti,
            tuple(blocks),
            number(rest[:5]),
            int(rest[8]),
            number(rest[9:11]),
            number(rest[11:13]),
            element,
            level,
        )

    def shared(self, message: Message, control_format: int) -> tuple[np.ndarray, int, int]:
        """Return the soft code word of a message's transport block, its size, and bits a unit."""
        blocks = self.grid.resource_blocks
        free = np.zeros((2 * self.grid.symbols, 12 * blocks), bool)
        for b in message.blocks:
            free[:, 12 * b : 12 * b + 12] = True
        free[: control_format + (blocks <= 10)] = False
        for port in range(self.block.ports):
            for slot in range(2):
                for symbol in (0, self.grid.symbols - 3):
                    free[slot * self.grid.symbols + symbol, self.grid.places(symbol, port)] = False
        middle = slice(6 * blocks - 36, 6 * blocks + 36)
        if self.number in (0, 5):
            free[self.grid.symbols - 2 : self.grid.symbols, middle] = False
        if self.number == 0:
            free[self.grid.symbols : self.grid.symbols + 4, middle] = False
        coding = message.modulation_coding
        order = 2 if coding < 10 else 4 if coding < 17 else 6
        row = coding - (0, 1, 2)[order // 2 - 1]
        if message.rnti == SI_RNTI:
            order, row = 2, coding
            column = THREE_BLOCK_SIZES if message.power_control & 1 else SYSTEM_INFORMATION_SIZES
            size = column[row]
        else:
            size = SIZES[row][len(message.blocks) - 1]
        soft = self.read(np.argwhere(free), order)
        c_init = message.rnti << 14 | self.number << 9 | self.cell_id
        return scrambled(c_init, soft), size, order * self.block.ports

    def block_of(self, message: Message, control_format: int) -> np.ndarray | None:
        """Return the transport block that a message announces, or none where its check fails."""
        soft, size, unit = self.shared(message, control_format)
        return transport_block([(soft, message.redundancy_version)], size, unit)


def one_stream(size: int) -> np.ndarray:
    """Return the order in which the interleaver of one convolutional stream emits its input."""
    return convolutional_places(size, size)


@cache
def format_sizes(total: int) -> tuple[tuple[int, bool], ...]:
    """Return bits of formats 1A and 1, and which is the compact one."""
    ambiguous = {12, 14, 16, 20, 24, 26, 32, 40, 44, 56}
    compact = 15 + int(np.ceil(np.log2(total * (total + 1) / 2)))
    compact += compact in ambiguous
    size = 1 + (total > 10) + (total > 26) + (total > 63)
    bitmap = 13 + int(total > 10) + -(-total // size)
    while bitmap == compact or bitmap in ambiguous:
        bitmap += 1
    return (compact, True), (bitmap, False)


@dataclass
class Heard:
    """All that a blind receiver reads from samples."""

    grid: Grid
    broadcasts: list[Broadcast | None]

    @property
    def block(self) -> Broadcast:
        return next(b for b in self.broadcasts if b is not None)

    def subframe(self, place: int) -> Subframe:
        first = next(i for i, b in enumerate(self.broadcasts) if b is not None)
        frame = self.block.frame - first + place // 10
        return Subframe(self.grid, place, replace(self.block, frame=frame % 1024))


def listen(samples: np.ndarray, rate_hz: float, frames: int | None = None) -> Heard | None:
    """Return a cell whose broadcast decodes, or none.

    Args:
        samples: What was received.
        rate_hz: Its sampling rate.
        frames: Frames whose broadcast is read, or all of them.
    """
    found = search(samples, rate_hz)
    if found is None:
        return None
    centre = Grid(samples, rate_hz, found, 6)
    count = min(frames or centre.subframes, -(-centre.subframes // 10))
    broadcasts = [broadcast(centre, 10 * i) for i in range(count)]
    known = [b for b in broadcasts if b is not None]
    if not known:
        return None
    return Heard(Grid(samples, rate_hz, found, known[0].resource_blocks), broadcasts)
