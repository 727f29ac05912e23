"""Prefixes and neighbours: OFDM symbols without a prefix become a run of samples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Int64

from iqatlas.waveforms.lte.numerology import Numerology


def frame_whole(
    samples: Complex64[np.ndarray, "site sample"],
    numbers: Numerology,
    first: int,
    bodies: Complex64[np.ndarray, "symbol site fft"],
) -> None:
    """Write neighbouring symbols that fill the samples from the first to the last one.

    Args:
        samples: Where to: as long as the symbols with their prefixes.
        numbers: Sizes of symbols.
        first: First symbol, counted from the start of frame 0.
        bodies: Symbols without their prefix.
    """
    symbol = np.arange(first, first + len(bodies))
    begin = numbers.symbol_start(symbol)
    prefix = numbers.symbol_prefix(symbol)
    # Few copies with long strides: symbols of one place in the slot lie a slot apart.
    for ordinal in range(min(numbers.symbols_per_slot, len(bodies))):
        length = int(prefix[ordinal])
        piece = bodies[ordinal :: numbers.symbols_per_slot]
        shape = (len(piece), len(samples), length + numbers.fft_size)
        strides = (numbers.samples_per_slot * samples.strides[1], *samples.strides)
        begins = samples[:, int(begin[ordinal] - begin[0]) :]
        runs = np.lib.stride_tricks.as_strided(begins, shape, strides)
        runs[..., length:] = piece
        runs[..., :length] = piece[..., numbers.fft_size - length :]


def frame_windows(
    out: Complex64[np.ndarray, "record site sample"],
    numbers: Numerology,
    start: Int64[np.ndarray, "record"],
    record: Int64[np.ndarray, "symbol"],
    symbol: Int64[np.ndarray, "symbol"],
    bodies: Complex64[np.ndarray, "symbol site fft"],
) -> None:
    """Write windows that begin and end anywhere in their symbols.

    Args:
        out: Where to.
        numbers: Sizes of symbols.
        start: First sample of each window.
        record: Window that each symbol belongs to.
        symbol: Symbols, counted from the start of frame 0: all that windows touch.
        bodies: Symbols without their prefix.
    """
    records, sites, samples = out.shape
    begin, prefix = numbers.symbol_start(symbol), numbers.symbol_prefix(symbol)
    # Whole symbols go to a canvas with a margin of one symbol on either side: copies of
    # equal length then need no loop, and the margin is left behind.
    margin = int(numbers.symbol_samples.max())
    canvas = np.empty((records, sites, samples + 2 * margin), np.complex64)
    row = (record[:, None] * sites + np.arange(sites)) * canvas.shape[-1]
    place = row + (margin + begin - start[record])[:, None]
    _scatter(canvas, place + prefix[:, None], bodies)
    for length in np.unique(prefix):
        of_length = prefix == length
        _scatter(canvas, place[of_length], bodies[of_length, :, -length:])
    out[...] = canvas[..., margin:-margin]


def _scatter(
    canvas: Complex64[np.ndarray, "record site sample"],
    place: Int64[np.ndarray, "symbol site"],
    pieces: Complex64[np.ndarray, "symbol site piece"],
) -> None:
    """Write pieces of equal length to the flat canvas, each from its place on."""
    runs = np.lib.stride_tricks.sliding_window_view(canvas.reshape(-1), pieces.shape[-1], writeable=True)
    runs[place] = pieces
