"""Random payload symbols, a function of key, symbol and subcarrier alone.

A spectrum is looked up from a table a few neighbouring bins at a time: what bytes say where there is
payload, silence elsewhere. Guards, DC and vacant sub-channels then cost no step of their own.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Complex64, Int64, UInt8, UInt64

from iqatlas.seeds import sequence, sequence_words
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, constellation

_BINS_PER_BYTE = {2: 4, 4: 2, 6: 1}
"""By bits a symbol; of the eight bits of a byte 64QAM leaves two alone."""
_BYTES_PER_WORD = 8
_VALUES = 256


def payload_bytes(
    keys: UInt64[np.ndarray, "record site 2"],
    record: Int64[np.ndarray, "symbol"],
    symbol: Int64[np.ndarray, "symbol"],
    size: int,
) -> UInt8[np.ndarray, "symbol site byte"]:
    """Return the payload of OFDM symbols as bytes.

    Args:
        keys: Key of each record and site (see :func:`iqatlas.seeds.key`).
        record: Record of each symbol.
        symbol: Symbols, counted from the start of frame 0; negative ones are before it.
        size: Bytes of each symbol.
    """
    count = -(-size // _BYTES_PER_WORD)
    random = sequence_words(sequence(keys)[record], (symbol * count)[:, None], count)
    return np.asarray(random, "<u8").view(np.uint8)[..., :size]


class SymbolPayload:
    """Random symbols of one modulation on the bins of a transform.

    Args:
        modulation: qpsk, 16qam or 64qam.
        amplitude: Root mean square of a symbol, √mW.
        subchannel: Sub-channel of each bin, −1 where none is. Sub-channels fill the bins around DC,
            each of them more than a byte's bins.

    Source: TS 36.211, section 7.1.
    """

    def __init__(self, modulation: str, amplitude: float, subchannel: Int64[np.ndarray, "fft"]) -> None:
        bits = BITS_PER_SYMBOL[modulation]
        self._bins = _BINS_PER_BYTE[bits]
        of_group = subchannel.reshape(-1, self._bins)
        self.groups = len(of_group)
        """Groups of bins in a spectrum."""
        # DC's group is always among them, so that they are neighbours from there on.
        active = np.union1d(0, np.flatnonzero((of_group >= 0).any(axis=1)))
        self._above = int(np.count_nonzero(active < self.groups // 2))
        self._below = len(active) - self._above
        left, self._right = of_group[active, 0], of_group[active, -1]
        # Groups that two sub-channels share, or one and silence: so many bins of them are the left one's.
        (self._shared,) = np.nonzero(left != self._right)
        self._left = left[self._shared]
        own = np.argmax(of_group[active] != left[:, None], axis=1)[self._shared]
        # Kinds of a byte's block in the table: all bins sent, the first so many, those after them, none.
        kinds = 2 * self._bins
        self._silent = (kinds - 1) * _VALUES
        neither, right, both = np.full_like(own, kinds - 1), self._bins - 1 + own, np.zeros_like(own)
        self._mixed = np.array([[neither, right], [own, both]]) * _VALUES
        points = constellation(bits)[_symbol_numbers(bits, self._bins)] * np.float32(amplitude)
        sent = np.zeros((kinds, 1, self._bins), bool)
        sent[0] = True
        for first in range(1, self._bins):
            sent[first, 0, :first] = sent[self._bins - 1 + first, 0, first:] = True
        self._table = np.where(sent, points, np.complex64(0)).reshape(-1, self._bins)

    def bytes(
        self,
        keys: UInt64[np.ndarray, "record site 2"],
        record: Int64[np.ndarray, "symbol"],
        symbol: Int64[np.ndarray, "symbol"],
    ) -> Int64[np.ndarray, "symbol site group"]:
        """Return a random byte for each group of bins that holds payload, DC and those above it first.

        Args:
            keys: Key of each record and site.
            record: Record of each symbol.
            symbol: Symbols, counted from the start of frame 0; negative ones are before it.
        """
        return payload_bytes(keys, record, symbol, self._above + self._below).astype(np.int64)

    def kinds(
        self, occupied: Bool[np.ndarray, "symbol site subchannel"]
    ) -> Int64[np.ndarray, "#symbol site group"]:
        """Return which of a group's bins are sent, as the place of its kind in the table.

        Args:
            occupied: Whether each sub-channel is sent. Neighbours that are alike are worked out once.
        """
        fresh = np.flatnonzero((occupied[1:] != occupied[:-1]).any(axis=(1, 2))) + 1
        starts = np.append(0, fresh)
        sent = np.zeros((len(starts), occupied.shape[1], occupied.shape[2] + 1), np.int64)
        sent[..., :-1] = occupied[starts]  # the last one stands for no sub-channel
        right = np.take(sent, self._right, axis=-1)
        kind = (1 - right) * self._silent
        left = np.take(sent, self._left, axis=-1)
        kind[..., self._shared] = self._mixed[left, right[..., self._shared], np.arange(len(self._shared))]
        return kind if len(starts) == 1 else np.repeat(kind, np.diff([*starts, len(occupied)]), axis=0)

    def blank_rows(self, spectra: int) -> Int64[np.ndarray, "spectrum group"]:
        """Return rows of the table that stand for silence, for :meth:`fill` to work in.

        Args:
            spectra: Number of spectra.
        """
        return np.full((spectra, self.groups), self._silent, np.int64)

    def fill(
        self,
        spectra: Complex64[np.ndarray, "spectrum fft"],
        rows: Int64[np.ndarray, "spectrum group"],
        random: Int64[np.ndarray, "symbol site group_"],
        kinds: Int64[np.ndarray, "symbol site group_"],
    ) -> None:
        """Write spectra, all of their bins; of the ones past the last symbol nothing is promised.

        Args:
            spectra: Where to, symbol after symbol.
            rows: What :meth:`blank_rows` gives, as many; they may be used again.
            random: What :meth:`bytes` gives.
            kinds: What :meth:`kinds` gives, for each symbol.
        """
        symbols, sites, _ = random.shape
        used = rows[: symbols * sites].reshape(symbols, sites, -1)
        above, below = slice(0, self._above), slice(self._above, None)
        np.add(random[..., above], kinds[..., above], out=used[..., : self._above])
        np.add(random[..., below], kinds[..., below], out=used[..., self.groups - self._below :])
        # Clipping changes nothing; without it the numbers would be looked through first.
        self._table.take(rows, axis=0, mode="clip", out=spectra.reshape(len(rows), -1, self._bins))


def _symbol_numbers(bits: int, bins: int) -> Int64[np.ndarray, "byte bin"]:
    """Return the bits of each symbol of each byte as a number; a byte's lowest bit comes first."""
    byte = np.arange(_VALUES)[:, None] >> bits * np.arange(bins)
    return np.asarray(sum((byte >> place & 1) << (bits - 1 - place) for place in range(bits)), np.int64)
