"""The channels of the VHF maritime mobile band: numbers to frequencies."""

from __future__ import annotations

from iqatlas.errors import SpecError

CHANNEL_SPACING_HZ = 25_000
"""Spacing of the channels, and the width that each may fill."""
DUPLEX_SPACING_HZ = 4_600_000
"""By how much the coast station's frequency lies above the ship's."""
_LOWER_ALONE = frozenset([27, 28, 87, 88])
"""Channels whose upper legs went to data: voice is on the lower ones alone since 2019."""
_ONE_FREQUENCY = frozenset([6, *range(8, 18), *range(67, 78)])
_LOWER_LEG, _UPPER_LEG = 1000, 2000
_NO_VOICE = {
    70: "digital selective calling",
    2027: "application-specific messages",
    2028: "application-specific messages",
    2087: "AIS",
    2088: "AIS",
}


def channel_frequency_hz(number: int) -> int:
    """Return the frequency that a channel's voice is sent on.

    A duplex channel stands for the frequency of its coast station. Four digits name one leg of a
    channel: 10nn the lower one, which ships send on, 20nn the upper one.

    Args:
        number: Channel number.

    Raises:
        SpecError: There is no such channel, or it carries no voice.

    Source: Radio Regulations, appendix 18; ITU-R M.1084, annex 4.
    """
    leg, base = number // 1000 * 1000, number % 1000
    known = 1 <= base <= 28 or 60 <= base <= 88
    if not known or leg not in (0, _LOWER_LEG, _UPPER_LEG) or (leg and base in _ONE_FREQUENCY):
        raise SpecError(
            f"{number} is no channel of the VHF maritime mobile band",
            where="waveform.channels",
            accepted="1 to 28 and 60 to 88, and 10nn or 20nn for one leg of a duplex channel",
        )
    if number in _NO_VOICE:
        raise SpecError(
            f"channel {number} is for {_NO_VOICE[number]}, not for voice",
            where="waveform.channels",
            remedy="take a channel for voice, such as 16, 67 or 72",
        )
    # 60 to 88 lie halfway between 1 to 29, with 60 below 1.
    below = (base - 1) * 50_000 + 50_000 if base < 60 else (base - 60) * 50_000 + 25_000
    is_upper = leg == _UPPER_LEG or (leg == 0 and base not in _ONE_FREQUENCY | _LOWER_ALONE)
    return 156_000_000 + below + (DUPLEX_SPACING_HZ if is_upper else 0)


def band_centre_hz(channels: tuple[int, ...]) -> float:
    """Return the middle between the lowest and the highest of some channels.

    Args:
        channels: Channel numbers.

    Raises:
        SpecError: One of them is no channel for voice.
    """
    frequencies = [channel_frequency_hz(number) for number in channels]
    return (min(frequencies) + max(frequencies)) / 2
