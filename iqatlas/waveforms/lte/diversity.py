"""Symbols to antenna ports: one port as it is, two by transmit diversity."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64


def to_ports(
    symbols: Complex64[np.ndarray, "*n element"], ports: int
) -> Complex64[np.ndarray, "port *n element"]:
    """Return what each antenna port sends on the elements that the symbols go to.

    Two ports share each pair of elements by a space-frequency block code. Their powers add up to
    that of the symbols.

    Args:
        symbols: Modulated symbols, an even number of them for two ports.
        ports: 1 or 2.

    Source: TS 36.211, sections 6.3.3.1, 6.3.3.3, 6.3.4.1 and 6.3.4.3.
    """
    if ports == 1:
        return symbols[None]
    out = np.empty((2, *symbols.shape), np.complex64)
    out[0] = symbols
    out[1, ..., 0::2], out[1, ..., 1::2] = -symbols[..., 1::2].conj(), symbols[..., 0::2].conj()
    return out * np.float32(np.sqrt(0.5))
