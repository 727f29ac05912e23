"""The scene as a value: buildings, sites and receivers in one local frame."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.scenes.antenna_array import AntennaArray
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.terrain import FLAT_GROUND, Ground

BUILDING_COLUMNS = (
    "osm_id",
    "kind",
    "base_height_m",
    "top_height_m",
    "height_source",
    "material",
    "geometry",
)
"""Columns of :attr:`Scene.buildings`; geometry is one valid Polygon a row, in local metres.

Heights count from the ground at the frame's origin. Further columns may stand beside these:
``ground_height_m`` where there is a terrain, and ``roof_shape``, ``roof_height_m``, ``roof_ridge_deg``.
"""
GROUND_COLUMN = "ground_height_m"
"""Column of the ground height that a solid stands at; without it, 0."""
SHAPE_COLUMNS = (
    "base_height_m",
    "top_height_m",
    GROUND_COLUMN,
    "material",
    "roof_shape",
    "roof_height_m",
    "roof_ridge_deg",
)
"""Columns that the shape of solids depends on, beside the footprint."""


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
    """The UAVs, or each antenna of theirs: where each is at each waypoint.

    Args:
        names: One short name a receiver: of the UAV, or ``uav0/1`` for an element of its array.
        time_s: Time of each waypoint.
        position_m: East, north and up in the local frame; that of the UAV for all its elements.
        velocity_mps: Velocity in the same frame.
        provenance: How the positions came about.
        array: The array whose elements the receivers are, one UAV's after the other; None where each
            receiver is a UAV with one antenna.
    """

    names: tuple[str, ...]
    time_s: Float64[np.ndarray, "waypoint"]
    position_m: Float64[np.ndarray, "waypoint receiver 3"]
    velocity_mps: Float64[np.ndarray, "waypoint receiver 3"]
    provenance: str
    array: AntennaArray | None = None

    @property
    def elements(self) -> int:
        """Antennas of each UAV."""
        return 1 if self.array is None else len(self.array.element_m)

    @property
    def uav(self) -> tuple[str, ...]:
        """The UAV that carries each receiver."""
        return self.names if self.array is None else tuple(name.rsplit("/", 1)[0] for name in self.names)

    @property
    def element_m(self) -> Float64[np.ndarray, "receiver 3"]:
        """Where each receiver's antenna is from its UAV's position: east, north and up."""
        if self.array is None:
            return np.zeros((len(self.names), 3))
        return np.tile(self.array.element_m, (len(self.names) // self.elements, 1))

    def uavs(self) -> Receivers:
        """Return the UAVs, each with one antenna at its position."""
        if self.array is None:
            return self
        return replace(
            self,
            names=self.uav[:: self.elements],
            position_m=self.position_m[:, :: self.elements],
            velocity_mps=self.velocity_mps[:, :: self.elements],
            array=None,
        )

    def with_array(self, array: AntennaArray) -> Receivers:
        """Return a receiver for each element of an array that each UAV carries.

        Args:
            array: The array.
        """
        count = len(array.element_m)
        return replace(
            self,
            names=tuple(f"{name}/{element}" for name in self.names for element in range(count)),
            position_m=np.repeat(self.position_m, count, axis=1),
            velocity_mps=np.repeat(self.velocity_mps, count, axis=1),
            array=array,
        )


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
        archive: Files to keep with the scene, by name: what map servers answered, and what they were asked.
        ground: Height of the ground.
        vegetation: Woods, rows of trees and crowns, with the columns of the buildings; None where left out.
        surfaces: Pieces of ground of another material than the rest, with ``osm_id``, ``kind`` and
            ``material``, none over another; None where left out.
    """

    name: str
    frame: LocalFrame
    bbox: tuple[float, float, float, float]
    buildings: gpd.GeoDataFrame
    sites: tuple[Site, ...]
    receivers: Receivers
    attribution: tuple[str, ...]
    report: dict[str, int | float | str | list[str]] = field(default_factory=dict)
    archive: dict[str, bytes] = field(default_factory=dict)
    ground: Ground = FLAT_GROUND
    vegetation: gpd.GeoDataFrame | None = None
    surfaces: gpd.GeoDataFrame | None = None

    def of_uavs(self) -> Scene:
        """Return the scene with its UAVs as receivers, whatever antennas they carry: as one draws it."""
        return self if self.receivers.array is None else replace(self, receivers=self.receivers.uavs())

    def content_hash(self) -> str:
        """Return the SHA-256 of what the paths depend on: geometry, materials, sites, receivers."""
        digest = hashlib.sha256()
        digest.update(json.dumps([self.frame.longitude_deg, self.frame.latitude_deg]).encode())
        for number, table in enumerate((self.buildings, self.vegetation, self.surfaces)):
            if table is not None and len(table):
                digest.update(bytes([number]))
                digest.update(_table_bytes(table))
        digest.update(self.ground.digest())
        digest.update(json.dumps([asdict(site) for site in self.sites], sort_keys=True).encode())
        for array in (self.receivers.time_s, self.receivers.position_m, self.receivers.velocity_mps):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        if self.receivers.array is not None:
            digest.update(np.ascontiguousarray(self.receivers.array.element_m, "<f8").tobytes())
        return digest.hexdigest()


def _table_bytes(table: gpd.GeoDataFrame) -> bytes:
    footprint = shapely.to_wkb(np.asarray(table.geometry.array, dtype=object), byte_order=1)
    columns = {name: table[name].tolist() for name in SHAPE_COLUMNS if name in table}
    return b"".join(footprint) + json.dumps(columns, sort_keys=True).encode()
