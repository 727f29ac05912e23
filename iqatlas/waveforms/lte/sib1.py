"""System information block 1, encoded in unaligned packed encoding rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

_LARGEST_BAND = 64
DEFAULT_BAND = 3
"""What is told of a carrier that lies in no band."""
_PERIODS = (8, 16, 32, 64, 128, 256, 512)
_WINDOWS_MS = (1, 2, 5, 10, 15, 20, 40)


@dataclass(frozen=True)
class CellAccess:
    """What the block tells of a cell.

    Args:
        country_code: Three digits; 001 is the test network.
        network_code: Two or three digits.
        tracking_area: 16 bits.
        cell_identity: 28 bits.
        band: E-UTRA operating band. One above 64 is told as 64, as the standard wants it, but the
            extension that goes on to name it is not sent.
        lowest_level_dbm: Lowest reference-signal level for service, even, -140 to -44.
        period_frames: Period of the system-information message that is announced.
        window_ms: Length of its window.
    """

    country_code: str = "001"
    network_code: str = "01"
    tracking_area: int = 1
    cell_identity: int = 1
    band: int = DEFAULT_BAND
    lowest_level_dbm: int = -130
    period_frames: int = 512
    window_ms: int = 20


def encode(access: CellAccess) -> UInt8[np.ndarray, "bit"]:
    """Return the message on the broadcast control channel as whole octets.

    One network, cell not barred, no optional field, one message of further information (with
    block type 2 alone).

    Args:
        access: What is told of the cell.

    Source: TS 36.331, section 6.2.2, BCCH-DL-SCH-Message and SystemInformationBlockType1; the
        encoding is that of ITU-T X.691.
    """
    fields = [(0, 1), (1, 1)]  # choice c1, system information block type 1
    fields += [(0, 3)]  # no p-Max, no TDD, no extension
    fields += [(0, 1), (0, 3)]  # no closed group; one network
    fields += [(1, 1), *((int(digit), 4) for digit in access.country_code)]
    fields += [(len(access.network_code) - 2, 1), *((int(digit), 4) for digit in access.network_code)]
    fields += [(1, 1)]  # not reserved for operator use
    fields += [(access.tracking_area, 16), (access.cell_identity, 28)]
    fields += [(1, 1), (1, 1), (0, 1)]  # not barred; reselection not allowed; no closed group
    fields += [(0, 1), (access.lowest_level_dbm // 2 + 70, 6)]
    fields += [(min(access.band, _LARGEST_BAND) - 1, 6)]
    fields += [(0, 5), (_PERIODS.index(access.period_frames), 3), (0, 5)]
    fields += [(_WINDOWS_MS.index(access.window_ms), 3), (0, 5)]
    bits = [value >> (width - 1 - place) & 1 for value, width in fields for place in range(width)]
    return np.array(bits + [0] * (-len(bits) % 8), np.uint8)


def redundancy_version(frame: int) -> int:
    """Return the redundancy version of the block in an even frame.

    Source: TS 36.321, section 5.3.1.
    """
    step = frame // 2 % 4
    return -(-3 * step // 2) % 4
