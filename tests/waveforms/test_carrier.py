"""LTE channel numbers against the operating bands, which another table of TS 36.101 lists."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.waveforms.carrier import (
    BANDS,
    band_of,
    carrier_frequency_hz,
    downlink_earfcn,
    downlink_frequency_hz,
    operating_band,
)
from iqatlas.waveforms.spec import Carrier

# 3GPP TS 36.101, table 5.5-1: downlink operating band, low to high edge in MHz.
OPERATING_BANDS_MHZ = {
    1: (2110, 2170), 2: (1930, 1990), 3: (1805, 1880), 4: (2110, 2155), 5: (869, 894), 6: (875, 885),
    7: (2620, 2690), 8: (925, 960), 9: (1844.9, 1879.9), 10: (2110, 2170), 11: (1475.9, 1495.9),
    12: (729, 746), 13: (746, 756), 14: (758, 768), 17: (734, 746), 18: (860, 875), 19: (875, 890),
    20: (791, 821), 21: (1495.9, 1510.9), 22: (3510, 3590), 23: (2180, 2200), 24: (1525, 1559),
    25: (1930, 1995), 26: (859, 894), 27: (852, 869), 28: (758, 803), 29: (717, 728), 30: (2350, 2360),
    31: (462.5, 467.5), 32: (1452, 1496), 33: (1900, 1920), 34: (2010, 2025), 35: (1850, 1910),
    36: (1930, 1990), 37: (1910, 1930), 38: (2570, 2620), 39: (1880, 1920), 40: (2300, 2400),
    41: (2496, 2690), 42: (3400, 3600), 43: (3600, 3800), 44: (703, 803), 45: (1447, 1467),
    46: (5150, 5925), 47: (5855, 5925), 48: (3550, 3700), 49: (3550, 3700), 50: (1432, 1517),
    51: (1427, 1432), 52: (3300, 3400), 53: (2483.5, 2495), 65: (2110, 2200), 66: (2110, 2200),
    67: (738, 758), 68: (753, 783), 69: (2570, 2620), 70: (1995, 2020), 71: (617, 652), 72: (461, 466),
    73: (460, 465), 74: (1475, 1518), 75: (1432, 1517), 76: (1427, 1432), 85: (728, 746),
    87: (420, 425), 88: (422, 427),
}  # fmt: skip


@pytest.mark.parametrize(
    ("earfcn", "band", "frequency_mhz"),
    [
        # F_DL = F_DL_low + 0.1 (N_DL − N_Offs-DL), worked by hand.
        (0, 1, 2110.0),
        (1617, 3, 1846.7),
        (1303, 3, 1815.3),
        (3100, 7, 2655.0),
        (6300, 20, 806.0),
        (5230, 13, 751.0),
        (9871, 31, 462.6),
        (37900, 38, 2585.0),
        (60140, 53, 2483.5),
        (66786, 66, 2145.0),
        (70645, 88, 426.9),
    ],
)
def test_worked_examples(earfcn: int, band: int, frequency_mhz: float) -> None:
    assert band_of(earfcn) == band
    # Exact: the arithmetic is in whole steps of 100 kHz.
    assert downlink_frequency_hz(earfcn) == round(frequency_mhz * 1e6)


def test_each_band_spans_its_operating_band() -> None:
    """A band has as many numbers as it has steps of 100 kHz, and starts at its lower edge."""
    assert {row.number for row in BANDS} == set(OPERATING_BANDS_MHZ)
    for row in BANDS:
        low, high = OPERATING_BANDS_MHZ[row.number]
        assert row.low_raster == round(low * 10), row
        assert row.last - row.first + 1 == round((high - low) * 10), row


def test_ranges_rise_and_do_not_overlap() -> None:
    for before, after in pairwise(BANDS):
        assert before.last < after.first


@given(st.sampled_from(BANDS), st.data())
def test_round_trip(row, data) -> None:
    earfcn = data.draw(st.integers(row.first, row.last))
    assert band_of(earfcn) == row.number
    assert downlink_earfcn(downlink_frequency_hz(earfcn), band=row.number) == earfcn


@pytest.mark.parametrize("earfcn", [-1, 4950, 5009, 7400, 10360, 18000, 35999, 60255, 65535, 70646, 262143])
def test_a_number_of_no_band_is_refused(earfcn: int) -> None:
    with pytest.raises(SpecError, match=r"carrier\.earfcn: .*not a downlink EARFCN") as caught:
        downlink_frequency_hz(earfcn)
    assert "\n" not in str(caught.value)
    with pytest.raises(SpecError):
        band_of(earfcn)


@pytest.mark.parametrize(
    ("frequency_hz", "band"), [(1846.75e6, 3), (1804.9e6, 3), (1880.0e6, 3), (2110e6, 3), (2110e6, 16)]
)
def test_a_frequency_off_the_raster_or_band_is_refused(frequency_hz: float, band: int) -> None:
    with pytest.raises(SpecError):
        downlink_earfcn(frequency_hz, band=band)


@pytest.mark.parametrize(
    ("carrier", "band"),
    [
        (Carrier(earfcn=1617), 3),
        (Carrier(earfcn=2000), 4),
        (Carrier(earfcn=66500), 66),
        # 2115 MHz lies in bands 1, 4, 10, 65 and 66: the lowest number is taken.
        (Carrier(frequency_hz=2115e6), 1),
        (Carrier(frequency_hz=1805e6), 3),
        (Carrier(frequency_hz=806e6), 20),
        (Carrier(frequency_hz=2.45e9), None),
    ],
)
def test_the_operating_band_is_that_of_the_number_else_the_lowest_at_the_frequency(
    carrier: Carrier, band: int | None
) -> None:
    assert operating_band(carrier) == band


def test_carrier_takes_either_form() -> None:
    assert carrier_frequency_hz(Carrier(earfcn=1617)) == 1846.7e6
    assert carrier_frequency_hz(Carrier(frequency_hz=2.4e9)) == 2.4e9
