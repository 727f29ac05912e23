"""Radio paths as data: what the I/Q is made from, with or without a ray tracer at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Complex128, Float64, Int8

SPEED_OF_LIGHT_MPS = 299_792_458.0

INTERACTIONS = ("none", "reflection", "diffuse", "refraction", "diffraction")
"""Kinds of interaction, in the order of their numbers in :attr:`PathSet.interaction`."""

ARRAYS = (
    "gain",
    "delay_s",
    "doppler_hz",
    "departure_azimuth_deg",
    "departure_zenith_deg",
    "arrival_azimuth_deg",
    "arrival_zenith_deg",
    "interaction",
    "vertex_m",
    "valid",
)
"""Names of the arrays of a :class:`PathSet`."""


@dataclass(frozen=True, eq=False)
class PathSet:
    """All paths of a scene, on [waypoint, receiver, site, path].

    Paths of a link are sorted by delay; places beyond a link's last path hold zeros and
    ``valid`` False.

    Args:
        gain: Complex amplitude gain between antenna ports at the carrier, phase of the absolute
            delay included: the baseband response is Σ gain · exp(−j2π f delay_s), f relative to
            the carrier.
        delay_s: Absolute delay, distance over c.
        doppler_hz: Doppler shift at the carrier.
        departure_azimuth_deg, departure_zenith_deg: Direction in which a path leaves the site;
            azimuth from east towards north, zenith from up.
        arrival_azimuth_deg, arrival_zenith_deg: Direction from which it reaches the receiver.
        interaction: Kind of each interaction, in order (see :data:`INTERACTIONS`).
        vertex_m: Points of interaction in the local frame; NaN where there is none.
        valid: Whether there is a path in this place.
        frequency_hz: The carrier.
        model: What made the paths, with its versions and settings.
    """

    gain: Complex128[np.ndarray, "waypoint receiver site path"]
    delay_s: Float64[np.ndarray, "waypoint receiver site path"]
    doppler_hz: Float64[np.ndarray, "waypoint receiver site path"]
    departure_azimuth_deg: Float64[np.ndarray, "waypoint receiver site path"]
    departure_zenith_deg: Float64[np.ndarray, "waypoint receiver site path"]
    arrival_azimuth_deg: Float64[np.ndarray, "waypoint receiver site path"]
    arrival_zenith_deg: Float64[np.ndarray, "waypoint receiver site path"]
    interaction: Int8[np.ndarray, "waypoint receiver site path depth"]
    vertex_m: Float64[np.ndarray, "waypoint receiver site path depth 3"]
    valid: Bool[np.ndarray, "waypoint receiver site path"]
    frequency_hz: float
    model: dict[str, str | int | float | bool] = field(default_factory=dict)

    @property
    def max_delay_s(self) -> float:
        """The largest delay of any path, 0 where there is none."""
        return float(np.max(self.delay_s, where=self.valid, initial=0.0))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, on [waypoint, receiver, site, path, …]."""
        return {name: getattr(self, name) for name in ARRAYS}

    def link_power(self) -> Float64[np.ndarray, "waypoint receiver site"]:
        """Return the power gain of each link, summed over its paths without interference."""
        power: Float64[np.ndarray, "waypoint receiver site"] = np.sum(
            np.abs(self.gain) ** 2, axis=-1, where=self.valid
        )
        return power
