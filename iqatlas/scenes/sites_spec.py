"""The sites part of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from iqatlas.scenes.geodetic import Latitude, Longitude
from iqatlas.schema import SpecModel

PowerDbm = Annotated[float, Field(ge=-30, le=80)]
MOST_SITES = 64
SiteCount = Annotated[int, Field(ge=1, le=MOST_SITES)]
AboveRoof = Annotated[float, Field(ge=0, le=100)]
AntennaHeight = Annotated[float, Field(gt=0, le=500)]


class BundledSites(SpecModel):
    """The two mapped base stations of the bundled city and one placed on a high roof."""

    kind: Literal["bundled"] = "bundled"
    """What comes with iqatlas."""
    power_dbm: PowerDbm = 43.0
    """Transmitted power of each site with every resource block in use."""


class _CellSites(SpecModel):
    """What sites from any cell database have in common."""

    path: Path
    """The file; relative paths are relative to the spec's folder."""
    radio: Literal["LTE"] = "LTE"
    """Cells of other technologies are left out."""
    mcc: Annotated[int, Field(ge=0, le=999)] | None = None
    """Mobile country code; without it, the commonest one inside the scene."""
    mnc: Annotated[int, Field(ge=0, le=999)] | None = None
    """Mobile network code; without it, the operator with most eNodeBs inside the scene."""
    count: SiteCount = 3
    """How many sites."""
    choose: Literal["best_sampled", "nearest", "coverage"] = "best_sampled"
    """Which sites are taken: those with most samples, those nearest to the receivers, or those that
    together cover the receivers best in free space."""
    by_sector: bool = False
    """Whether each sector is a transmitter of its own, with its azimuth; count then counts sectors."""
    power_dbm: PowerDbm = 43.0
    """Transmitted power of each site with every resource block in use."""
    height_above_roof_m: AboveRoof = 4.0
    """Antenna height above the roof below it."""
    default_height_m: AntennaHeight = 25.0
    """Antenna height above the ground where no building is near."""


class OpenCellIdSites(_CellSites):
    """Sites from an OpenCelliD file: cells gathered into eNodeBs, some of one operator's chosen."""

    kind: Literal["opencellid"] = "opencellid"
    """A cell database in OpenCelliD's format."""
    path: Path
    """CSV file with the column names of OpenCelliD's download files or of its API."""


class CellMapperSites(_CellSites):
    """Sites from a recording of the CellMapper app: measurements gathered into cells and eNodeBs."""

    kind: Literal["cellmapper"] = "cellmapper"
    """Measurements recorded with CellMapper."""
    path: Path
    """CSV file that the app exports, one row a measurement, with or without a header."""
    band: Annotated[int, Field(ge=1, le=255)] | None = None
    """E-UTRA operating band: cells whose EARFCN lies in another one are left out."""


class OsmMastSites(SpecModel):
    """Sites on the masts and antennas that the map of the buildings holds."""

    kind: Literal["osm_masts"] = "osm_masts"
    """Masts that the map of the buildings holds."""
    count: SiteCount = 3
    """How many sites."""
    choose: Literal["nearest", "coverage"] = "nearest"
    """Which masts are taken: those nearest to the receivers, or those that together cover them best."""
    power_dbm: PowerDbm = 43.0
    """Transmitted power with every resource block in use."""
    height_above_roof_m: AboveRoof = 4.0
    """Antenna height above the roof below it, where no tag tells a height."""
    default_height_m: AntennaHeight = 25.0
    """Antenna height above the ground where neither a tag nor a roof tells one."""


class PlacedSites(SpecModel):
    """Sites that iqatlas places on high roofs, for cities without data: plausible, not real."""

    kind: Literal["placed"] = "placed"
    """Places that iqatlas chooses."""
    count: SiteCount = 3
    """How many sites."""
    separation_m: Annotated[float, Field(ge=0, le=10000)] = 250.0
    """Least distance between two sites."""
    power_dbm: PowerDbm = 43.0
    """Transmitted power with every resource block in use."""
    height_above_roof_m: AboveRoof = 4.0
    """Antenna height above its roof."""


class SiteFile(SpecModel):
    """Sites from a CSV or GeoJSON file, one row or point a transmitter."""

    kind: Literal["file"] = "file"
    """A file of sites of the user's own."""
    path: Path
    """A .csv, .geojson or .json file with longitude and latitude and, where known, name, height_m,
    power_dbm, cell_id, azimuth_deg, tilt_deg, antenna, operator, earfcn, band, position_uncertainty_m."""
    count: SiteCount | None = None
    """How many sites; without it, all rows that lie inside the scene."""
    choose: Literal["in_order", "nearest", "coverage"] = "in_order"
    """Which rows are taken: the first ones, those nearest to the receivers, or those that together
    cover them best."""
    power_dbm: PowerDbm = 43.0
    """Power of rows that tell none."""
    height_above_roof_m: AboveRoof = 4.0
    """Antenna height above the roof below it, of rows that tell no height."""
    default_height_m: AntennaHeight = 25.0
    """Antenna height above the ground, of rows that tell none, where no building is near."""


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
    power_dbm: PowerDbm = 43.0
    """Transmitted power with every resource block in use."""
    cell_id: Annotated[int, Field(ge=0, le=503)] | None = None
    """Physical cell identity (TS 36.211, section 6.11); chosen by iqatlas without it."""


class ListedSites(SpecModel):
    """Transmitters given in the spec itself."""

    kind: Literal["list"] = "list"
    """Sites one by one."""
    sites: Annotated[tuple[ListedSite, ...], Field(min_length=1, max_length=64)]
    """The sites."""


SitesSpec = Annotated[
    BundledSites | OpenCellIdSites | CellMapperSites | OsmMastSites | PlacedSites | SiteFile | ListedSites,
    Field(discriminator="kind"),
]
