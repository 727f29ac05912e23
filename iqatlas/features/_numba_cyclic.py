"""The one door to Numba: cross-spectra of channel pairs, sixteen pairs side by side in a vector.

Products, transforms and the choice of bins are fused, so that what is worked on stays in a core's first
cache. Of a transform over P blocks only the first K bins are kept; so it is built from P/K transforms of K
points, Stockham's with radix 4, and their sum is formed for the kept bins alone.

Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", SIAM, 1992, section 1.7
(Stockham) and 2.1 (a transform from those of interleaved parts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, no_type_check

import numba
import numpy as np
from jaxtyping import Complex64, Float32, Int32
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16
"""Pairs in a vector."""
_ELEMENT = 2 * LANES
"""Floats of one complex vector: real parts, then imaginary ones."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FLAGS = ("contract",)
_Pair = tuple[Any, Any]


def _load(builder: Any, base: Any, offset: Any) -> Any:
    place = builder.gep(base, [offset], inbounds=True)
    return builder.load(builder.bitcast(place, _VECTOR.as_pointer()), align=4)


def _store(builder: Any, value: Any, base: Any, offset: Any) -> None:
    place = builder.gep(base, [offset], inbounds=True)
    builder.store(value, builder.bitcast(place, _VECTOR.as_pointer()), align=4)


def _element(builder: Any, base: Any, offset: Any) -> _Pair:
    """Load a complex vector."""
    imaginary = builder.add(offset, ir.Constant(offset.type, LANES))
    return _load(builder, base, offset), _load(builder, base, imaginary)


def _put(builder: Any, value: _Pair, base: Any, offset: Any) -> None:
    _store(builder, value[0], base, offset)
    _store(builder, value[1], base, builder.add(offset, ir.Constant(offset.type, LANES)))


def _broadcast(builder: Any, scalar: Any) -> Any:
    single = builder.insert_element(
        ir.Constant(_VECTOR, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), mask)


