"""Numba's door for noise: NumPy's normal numbers of single precision, the same bits at a third of the cost.

NumPy calls its bit generator through a pointer for each number. Here words are drawn many at once, all of
them are turned into numbers, and the one in eighty that the ziggurat does not take at once is seen to
alone.

Source: G. Marsaglia and W. W. Tsang, "The ziggurat method for generating random variables", Journal of
Statistical Software 5(8), 2000; C. Doty-Humphrey's SFC64, of PractRand.
"""

from __future__ import annotations

import math
from typing import Any, no_type_check

import numba
import numpy as np
from jaxtyping import Float32, UInt32, UInt64

_WORDS_AT_ONCE = 1 << 12
_BITS = 23
"""Of a word's: the eight lowest choose a layer, the next is the sign, the others say how far out."""


def _compiled(function: Any) -> Any:
    """Return the function compiled on its first call; the code is kept where there is a folder for it."""
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")
    except RuntimeError:  # neither the package's folder nor the user's takes files
        return numba.njit(function, nogil=True, error_model="numpy")


def layers() -> tuple[UInt32[np.ndarray, "256"], Float32[np.ndarray, "256"], Float32[np.ndarray, "256"]]:
    """Return the layers of equal area: below which word each takes all, its step, and its density."""
    edge = _EDGE
    area = edge * math.exp(-(edge**2) / 2) + math.sqrt(math.pi / 2) * math.erfc(edge / math.sqrt(2))
    scale = 2.0**_BITS
    inside, step, density = np.zeros(256, np.uint32), np.empty(256), np.empty(256)
    step[255], density[255] = edge / scale, math.exp(-(edge**2) / 2)
    inside[0], step[0], density[0] = round(edge * density[255] / area * scale), area / density[255] / scale, 1
    outer = edge
    for layer in range(254, 0, -1):
        inner = math.sqrt(-2 * math.log(area / outer + density[layer + 1]))
        inside[layer + 1] = round(inner / outer * scale)
        step[layer], density[layer] = inner / scale, math.exp(-(inner**2) / 2)
        outer = inner
    return inside, step.astype(np.float32), density.astype(np.float32)


_EDGE = 3.6541528853610088
"""Where the tail begins."""
_INSIDE, _STEP, _DENSITY = layers()
_TAIL, _TAIL_STEP = np.float32(_EDGE), np.float32(1 / _EDGE)
_UNIT = np.float32(2.0**-24)
_HALF, _LAYER, _MANTISSA = np.uint32(8), np.uint32(255), np.uint32((1 << _BITS) - 1)
_NINE, _ONE = np.uint32(9), np.uint32(1)


@_compiled
@no_type_check
def fill(state, kept, out):
    """Fill ``out`` as NumPy's generator does, and leave the bit generator as it would be.

    Args:
        state: Four words of SFC64; overwritten.
        kept: Whether half of a word is left, and that half; overwritten.
        out: Numbers of single precision.
    """
    a, b, c, counter = state[0], state[1], state[2], state[3]
    words = np.empty(_WORDS_AT_ONCE + 4, np.uint32)
    numbers = np.empty(_WORDS_AT_ONCE + 4, np.float32)
    taken = np.empty(_WORDS_AT_ONCE + 4, np.bool_)
    have = 0
    if kept[0]:
        words[0] = kept[1]
        have = 1
    done, wanted = 0, len(out)
    while done < wanted:
        # As many words as there are numbers to come, never more: each takes one at least.
        missing = min(wanted - done, _WORDS_AT_ONCE) - have
        while missing > 0:
            drawn = a + b + counter
            counter += np.uint64(1)
            a = b ^ (b >> np.uint64(11))
            b = c + (c << np.uint64(3))
            c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + drawn
            words[have] = np.uint32(drawn & np.uint64(0xFFFFFFFF))
            words[have + 1] = np.uint32(drawn >> np.uint64(32))
            have += 2
            missing -= 2
        for i in range(have):
            word = words[i]
            layer = word & _LAYER
            out_of = (word >> _NINE) & _MANTISSA
            size = np.float32(out_of) * _STEP[layer]
            numbers[i] = -size if (word >> _HALF) & _ONE else size
            taken[i] = out_of < _INSIDE[layer]
        at = 0
        while at < have and done < wanted:
            run = at
            most = min(have, at + wanted - done)
            while run < most and taken[run]:
                run += 1
            for i in range(at, run):
                out[done + i - at] = numbers[i]
            done += run - at
            at = run
            if at >= most:
                continue
            word = words[at]
            layer = word & _LAYER
            if layer:
                if at + 1 >= have:
                    break  # the rest of what this number needs is not drawn yet
                height = np.float32(words[at + 1] >> _HALF) * _UNIT
                number = numbers[at]
                at += 2
                between = (_DENSITY[layer - _ONE] - _DENSITY[layer]) * height + _DENSITY[layer]
                if between < math.exp(-0.5 * np.float64(number) * np.float64(number)):
                    out[done] = number
                    done += 1
                continue
            look, found = at + 1, False
            while look + 1 < have:
                first = np.float32(words[look] >> _HALF) * _UNIT
                second = np.float32(words[look + 1] >> _HALF) * _UNIT
                look += 2
                beyond = -_TAIL_STEP * np.float32(math.log1p(-first))
                other = -np.float32(math.log1p(-second))
                if other + other > beyond * beyond:
                    found = True
                    break
            if not found:
                break
            size = _TAIL + beyond
            out[done] = -size if (word >> np.uint32(17)) & _ONE else size
            done += 1
            at = look
        left = have - at
        for i in range(left):
            words[i] = words[at + i]
        have = left
        if done < wanted and have >= min(wanted - done, _WORDS_AT_ONCE):
            # A number that is not whole yet needs more words than there are numbers to come.
            drawn = a + b + counter
            counter += np.uint64(1)
            a = b ^ (b >> np.uint64(11))
            b = c + (c << np.uint64(3))
            c = ((c << np.uint64(24)) | (c >> np.uint64(40))) + drawn
            words[have] = np.uint32(drawn & np.uint64(0xFFFFFFFF))
            words[have + 1] = np.uint32(drawn >> np.uint64(32))
            have += 2
    state[0], state[1], state[2], state[3] = a, b, c, counter
    kept[0] = have
    if have:
        kept[1] = words[0]


def draw(rng: np.random.Generator, out: Float32[np.ndarray, "value"]) -> None:
    """Fill an array with what the generator's ``standard_normal`` gives, and bring the generator as far on.

    Args:
        rng: A generator over SFC64.
        out: Takes the numbers.
    """
    bits = rng.bit_generator
    held: dict[str, Any] = dict(bits.state)
    state: UInt64[np.ndarray, "4"] = np.array(held["state"]["state"], np.uint64)
    kept: UInt32[np.ndarray, "2"] = np.array([held["has_uint32"], held["uinteger"]], np.uint32)
    fill(state, kept, out)
    bits.state = {
        **held,
        "state": {"state": state},
        "has_uint32": int(kept[0]),
        "uinteger": int(kept[1]),
    }
