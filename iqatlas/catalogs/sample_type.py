"""How complex samples lie in a recording's file: SigMF's names, and what they are in numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Complex64

from iqatlas.errors import SpecError

ACCEPTED = "cf32, cf64, ci8, ci16, ci32, cu8, cu16 or cu32, with _le or _be where it matters"
_NAME = re.compile(r"c(f32|f64|i8|i16|i32|u8|u16|u32)(_le|_be)?")


@dataclass(frozen=True)
class SampleType:
    """Type of complex samples, I then Q.

    Args:
        name: Name as SigMF has it, such as ``ci16_le``.
        part: NumPy type of I, and of Q.
    """

    name: str
    part: np.dtype[Any]

    @classmethod
    def parse(cls, name: str, *, where: str) -> SampleType:
        """Return the type of a name.

        Args:
            name: Name as SigMF has it.
            where: Where it comes from, for messages.

        Raises:
            SpecError: It is no type of complex samples.

        Source: SigMF specification 1.2, global object, ``core:datatype``.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            real = " (real samples hold no I and Q)" if re.fullmatch(r"r[fiu]\d+(_[lb]e)?", name) else ""
            raise SpecError(
                f"{name[:40]!r} is no type of samples known here{real}", where=where, accepted=ACCEPTED
            )
        kind, order = match.groups()
        part = np.dtype(f"{kind[0]}{int(kind[1:]) // 8}")
        if part.itemsize > 1 and order is None:
            what = f"{name!r} does not say the order of bytes"
            raise SpecError(what, where=where, accepted=f"{name}_le, {name}_be")
        return cls(name, part.newbyteorder(">" if order == "_be" else "<"))

    @property
    def bytes(self) -> int:
        """Bytes of a complex sample."""
        return 2 * self.part.itemsize

    def to_complex(self, raw: np.ndarray) -> Complex64[np.ndarray, "..."]:
        """Return samples of any leading axes, full scale at 1.

        Integers are divided by the largest magnitude of their type; unsigned ones lose their middle first.

        Args:
            raw: I and Q on the last axis, as in the file.
        """
        # Wide integers don't fit into float32 without loss; halving what float64 holds costs nothing here.
        wide = np.float64 if self.part.itemsize > 2 else np.float32
        parts: np.ndarray = raw.astype(wide)
        if self.part.kind in "iu":
            half = 2.0 ** (8 * self.part.itemsize - 1)
            if self.part.kind == "u":
                np.subtract(parts, half, out=parts)
            np.divide(parts, half, out=parts)
        samples: np.ndarray = np.ascontiguousarray(parts, np.float32).view(np.complex64)[..., 0]
        return samples