def _plus(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    return builder.fadd(a[0], b[0], flags=_FLAGS), builder.fadd(a[1], b[1], flags=_FLAGS)


def _minus(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    return builder.fsub(a[0], b[0], flags=_FLAGS), builder.fsub(a[1], b[1], flags=_FLAGS)


def _times(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    product = lambda x, y: builder.fmul(x, y, flags=_FLAGS)  # noqa: E731
    return (
        builder.fsub(product(a[0], b[0]), product(a[1], b[1]), flags=_FLAGS),
        builder.fadd(product(a[0], b[1]), product(a[1], b[0]), flags=_FLAGS),
    )


def _turned_back(builder: Any, a: _Pair, b: _Pair) -> tuple[_Pair, _Pair]:
    """Return a - jb and a + jb."""
    add, subtract = builder.fadd, builder.fsub
    return (
        (add(a[0], b[1], flags=_FLAGS), subtract(a[1], b[0], flags=_FLAGS)),
        (subtract(a[0], b[1], flags=_FLAGS), add(a[1], b[0], flags=_FLAGS)),
    )


def _transformed(builder: Any, values: Sequence[_Pair]) -> list[_Pair]:
    """Return the transform of 1, 2, 4 or 8 values."""
    size = len(values)
    if size == 1:
        return list(values)
    even, odd = _transformed(builder, values[::2]), _transformed(builder, values[1::2])
    out: list[Any] = [None] * size
    for k in range(size // 2):
        if 4 * k == size:
            out[k], out[k + size // 2] = _turned_back(builder, even[k], odd[k])
            continue
        turned = odd[k]
        if k:
            # An eighth of a turn, or three: equal parts of both, times 1/√2.
            half = ir.Constant(_VECTOR, [math.sqrt(0.5)] * LANES)
            real, imaginary = (builder.fmul(part, half, flags=_FLAGS) for part in turned)
            total = builder.fadd(real, imaginary, flags=_FLAGS)
            if k == 1:
                turned = (total, builder.fsub(imaginary, real, flags=_FLAGS))
            else:
                turned = (builder.fsub(imaginary, real, flags=_FLAGS), builder.fneg(total, flags=_FLAGS))
        out[k], out[k + size // 2] = _plus(builder, even[k], turned), _minus(builder, even[k], turned)
    return out


@no_type_check
def _pass(radix: int, *, products: bool = False, turned: bool = True, add: bool = False) -> Any:
    """Return one step of a transform as a function for compiled code.

    It reads ``radix`` values ``step`` apart (products of two factors, or elements), transforms them, turns
    them by the phases from ``turn`` on, ``turn_step`` apart, and writes or adds them ``to_step`` apart.
    """

    @intrinsic
    def step_(
        _context: Any,
        source: Any,
        second: Any,
        at: Any,
        at_second: Any,
        step: Any,
        width: Any,
        target: Any,
        to: Any,
        to_step: Any,
        phases: Any,
        turn: Any,
        turn_step: Any,
    ) -> Any:
        signature = types.void(
            source, second, at, at_second, step, width, target, to, to_step, phases, turn, turn_step
        )

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            left, right, out, phase = (
                context.make_array(signature.args[i])(context, builder, value=args[i]).data
                for i in (0, 1, 6, 9)
            )
            at, other, apart, wide, to, to_apart, turn, turn_apart = (
                args[i] for i in (2, 3, 4, 5, 7, 8, 10, 11)
            )
            values = []
            for _ in range(radix):
                if products:
                    x = (_load(builder, left, at), _load(builder, left, builder.add(at, wide)))
                    y = (_load(builder, right, other), _load(builder, right, builder.add(other, wide)))
                    values.append(_times(builder, x, y))
                    other = builder.add(other, apart)
                else:
                    values.append(_element(builder, left, at))
                at = builder.add(at, apart)
            for index, value in enumerate(_transformed(builder, values)):
                # The first value of a step is never turned, but those that are added are.
                if turned and (index or add):
                    parts = [
                        builder.load(builder.gep(phase, [place], inbounds=True))
                        for place in (turn, builder.add(turn, ir.Constant(turn.type, 1)))
                    ]
                    factor = (_broadcast(builder, parts[0]), _broadcast(builder, parts[1]))
                    value = _times(builder, value, factor)
                if add:
                    value = _plus(builder, _element(builder, out, to), value)
                _put(builder, value, out, to)
                to, turn = builder.add(to, to_apart), builder.add(turn, turn_apart)
            return context.get_dummy_value()

        return signature, generate

    return step_


_FIRST_2, _FIRST_4, _FIRST_8 = (_pass(radix, products=True) for radix in (2, 4, 8))
_NEXT_4, _NEXT_8 = (_pass(radix) for radix in (4, 8))
_LAST_2, _LAST_4, _LAST_8 = (_pass(radix, turned=False) for radix in (2, 4, 8))
_ADD_2, _ADD_4, _ADD_8 = (_pass(radix, add=True) for radix in (2, 4, 8))


def radices(kept: int) -> list[int]:
    """Return the radices of a transform of ``kept`` points, 4 or more: two at least, eights first."""
    exponent = kept.bit_length() - 1
    if exponent <= 3:
        return [kept // 2, 2]
    eights, rest = divmod(exponent, 3)
    if rest == 0:
        return [8] * eights
    return [8] * eights + [4] if rest == 2 else [8] * (eights - 1) + [4, 4]


@intrinsic
@no_type_check
def _write_lanes(_context: Any, source: Any, at: Any, target: Any, to: Any, lane_step: Any) -> Any:
    """Write the eight elements from ``at`` on lane by lane, ``lane_step`` apart: a transposition.

    Each of four rounds interleaves the first half of the vectors with the second, which turns the bits of
    an index, (element, part, lane), by one place; after four, the lane stands in front.
    """
    signature = types.void(source, at, target, to, lane_step)
    mask = ir.VectorType(ir.IntType(32), LANES)
    halves = [
        ir.Constant(mask, [i // 2 + (i % 2) * LANES + first for i in range(LANES)])
        for first in (0, LANES // 2)
    ]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, out = (
            context.make_array(signature.args[i])(context, builder, value=args[i]).data for i in (0, 2)
        )
        place, to = args[1], args[3]
        vectors = []
        for _ in range(LANES):
            vectors.append(_load(builder, base, place))
            place = builder.add(place, ir.Constant(place.type, LANES))
        for _ in range(4):
            vectors = [
                builder.shuffle_vector(vectors[i], vectors[i + LANES // 2], half)
                for i in range(LANES // 2)
                for half in halves
            ]
        for vector in vectors:
            _store(builder, vector, out, to)
            to = builder.add(to, args[4])
        return context.get_dummy_value()

    return signature, generate


_compiled = numba.njit(fastmath=True, error_model="numpy", cache=True, nogil=True)


@_compiled
@no_type_check
def _transform(first, second, a, b, apart, width, radix, phases, turns, part, one, other, total):
    """Transform the products at every ``apart``-th place and add them, turned, to ``total``."""
    kept = len(phases) // 2
    size = kept // radix[0]
    E = _ELEMENT
    for p in range(size):
        at, at_b, to, step = a + p * apart, b + p * apart, radix[0] * p * E, size * apart
        if radix[0] == 8:
            _FIRST_8(first, second, at, at_b, step, width, one, to, E, phases, 0, 2 * p)
        elif radix[0] == 4:
            _FIRST_4(first, second, at, at_b, step, width, one, to, E, phases, 0, 2 * p)
        else:
            _FIRST_2(first, second, at, at_b, step, width, one, to, E, phases, 0, 2 * p)
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
                    _NEXT_8(source, source, at, at, step, 0, target, to, to_step, phases, 0, turn)
                else:
                    _NEXT_4(source, source, at, at, step, 0, target, to, to_step, phases, 0, turn)
        stride *= radix[stage]
        source, target = target, source
    last, step = radix[-1], stride * E
    for q in range(stride):
        at, turn = q * E, 2 * (part * kept + q)
        if part == 0:
            if last == 8:
                _LAST_8(source, source, at, at, step, 0, total, at, step, turns, 0, 0)
            elif last == 4:
                _LAST_4(source, source, at, at, step, 0, total, at, step, turns, 0, 0)
            else:
                _LAST_2(source, source, at, at, step, 0, total, at, step, turns, 0, 0)
        elif last == 8:
            _ADD_8(source, source, at, at, step, 0, total, at, step, turns, turn, 2 * stride)
        elif last == 4:
            _ADD_4(source, source, at, at, step, 0, total, at, step, turns, turn, 2 * stride)
        else:
            _ADD_2(source, source, at, at, step, 0, total, at, step, turns, turn, 2 * stride)


@_compiled
@no_type_check
def _cross_spectra(first, second, count, radix, phases, turns, out):
    """Fill ``out[row, (pair, bin, part)]`` from factors [row, (block, part, channel)]."""
    kept = len(phases) // 2
    pairs = count * (count + 1) // 2
    parts = len(turns) // (2 * kept)
    width = first.shape[1] // (2 * parts * kept)
    one = np.empty(kept * _ELEMENT, np.float32)
    other = np.empty(kept * _ELEMENT, np.float32)
    total = np.empty(kept * _ELEMENT, np.float32)
    apart = 2 * width * parts
    for row in range(len(out)):
        left, right, flat = first[row], second[row], out[row]
        pair = 0
        for difference in range(count):
            for begin in range(0, count - difference, LANES):
                for part in range(parts):
                    b = 2 * width * part + begin
                    a = b + difference
                    _transform(left, right, a, b, apart, width, radix, phases, turns, part, one, other, total)
                lanes = min(LANES, count - difference - begin)
                # Spare lanes write into the rows of pairs to come, as long as there are any.
                if kept >= 8 and pair + LANES <= pairs:
                    for k in range(0, kept, 8):
                        _write_lanes(total, k * _ELEMENT, flat, 2 * (pair * kept + k), 2 * kept)
                else:
                    for lane in range(lanes):
                        for k in range(kept):
                            place = k * _ELEMENT + lane
                            to = 2 * ((pair + lane) * kept + k)
                            flat[to], flat[to + 1] = total[place], total[place + LANES]
                pair += lanes


@_compiled
@no_type_check
def _planar_factors(channels, delay, scale, turn, conjugate, first, second):
    """Fill both factors, [row, block, part, channel], from demodulates that are ``delay`` blocks early."""
    rows, blocks, count = channels.shape
    sign = np.float32(1 if conjugate else -1)
    for row in range(rows):
        for block in range(blocks):
            to = (block + delay) % blocks
            real, imaginary = turn[to].real, turn[to].imag
            for k in range(count):
                x, y = channels[row, block, k].real, channels[row, block, k].imag
                first[row, to, 0, k] = scale * x
                first[row, to, 1, k] = scale * y
                y *= sign
                second[row, to, 0, k] = x * real - y * imaginary
                second[row, to, 1, k] = x * imaginary + y * real


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
    # Spare channels, for the last vector of a row.
    first = np.empty((rows, blocks, 2, count + LANES), np.float32)
    first[..., count:] = 0
    second = np.empty_like(first)
    second[..., count:] = 0
    _planar_factors(channels, delay, np.float32(scale), turn, conjugate, first, second)
    turns = phases[np.outer(np.arange(blocks // kept), np.arange(kept))].ravel().view(np.float32)
    own = phases[:: blocks // kept].copy().view(np.float32)
    flat = (factor.reshape(rows, -1) for factor in (first, second))
    cells = out.reshape(rows, -1).view(np.float32)
    _cross_spectra(*flat, count, np.array(radices(kept)), own, turns, cells)


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
