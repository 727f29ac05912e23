"""Checks against the published check values and against long division."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.lte.coding.crc import CRC8, CRC16, CRC24A, CRC24B, Crc, attach, parity

ALL = (CRC24A, CRC24B, CRC16, CRC8)


@pytest.mark.parametrize(
    ("crc", "value"), [(CRC24A, 0xCDE703), (CRC24B, 0x23EF52), (CRC16, 0x31C3), (CRC8, 0xEA)]
)
def test_the_digits_1_to_9_give_the_catalogued_check_value(crc: Crc, value: int) -> None:
    # The customary test message; the four are catalogued as CRC-24/LTE-A, 24/LTE-B, 16/XMODEM, 8/LTE.
    bits = np.unpackbits(np.frombuffer(b"123456789", np.uint8))
    assert parity(crc, bits).tolist() == [value >> place & 1 for place in range(crc.length - 1, -1, -1)]


@pytest.mark.parametrize("crc", ALL)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_parity_is_the_remainder_of_long_division(crc: Crc, data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=200))
    register = 0
    for bit in bits + [0] * crc.length:
        register = register << 1 | bit
        if register >> crc.length:
            register ^= crc.polynomial | 1 << crc.length
    found = parity(crc, np.array(bits, np.uint8))
    assert int("".join(map(str, found.tolist())), 2) == register


@pytest.mark.parametrize("crc", ALL)
def test_rows_are_checked_each_by_itself_and_a_whole_row_leaves_nothing(crc: Crc) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, 6120), np.uint8)
    rows = attach(crc, bits)
    np.testing.assert_array_equal(rows[1], attach(crc, bits[1]))
    assert not parity(crc, rows).any()
