"""The line of sight in closed form: an analytic model with the same output as the ray tracer."""

from __future__ import annotations

import numpy as np

from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.scenes.scene import Receivers, Site


def free_space_paths(sites: tuple[Site, ...], receivers: Receivers, *, frequency_hz: float) -> PathSet:
    """Return one line-of-sight path for every link.

    Args:
        sites: Transmitters, isotropic.
        receivers: Receivers, isotropic.
        frequency_hz: Carrier.

    Source: H. T. Friis, "A note on a simple transmission formula", Proc. IRE, 1946:
    |a| = λ/(4πd), delay d/c, Doppler from the rate of change of d.
    """
    site_position = np.array([site.position_m for site in sites])
    ray = receivers.position_m[:, :, None, :] - site_position
    distance = np.linalg.norm(ray, axis=-1)
    direction = ray / distance[..., None]
    wavelength = SPEED_OF_LIGHT_MPS / frequency_hz
    delay = distance / SPEED_OF_LIGHT_MPS
    gain = wavelength / (4 * np.pi * distance) * np.exp(-2j * np.pi * frequency_hz * delay)
    doppler = -np.sum(direction * receivers.velocity_mps[:, :, None, :], axis=-1) / wavelength
    azimuth, zenith = _angles(direction)
    back_azimuth, back_zenith = _angles(-direction)
    shape = (*distance.shape, 1)
    return PathSet(
        gain=gain[..., None],
        delay_s=delay[..., None],
        doppler_hz=doppler[..., None],
        departure_azimuth_deg=azimuth[..., None],
        departure_zenith_deg=zenith[..., None],
        arrival_azimuth_deg=back_azimuth[..., None],
        arrival_zenith_deg=back_zenith[..., None],
        interaction=np.zeros((*shape, 1), np.int8),
        vertex_m=np.full((*shape, 1, 3), np.nan),
        valid=np.ones(shape, bool),
        frequency_hz=frequency_hz,
        model={"kind": "free_space", "antennas": "isotropic"},
    )


def _angles(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    azimuth = np.rad2deg(np.arctan2(direction[..., 1], direction[..., 0]))
    zenith = np.rad2deg(np.arccos(np.clip(direction[..., 2], -1.0, 1.0)))
    return azimuth, zenith
