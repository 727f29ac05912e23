"""What must hold of any set of paths, whoever made it: checked after every trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.scenes.scene import Receivers, Site

LINE_OF_SIGHT_TOLERANCE = 1e-3
"""Largest relative difference of a line of sight from free space, phase included (isotropic antennas)."""
DELAY_TOLERANCE_S = 1e-10
"""Vertices are traced in float32: a path may come out short by their 3 cm in the worst of cases."""


@dataclass(frozen=True)
class GateReport:
    """What the gates measured.

    Args:
        paths: Number of paths.
        links: Number of links (waypoint, receiver, site).
        blind_links: Links without any path.
        line_of_sight_links: Links with a direct path.
        largest_gain_db: Power gain of the strongest path.
        line_of_sight_error: Largest relative deviation of a direct path from free space.
        delay_spread_s: Largest spread of delays within a link.
    """

    paths: int
    links: int
    blind_links: int
    line_of_sight_links: int
    largest_gain_db: float
    line_of_sight_error: float
    delay_spread_s: float


def check_paths(
    paths: PathSet,
    sites: tuple[Site, ...],
    receivers: Receivers,
    *,
    line_of_sight_is_free_space: bool = True,
) -> GateReport:
    """Check a set of paths against physics.

    Args:
        paths: The paths.
        sites: The transmitters, in the order of the site axis.
        receivers: The receivers, in the order of the receiver axis.
        line_of_sight_is_free_space: Whether a direct path has to have the amplitude of free space:
            between isotropic antennas, where the model knows no shadowing of it.

    Raises:
        RaytracingError: A gain of 1 or more, a path faster than light, a path that is there
            twice, a line of sight that is not free space, a value that is not finite.
    """
    valid = paths.valid
    power = np.abs(paths.gain) ** 2
    for name, array in (("gain", power), ("delay", paths.delay_s), ("Doppler", paths.doppler_hz)):
        if not np.all(np.isfinite(array[valid])):
            raise RaytracingError(f"a traced {name} is not finite", where="raytracing")
    if np.any(power[valid] >= 1):
        raise RaytracingError(
            f"a path gains {10 * np.log10(power[valid].max()):.1f} dB",
            where="raytracing",
            accepted="path gains below 0 dB",
            remedy="move the site and the receiver apart: they are within a wavelength",
        )
    site_position = np.array([site.position_m for site in sites])
    towards = site_position - receivers.position_m[:, :, None, :]
    distance = np.linalg.norm(towards, axis=-1)
    shortest = (distance / SPEED_OF_LIGHT_MPS)[..., None]
    if np.any((paths.delay_s < shortest - DELAY_TOLERANCE_S) & valid):
        raise RaytracingError("a path is faster than light", where="raytracing")
    duplicate = _duplicates(paths)
    if duplicate:
        raise RaytracingError(f"{duplicate} paths are there twice", where="raytracing")
    direct = valid & np.all(paths.interaction == 0, axis=-1)
    wavelength = SPEED_OF_LIGHT_MPS / paths.frequency_hz
    # A plane wave reaches an element of an array as much earlier as that is nearer to the site.
    ahead = np.sum(towards * receivers.element_m[:, None], axis=-1) / distance
    free_space = wavelength / (4 * np.pi * distance) * np.exp(-2j * np.pi * (distance - ahead) / wavelength)
    error = np.abs(paths.gain / free_space[..., None] - 1)
    worst = float(np.max(error, where=direct, initial=0.0))
    if line_of_sight_is_free_space and worst > LINE_OF_SIGHT_TOLERANCE:
        raise RaytracingError(
            f"a line of sight differs from free space by {worst:.2%}",
            where="raytracing",
            accepted=f"at most {LINE_OF_SIGHT_TOLERANCE:.1%}",
        )
    some = valid.any(axis=-1)
    first = np.min(paths.delay_s, axis=-1, where=valid, initial=np.inf)
    last = np.max(paths.delay_s, axis=-1, where=valid, initial=0.0)
    return GateReport(
        paths=int(valid.sum()),
        links=int(some.size),
        blind_links=int((~some).sum()),
        line_of_sight_links=int(direct.any(axis=-1).sum()),
        largest_gain_db=float(10 * np.log10(power[valid].max())) if valid.any() else float("-inf"),
        line_of_sight_error=worst,
        delay_spread_s=float(np.max(last - first, where=some, initial=0.0)),
    )


def _duplicates(paths: PathSet) -> int:
    """Count neighbours in the order of delay that agree in delay, gain and direction."""
    same = paths.valid[..., 1:] & paths.valid[..., :-1]
    for array in (paths.delay_s, paths.gain, paths.arrival_azimuth_deg, paths.arrival_zenith_deg):
        same &= array[..., 1:] == array[..., :-1]
    return int(same.sum())
