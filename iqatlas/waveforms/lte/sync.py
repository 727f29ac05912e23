"""Primary and secondary synchronisation signals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex128, Float64, Int64

from iqatlas.errors import SpecError

CELL_IDS = 504
"""Number of physical-layer cell identities (TS 36.211, section 6.11)."""
SYNC_LENGTH = 62
PSS_SYMBOL, SSS_SYMBOL = -1, -2
"""Symbols of the slot that carry them in FDD, counted from its end."""
SYNC_SLOTS = (0, 10)
"""Slots of the frame that carry them."""
SYNC_SUBFRAMES = (0, 5)
_ROOTS = (25, 29, 34)
_PERIOD = 31


def check_cell_id(cell_id: int) -> None:
    """Refuse what is no physical-layer cell identity.

    Raises:
        SpecError: The identity is not between 0 and 503.
    """
    if not 0 <= cell_id < CELL_IDS:
        raise SpecError(
            f"{cell_id} is no physical-layer cell identity", where="sites.cell_id", accepted="0 to 503"
        )


def pss(cell_id: int) -> Complex128[np.ndarray, "62"]:
    """Return the primary synchronisation sequence of a cell, unit magnitude.

    Args:
        cell_id: Physical-layer cell identity; the sequence depends on it modulo 3.

    Raises:
        SpecError: The identity is not between 0 and 503.

    Source: TS 36.211, section 6.11.1.1.
    """
    check_cell_id(cell_id)
    n = np.arange(SYNC_LENGTH)
    # A Zadoff-Chu sequence of length 63 whose middle value, the one at DC, is left out.
    n = n + (n > 30)
    phase: Complex128[np.ndarray, "62"] = np.exp(-1j * np.pi * _ROOTS[cell_id % 3] * n * (n + 1) / 63)
    return phase


def sss(cell_id: int, subframe: int) -> Float64[np.ndarray, "62"]:
    """Return the secondary synchronisation sequence of a cell, values ±1.

    Args:
        cell_id: Physical-layer cell identity.
        subframe: 0 or 5.

    Raises:
        SpecError: The identity is not between 0 and 503, or the subframe carries no such signal.

    Source: TS 36.211, section 6.11.2.1.
    """
    check_cell_id(cell_id)
    if subframe not in SYNC_SUBFRAMES:
        raise SpecError(
            f"no synchronisation signal in subframe {subframe}", where="subframe", accepted="0, 5"
        )
    group, within = divmod(cell_id, 3)
    m0, m1 = sss_shifts(group)
    n = np.arange(_PERIOD)
    s0, s1 = _S[(n + m0) % _PERIOD], _S[(n + m1) % _PERIOD]
    c0, c1 = _C[(n + within) % _PERIOD], _C[(n + within + 3) % _PERIOD]
    z0, z1 = _Z[(n + m0 % 8) % _PERIOD], _Z[(n + m1 % 8) % _PERIOD]
    sequence = np.empty(SYNC_LENGTH)
    if subframe == 0:
        sequence[0::2], sequence[1::2] = s0 * c0, s1 * c1 * z0
    else:
        sequence[0::2], sequence[1::2] = s1 * c0, s0 * c1 * z1
    return sequence


def sss_shifts(group: int) -> tuple[int, int]:
    """Return the shifts m0 and m1 of a cell-identity group, 0 to 167.

    Source: TS 36.211, section 6.11.2.1 and table 6.11.2.1-1.
    """
    q_first = group // 30
    q = (group + q_first * (q_first + 1) // 2) // 30
    m = group + q * (q + 1) // 2
    m0 = m % _PERIOD
    return m0, (m0 + m // _PERIOD + 1) % _PERIOD


def sync_subcarriers(resource_blocks: int) -> Int64[np.ndarray, "72"]:
    """Return the subcarriers that synchronisation signals reserve: 62 in use, 5 empty on either side.

    Args:
        resource_blocks: Resource blocks across the carrier.

    Source: TS 36.211, sections 6.11.1.2 and 6.11.2.2.
    """
    return np.arange(-36, 36, dtype=np.int64) + 6 * resource_blocks


def _m_sequence(taps: tuple[int, ...]) -> Float64[np.ndarray, "31"]:
    x = [0, 0, 0, 0, 1]
    for i in range(_PERIOD - 5):
        x.append(sum(x[i + tap] for tap in taps) % 2)
    return 1.0 - 2.0 * np.array(x)


_S = _m_sequence((0, 2))
_C = _m_sequence((0, 3))
_Z = _m_sequence((0, 1, 2, 4))
