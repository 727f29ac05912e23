"""Numba's door, the part below: steps of a transform on complex vectors, as machine instructions.

Left to itself the compiler can't tell that arrays don't overlap, and works on one number after another.

Numba keeps compiled code by the time stamp of `_numba_cyclic.py`: touch that file when this one changes.

Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", SIAM, 1992, section 1.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, no_type_check

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
"""Pairs in a vector."""
ELEMENT = 2 * LANES
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


def _number(builder: Any, base: Any, offset: Any) -> _Pair:
    """Load a complex number into all lanes."""
    places = (offset, builder.add(offset, ir.Constant(offset.type, 1)))
    parts = (builder.load(builder.gep(base, [place], inbounds=True)) for place in places)
    return _broadcast(builder, next(parts)), _broadcast(builder, next(parts))


def _plus(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    return builder.fadd(a[0], b[0], flags=_FLAGS), builder.fadd(a[1], b[1], flags=_FLAGS)


def _minus(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    return builder.fsub(a[0], b[0], flags=_FLAGS), builder.fsub(a[1], b[1], flags=_FLAGS)


def _times(builder: Any, a: _Pair, b: _Pair) -> _Pair:
    same, cross = builder.fmul(a[0], b[0], flags=_FLAGS), builder.fmul(a[0], b[1], flags=_FLAGS)
    other, back = builder.fmul(a[1], b[1], flags=_FLAGS), builder.fmul(a[1], b[0], flags=_FLAGS)
    return builder.fsub(same, other, flags=_FLAGS), builder.fadd(cross, back, flags=_FLAGS)


def _turned_back(builder: Any, a: _Pair, b: _Pair) -> tuple[_Pair, _Pair]:
    """Return a - jb and a + jb."""
    add, subtract = builder.fadd, builder.fsub
    return (
        (add(a[0], b[1], flags=_FLAGS), subtract(a[1], b[0], flags=_FLAGS)),
        (subtract(a[0], b[1], flags=_FLAGS), add(a[1], b[0], flags=_FLAGS)),
    )


def _transformed(builder: Any, values: Sequence[_Pair]) -> list[_Pair]:
    """Return the transform of 1, 2, 4, 8 or 16 values."""
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
        if 8 * k in (size, 3 * size):
            # An eighth of a turn, or three: equal parts of both, times 1/√2.
            half = ir.Constant(_VECTOR, [math.sqrt(0.5)] * LANES)
            real, imaginary = (builder.fmul(part, half, flags=_FLAGS) for part in turned)
            total = builder.fadd(real, imaginary, flags=_FLAGS)
            if 8 * k == size:
                turned = (total, builder.fsub(imaginary, real, flags=_FLAGS))
            else:
                turned = (builder.fsub(imaginary, real, flags=_FLAGS), builder.fneg(total, flags=_FLAGS))
        elif k:
            angle = -2 * math.pi * k / size
            parts = (ir.Constant(_VECTOR, [part(angle)] * LANES) for part in (math.cos, math.sin))
            turned = _times(builder, turned, (next(parts), next(parts)))
        out[k], out[k + size // 2] = _plus(builder, even[k], turned), _minus(builder, even[k], turned)
    return out


@no_type_check
def transform_step(radix: int, *, products: bool = False, turned: bool = True, add: bool = False) -> Any:
    """Return one step of a transform as a function for compiled code.

    It reads ``radix`` elements ``step`` apart (for products, each times one number of ``second``, the same
    for all lanes, which lie side by side), transforms them, turns them by the phases from ``turn`` on,
    ``turn_step`` apart, and writes or adds them ``to_step`` apart.
    """

    @intrinsic
    def step_(
        _context: Any,
        source: Any,
        second: Any,
        at: Any,
        at_second: Any,
        step: Any,
        target: Any,
        to: Any,
        to_step: Any,
        phases: Any,
        turn: Any,
        turn_step: Any,
    ) -> Any:
        signature = types.void(
            source, second, at, at_second, step, target, to, to_step, phases, turn, turn_step
        )

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            left, right, out, phase = (
                context.make_array(signature.args[i])(context, builder, value=args[i]).data
                for i in (0, 1, 5, 8)
            )
            at, other, apart, to, to_apart, turn, turn_apart = (args[i] for i in (2, 3, 4, 6, 7, 9, 10))
            values = []
            for _ in range(radix):
                value = _element(builder, left, at)
                if products:
                    value = _times(builder, value, _number(builder, right, other))
                    other = builder.add(other, ir.Constant(other.type, 2))
                values.append(value)
                at = builder.add(at, apart)
            for index, value in enumerate(_transformed(builder, values)):
                # The first value of a step is never turned, but those that are added are.
                if turned and (index or add):
                    value = _times(builder, value, _number(builder, phase, turn))
                if add:
                    value = _plus(builder, _element(builder, out, to), value)
                _put(builder, value, out, to)
                to, turn = builder.add(to, to_apart), builder.add(turn, turn_apart)
            return context.get_dummy_value()

        return signature, generate

    return step_


@intrinsic
@no_type_check
def write_lanes(_context: Any, source: Any, at: Any, target: Any, to: Any, lanes: Any) -> Any:
    """Write the eight elements from ``at`` on, lane by lane, ``to`` after each of ``lanes``: a transposition.

    Each of four rounds interleaves the first half of the vectors with the second, which turns the bits of
    an index, (element, part, lane), by one place; after four, the lane stands in front.
    """
    signature = types.void(source, at, target, to, lanes)
    mask = ir.VectorType(ir.IntType(32), LANES)
    halves = [
        ir.Constant(mask, [i // 2 + (i % 2) * LANES + first for i in range(LANES)])
        for first in (0, LANES // 2)
    ]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, out, begin = (
            context.make_array(signature.args[i])(context, builder, value=args[i]).data for i in (0, 2, 4)
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
        for lane, vector in enumerate(vectors):
            place = builder.load(builder.gep(begin, [ir.Constant(to.type, lane)], inbounds=True))
            _store(builder, vector, out, builder.add(to, place))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
@no_type_check
def write_twice(_context: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Write an element with its lanes two times over, as :func:`lane_products` reads it."""
    signature = types.void(source, at, target, to)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, out = (
            context.make_array(signature.args[i])(context, builder, value=args[i]).data for i in (0, 2)
        )
        place = args[3]
        for part in _element(builder, base, args[1]):
            for _ in range(2):
                _store(builder, part, out, place)
                place = builder.add(place, ir.Constant(place.type, LANES))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
