"""System information block 1 reads back field by field; the same reading fits a real cell's block."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.waveforms.lte.sib1 import CellAccess, encode, redundancy_version


class Reader:
    def __init__(self, bits: np.ndarray) -> None:
        self.bits, self.at = bits.tolist(), 0

    def take(self, width: int) -> int:
        self.at += width
        return int("".join(map(str, self.bits[self.at - width : self.at])), 2)


@pytest.mark.parametrize(
    "access",
    [
        CellAccess(),
        CellAccess("234", "30", 0xBEEF, 0x89ABCDE, 20, -44, 8, 1),
        CellAccess("310", "410", 65535, 0xFFFFFFF, 64, -140, 64, 40),
        CellAccess(band=66),
    ],
)
def test_fields_read_back_by_the_packed_encoding(access: CellAccess) -> None:
    reader = Reader(encode(access))
    # c1, block type 1; no p-Max, TDD set-up or extension; no closed group; one network.
    assert reader.take(2) == 0b01
    assert reader.take(3) == 0
    assert reader.take(1) == 0
    assert reader.take(3) == 0
    assert reader.take(1) == 1
    assert "".join(str(reader.take(4)) for _ in range(3)) == access.country_code
    digits = 2 + reader.take(1)
    assert "".join(str(reader.take(4)) for _ in range(digits)) == access.network_code
    assert reader.take(1) == 1
    assert reader.take(16) == access.tracking_area
    assert reader.take(28) == access.cell_identity
    assert (reader.take(1), reader.take(1), reader.take(1)) == (1, 1, 0)
    assert reader.take(1) == 0
    assert 2 * (reader.take(6) - 70) == access.lowest_level_dbm
    assert reader.take(6) + 1 == min(access.band, 64)
    assert reader.take(5) == 0
    assert 8 << reader.take(3) == access.period_frames
    assert reader.take(5) == 0
    assert (1, 2, 5, 10, 15, 20, 40)[reader.take(3)] == access.window_ms
    assert reader.take(5) == 0
    # What is left fills the octet.
    assert not any(reader.bits[reader.at :])
    assert len(reader.bits) % 8 == 0 and len(reader.bits) - reader.at < 8


def test_versions_go_round_as_0_2_3_1() -> None:
    assert [redundancy_version(frame) for frame in range(0, 16, 2)] == [0, 2, 3, 1] * 2
