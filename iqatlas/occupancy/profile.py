"""The hour of the day: which slots lie in which hour, and the rates of a chain in it."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from iqatlas.errors import SpecError
from iqatlas.occupancy.spec import HourProfile

_ROUNDING = 1e-9
"""Hours by which a slot may fall short of the full hour that it begins."""


def hour_pieces(profile: HourProfile, *, hours_a_slot: float, slots: int) -> list[tuple[int, int]]:
    """Return where hours begin among the slots of a draw: first slot and hour of the day, rising.

    Args:
        profile: The spec's profile.
        hours_a_slot: Hours from a slot to the next.
        slots: Slots of the draw.
    """
    pieces = [(0, int(profile.start_hour + _ROUNDING) % 24)]
    full = math.floor(profile.start_hour + _ROUNDING) + 1
    while True:
        first = math.ceil((full - profile.start_hour - _ROUNDING) / hours_a_slot)
        if first >= slots:
            return pieces
        if first == pieces[-1][0]:
            pieces.pop()  # less than a slot lies in that hour
        pieces.append((first, full % 24))
        full += 1


def scaled_p01(
    p01: Float64[np.ndarray, "site subchannel"], p10: Float64[np.ndarray, "site subchannel"], factor: float
) -> Float64[np.ndarray, "site subchannel"]:
    """Return the p01 with which the stationary occupancy is so many times that of p01, p10 kept.

    Raises:
        SpecError: That occupancy can't be reached with this p10.
    """
    if factor == 1:
        return p01
    share = factor * p01 / (p01 + p10)
    reachable = 1 / (1 + p10)
    if np.any((share > reachable) | (p10 == 0)):
        worst = np.unravel_index(np.argmax(share - reachable), share.shape)
        raise SpecError(
            f"a factor of {factor:g} makes an occupancy of {share[worst]:.3g}, which a chain with "
            f"p10 = {p10[worst]:.3g} does not have",
            where="occupancy.profile.by_hour",
            accepted=f"with this p10, occupancies up to {reachable[worst]:.3g}, and p10 above 0",
            remedy="lower the factor or p01, or choose a smaller p10",
        )
    scaled: Float64[np.ndarray, "site subchannel"] = np.minimum(p10 * share / (1 - share), 1.0)
    return scaled
