"""The scene part of a spec: buildings, sites, receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from iqatlas.scenes.geodetic import Latitude, Longitude
from iqatlas.scenes.receivers_spec import (
    GroundPoint,
    HoverReceivers,
    PlanarArray,
    ReceiverPosition,
    ReceiversSpec,
    RoutePoint,
    TrajectoryReceivers,
)
from iqatlas.scenes.sites_spec import (
    BundledSites,
    CellMapperSites,
    ListedSite,
    ListedSites,
    OpenCellIdSites,
    OsmMastSites,
    PlacedSites,
    SiteFile,
    SitesSpec,
)
from iqatlas.schema import SpecModel

__all__ = [
    "BundledBuildings",
    "BundledSites",
    "CellMapperSites",
    "GroundPoint",
    "HoverReceivers",
    "ListedSite",
    "ListedSites",
    "OpenCellIdSites",
    "OsmFileBuildings",
    "OsmMastSites",
    "PlacedSites",
    "PlanarArray",
    "ReceiverPosition",
    "ReceiversSpec",
    "RoutePoint",
    "SceneSpec",
    "SiteFile",
    "SitesSpec",
    "TrajectoryReceivers",
]


class BundledBuildings(SpecModel):
    """The city that comes with iqatlas: about 1 km² of central Helsinki."""

    kind: Literal["bundled"] = "bundled"
    """What comes with iqatlas."""
    city: Literal["helsinki"] = "helsinki"
    """Which of the bundled cities."""


class OsmFileBuildings(SpecModel):
    """Buildings from an OpenStreetMap file."""

    kind: Literal["osm_file"] = "osm_file"
    """A file of the user's own."""
    path: Path
    """OpenStreetMap XML (plain, .bz2 or .gz), PBF, or Overpass JSON; relative to the spec's folder."""


class OverpassBuildings(SpecModel):
    """Buildings of a place or of the scene's bbox, asked of Overpass; every answer is kept and archived."""

    kind: Literal["overpass"] = "overpass"
    """Ask a map server."""
    place: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """A name that Nominatim knows, such as "Kruununhaka, Helsinki"; without it, the scene's bbox."""
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = None
    """The moment of the map, such as 2025-01-01T00:00:00Z; without it, when it is first asked for."""
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] = "https://overpass-api.de/api"
    """The Overpass server."""
    geocoder: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] = "https://nominatim.openstreetmap.org/"
    """The Nominatim server that knows the place."""
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 180
    """How long an answer may take."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """How often a server that is busy, silent or garbled is asked, with growing waits between."""
    archive: Path | None = None
    """The scene folder of a corpus: what is archived there is taken in place of the servers' answers."""


class FootprintBuildings(SpecModel):
    """Buildings from a GeoJSON, GeoPackage or GeoParquet file of footprints, in any reference system."""

    kind: Literal["footprints"] = "footprints"
    """A file of footprints of the user's own."""
    path: Path
    """The file; relative paths are relative to the spec's folder."""
    layer: str | None = None
    """Layer of a GeoPackage; needed where it has several."""
    height_column: str | None = None
    """Column of heights in metres, or as text with units; rows without one take it from the neighbours."""
    levels_column: str | None = None
    """Column of numbers of storeys."""
    material_column: str | None = None
    """Column of wall materials, in the words of OpenStreetMap's building:material."""
    kind_column: str | None = None
    """Column of kinds of building, in the words of OpenStreetMap's building."""
    licence: Annotated[str, Field(min_length=1, max_length=100)] = "unstated"
    """Licence of the file, such as CDLA-Permissive-2.0; the corpus carries it."""
    attribution: Annotated[str, Field(min_length=1, max_length=500)] = "unstated"
    """Whom to credit for the file; the corpus carries it."""


BuildingsSpec = Annotated[
    BundledBuildings | OsmFileBuildings | OverpassBuildings | FootprintBuildings, Field(discriminator="kind")
]


class FlatTerrain(SpecModel):
    """A flat ground: heights count from it."""

    kind: Literal["flat"] = "flat"
    """No hills."""


class ElevationTerrain(SpecModel):
    """A ground from an elevation file; needs ``pip install 'iqatlas[terrain]'``."""

    kind: Literal["elevation_file"] = "elevation_file"
    """A file of heights of the user's own."""
    path: Path
    """A GeoTIFF or an SRTM tile (.hgt); relative paths are relative to the spec's folder."""
    step_m: Annotated[float, Field(ge=1, le=1000)] = 20.0
    """Distance of the heights that are taken from it."""


TerrainSpec = Annotated[FlatTerrain | ElevationTerrain, Field(discriminator="kind")]


class SceneSpec(SpecModel):
    """The city: where its buildings come from, and which part of it."""

    buildings: BuildingsSpec = BundledBuildings()
    """Where the buildings come from."""
    bbox: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """West, south, east, north in degrees; without it, the extent of the buildings."""
    default_height_m: Annotated[float, Field(gt=0, le=500)] = 12.0
    """Height of a building of which neither tags nor neighbours tell one."""
    level_height_m: Annotated[float, Field(gt=0, le=10)] = 3.2
    """Height of a storey, for buildings that have only building:levels."""
    imputation: Literal["median", "sampled"] = "median"
    """Height of a building whose neighbours have known ones: their median, or one of theirs drawn by the
    seed. The median is the nearer guess for a building; drawn heights keep the skyline as uneven as it is."""
    roofs: bool = True
    """Whether roofs have the shape that the map tells; else all are flat at their highest point."""
    surfaces: bool = True
    """Whether water, pavements, sand and wetland have their own radio materials; else all ground is alike."""
    vegetation: bool = False
    """Whether woods, rows of trees and trees are volumes of foliage. Off by default: without refraction a ray
    tracer stops every path at the first leaf, where a crown takes a few decibels."""
    terrain: TerrainSpec = FlatTerrain()
    """Height of the ground under buildings, sites and UAVs."""

    @field_validator("bbox")
    @classmethod
    def _ordered(
        cls, bbox: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if bbox is not None and not (bbox[0] < bbox[2] and bbox[1] < bbox[3]):
            raise ValueError("bbox is west, south, east, north: west < east and south < north")
        return bbox

    @model_validator(mode="after")
    def _is_somewhere(self) -> SceneSpec:
        if (
            isinstance(self.buildings, OverpassBuildings)
            and self.buildings.place is None
            and self.bbox is None
        ):
            raise ValueError("buildings of kind overpass need a place, or the scene a bbox")
        return self
