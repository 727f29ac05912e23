"""From a UAV's paths to those of each antenna of its array: plane waves, one phase a path and element."""

from __future__ import annotations

import numpy as np

from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.scenes.scene import Receivers

ARRAY_KEY = "receiver_array"
"""Entry of :attr:`PathSet.model` that names the array whose elements the receivers are."""


def at_elements(paths: PathSet, receivers: Receivers) -> PathSet:
    """Return the paths of each element from those of the UAVs' positions.

    A path is a plane wave at the array: it reaches an element at ``e`` with the phase 2π û·e/λ ahead,
    û towards where it comes from. Delay, Doppler, directions and interactions are those of the UAV, which
    doesn't turn; so phases are exact at the carrier, and off by 2π f û·e/c at f beside it.

    Args:
        paths: Paths, the receiver axis over the UAVs.
        receivers: The elements; where they carry no array, the paths are returned as they are.

    Source: Sionna RT, ``synthetic_array=True``; TR 38.901, equation (7.5-22).
    """
    array = receivers.array
    if array is None:
        return paths
    count = len(array.element_m)
    azimuth, zenith = np.deg2rad(paths.arrival_azimuth_deg), np.deg2rad(paths.arrival_zenith_deg)
    flat = np.sin(zenith)
    towards = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)], axis=-1)
    ahead_m = np.einsum("wuspx,ex->wuesp", towards, array.element_m)
    turn = np.exp(2j * np.pi * paths.frequency_hz / SPEED_OF_LIGHT_MPS * ahead_m)
    arrays = {name: np.repeat(values, count, axis=1) for name, values in paths.arrays().items()}
    arrays["gain"] = (paths.gain[:, :, None] * turn).reshape(arrays["gain"].shape)
    model = {**paths.model, ARRAY_KEY: array.name}
    return PathSet(frequency_hz=paths.frequency_hz, model=model, **arrays)


def of_each_uav(paths: PathSet, receivers: Receivers) -> PathSet:
    """Return one element's paths of each UAV: what all its elements share but for the phase.

    Args:
        paths: Paths, the receiver axis over the elements.
        receivers: The elements.
    """
    if receivers.array is None:
        return paths
    arrays = {name: values[:, :: receivers.elements] for name, values in paths.arrays().items()}
    return PathSet(frequency_hz=paths.frequency_hz, model=paths.model, **arrays)
