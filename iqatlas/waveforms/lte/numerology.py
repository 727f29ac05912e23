"""LTE's clock: sizes of transforms, prefixes, symbols, slots and frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from iqatlas.errors import SpecError

SUBCARRIER_SPACING_HZ = 15_000.0
SUBCARRIERS_PER_BLOCK = 12
SLOTS_PER_FRAME = 20
SUBFRAMES_PER_FRAME = 10

_SIZES = {
    1.4: (6, 128),
    3.0: (15, 256),
    5.0: (25, 512),
    10.0: (50, 1024),
    15.0: (75, 1536),
    20.0: (100, 2048),
}


@dataclass(frozen=True)
class Numerology:
    """Sizes of one channel bandwidth.

    Sample 0 of the absolute axis is the first sample of a radio frame; times before it are
    negative, and so are the symbols there. A symbol begins with its prefix.

    Args:
        resource_blocks: Resource blocks across the carrier.
        fft_size: Points of the transform; the sampling rate is 15 kHz times this.
        extended_prefix: Whether six symbols with a long prefix fill a slot, in place of seven.

    Source: TS 36.211, sections 6.2.3 and 6.12; TS 36.101, table 5.6-1.
    """

    resource_blocks: int
    fft_size: int
    extended_prefix: bool = False

    @property
    def symbols_per_slot(self) -> int:
        """OFDM symbols in a slot: 7, or 6 with the extended prefix."""
        return symbols_per_slot(self.extended_prefix)

    @property
    def symbols_per_subframe(self) -> int:
        """OFDM symbols in a subframe of 1 ms."""
        return 2 * self.symbols_per_slot

    @property
    def symbols_per_frame(self) -> int:
        """OFDM symbols in a radio frame of 10 ms."""
        return SLOTS_PER_FRAME * self.symbols_per_slot

    @property
    def sample_rate_hz(self) -> float:
        """Sampling rate of the baseband."""
        return SUBCARRIER_SPACING_HZ * self.fft_size

    @property
    def subcarriers(self) -> int:
        """Number of subcarriers in use, the one at DC not counted: it is never sent."""
        return SUBCARRIERS_PER_BLOCK * self.resource_blocks

    @property
    def subcarrier_bins(self) -> Int64[np.ndarray, "subcarrier"]:
        """Bin of the transform of each subcarrier in use, from the lowest frequency to the highest."""
        return self._offsets() % self.fft_size

    @property
    def subcarrier_hz(self) -> Float64[np.ndarray, "subcarrier"]:
        """Baseband frequency of each subcarrier in use, relative to the carrier."""
        return self._offsets() * SUBCARRIER_SPACING_HZ

    def _offsets(self) -> Int64[np.ndarray, "subcarrier"]:
        half = self.subcarriers // 2
        below = np.arange(self.subcarriers, dtype=np.int64) - half
        return below + (below >= 0)

    @cached_property
    def prefix_samples(self) -> Int64[np.ndarray, "symbol"]:
        """Length of the cyclic prefix of each symbol of a slot."""
        lengths = [512] * 6 if self.extended_prefix else [160] + [144] * 6
        return np.array(lengths, np.int64) * self.fft_size // 2048

    @cached_property
    def symbol_samples(self) -> Int64[np.ndarray, "symbol"]:
        """Length of each symbol of a slot, prefix included."""
        return self.prefix_samples + self.fft_size

    @cached_property
    def _symbol_ends(self) -> Int64[np.ndarray, "symbol"]:
        return np.cumsum(self.symbol_samples)

    @property
    def samples_per_slot(self) -> int:
        """Samples in an LTE slot of 0.5 ms."""
        return 15 * self.fft_size // 2

    @property
    def samples_per_frame(self) -> int:
        """Samples in a radio frame of 10 ms."""
        return SLOTS_PER_FRAME * self.samples_per_slot

    def symbol_prefix(self, symbol: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the length of the prefix of symbols, counted from the start of frame 0."""
        prefix: Int64[np.ndarray, "*n"] = self.prefix_samples[symbol % self.symbols_per_slot]
        return prefix

    def symbol_start(self, symbol: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the sample at which symbols begin, counted from the start of frame 0."""
        slot, ordinal = np.divmod(symbol, self.symbols_per_slot)
        within = self._symbol_ends[ordinal] - self.symbol_samples[ordinal]
        start: Int64[np.ndarray, "*n"] = slot * self.samples_per_slot + within
        return start

    def symbol_at(self, sample: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Return the symbol that samples lie in, counted from the start of frame 0."""
        slot, within = np.divmod(sample, self.samples_per_slot)
        ordinal = np.searchsorted(self._symbol_ends, within, side="right")
        symbol: Int64[np.ndarray, "*n"] = slot * self.symbols_per_slot + ordinal
        return symbol


def symbols_per_slot(extended_prefix: bool) -> int:
    """Return the number of OFDM symbols in a slot.

    Args:
        extended_prefix: Whether the cyclic prefix is the extended one.

    Source: TS 36.211, table 6.2.3-1.
    """
    return 6 if extended_prefix else 7


def numerology(bandwidth_mhz: float, *, extended_prefix: bool = False) -> Numerology:
    """Return the sizes of a channel bandwidth.

    Args:
        bandwidth_mhz: 1.4, 3, 5, 10, 15 or 20.
        extended_prefix: Whether the cyclic prefix is the extended one.

    Raises:
        SpecError: LTE has no such bandwidth.
    """
    if bandwidth_mhz not in _SIZES:
        raise SpecError(
            f"no LTE channel is {bandwidth_mhz:g} MHz wide",
            where="waveform.bandwidth_mhz",
            accepted=", ".join(f"{bandwidth:g}" for bandwidth in _SIZES),
        )
    return Numerology(*_SIZES[bandwidth_mhz], extended_prefix)
