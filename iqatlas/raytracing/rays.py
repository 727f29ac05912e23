"""From rays, given by length and directions, to a PathSet: what the analytic models share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float64, Int8

from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays of every link, on [waypoint, receiver, site, path].

    Args:
        coefficient: Complex factor on the free-space amplitude λ/(4πd): reflection, fading.
        length_m: Length d of each ray.
        departure: Unit vector in which a ray leaves the site.
        arrival: Unit vector from the receiver towards where the ray comes from.
        interaction: Kind of each interaction.
        vertex_m: Points of interaction; NaN where there is none.
    """

    coefficient: Complex128[np.ndarray, "waypoint receiver site path"]
    length_m: Float64[np.ndarray, "waypoint receiver site path"]
    departure: Float64[np.ndarray, "waypoint receiver site path 3"]
    arrival: Float64[np.ndarray, "waypoint receiver site path 3"]
    interaction: Int8[np.ndarray, "waypoint receiver site path depth"]
    vertex_m: Float64[np.ndarray, "waypoint receiver site path depth 3"]


def paths_from_rays(
    rays: Rays,
    velocity_mps: Float64[np.ndarray, "waypoint receiver 3"],
    *,
    frequency_hz: float,
    model: dict[str, str | int | float | bool],
) -> PathSet:
    """Return the paths that rays make between isotropic antennas, each link sorted by delay.

    A ray of coefficient 0 is no path: its place is padding, behind the paths of its link.

    Args:
        rays: The rays.
        velocity_mps: Velocities of the receivers; sites stand still.
        frequency_hz: Carrier.
        model: What made the rays.
    """
    wavelength = SPEED_OF_LIGHT_MPS / frequency_hz
    delay = rays.length_m / SPEED_OF_LIGHT_MPS
    gain = rays.coefficient * wavelength / (4 * np.pi * rays.length_m)
    gain = gain * np.exp(-2j * np.pi * frequency_hz * delay)
    # Moving towards where a ray comes from shortens it.
    doppler = np.sum(rays.arrival * velocity_mps[:, :, None, None, :], axis=-1) / wavelength
    departure_azimuth, departure_zenith = angles_deg(rays.departure)
    arrival_azimuth, arrival_zenith = angles_deg(rays.arrival)
    valid = rays.coefficient != 0
    order = np.argsort(np.where(valid, delay, np.inf), axis=-1, kind="stable")
    most = int(valid.sum(axis=-1).max(initial=0))
    order = order[..., :most]
    valid = np.take_along_axis(valid, order, axis=3)

    def placed(array: np.ndarray, padding: float = 0) -> np.ndarray:
        places = order.reshape(*order.shape, *(1,) * (array.ndim - 4))
        there = valid.reshape(places.shape)
        return np.where(there, np.take_along_axis(array, places, axis=3), array.dtype.type(padding))

    return PathSet(
        gain=placed(gain),
        delay_s=placed(delay),
        doppler_hz=placed(doppler),
        departure_azimuth_deg=placed(departure_azimuth),
        departure_zenith_deg=placed(departure_zenith),
        arrival_azimuth_deg=placed(arrival_azimuth),
        arrival_zenith_deg=placed(arrival_zenith),
        interaction=placed(rays.interaction),
        vertex_m=placed(rays.vertex_m, np.nan),
        valid=valid,
        frequency_hz=frequency_hz,
        model=model,
    )


def angles_deg(
    direction: Float64[np.ndarray, "*n 3"],
) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
    """Return azimuth (from east towards north) and zenith of unit vectors."""
    azimuth = np.rad2deg(np.arctan2(direction[..., 1], direction[..., 0]))
    zenith = np.rad2deg(np.arccos(np.clip(direction[..., 2], -1.0, 1.0)))
    return azimuth, zenith
