"""Prefixes and neighbours: OFDM symbols without a prefix become a run of samples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Int64

from iqatlas.waveforms.lte.numerology import Numerology


def frame_slots(
    samples: Complex64[np.ndarray, "site sample"],
    numbers: Numerology,
    bodies: Complex64[np.ndarray, "symbol site fft"],
) -> None:
    """Write whole slots.

    Args:
        samples: Where to: as long as the slots.
        numbers: Sizes of symbols.
        bodies: Symbols of the slots without their prefix.
    """
    sites, each = len(samples), numbers.symbols_per_slot
    pieces = bodies.reshape(-1, each, sites, numbers.fft_size).transpose(2, 0, 1, 3)
    slots = samples.reshape(sites, -1, numbers.samples_per_slot)
    # Few copies with long strides: the first symbol of a slot, and the others, whose prefixes are equal.
    first = int(numbers.symbol_samples[0])
    for runs, piece, length in (
        (slots[..., None, :first], pieces[:, :, :1], int(numbers.prefix_samples[0])),
        (
            slots[..., first:].reshape(sites, -1, each - 1, int(numbers.symbol_samples[1])),
            pieces[:, :, 1:],
            int(numbers.prefix_samples[1]),
        ),
    ):
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
    if samples <= numbers.fft_size // 2:
        _gather(out, start, record, begin, prefix, bodies)
        return
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


def _gather(
    out: Complex64[np.ndarray, "record site sample"],
    start: Int64[np.ndarray, "record"],
    record: Int64[np.ndarray, "symbol"],
    begin: Int64[np.ndarray, "symbol"],
    prefix: Int64[np.ndarray, "symbol"],
    bodies: Complex64[np.ndarray, "symbol site fft"],
) -> None:
    """Look up each sample of windows that are shorter than a symbol, so that each touches one or two."""
    _, sites, size = bodies.shape
    sample = np.arange(out.shape[-1])
    first = np.searchsorted(record, np.arange(len(out)))
    offset = start - begin[first] - prefix[first]
    place = sample + (first * sites * size + offset)[:, None]
    place += size * (sample < -offset[:, None])  # the prefix is the end of the symbol
    (two,) = np.nonzero(np.bincount(record, minlength=len(out)) > 1)
    if len(two):
        second = first[two] + 1
        since = sample - (begin[second] - start[two])[:, None]
        later = (second * sites * size - prefix[second])[:, None] + since
        later += size * (since < prefix[second][:, None])
        place[two] = np.where(since < 0, place[two], later)
    of_sites = place[:, None] + size * np.arange(sites)[:, None]
    # Clipping changes nothing; without it the numbers would be looked through first.
    bodies.reshape(-1).take(of_sites, mode="clip", out=out)


def _scatter(
    canvas: Complex64[np.ndarray, "record site sample"],
    place: Int64[np.ndarray, "symbol site"],
    pieces: Complex64[np.ndarray, "symbol site piece"],
) -> None:
    """Write pieces of equal length to the flat canvas, each from its place on."""
    runs = np.lib.stride_tricks.sliding_window_view(canvas.reshape(-1), pieces.shape[-1], writeable=True)
    runs[place] = pieces
