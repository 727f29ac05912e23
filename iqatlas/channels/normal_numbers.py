"""Normal numbers of single precision: NumPy's, whether NumPy draws them or compiled code does.

The compiled code takes a third of the time. It is used where Numba is installed and a corpus is large
enough to make up for its start; both give the same bits, of which the first few thousand are compared.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

_MANY = 1 << 27
"""Numbers from which on compiled code saves more than the import of a compiler costs, some 0.7 s."""
_COMPARED = 1 << 14


@runtime_checkable
class Draw(Protocol):
    """What fills an array with normal numbers."""

    def __call__(self, rng: np.random.Generator, out: Float32[np.ndarray, "value"], /) -> None:
        """Fill the array, and bring the generator as far on."""


def by_numpy(rng: np.random.Generator, out: Float32[np.ndarray, "value"]) -> None:
    """Fill an array with normal numbers of unit power.

    Args:
        rng: Where they come from.
        out: Takes them.
    """
    rng.standard_normal(out=out, dtype=np.float32)


def fastest(numbers: int) -> Draw:
    """Return what draws so many numbers soonest; the numbers are the same.

    Args:
        numbers: How many are to be drawn in all, from generators over SFC64.
    """
    return (compiled() or by_numpy) if numbers >= _MANY else by_numpy


@cache
def compiled() -> Draw | None:
    """Return the compiled code; None without Numba, or where it does not give NumPy's numbers."""
    if find_spec("numba") is None:
        return None
    from iqatlas.channels._numba_normal import draw

    drawn = []
    for each in (by_numpy, draw):
        rng, out = np.random.Generator(np.random.SFC64(1)), np.empty(_COMPARED, np.float32)
        each(rng, out)
        drawn.append(out.view(np.uint32))
    # Another NumPy may have other layers: then its own numbers are the right ones.
    return draw if np.array_equal(drawn[0], drawn[1]) else None
