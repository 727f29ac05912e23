"""A blind LTE receiver for tests, written from the standard: search, clock, grid and channel.

It knows nothing but samples and their rate. Gold sequence, PSS, SSS and reference values are the
package's: they have tests of their own against the standard and against a real cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iqatlas.waveforms.lte.reference import reference_sequence
from iqatlas.waveforms.lte.sync import pss, sss

NARROW = 128
NARROW_HZ = 1.92e6
HALF = 9600
CENTRE = np.concatenate([np.arange(-31, 0), np.arange(1, 32)])
PSS_BODY = 832
"""Where the body of the PSS begins in its half frame at 1.92 Msps, with either prefix."""
THRESHOLD = 5.0


@dataclass(frozen=True)
class Found:
    """A cell that the search found.

    Args:
        cell_id: Physical-layer cell identity.
        extended: Whether the prefix is the extended one.
        frame_start_s: When the first whole frame begins.
        offset_hz: Carrier offset.
    """

    cell_id: int
    extended: bool
    frame_start_s: float
    offset_hz: float


def narrow(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return samples cut down to 1.92 Msps around the carrier."""
    count = int(len(samples) * NARROW_HZ / rate_hz)
    length = int(count * rate_hz / NARROW_HZ)
    transform = np.fft.fft(samples[:length])
    half = count // 2
    return np.fft.ifft(np.concatenate([transform[:half], transform[half - count :]])) * count / length


def search(samples: np.ndarray, rate_hz: float) -> Found | None:
    """Return the strongest cell, or none where nothing stands out of the noise."""
    heard = narrow(samples, rate_hz)
    turn = np.angle(np.vdot(heard[:-NARROW], heard[NARROW:])) / (2 * np.pi)
    time = np.arange(len(heard)) / NARROW_HZ
    best: tuple[float, float, int, int] = (0.0, 0.0, 0, 0)
    size = 1 << (len(heard) + NARROW).bit_length()
    for whole in (-1, 0, 1):
        offset_hz = (turn + whole) * 15e3
        transform = np.fft.fft(heard * np.exp(-2j * np.pi * offset_hz * time), size)
        for root in range(3):
            grid = np.zeros(NARROW, complex)
            grid[CENTRE] = pss(root)
            replica = np.fft.fft(np.fft.ifft(grid), size)
            power = np.abs(np.fft.ifft(transform * replica.conj())[: len(heard)]) ** 2
            halves = len(power) // HALF
            folded = power[: halves * HALF].reshape(halves, HALF).mean(axis=0)
            best = max(best, (folded.max() / folded.mean(), offset_hz, root, int(folded.argmax())))
    score, offset_hz, root, at = best
    if score < THRESHOLD:
        return None
    heard = heard * np.exp(-2j * np.pi * offset_hz * time)
    scores = {}
    for extended in (False, True):
        back = NARROW + (32 if extended else 9)
        begins = np.arange(at if at > back else at + HALF, len(heard) - NARROW, HALF)
        first = np.fft.fft(heard[begins[:, None] + np.arange(NARROW)])[:, CENTRE]
        second = np.fft.fft(heard[begins[:, None] - back + np.arange(NARROW)])[:, CENTRE]
        channel = first * pss(root).conj()
        equal = np.real(second * channel.conj())
        # Two windows apart by more than the second's own place turn its phase: it doesn't matter here.
        for cell_id in range(root, 504, 3):
            even, odd = sss(cell_id, 0), sss(cell_id, 5)
            for late in range(2):
                sums = equal[late::2] @ even, equal[1 - late :: 2] @ odd
                scores[extended, cell_id, late] = sums[0].sum() + sums[1].sum()
        if not extended:
            begin = begins[0]
    extended, cell_id, late = max(scores, key=scores.__getitem__)
    begin = int(at if at > NARROW + 32 else at + HALF) if extended else int(begin)
    start = (begin - PSS_BODY + late * HALF) % (2 * HALF)
    return Found(cell_id, extended, start / NARROW_HZ, offset_hz)


