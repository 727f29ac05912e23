"""The line of sight in closed form: an analytic model with the same output as the ray tracer."""

from __future__ import annotations

import numpy as np

from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.rays import Rays, paths_from_rays
from iqatlas.scenes.scene import Receivers, Site


def direct_rays(sites: tuple[Site, ...], receivers: Receivers) -> Rays:
    """Return the straight ray of every link.

    Args:
        sites: Transmitters.
        receivers: Receivers.
    """
    site_position = np.array([site.position_m for site in sites])
    ray = receivers.position_m[:, :, None, :] - site_position
    length = np.linalg.norm(ray, axis=-1)[..., None]
    direction = ray[..., None, :] / length[..., None]
    return Rays(
        coefficient=np.ones(length.shape, np.complex128),
        length_m=length,
        departure=direction,
        arrival=-direction,
        interaction=np.zeros((*length.shape, 1), np.int8),
        vertex_m=np.full((*length.shape, 1, 3), np.nan),
    )


def free_space_paths(sites: tuple[Site, ...], receivers: Receivers, *, frequency_hz: float) -> PathSet:
    """Return one line-of-sight path for every link.

    Args:
        sites: Transmitters, isotropic.
        receivers: Receivers, isotropic.
        frequency_hz: Carrier.

    Source: H. T. Friis, "A note on a simple transmission formula", Proc. IRE, 1946:
    |a| = λ/(4πd), delay d/c, Doppler from the rate of change of d.
    """
    return paths_from_rays(
        direct_rays(sites, receivers),
        receivers.velocity_mps,
        frequency_hz=frequency_hz,
        model={"kind": "free_space", "antennas": "isotropic"},
    )
