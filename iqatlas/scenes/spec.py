"""The scene part of a spec: buildings, sites, receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from iqatlas.scenes.geodetic import Latitude, Longitude
from iqatlas.scenes.receivers_spec import (
    GroundPoint,
    HoverReceivers,
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
    city: Literal["helsinki"] = "helsinki"


class OsmFileBuildings(SpecModel):
    """Buildings from an OpenStreetMap file."""

    kind: Literal["osm_file"] = "osm_file"
    path: Path
    """A .osm or .osm.pbf file; relative paths are relative to the spec's folder."""


class SceneSpec(SpecModel):
    """The city: where its buildings come from, and which part of it."""

    buildings: Annotated[BundledBuildings | OsmFileBuildings, Field(discriminator="kind")] = (
        BundledBuildings()
    )
    bbox: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """West, south, east, north in degrees; without it, the extent of the buildings."""
    default_height_m: Annotated[float, Field(gt=0, le=500)] = 12.0
    """Height of a building of which neither tags nor neighbours tell one."""
    level_height_m: Annotated[float, Field(gt=0, le=10)] = 3.2
    """Height of a storey, for buildings that have only building:levels."""

    @field_validator("bbox")
    @classmethod
    def _ordered(
        cls, bbox: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if bbox is not None and not (bbox[0] < bbox[2] and bbox[1] < bbox[3]):
            raise ValueError("bbox is west, south, east, north: west < east and south < north")
        return bbox
