"""Numba's door: cross-spectra of channel pairs, sixteen channels by one side by side in a vector.

Products, transforms and the choice of bins are fused, so that what is worked on stays in a core's first
cache. Of a transform over P blocks only the first K bins are kept; so it is built from P/K transforms of K
points, Stockham's with radix 4, 8 and 16, and their sum is formed for the kept bins alone.

Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", SIAM, 1992, section 1.7
(Stockham) and 2.1 (a transform from those of interleaved parts).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, no_type_check

import numba
import numpy as np
from jaxtyping import Complex64, Float32, Int32, Int64

from iqatlas.features._numba_vectors import (
    ELEMENT,
    LANES,
    claim,
    lane_products,
    transform_step,
    write_lanes,
    write_twice,
)
from iqatlas.features.channelizer import channel_phases

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
def _transform(first, second, part, radix, phases, turns, room, places, out):
    """Transform the products of a part and add them, turned, to the total that ``room`` ends with.

    Meanwhile lines of the cache are claimed where the total goes: a share of them, another for each part.
    """
    kept = len(phases) // 2
    size = kept // radix[0]
    E = ELEMENT
    one, other, total = room[: kept * E], room[kept * E : 2 * kept * E], room[2 * kept * E :]
    a, b = part * kept * E, 2 * part * kept
    share = max(LANES * 2 * kept // len(turns), 1)
    begin, end = min(part * share, LANES), min((part + 1) * share, LANES)
    for p in range(size):
        if 8 * p < kept:
            for lane in range(begin, end):
                claim(out, places[lane] + LANES * p)
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
def _tiled_factors(channels, slot_of_block, scale, turn, conjugate, first, second):
    """Fill the factors: [tile, (slot, part, lane)] of sixteen channels a tile, [channel, (slot, part)]."""
    count, blocks = channels.shape
    sign = np.float32(1 if conjugate else -1)
    for tile in range(len(first)):
        for block in range(blocks):
            slot = slot_of_block[block]
            real, imaginary = turn[block].real, turn[block].imag
            for lane in range(LANES):
                k = min(tile * LANES + lane, count - 1)
                x, y = channels[k, block].real, channels[k, block].imag
                first[tile, slot * ELEMENT + lane] = scale * x
                first[tile, slot * ELEMENT + LANES + lane] = scale * y
                y *= sign
                second[k, 2 * slot] = x * real - y * imaginary
                second[k, 2 * slot + 1] = x * imaginary + y * real


@_compiled
@no_type_check
def _pair_vector(first, second, radix, phases, turns, room, places, out):
    """Write the bins of sixteen pairs, whose factors these are, each to its place."""
    kept = len(phases) // 2
    for part in range(len(turns) // (2 * kept)):
        _transform(first, second, part, radix, phases, turns, room, places, out)
    total = room[2 * kept * ELEMENT :]
    if kept >= 8:
        for k in range(0, kept, 8):
            write_lanes(total, k * ELEMENT, out, 2 * k, places)
        return
    for lane in range(LANES):
        for k in range(kept):
            place, to = k * ELEMENT + lane, places[lane] + 2 * k
            out[to], out[to + 1] = total[place], total[place + LANES]


@_compiled
@no_type_check
def _cross_spectra(
    channels,
    slots,
    scale,
    turn,
    conjugate,
    first,
    second,
    twice,
    units,
    signs,
    radix,
    phases,
    turns,
    room,
    out,
):
    """Fill ``out[row, (pair, bin, part)]``, through factors as :func:`_tiled_factors` lays them."""
    kept, count, blocks = len(phases) // 2, channels.shape[1], channels.shape[2]
    places, width = np.empty(LANES, np.int64), 2 * kept
    crossed = room[3 * kept * ELEMENT :]
    for row in range(len(out)):
        flat = out[row]
        _tiled_factors(channels[row], slots, scale, turn, conjugate, first, second)
        for tile in range(len(first)):
            left, begin = first[tile], tile * LANES
            whole = begin + LANES <= count
            for lower in range(begin if whole else count):
                for lane in range(LANES):
                    # Spare lanes go first where the pair k = l goes, or hold what the last channel does.
                    apart = min(max(begin + lane - lower, 0), count - 1 - lower)
                    places[lane] = width * (apart * count - apart * (apart - 1) // 2 + lower)
                _pair_vector(left, second[lower], radix, phases, turns, room, places, flat)
            if not whole:
                continue
            # Sixteen channels with one another: all of them at once with those some lanes further.
            for block in range(blocks):
                write_twice(left, block * ELEMENT, twice, 2 * block * ELEMENT)
            for turned in range(LANES // 2 + 1):
                for lane in range(LANES):
                    around = lane + turned >= LANES
                    apart = LANES - turned if around else turned
                    lower = begin + (lane + turned - LANES if around else lane)
                    places[lane] = width * (apart * count - apart * (apart - 1) // 2 + lower)
                for block in range(blocks):
                    at, to = 2 * block * ELEMENT, block * ELEMENT
                    lane_products(twice, at, turned, signs, LANES + turned, crossed, to)
                _pair_vector(crossed, units, radix, phases, turns, room, places, flat)


@lru_cache(maxsize=8)
def _plan(
    blocks: int, kept: int, delay: int
) -> tuple[
    Int64[np.ndarray, "block"],
    Int64[np.ndarray, "stage"],
    Float32[np.ndarray, "phase"],
    Float32[np.ndarray, "turn"],
]:
    """Return where a block's factors lie, the radices, the phases of a transform, the turns of its bins.

    Factors lie by the transform they belong to, then as its first step reads them.
    """
    radix, parts, phases = radices(kept), blocks // kept, channel_phases(blocks)
    place, part = np.divmod((np.arange(blocks) + delay) % blocks, parts)
    outer, inner = np.divmod(place, kept // radix[0])
    turns = phases[np.outer(np.arange(parts), np.arange(kept))].ravel()
    slots = part * kept + inner * radix[0] + outer
    return slots, np.array(radix), phases[::parts].copy().view(np.float32), turns.view(np.float32)


def _aligned(*shape: int) -> Float32[np.ndarray, "..."]:
    """Return an array that begins with a line of the cache, so that no vector of it straddles two."""
    count = int(np.prod(shape))
    room = np.empty(count + LANES, np.float32)
    begin = -(room.ctypes.data // room.itemsize) % LANES
    return room[begin : begin + count].reshape(shape)


def cross_spectra(
    channels: Complex64[np.ndarray, "row channel block"],
    turn: Complex64[np.ndarray, "block"],
    out: Complex64[np.ndarray, "row pair cycle"],
    *,
    delay: int,
    scale: float,
    conjugate: bool,
) -> None:
    """Write the first bins of the transforms of the products of channels over the blocks, for all pairs.

    Args:
        channels: Complex demodulates.
        turn: What the lower channel of a pair is multiplied by, at every block.
        out: Pairs by rising k - l, then l.
        delay: By how many blocks the demodulates come later.
        scale: What the upper channel of a pair is multiplied by.
        conjugate: The lower channel of a pair as it is, in place of its conjugate.
    """
    rows, count, blocks = channels.shape
    kept = out.shape[-1]
    slots, radix, own, turns = _plan(blocks, kept, delay)
    first = _aligned(-(-count // LANES), blocks * ELEMENT)
    second = np.empty((count, 2 * blocks + LANES), np.float32)  # a power of two would share sets of the cache
    twice, room = _aligned(2 * blocks * ELEMENT), _aligned((3 * kept + blocks) * ELEMENT)
    late, share = np.roll(turn, -delay), np.float32(scale)
    units = np.empty(blocks, np.complex64)
    units[slots] = late / share
    signs = np.ones(3 * LANES, np.float32)
    signs[: 2 * LANES] = 1 if conjugate else -1
    cells = out.reshape(rows, -1).view(np.float32)
    _cross_spectra(
        channels,
        slots,
        share,
        late,
        conjugate,
        first,
        second,
        twice,
        units.view(np.float32),
        signs,
        radix,
        own,
        turns,
        room,
        cells,
    )


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
