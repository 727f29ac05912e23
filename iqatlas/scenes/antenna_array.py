"""Where the elements of a UAV's antenna array are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from iqatlas.scenes.receivers_spec import PlanarArray


@dataclass(frozen=True, eq=False)
class AntennaArray:
    """The antenna array that every UAV of a scene carries; it keeps its attitude while they fly.

    Args:
        name: What it is, in words; two arrays of one name are alike.
        element_m: Elements from the UAV's position: east, north and up.
    """

    name: str
    element_m: Float64[np.ndarray, "element 3"]


def antenna_array(spec: PlanarArray, *, wavelength_m: float) -> AntennaArray:
    """Return the array that a spec describes.

    Elements are numbered down each column of the array as one sees it who looks at its face.

    Args:
        spec: Rows, columns, spacing and attitude.
        wavelength_m: Wavelength of the carrier.

    Source: the axes, the numbering and the rotation of Sionna RT's PlanarArray, whose face looks along
    yaw 90° − azimuth and pitch tilt (TR 38.901, section 7.1).
    """
    spacing = spec.spacing_wavelengths * wavelength_m
    column, row = np.divmod(np.arange(spec.rows * spec.columns), spec.rows)
    left = spacing * (column - (spec.columns - 1) / 2)
    up = spacing * ((spec.rows - 1) / 2 - row)
    yaw, pitch = np.deg2rad(90.0 - spec.azimuth_deg), np.deg2rad(spec.tilt_deg)
    ahead = up * np.sin(pitch)
    element = np.stack(
        [
            ahead * np.cos(yaw) - left * np.sin(yaw),
            ahead * np.sin(yaw) + left * np.cos(yaw),
            up * np.cos(pitch),
        ],
        axis=-1,
    )
    name = (
        f"planar {spec.rows} x {spec.columns}, {spec.spacing_wavelengths:g} wavelengths apart, "
        f"azimuth {spec.azimuth_deg:g} deg, tilt {spec.tilt_deg:g} deg"
    )
    return AntennaArray(name, element)