class Grid:
    """The resource grid of a cell that was found, subframe by subframe.

    Args:
        samples: What was received.
        rate_hz: Its sampling rate.
        found: The cell.
        resource_blocks: Resource blocks around the carrier that are looked at.
    """

    def __init__(self, samples: np.ndarray, rate_hz: float, found: Found, resource_blocks: int) -> None:
        self.found, self.resource_blocks = found, resource_blocks
        self.fft = round(rate_hz / 15e3)
        self.rate_hz = rate_hz
        self.symbols = 6 if found.extended else 7
        prefix = [512] * 6 if found.extended else [160] + [144] * 6
        prefix = [length * self.fft // 2048 for length in prefix]
        self.back = prefix[-1] // 2
        starts = np.cumsum([0, *(np.array(prefix[:-1]) + self.fft)]) + prefix - self.back
        slot = 15 * self.fft // 2
        self.starts = np.concatenate([starts, starts + slot])
        self.begin = round(found.frame_start_s * rate_hz)
        half = 6 * resource_blocks
        self.bins = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
        self.offset_hz = found.offset_hz
        self.samples = samples
        # What is left of the carrier offset turns reference signals from slot to slot.
        for _ in range(2):
            turn = 0.0 + 0.0j
            for subframe in range(min(10, self.subframes)):
                heard = self.subframe(subframe)
                estimates = [self.raw(heard, subframe, slot, 0, 0) for slot in range(2)]
                turn += np.vdot(*estimates)
            self.offset_hz += np.angle(turn) / (2 * np.pi * 0.5e-3)

    @property
    def subframes(self) -> int:
        """Whole subframes from the first whole frame on."""
        return (len(self.samples) - self.begin) // (15 * self.fft)

    def subframe(self, number: int) -> np.ndarray:
        """Return the elements of a subframe, on [symbol, subcarrier]."""
        at = self.begin + 15 * self.fft * number + self.starts[:, None] + np.arange(self.fft)
        at = np.minimum(at, len(self.samples) - 1)
        pieces = self.samples[at] * np.exp(-2j * np.pi * self.offset_hz / self.rate_hz * at)
        heard = np.fft.fft(pieces)[:, self.bins % self.fft]
        return heard * np.exp(2j * np.pi * self.bins * self.back / self.fft) / np.sqrt(self.fft)

    def places(self, symbol: int, port: int) -> np.ndarray:
        """Return the subcarriers of reference values in a symbol of a slot."""
        shift = 0 if (symbol == 0) == (port == 0) else 3
        return (shift + self.found.cell_id % 6) % 6 + 6 * np.arange(2 * self.resource_blocks)

    def raw(self, heard: np.ndarray, subframe: int, slot: int, symbol: int, port: int) -> np.ndarray:
        values = reference_sequence(
            self.found.cell_id,
            2 * (subframe % 10) + slot,
            symbol,
            self.resource_blocks,
            extended_prefix=self.found.extended,
        )
        return heard[slot * self.symbols + symbol, self.places(symbol, port)] * values.conj()

    def channel(self, heard: np.ndarray, subframe: int, ports: int) -> tuple[np.ndarray, float]:
        """Return the channel on [port, subcarrier], and the noise power of an element."""
        channels, noise = [], []
        for port in range(ports):
            where, what = [], []
            for symbol in (0, self.symbols - 3):
                first, second = (self.raw(heard, subframe, slot, symbol, port) for slot in range(2))
                where.append(self.places(symbol, port))
                what.append((first + second) / 2)
                noise.append(np.mean(np.abs(first - second) ** 2) / 2)
            order = np.argsort(np.concatenate(where))
            known, value = np.concatenate(where)[order], np.concatenate(what)[order]
            smooth = np.convolve(np.pad(value, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
            every = np.arange(12 * self.resource_blocks)
            channels.append(np.interp(every, known, smooth.real) + 1j * np.interp(every, known, smooth.imag))
        return np.array(channels), float(np.mean(noise)) + 1e-12


def equalise(heard: np.ndarray, channel: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return symbols and their ratio of signal to noise; two ports by their block code.

    Args:
        heard: Elements in the order of their symbols.
        channel: Channel on [port, element].
        noise: Noise power of an element.
    """
    if len(channel) == 1:
        gain = np.abs(channel[0]) ** 2
        return heard * channel[0].conj() / gain, gain / noise
    first, second = heard[0::2], heard[1::2]
    h0, h1 = (channel[:, 0::2] + channel[:, 1::2]) / 2
    gain = (np.abs(h0) ** 2 + np.abs(h1) ** 2) / 2
    out = np.empty(len(heard), complex)
    out[0::2] = (h0.conj() * first + h1 * second.conj()) / gain / np.sqrt(2)
    out[1::2] = (h0.conj() * second - h1 * first.conj()) / gain / np.sqrt(2)
    return out, np.repeat(gain / noise, 2)


def soft_bits(symbols: np.ndarray, ratio: np.ndarray, bits: int) -> np.ndarray:
    """Return soft values of the bits of symbols, by nearest points (TS 36.211, section 7.1)."""
    scale = {2: np.sqrt(2), 4: np.sqrt(10), 6: np.sqrt(42)}[bits]
    out = np.empty((len(symbols), bits))
    for part, values in enumerate((symbols.real * scale, symbols.imag * scale)):
        level = values
        for place, width in zip(range(part, bits, 2), (4, 2, 1)[3 - bits // 2 :], strict=True):
            # Each further bit folds the axis: its sign says which side of the half-way mark.
            out[:, place] = level
            level = (width - np.abs(level)) * 1.0
    return (out * (ratio / scale**2 * 4)[:, None]).reshape(-1)
