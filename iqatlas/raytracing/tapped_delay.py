"""Tapped delay lines of TR 38.901: random multipath without a city, for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float64

_TDL_A = (
    (0.0000, -13.4), (0.3819, 0.0), (0.4025, -2.2), (0.5868, -4.0), (0.4610, -6.0), (0.5375, -8.2),
    (0.6708, -9.9), (0.5750, -10.5), (0.7618, -7.5), (1.5375, -15.9), (1.8978, -6.6), (2.2242, -16.7),
    (2.1718, -12.4), (2.4942, -15.2), (2.5119, -10.8), (3.0582, -11.3), (4.0810, -12.7),
    (4.4579, -16.2), (4.5695, -18.3), (4.7966, -18.9), (5.0066, -16.6), (5.3043, -19.9),
    (9.6586, -29.7),
)  # fmt: skip
_TDL_D = (
    (0.000, -13.5), (0.035, -18.8), (0.612, -21.0), (1.363, -22.8), (1.405, -17.9), (1.804, -20.1),
    (2.596, -21.9), (1.775, -22.9), (4.042, -27.8), (7.937, -23.6), (9.424, -24.8), (9.708, -30.0),
    (12.525, -27.7),
)  # fmt: skip
_TDL_D_DIRECT_DB = -0.2


@dataclass(frozen=True, eq=False)
class DelayProfile:
    """A power-delay profile.

    Args:
        delay: Delays of the fading taps in units of the delay spread.
        power: Mean powers of the fading taps, adding up to 1 with the direct path.
        direct: Power of the direct path, which doesn't fade; 0 where there is none.
    """

    delay: Float64[np.ndarray, "tap"]
    power: Float64[np.ndarray, "tap"]
    direct: float


def profile(*, line_of_sight: bool) -> DelayProfile:
    """Return TDL-D where there is a line of sight, TDL-A where there is none.

    Source: 3GPP TR 38.901, tables 7.7.2-1 and 7.7.2-4.
    """
    table = np.array(_TDL_D if line_of_sight else _TDL_A)
    power = 10 ** (table[:, 1] / 10)
    direct = 10 ** (_TDL_D_DIRECT_DB / 10) if line_of_sight else 0.0
    total = power.sum() + direct
    return DelayProfile(delay=table[:, 0], power=power / total, direct=float(direct / total))


def draw_taps(
    shape: tuple[int, ...], delays: DelayProfile, *, rng: np.random.Generator
) -> Complex128[np.ndarray, "*shape tap"]:
    """Return Rayleigh-fading taps, the direct path (of power ``direct``) first where there is one.

    Args:
        shape: Extents before the tap axis.
        delays: The profile.
        rng: Stream of the fading.
    """
    size = (*shape, len(delays.power))
    fading = (rng.standard_normal(size) + 1j * rng.standard_normal(size)) * np.sqrt(delays.power / 2)
    if not delays.direct:
        return fading
    direct = np.full((*shape, 1), np.sqrt(delays.direct), np.complex128)
    return np.concatenate([direct, fading], axis=-1)
