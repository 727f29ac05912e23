"""Two rays over a plane: the direct one and its mirror image in the ground."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.free_space import direct_rays
from iqatlas.raytracing.fresnel import complex_permittivity, fresnel_vertical
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.rays import Rays, paths_from_rays
from iqatlas.raytracing.spec import TwoRay
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.scene import Receivers, Site

REFLECTION = 1


def reflected_rays(
    sites: tuple[Site, ...], receivers: Receivers
) -> tuple[Rays, Float64[np.ndarray, "waypoint receiver site path"]]:
    """Return the ray of every link that a plane at height 0 reflects, and its grazing angle in rad.

    Args:
        sites: Transmitters, above the plane.
        receivers: Receivers, above the plane.

    Raises:
        RaytracingError: An antenna lies in or under the plane.
    """
    site_position = np.array([site.position_m for site in sites])
    position = receivers.position_m[:, :, None, :]
    if np.any(site_position[:, 2] <= 0) or np.any(position[..., 2] <= 0):
        raise RaytracingError(
            "an antenna is not above the plane that reflects",
            where="raytracing.kind",
            accepted="heights over 0 m",
        )
    image = position * np.array([1.0, 1.0, -1.0])
    ray = image - site_position
    length = np.linalg.norm(ray, axis=-1)[..., None]
    departure = ray[..., None, :] / length[..., None]
    share = site_position[:, 2] / (site_position[:, 2] - image[..., 2])
    point = site_position + share[..., None] * ray
    point[..., 2] = 0.0
    rays = Rays(
        coefficient=np.ones(length.shape, np.complex128),
        length_m=length,
        departure=departure,
        arrival=-departure * np.array([1.0, 1.0, -1.0]),
        interaction=np.full((*length.shape, 1), REFLECTION, np.int8),
        vertex_m=point[..., None, None, :],
    )
    return rays, np.arcsin(np.clip(-departure[..., 2], 0.0, 1.0))


def join_rays(*parts: Rays) -> Rays:
    """Return the rays of several parts, side by side on the path axis."""
    return Rays(
        coefficient=np.concatenate([part.coefficient for part in parts], axis=3),
        length_m=np.concatenate([part.length_m for part in parts], axis=3),
        departure=np.concatenate([part.departure for part in parts], axis=3),
        arrival=np.concatenate([part.arrival for part in parts], axis=3),
        interaction=np.concatenate([part.interaction for part in parts], axis=3),
        vertex_m=np.concatenate([part.vertex_m for part in parts], axis=3),
    )


def two_ray_paths(
    sites: tuple[Site, ...], receivers: Receivers, spec: TwoRay, *, frequency_hz: float
) -> PathSet:
    """Return the direct and the ground-reflected path of every link; buildings are ignored.

    Args:
        sites: Transmitters, isotropic, vertically polarised.
        receivers: Receivers, likewise.
        spec: Material of the ground.
        frequency_hz: Carrier.

    Raises:
        RaytracingError: An antenna lies in or under the ground.

    Source: T. S. Rappaport, Wireless Communications, section 4.6: 40 dB a decade beyond 4πh_t h_r/λ.
    """
    ground = material_at(spec.ground, frequency_hz)
    permittivity = complex_permittivity(
        ground.relative_permittivity, ground.conductivity_s_per_m, frequency_hz
    )
    reflected, grazing = reflected_rays(sites, receivers)
    reflected.coefficient[...] = fresnel_vertical(grazing, permittivity)
    return paths_from_rays(
        join_rays(direct_rays(sites, receivers), reflected),
        receivers.velocity_mps,
        frequency_hz=frequency_hz,
        model={"kind": spec.kind, "ground": spec.ground, "antennas": "isotropic, vertical polarisation"},
    )
