"""Numba's door: cross-spectra of channel pairs, sixteen pairs side by side in a vector.

Products, transforms and the choice of bins are fused, so that what is worked on stays in a core's first
cache. Of a transform over P blocks only the first K bins are kept; so it is built from P/K transforms of K
points, Stockham's with radix 4 and 8, and their sum is formed for the kept bins alone.

Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", SIAM, 1992, section 1.7
(Stockham) and 2.1 (a transform from those of interleaved parts).
"""

from __future__ import annotations

from typing import Any, no_type_check

import numba
import numpy as np
from jaxtyping import Complex64, Float32, Int32, Int64

from iqatlas.features._numba_vectors import ELEMENT, LANES, transform_step, write_lanes

_FIRST_2, _FIRST_4, _FIRST_8 = (transform_step(radix, products=True) for radix in (2, 4, 8))
_NEXT_4, _NEXT_8 = (transform_step(radix) for radix in (4, 8))
_LAST_2, _LAST_4, _LAST_8, _LAST_16 = (transform_step(radix, turned=False) for radix in (2, 4, 8, 16))
_ADD_2, _ADD_4, _ADD_8, _ADD_16 = (transform_step(radix, add=True) for radix in (2, 4, 8, 16))


def radices(kept: int) -> list[int]:
    """Return the radices of a transform of ``kept`` points, 4 or more: two at least, eights first."""
    exponent = kept.bit_length() - 1
    if exponent <= 3:
        return [kept // 2, 2]
    if exponent == 7:
        return [8, 16]
    eights, rest = divmod(exponent, 3)
    if rest == 0:
        return [8] * eights
    return [8] * eights + [4] if rest == 2 else [8] * (eights - 1) + [4, 4]


def _compiled(function: Any) -> Any:
    """Return the function compiled on its first call; the code is kept where there is a folder for it."""
    options = {"fastmath": True, "error_model": "numpy", "nogil": True}
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # neither the package's folder nor the user's takes files
        return numba.njit(function, **options)


@_compiled
@no_type_check
def _transform(first, second, a, b, radix, phases, turns, part, one, other, total):
    """Transform the products from ``a`` and ``b`` on and add them, turned, to ``total``."""
    kept = len(phases) // 2
    size = kept // radix[0]
    E = ELEMENT
    for p in range(size):
        to = radix[0] * p * E
        at, at_b = a + to, b + 2 * radix[0] * p
        if radix[0] == 8:
            _FIRST_8(first, second, at, at_b, E, one, to, E, phases, 0, 2 * p)
        elif radix[0] == 4:
            _FIRST_4(first, second, at, at_b, E, one, to, E, phases, 0, 2 * p)
        else:
            _FIRST_2(first, second, at, at_b, E, one, to, E, phases, 0, 2 * p)
    stride = radix[0]
    source, target = one, other
    for stage in range(1, len(radix) - 1):
        size //= radix[stage]
        step, to_step = stride * size * E, stride * E
        for p in range(size):
            turn = 2 * p * stride
            for q in range(stride):
                at, to = (q + stride * p) * E, (q + radix[stage] * stride * p) * E
                if radix[stage] == 8:
                    _NEXT_8(source, source, at, at, step, target, to, to_step, phases, 0, turn)
                else:
                    _NEXT_4(source, source, at, at, step, target, to, to_step, phases, 0, turn)
        stride *= radix[stage]
        source, target = target, source
    last, step = radix[-1], stride * E
    for q in range(stride):
        at, turn = q * E, 2 * (part * kept + q)
        if part == 0:
            if last == 16:
                _LAST_16(source, source, at, at, step, total, at, step, turns, 0, 0)
            elif last == 8:
                _LAST_8(source, source, at, at, step, total, at, step, turns, 0, 0)
            elif last == 4:
                _LAST_4(source, source, at, at, step, total, at, step, turns, 0, 0)
            else:
                _LAST_2(source, source, at, at, step, total, at, step, turns, 0, 0)
        elif last == 16:
            _ADD_16(source, source, at, at, step, total, at, step, turns, turn, 2 * stride)
        elif last == 8:
            _ADD_8(source, source, at, at, step, total, at, step, turns, turn, 2 * stride)
        elif last == 4:
            _ADD_4(source, source, at, at, step, total, at, step, turns, turn, 2 * stride)
        else:
            _ADD_2(source, source, at, at, step, total, at, step, turns, turn, 2 * stride)


@_compiled
@no_type_check
def _cross_spectra(first, second, count, radix, phases, turns, room, out):
    """Fill ``out[row, (pair, bin, part)]`` from factors as :func:`_tiled_factors` lays them."""
    kept = len(phases) // 2
    size = kept * ELEMENT
    one, other, total = room[:size], room[size : 2 * size], room[2 * size : 3 * size]
    places = np.empty(LANES, np.int64)
    rows, tiles, parts = len(out), first.shape[1], len(turns) // (2 * kept)
    for row in range(rows):
        flat = out[row]
        for tile in range(tiles):
            left = first[row, tile]
            for lower in range(min(count, (tile + 1) * LANES)):
                right = second[row, lower]
                for part in range(parts):
                    a, b = part * size, 2 * part * kept
                    _transform(left, right, a, b, radix, phases, turns, part, one, other, total)
                for lane in range(LANES):
                    # Spare lanes go first where the pair k = l goes, or hold what the last channel does.
                    apart = min(max(tile * LANES + lane - lower, 0), count - 1 - lower)
                    pair = apart * count - apart * (apart - 1) // 2 + lower
                    places[lane] = 2 * kept * pair
                if kept >= 8:
                    for k in range(0, kept, 8):
                        write_lanes(total, k * ELEMENT, flat, 2 * k, places)
                    continue
                for lane in range(LANES):
                    for k in range(kept):
                        place, to = k * ELEMENT + lane, places[lane] + 2 * k
                        flat[to], flat[to + 1] = total[place], total[place + LANES]


@_compiled
@no_type_check
def _tiled_factors(channels, slot_of_block, scale, turn, conjugate, first, second):
    """Fill the factors: [row, tile, (slot, part, lane)] of sixteen channels, [row, channel, (slot, part)]."""
    rows, blocks, count = channels.shape
    sign = np.float32(1 if conjugate else -1)
    for row in range(rows):
        for tile in range(first.shape[1]):
            for block in range(blocks):
                slot = slot_of_block[block]
                real, imaginary = turn[block].real, turn[block].imag
                for lane in range(LANES):
                    k = min(tile * LANES + lane, count - 1)
                    x, y = channels[row, block, k].real, channels[row, block, k].imag
                    first[row, tile, slot * ELEMENT + lane] = scale * x
                    first[row, tile, slot * ELEMENT + LANES + lane] = scale * y
                    y *= sign
                    second[row, k, 2 * slot] = x * real - y * imaginary
                    second[row, k, 2 * slot + 1] = x * imaginary + y * real


def _slots(blocks: int, kept: int, radix: int, delay: int) -> Int64[np.ndarray, "block"]:
    """Return where a block's factors lie: by the transform they belong to, then as its first step reads."""
    late = (np.arange(blocks) + delay) % blocks
    place, part = np.divmod(late, blocks // kept)
    inner, outer = place % (kept // radix), place // (kept // radix)
    return np.asarray(part * kept + inner * radix + outer, np.int64)


def _aligned(*shape: int) -> Float32[np.ndarray, "..."]:
    """Return an array that begins with a line of the cache, so that no vector of it straddles two."""
    count = int(np.prod(shape))
    room = np.empty(count + LANES, np.float32)
    begin = -(room.ctypes.data // room.itemsize) % LANES
    return room[begin : begin + count].reshape(shape)


def cross_spectra(
    channels: Complex64[np.ndarray, "row block channel"],
    turn: Complex64[np.ndarray, "block"],
    out: Complex64[np.ndarray, "row pair cycle"],
    *,
    delay: int,
    scale: float,
    phases: Complex64[np.ndarray, "block"],
    conjugate: bool,
) -> None:
    """Write the first bins of the transforms of the products of channels over the blocks, for all pairs.

    Args:
        channels: Complex demodulates.
        turn: What the lower channel of a pair is multiplied by, at every block.
        out: Pairs by rising k - l, then l.
        delay: By how many blocks the demodulates come later.
        scale: What the upper channel of a pair is multiplied by.
        phases: e^{-j2πn/P}.
        conjugate: The lower channel of a pair as it is, in place of its conjugate.
    """
    rows, blocks, count = channels.shape
    kept = out.shape[-1]
    radix = np.array(radices(kept))
    first = _aligned(rows, -(-count // LANES), blocks * ELEMENT)
    second = np.empty((rows, count, 2 * blocks + LANES), np.float32)  # a power of two would share cache sets
    slots = _slots(blocks, kept, radix[0], delay)
    _tiled_factors(channels, slots, np.float32(scale), np.roll(turn, -delay), conjugate, first, second)
    turns = phases[np.outer(np.arange(blocks // kept), np.arange(kept))].ravel().view(np.float32)
    own = phases[:: blocks // kept].copy().view(np.float32)
    cells = out.reshape(rows, -1).view(np.float32)
    _cross_spectra(first, second, count, radix, own, turns, _aligned(3 * kept * ELEMENT), cells)


@_compiled
@no_type_check
def _pooled(cells, weight, value_of_cell, mean, out):
    rows, count, bins = cells.shape
    single = weight.shape[2] == 1
    magnitude = np.empty(bins, np.float32)
    for row in range(rows):
        for i in range(count):
            for k in range(bins):
                cell = cells[row, i, k]
                power = cell.real * cell.real + cell.imag * cell.imag
                power *= weight[row, i, 0 if single else k]
                magnitude[k] = np.sqrt(power) if mean else power
            # Neighbours mostly share a value: it is written once for all of them.
            value, sum_or_best = value_of_cell[i, 0], np.float32(0)
            for k in range(bins):
                if value_of_cell[i, k] != value:
                    _add(out, row, value, sum_or_best, mean)
                    value, sum_or_best = value_of_cell[i, k], np.float32(0)
                sum_or_best = sum_or_best + magnitude[k] if mean else max(sum_or_best, magnitude[k])
            _add(out, row, value, sum_or_best, mean)


@_compiled
@no_type_check
def _add(out, row, value, amount, mean):
    out[row, value] = out[row, value] + amount if mean else max(out[row, value], amount)


def pooled(
    cells: Complex64[np.ndarray, "row first second"],
    weight: Float32[np.ndarray, "row first #second"],
    value_of_cell: Int32[np.ndarray, "first second"],
    *,
    values: int,
    mean: bool,
) -> Float32[np.ndarray, "row value"]:
    """Return the largest weighted power of the cells of each value, or the sum of their magnitudes.

    Args:
        cells: Cells.
        weight: What the power of a cell is multiplied by.
        value_of_cell: The value of every cell; ``values`` for those left out.
        values: The number of values.
        mean: Sums of magnitudes, in place of the largest power.
    """
    out = np.zeros((len(cells), values + 1), np.float32)
    _pooled(cells, weight, value_of_cell, mean, out)
    return out[:, :values]