@no_type_check
def lane_products(
    _context: Any, twice: Any, at: Any, apart: Any, sign: Any, order: Any, target: Any, to: Any
) -> Any:
    """Multiply an element with itself turned by some lanes: channels of one vector with one another.

    An element of ``twice`` holds its lanes two times over, so that a load ``apart`` lanes later reads them
    turned. ``sign`` (one value for all lanes) goes to the imaginary part of the turned factor, those from
    ``order`` on (a value a lane) to that of the product.
    """
    signature = types.void(twice, at, apart, sign, order, target, to)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, signs, out = (
            context.make_array(signature.args[i])(context, builder, value=args[i]).data for i in (0, 3, 5)
        )
        at, apart, order, to = args[1], args[2], args[4], args[6]
        imaginary = builder.add(at, ir.Constant(at.type, ELEMENT))
        same = _load(builder, source, at), _load(builder, source, imaginary)
        turned = tuple(_load(builder, source, builder.add(place, apart)) for place in (at, imaginary))
        one = _broadcast(builder, builder.load(builder.gep(signs, [ir.Constant(at.type, 0)], inbounds=True)))
        turned = turned[0], builder.fmul(turned[1], one, flags=_FLAGS)
        real, cross = _times(builder, same, turned)
        _put(builder, (real, builder.fmul(cross, _load(builder, signs, order), flags=_FLAGS)), out, to)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
@no_type_check
def claim(_context: Any, target: Any, place: Any) -> Any:
    """Ask for the line of the cache at a place, to be written soon."""
    signature = types.void(target, place)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        out = context.make_array(signature.args[0])(context, builder, value=args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        where = builder.bitcast(builder.gep(out, [args[1]], inbounds=True), byte)
        builder.call(prefetch, [where, *(number(value) for value in (1, 3, 1))])
        return context.get_dummy_value()

    return signature, generate
