"""The scene as a value: buildings, sites and receivers in one local frame."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.scenes.frame import LocalFrame

BUILDING_COLUMNS = (
    "osm_id",
    "kind",
    "base_height_m",
    "top_height_m",
    "height_source",
    "material",
    "geometry",
)
"""Columns of :attr:`Scene.buildings`; geometry is one valid Polygon a row, in local metres."""


@dataclass(frozen=True)
class Site:
    """A transmitter: one antenna at one place.

    Args:
        name: Short name, unique in the scene.
        longitude_deg, latitude_deg: Where it stands.
        position_m: Antenna position, east, north and up in the local frame.
        power_dbm: Transmitted power with every resource block in use.
        cell_id: Physical cell identity, 0 to 503 (TS 36.211, section 6.11).
        position_uncertainty_m: Radius about the horizontal position within which about 95% of such sites
            stand; None if unknown.
        height_source: Where the antenna height comes from (``tag``, ``roof``, ``default``, ``spec``,
            ``file``).
        provenance: Where the site comes from, as a person would cite it.
        operator: Network operator, where known.
        azimuth_deg: Direction of the main beam, clockwise from north; None if unknown or omnidirectional.
        azimuth_source: Where the azimuth comes from (``measured`` from where its cells are heard, ``tag``,
            ``file``, ``default``); None without azimuth.
        tilt_deg: Tilt of the main beam below the horizon; None if unknown.
        antenna: Name of the antenna's pattern, ``isotropic`` or ``tr38901``, as far as the source tells;
            what was traced is told by the paths.
        earfcn: Downlink channel number at which the source saw the site; None if unknown.
        band: E-UTRA operating band of that channel; None if unknown.
    """

    name: str
    longitude_deg: float
    latitude_deg: float
    position_m: tuple[float, float, float]
    power_dbm: float
    cell_id: int
    position_uncertainty_m: float | None
    height_source: str
    provenance: str
    operator: str | None = None
    azimuth_deg: float | None = None
    azimuth_source: str | None = None
    tilt_deg: float | None = None
    antenna: str = "isotropic"
    earfcn: int | None = None
    band: int | None = None


@dataclass(frozen=True, eq=False)
class Receivers:
    """The UAVs: where each is at each waypoint.

    Args:
        names: One short name a receiver.
        time_s: Time of each waypoint.
        position_m: East, north and up in the local frame.
        velocity_mps: Velocity in the same frame.
        provenance: How the positions came about.
    """

    names: tuple[str, ...]
    time_s: Float64[np.ndarray, "waypoint"]
    position_m: Float64[np.ndarray, "waypoint receiver 3"]
    velocity_mps: Float64[np.ndarray, "waypoint receiver 3"]
    provenance: str


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that ray tracing needs to know of a city.

    Args:
        name: Name for pictures and reports.
        frame: The local frame that all positions are in.
        bbox: West, south, east, north in degrees.
        buildings: One row a building or building part, with :data:`BUILDING_COLUMNS`.
        sites: The transmitters.
        receivers: The UAVs.
        attribution: Lines of credit that the data's licences ask for.
        report: Counts and reasons: what was read, imputed, dropped.
    """

    name: str
    frame: LocalFrame
    bbox: tuple[float, float, float, float]
    buildings: gpd.GeoDataFrame
    sites: tuple[Site, ...]
    receivers: Receivers
    attribution: tuple[str, ...]
    report: dict[str, int | float | str | list[str]] = field(default_factory=dict)

    def content_hash(self) -> str:
        """Return the SHA-256 of what the paths depend on: geometry, materials, sites, receivers."""
        digest = hashlib.sha256()
        digest.update(json.dumps([self.frame.longitude_deg, self.frame.latitude_deg]).encode())
        for row in self.buildings.itertuples(index=False):
            wkb = shapely.to_wkb(row.geometry, byte_order=1)
            digest.update(wkb)
            digest.update(json.dumps([row.base_height_m, row.top_height_m, row.material]).encode())
        digest.update(json.dumps([asdict(site) for site in self.sites], sort_keys=True).encode())
        for array in (self.receivers.time_s, self.receivers.position_m, self.receivers.velocity_mps):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()
