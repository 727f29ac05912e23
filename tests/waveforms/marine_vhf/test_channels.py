"""Channel numbers of the VHF maritime mobile band, against the table of Radio Regulations, appendix 18."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.waveforms.marine_vhf.channels import band_centre_hz, channel_frequency_hz


@pytest.mark.parametrize(
    ("number", "mhz"),
    [
        (1, 160.650),  # duplex: what the coast station sends
        (60, 160.625),
        (26, 161.900),
        (28, 157.400),  # its upper leg is for data
        (6, 156.300),
        (13, 156.650),
        (16, 156.800),
        (67, 156.375),
        (72, 156.625),
        (77, 156.875),
        (87, 157.375),
        (88, 157.425),
        (1001, 156.050),
        (2001, 160.650),
        (1078, 156.925),
        (2078, 161.525),
    ],
)
def test_numbers_have_the_frequencies_of_the_table(number: int, mhz: float) -> None:
    assert channel_frequency_hz(number) == round(mhz * 1e6)


@given(st.sampled_from([*range(1, 27), *range(60, 87)]))
def test_the_legs_of_a_duplex_channel_are_4_6_mhz_apart(number: int) -> None:
    if number in {6, *range(8, 18), *range(67, 78)}:
        return
    lower, upper = channel_frequency_hz(1000 + number), channel_frequency_hz(2000 + number)
    assert upper - lower == 4_600_000
    assert channel_frequency_hz(number) == upper
    assert 156_025_000 <= lower <= 157_425_000
    assert lower % 25_000 == 0


@pytest.mark.parametrize("number", [0, -1, 29, 59, 89, 500, 1016, 2006, 3001, 10_016])
def test_what_is_no_channel_is_refused(number: int) -> None:
    with pytest.raises(SpecError, match="no channel") as caught:
        channel_frequency_hz(number)
    assert caught.value.where == "waveform.channels"


@pytest.mark.parametrize(("number", "use"), [(70, "selective calling"), (2087, "AIS"), (2088, "AIS")])
def test_channels_for_data_carry_no_voice(number: int, use: str) -> None:
    with pytest.raises(SpecError, match=use):
        channel_frequency_hz(number)


def test_the_middle_of_channels_is_between_the_outermost() -> None:
    assert band_centre_hz((16, 6, 67)) == (156.3e6 + 156.8e6) / 2
