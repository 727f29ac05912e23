"""Random payload symbols, a function of key, symbol and subcarrier alone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Complex64, Int64, UInt8, UInt64

from iqatlas.seeds import words
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, constellation

ELEMENTS_PER_BYTE = 4
_BYTES_PER_COUNTER = 16
_SILENT = 256


def payload_bytes(
    keys: UInt64[np.ndarray, "symbol site 2"], symbol: Int64[np.ndarray, "symbol"], size: int
) -> UInt8[np.ndarray, "symbol site byte"]:
    """Return the payload of OFDM symbols as bytes, for :func:`qpsk`.

    Args:
        keys: Key of each symbol and site (see :func:`iqatlas.seeds.key`).
        symbol: Symbols, counted from the start of frame 0; negative ones are before it.
        size: Bytes of each symbol.
    """
    blocks = -(-size // _BYTES_PER_COUNTER)
    # The axis of blocks goes first: keys then broadcast over the outer axis, which is faster.
    counter = np.empty((blocks, len(symbol), 1, 2), np.uint64)
    counter[..., 0] = symbol.view(np.uint64)[:, None]
    counter[..., 1] = np.arange(blocks, dtype=np.uint64)[:, None, None]
    random = np.moveaxis(words(keys[None], counter), 0, 2)
    return np.ascontiguousarray(random, "<u8").view(np.uint8).reshape(*keys.shape[:2], -1)[..., :size]


def qpsk_table(amplitude: float) -> Complex64[np.ndarray, "257 4"]:
    """Return the four QPSK symbols of each byte, lowest bits first, and silence as a last row.

    Args:
        amplitude: Magnitude of a symbol, √mW.

    Source: TS 36.211, table 7.1.2-1.
    """
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    level = (1.0 - 2.0 * bits) * amplitude / np.sqrt(2)
    table = np.zeros((_SILENT + 1, ELEMENTS_PER_BYTE), np.complex64)
    table[:_SILENT] = level[:, 0::2] + 1j * level[:, 1::2]
    return table


def qpsk(
    table: Complex64[np.ndarray, "257 4"],
    payload: UInt8[np.ndarray, "symbol site byte"],
    occupied: Bool[np.ndarray, "symbol site subchannel"],
) -> Complex64[np.ndarray, "symbol site element"]:
    """Return payload elements, zero where the sub-channel is vacant.

    Args:
        table: What :func:`qpsk_table` gives.
        payload: Bytes, equally many for each sub-channel.
        occupied: Whether each sub-channel is sent.
    """
    shape = payload.shape[:2]
    # A resource block is three bytes, so that switching acts on bytes, before they are spread out.
    place = payload.reshape(*occupied.shape, -1).astype(np.intp)
    np.copyto(place, _SILENT, where=~occupied[..., None])
    return np.take(table, place.reshape(-1), axis=0, mode="clip").reshape(*shape, -1)


class SymbolPayload:
    """Random symbols of one modulation.

    Args:
        modulation: qpsk, 16qam or 64qam.
        amplitude: Root mean square of a symbol, √mW.
    """

    def __init__(self, modulation: str, amplitude: float) -> None:
        self._bits = BITS_PER_SYMBOL[modulation]
        self._qpsk = qpsk_table(amplitude)
        # A byte holds one symbol; of the eight bits of it 64QAM leaves two alone.
        points = constellation(self._bits) * np.float32(amplitude)
        self._points = np.append(np.resize(points, _SILENT), np.complex64(0))

    def elements(
        self,
        keys: UInt64[np.ndarray, "symbol site 2"],
        symbol: Int64[np.ndarray, "symbol"],
        count: int,
        occupied: Bool[np.ndarray, "symbol site subchannel"],
    ) -> Complex64[np.ndarray, "symbol site element"]:
        """Return payload elements, zero where the sub-channel is vacant.

        Args:
            keys: Key of each symbol and site.
            symbol: Symbols, counted from the start of frame 0; negative ones are before it.
            count: Elements of each symbol, equally many for each sub-channel.
            occupied: Whether each sub-channel is sent.
        """
        if self._bits == 2:
            payload = payload_bytes(keys, symbol, count // ELEMENTS_PER_BYTE)
            return qpsk(self._qpsk, payload, occupied)
        payload = payload_bytes(keys, symbol, count)
        place = payload.reshape(*occupied.shape, -1).astype(np.intp)
        np.copyto(place, _SILENT, where=~occupied[..., None])
        return np.take(self._points, place.reshape(-1), mode="clip").reshape(*payload.shape)
