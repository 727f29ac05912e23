"""The scene part of a spec: buildings, sites, receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from iqatlas.schema import SpecModel

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


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
    """A .osm or .osm.pbf file; relative paths are relative to the spec's folder."""


class SceneSpec(SpecModel):
    """The city: where its buildings come from, and which part of it."""

    buildings: Annotated[BundledBuildings | OsmFileBuildings, Field(discriminator="kind")] = (
        BundledBuildings()
    )
    """Where the buildings come from."""
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


class BundledSites(SpecModel):
    """The two mapped base stations of the bundled city and one placed on a high roof."""

    kind: Literal["bundled"] = "bundled"
    """What comes with iqatlas."""
    power_dbm: Annotated[float, Field(ge=-30, le=80)] = 43.0
    """Transmitted power of each site with every resource block in use."""


class OpenCellIdSites(SpecModel):
    """Sites from an OpenCelliD file: cells gathered into eNodeBs, the best-sampled ones of an operator."""

    kind: Literal["opencellid"] = "opencellid"
    """A cell database in OpenCelliD's format."""
    path: Path
    """CSV file with the column names of OpenCelliD's download files or of its API."""
    radio: Literal["LTE"] = "LTE"
    """Cells of other technologies are left out."""
    mcc: Annotated[int, Field(ge=0, le=999)] | None = None
    """Mobile country code; without it, the commonest one inside the scene."""
    mnc: Annotated[int, Field(ge=0, le=999)] | None = None
    """Mobile network code; without it, the operator with most eNodeBs inside the scene."""
    count: Annotated[int, Field(ge=1, le=64)] = 3
    """How many sites, the best-sampled ones first."""
    power_dbm: Annotated[float, Field(ge=-30, le=80)] = 43.0
    """Transmitted power of each site with every resource block in use."""
    height_above_roof_m: Annotated[float, Field(ge=0, le=100)] = 4.0
    """Antenna height above the roof below it."""
    default_height_m: Annotated[float, Field(gt=0, le=500)] = 25.0
    """Antenna height above the ground where no building is near."""


class ListedSite(SpecModel):
    """One transmitter, placed by hand."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Short name, unique among the sites."""
    longitude_deg: Longitude
    """Degrees east (WGS 84)."""
    latitude_deg: Latitude
    """Degrees north (WGS 84)."""
    height_m: Annotated[float, Field(gt=0, le=1000)]
    """Antenna height above the ground."""
    power_dbm: Annotated[float, Field(ge=-30, le=80)] = 43.0
    """Transmitted power with every resource block in use."""
    cell_id: Annotated[int, Field(ge=0, le=503)] | None = None
    """Physical cell identity (TS 36.211, section 6.11); chosen by iqatlas without it."""


class ListedSites(SpecModel):
    """Transmitters given in the spec itself."""

    kind: Literal["list"] = "list"
    """Sites one by one."""
    sites: Annotated[tuple[ListedSite, ...], Field(min_length=1, max_length=64)]
    """The sites."""


SitesSpec = Annotated[BundledSites | OpenCellIdSites | ListedSites, Field(discriminator="kind")]


class ReceiverPosition(SpecModel):
    """Where one UAV hovers."""

    longitude_deg: Longitude
    """Degrees east (WGS 84)."""
    latitude_deg: Latitude
    """Degrees north (WGS 84)."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)]
    """Height above the ground."""


_FOR_DRAWN = ("altitude_m", "clearance_m", "separation_m")


class HoverReceivers(SpecModel):
    """Hovering UAVs, drawn over the scene or given one by one."""

    kind: Literal["hover"] = "hover"
    """UAVs that stay where they are."""
    count: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many UAVs are drawn."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)] = 120.0
    """Height above the ground of drawn UAVs."""
    clearance_m: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Least distance from any building."""
    separation_m: Annotated[float, Field(ge=0, le=10000)] = 100.0
    """Least distance between two drawn UAVs."""
    positions: Annotated[tuple[ReceiverPosition, ...], Field(min_length=1, max_length=1000)] | None = None
    """Given positions; count is then their number."""

    @model_validator(mode="after")
    def _drawn_or_given(self) -> HoverReceivers:
        if self.positions is None:
            return self
        if "count" in self.model_fields_set and self.count != len(self.positions):
            raise ValueError(
                f"count is {self.count} but {len(self.positions)} positions are given: leave count out"
            )
        for name in _FOR_DRAWN:
            if name in self.model_fields_set:
                raise ValueError(f"{name} is for drawn UAVs, and positions are given: leave it out")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is stored can be read again: it leaves out what given positions refuse.
        stored: dict[str, Any] = handler(self)
        unused = ("count", *_FOR_DRAWN) if self.positions is not None else ()
        return {name: value for name, value in stored.items() if name not in unused}


ReceiversSpec = HoverReceivers
