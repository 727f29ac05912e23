"""The local frame: east, north, up in metres about a geodetic origin (WGS 84)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float64
from pyproj import Transformer


@dataclass(frozen=True)
class LocalFrame:
    """East-north metres about an origin (azimuthal equidistant projection on WGS 84).

    Ray tracing runs in float32, so coordinates are kept small by an origin inside the scene.
    Heights are metres above the ground at the origin.

    Args:
        longitude_deg: Longitude of the origin.
        latitude_deg: Latitude of the origin.
    """

    longitude_deg: float
    latitude_deg: float

    @property
    def definition(self) -> str:
        """The frame as a PROJ string, as GeoPandas takes it for a ``crs``."""
        return (
            f"+proj=aeqd +lat_0={self.latitude_deg!r} +lon_0={self.longitude_deg!r} "
            "+datum=WGS84 +units=m +no_defs"
        )

    def to_local(
        self,
        longitude_deg: Float64[np.ndarray, "*n"] | float,
        latitude_deg: Float64[np.ndarray, "*n"] | float,
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        """Return east and north in metres."""
        east, north = _transformer(self.definition).transform(longitude_deg, latitude_deg)
        return np.asarray(east, np.float64), np.asarray(north, np.float64)

    def to_geodetic(
        self, east_m: Float64[np.ndarray, "*n"] | float, north_m: Float64[np.ndarray, "*n"] | float
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        """Return longitude and latitude in degrees."""
        longitude, latitude = _transformer(self.definition).transform(east_m, north_m, direction="INVERSE")
        return np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)


@cache
def _transformer(definition: str) -> Transformer:
    return Transformer.from_crs("EPSG:4326", definition, always_xy=True)
