"""LTE channel numbers: downlink EARFCN to carrier frequency and back."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from iqatlas.errors import SpecError
from iqatlas.waveforms.spec import Carrier

RASTER_HZ = 100_000
"""Step of the channel raster, and of the channel numbers (TS 36.101, section 5.7.2)."""


class Band(NamedTuple):
    """One row of the downlink channel numbers.

    Args:
        number: E-UTRA operating band.
        low_raster: Lower edge of the downlink, in steps of 100 kHz, so that all arithmetic is exact.
        first, last: Range of the downlink EARFCN; ``first`` is also the offset N_Offs-DL.
    """

    number: int
    low_raster: int
    first: int
    last: int


# 3GPP TS 36.101, table 5.7.3-1, by channel number: band, F_DL_low in 100 kHz, range of N_DL.
BANDS: tuple[Band, ...] = (
    Band(1, 21100, 0, 599),
    Band(2, 19300, 600, 1199),
    Band(3, 18050, 1200, 1949),
    Band(4, 21100, 1950, 2399),
    Band(5, 8690, 2400, 2649),
    Band(6, 8750, 2650, 2749),
    Band(7, 26200, 2750, 3449),
    Band(8, 9250, 3450, 3799),
    Band(9, 18449, 3800, 4149),
    Band(10, 21100, 4150, 4749),
    Band(11, 14759, 4750, 4949),
    Band(12, 7290, 5010, 5179),
    Band(13, 7460, 5180, 5279),
    Band(14, 7580, 5280, 5379),
    Band(17, 7340, 5730, 5849),
    Band(18, 8600, 5850, 5999),
    Band(19, 8750, 6000, 6149),
    Band(20, 7910, 6150, 6449),
    Band(21, 14959, 6450, 6599),
    Band(22, 35100, 6600, 7399),
    Band(23, 21800, 7500, 7699),
    Band(24, 15250, 7700, 8039),
    Band(25, 19300, 8040, 8689),
    Band(26, 8590, 8690, 9039),
    Band(27, 8520, 9040, 9209),
    Band(28, 7580, 9210, 9659),
    Band(29, 7170, 9660, 9769),
    Band(30, 23500, 9770, 9869),
    Band(31, 4625, 9870, 9919),
    Band(32, 14520, 9920, 10359),
    Band(33, 19000, 36000, 36199),
    Band(34, 20100, 36200, 36349),
    Band(35, 18500, 36350, 36949),
    Band(36, 19300, 36950, 37549),
    Band(37, 19100, 37550, 37749),
    Band(38, 25700, 37750, 38249),
    Band(39, 18800, 38250, 38649),
    Band(40, 23000, 38650, 39649),
    Band(41, 24960, 39650, 41589),
    Band(42, 34000, 41590, 43589),
    Band(43, 36000, 43590, 45589),
    Band(44, 7030, 45590, 46589),
    Band(45, 14470, 46590, 46789),
    Band(46, 51500, 46790, 54539),
    Band(47, 58550, 54540, 55239),
    Band(48, 35500, 55240, 56739),
    Band(49, 35500, 56740, 58239),
    Band(50, 14320, 58240, 59089),
    Band(51, 14270, 59090, 59139),
    Band(52, 33000, 59140, 60139),
    Band(53, 24835, 60140, 60254),
    Band(65, 21100, 65536, 66435),
    Band(66, 21100, 66436, 67335),
    Band(67, 7380, 67336, 67535),
    Band(68, 7530, 67536, 67835),
    Band(69, 25700, 67836, 68335),
    Band(70, 19950, 68336, 68585),
    Band(71, 6170, 68586, 68935),
    Band(72, 4610, 68936, 68985),
    Band(73, 4600, 68986, 69035),
    Band(74, 14750, 69036, 69465),
    Band(75, 14320, 69466, 70315),
    Band(76, 14270, 70316, 70365),
    Band(85, 7280, 70366, 70545),
    Band(87, 4200, 70546, 70595),
    Band(88, 4220, 70596, 70645),
)
"""The downlink channel numbers of E-UTRA."""

_FIRSTS = [band.first for band in BANDS]


def _row(earfcn: int) -> Band:
    place = bisect_right(_FIRSTS, earfcn) - 1
    if place < 0 or earfcn > BANDS[place].last:
        raise SpecError(
            f"{earfcn} is not a downlink EARFCN of any E-UTRA band that iqatlas knows",
            where="carrier.earfcn",
            accepted="downlink channel numbers of 3GPP TS 36.101, table 5.7.3-1, such as 1617 in band 3",
            remedy="up to band 28 an uplink number less 18000 is its downlink number; or give frequency_hz",
        )
    return BANDS[place]


def band_of(earfcn: int) -> int:
    """Return the operating band of a downlink EARFCN.

    Args:
        earfcn: Downlink channel number.

    Raises:
        SpecError: No band has this downlink number.

    Source: 3GPP TS 36.101, table 5.7.3-1.
    """
    return _row(earfcn).number


def band_at(frequency_hz: float) -> int | None:
    """Return the lowest-numbered band whose downlink holds a frequency, or none.

    Bands overlap; an EARFCN tells its band (:func:`band_of`), a frequency alone doesn't.

    Args:
        frequency_hz: Carrier frequency.
    """
    raster = frequency_hz / RASTER_HZ
    held = (row.number for row in BANDS if 0 <= raster - row.low_raster <= row.last - row.first)
    return min(held, default=None)


def operating_band(carrier: Carrier) -> int | None:
    """Return the operating band of a spec's carrier, or none where no band has it.

    Args:
        carrier: The spec's carrier, given by frequency or by EARFCN.

    Raises:
        SpecError: The EARFCN is in no band.
    """
    if carrier.earfcn is not None:
        return band_of(carrier.earfcn)
    return None if carrier.frequency_hz is None else band_at(carrier.frequency_hz)


def downlink_frequency_hz(earfcn: int) -> float:
    """Return the carrier frequency in Hz of a downlink EARFCN.

    Args:
        earfcn: Downlink channel number.

    Raises:
        SpecError: No band has this downlink number.

    Source: 3GPP TS 36.101, section 5.7.3: F_DL = F_DL_low + 0.1 MHz · (N_DL − N_Offs-DL).
    """
    row = _row(earfcn)
    return float((row.low_raster + earfcn - row.first) * RASTER_HZ)


def downlink_earfcn(frequency_hz: float, *, band: int) -> int:
    """Return the downlink EARFCN of a carrier frequency in a band.

    Bands overlap, so the frequency alone doesn't tell the number.

    Args:
        frequency_hz: Carrier frequency, on the 100 kHz raster.
        band: E-UTRA operating band.

    Raises:
        SpecError: The band is unknown, or has no channel at this frequency.

    Source: 3GPP TS 36.101, section 5.7.3.
    """
    row = next((row for row in BANDS if row.number == band), None)
    if row is None:
        raise SpecError(
            f"{band} is not an E-UTRA band that iqatlas knows",
            where="carrier.band",
            accepted=", ".join(str(row.number) for row in BANDS),
        )
    earfcn = row.first + round(frequency_hz / RASTER_HZ) - row.low_raster
    # Hertz of slack: a frequency that was computed in MHz is off by rounding alone.
    on_raster = abs(frequency_hz - round(frequency_hz / RASTER_HZ) * RASTER_HZ) <= 1.0
    if not on_raster or not row.first <= earfcn <= row.last:
        low, high = downlink_frequency_hz(row.first), downlink_frequency_hz(row.last)
        raise SpecError(
            f"band {band} has no downlink channel at {frequency_hz / 1e6:g} MHz",
            where="carrier.frequency_hz",
            accepted=f"{low / 1e6:g} to {high / 1e6:g} MHz in steps of 0.1 MHz",
        )
    return earfcn


def carrier_frequency_hz(carrier: Carrier) -> float:
    """Return the downlink carrier frequency in Hz that a spec asks for.

    Args:
        carrier: The spec's carrier, given by frequency or by EARFCN.

    Raises:
        SpecError: The EARFCN is in no band.
    """
    if carrier.frequency_hz is not None:
        return carrier.frequency_hz
    if carrier.earfcn is None:
        raise SpecError("no carrier is given", where="carrier", accepted="frequency_hz or earfcn")
    return downlink_frequency_hz(carrier.earfcn)
