"""Transmitter sites: from a cell database, from the spec, or the bundled city's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from iqatlas.errors import SitesError
from iqatlas.scenes.cell_identities import physical_cell_ids
from iqatlas.scenes.clearance import containing_building, roof_height_m
from iqatlas.scenes.enodebs import gather_enodebs, lte_cells
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.heights import parse_length_m
from iqatlas.scenes.opencellid import CellTable
from iqatlas.scenes.scene import Site
from iqatlas.scenes.spec import BundledSites, ListedSites, OpenCellIdSites

BBox = tuple[float, float, float, float]

SITE_SEPARATION_M = 100.0
"""Least distance between two sites that are chosen from a cell database."""
NEAREST_ROOF_M = 30.0
"""How far the roof may be that tells the antenna height of a site on open ground."""
ROOFTOP_SEPARATION_M = 250.0
"""Least distance of the bundled city's rooftop site from its mapped base stations."""
REACH_M = 100_000.0
"""Farthest that anything may be from the scene: LTE's cells reach up to 100 km (TR 25.913)."""

# An estimated position this near to the edge, as a part of the scene's width, has no city behind it.
_MARGIN = 0.05
# On the very surface of a roof an antenna would be part of the wall that rays start from.
_LEAST_ABOVE_ROOF_M = 0.1
_MAST_ABOVE_ROOF_M = 4.0
_MAST_DEFAULT_M = 25.0
_LEAST_ROOF_AREA_M2 = 100.0
# Positions of single nodes on imagery that volunteers trace from.
_MAPPED_UNCERTAINTY_M = 5.0
_BUNDLED_MASTS = ("node/1682211174", "node/3329837193")


@runtime_checkable
class RadioMast(Protocol):
    """A mapped mast: its number on the map, where it stands, and its tags."""

    @property
    def osm_id(self) -> str:
        """Such as ``node/1682211174``."""

    @property
    def longitude_deg(self) -> float:
        """Longitude (WGS 84)."""

    @property
    def latitude_deg(self) -> float:
        """Latitude (WGS 84)."""

    @property
    def tags(self) -> Mapping[str, str]:
        """OpenStreetMap tags."""


def sites_from_opencellid(
    spec: OpenCellIdSites, *, table: CellTable, frame: LocalFrame, bbox: BBox, buildings: gpd.GeoDataFrame
) -> tuple[Site, ...]:
    """Choose sites from a cell database: the best-sampled eNodeBs of one operator inside the scene.

    The operator is the one that the spec names; without a name, the country with most eNodeBs inside
    the scene and in it the operator with most of them. eNodeBs count as inside when their estimated
    position lies within the bbox less 5% on each side. They are taken by falling number of samples (then
    by rising number), those with a single cell after all others, for the centroid of one cell hardly tells
    where its mast is; those within 100 m of one already taken are left out.

    The antenna is ``height_above_roof_m`` over the roof below it or, on open ground, over the nearest roof
    within 30 m; else ``default_height_m`` over the ground. Cell databases hold no physical cell
    identities, so they are chosen (see :func:`iqatlas.scenes.cell_identities.physical_cell_ids`).

    Args:
        spec: Which cells, how many sites, their power and heights.
        table: Cells of the file, best with a margin around the bbox.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.

    Raises:
        SitesError: The operator has fewer eNodeBs here than asked for.

    Source: TS 36.413, section 9.2.1.37 (eNodeB identity); the rules are this project's own.
    """
    where = "sites"
    enodebs = gather_enodebs(lte_cells(table.cells, has_radio=table.has_radio), frame=frame)
    inside = enodebs[_within(enodebs, frame, bbox)]
    operators = _operators(inside)
    present = ", ".join(f"{_operator(mcc, mnc)} ({count})" for mcc, mnc, count in operators) or "none"
    operator = _choose_operator(operators, spec.mcc, spec.mnc)
    if operator is None:
        asked = "-".join(f"{number:02d}" for number in (spec.mcc, spec.mnc) if number is not None)
        raise SitesError(
            f"no LTE eNodeB{' of ' + asked if asked else ''} inside the scene",
            where=where,
            accepted=f"operators with eNodeBs here: {present}",
            remedy="choose one of these, leave mcc and mnc out, or see that scene.bbox and the file match",
        )
    mcc, mnc = operator
    own = inside[(inside["mcc"] == mcc) & (inside["mnc"] == mnc)]
    ranked = own.assign(alone=own["cells"] < 2).sort_values(
        ["alone", "samples", "enodeb"], ascending=[True, False, True]
    )
    place = ranked[["east_m", "north_m"]].to_numpy(np.float64)
    chosen = _far_apart(place, spec.count, SITE_SEPARATION_M)
    if len(chosen) < spec.count:
        raise SitesError(
            f"{_operator(mcc, mnc)} has {len(own)} LTE eNodeBs inside the scene, {len(chosen)} of them "
            f"at least {SITE_SEPARATION_M:g} m apart, and sites.count is {spec.count}",
            where=where,
            accepted=f"operators with eNodeBs here: {present}",
            remedy="lower sites.count, choose another mnc, or widen scene.bbox",
        )
    rows = ranked.iloc[chosen].reset_index(drop=True)
    east, north = rows["east_m"].to_numpy(np.float64), rows["north_m"].to_numpy(np.float64)
    longitude, latitude = frame.to_geodetic(east, north)
    roof = roof_height_m(buildings, east, north, within_m=NEAREST_ROOF_M)
    on_roof = ~np.isnan(roof)
    height = np.where(
        on_roof, roof + max(spec.height_above_roof_m, _LEAST_ABOVE_ROOF_M), spec.default_height_m
    )
    numbers = [int(number) for number in rows["enodeb"]]
    names = [f"enb{number}" for number in numbers]
    identities = physical_cell_ids(names, numbers, [None] * len(names))
    return tuple(
        Site(
            name=names[i],
            longitude_deg=float(longitude[i]),
            latitude_deg=float(latitude[i]),
            position_m=(float(east[i]), float(north[i]), float(height[i])),
            power_dbm=spec.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=float(rows["position_uncertainty_m"][i]),
            height_source="roof" if on_roof[i] else "default",
            provenance=(
                f"OpenCelliD: eNodeB {numbers[i]} of {_operator(mcc, mnc)}, "
                f"{rows['cells'][i]} cell{'s' if rows['cells'][i] != 1 else ''}, "
                f"{rows['samples'][i]} sample{'s' if rows['samples'][i] != 1 else ''}"
            ),
            operator=_operator(mcc, mnc),
        )
        for i in range(len(names))
    )


def listed_sites(
    spec: ListedSites, *, frame: LocalFrame, buildings: gpd.GeoDataFrame, where: str = "sites.sites"
) -> tuple[Site, ...]:
    """Return the sites that a spec places by hand.

    Args:
        spec: The sites.
        frame: Local frame of the scene.
        buildings: Buildings in local metres.
        where: What to name in an error.

    Raises:
        SitesError: A site is inside a building or over 100 km away, or a name or cell identity comes twice.
    """
    names = [site.name for site in spec.sites]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SitesError(
            f"the name {twice[0]!r} comes twice", where=where, remedy="give each site a name of its own"
        )
    longitude = np.array([site.longitude_deg for site in spec.sites], np.float64)
    latitude = np.array([site.latitude_deg for site in spec.sites], np.float64)
    east, north = frame.to_local(longitude, latitude)
    position = np.stack([east, north, np.array([site.height_m for site in spec.sites], np.float64)], axis=-1)
    far = np.flatnonzero(~(np.hypot(east, north) <= REACH_M))
    if len(far):
        raise SitesError(
            f"site {names[far[0]]} is {np.hypot(east, north)[far[0]] / 1e3:.0f} km from the scene",
            where=where,
            accepted=f"at most {REACH_M / 1e3:g} km",
            remedy="see that longitude and latitude are not swapped",
        )
    building = containing_building(buildings, position)
    buried = np.flatnonzero(building >= 0)
    if len(buried):
        i, row = int(buried[0]), buildings.iloc[int(building[buried[0]])]
        raise SitesError(
            f"site {names[i]} at {position[i, 2]:g} m is inside the building {row['osm_id']}",
            where=where,
            accepted=f"height_m above the roof at {row['top_height_m']:g} m",
            remedy="raise height_m or move the site",
        )
    given = [site.cell_id for site in spec.sites]
    identities = physical_cell_ids(names, range(len(names)), given)
    return tuple(
        Site(
            name=site.name,
            longitude_deg=site.longitude_deg,
            latitude_deg=site.latitude_deg,
            position_m=(float(position[i, 0]), float(position[i, 1]), site.height_m),
            power_dbm=site.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=None,
            height_source="spec",
            provenance="placed in the spec",
        )
        for i, site in enumerate(spec.sites)
    )


def bundled_sites(
    spec: BundledSites, *, frame: LocalFrame, buildings: gpd.GeoDataFrame, masts: Sequence[RadioMast]
) -> tuple[Site, ...]:
    """Return the sites of the bundled city: its two mapped base stations and one on a high roof.

    The third stands 4 m over the highest roof that is at least 250 m from both and has 100 m² or more.
    A mapped station's antenna is at the height that its ``height`` tag tells, else 4 m over the roof
    below it, else at 25 m; ``ele`` is height over the sea and doesn't tell one.

    Args:
        spec: Power of the sites.
        frame: Local frame of the scene.
        buildings: Buildings in local metres.
        masts: Mapped masts of the city.

    Raises:
        SitesError: The city's map lacks one of its stations, or a roof for the third site.
    """
    by_id = {mast.osm_id: mast for mast in masts}
    missing = [osm_id for osm_id in _BUNDLED_MASTS if osm_id not in by_id]
    if missing:
        raise SitesError(
            f"the map has no {missing[0]}",
            where="sites.kind",
            accepted="bundled, for the whole bundled city",
            remedy="widen scene.bbox, or use sites of kind list or opencellid",
        )
    mapped = [by_id[osm_id] for osm_id in _BUNDLED_MASTS]
    east, north = frame.to_local(
        np.array([mast.longitude_deg for mast in mapped], np.float64),
        np.array([mast.latitude_deg for mast in mapped], np.float64),
    )
    heights = [_mast_height(buildings, east[i], north[i], mast.tags) for i, mast in enumerate(mapped)]
    rooftop, osm_id = _high_roof(buildings, np.stack([east, north], axis=-1))
    position = np.concatenate(
        [np.stack([east, north, [height for height, _ in heights]], axis=-1), [rooftop]], axis=0
    )
    longitude, latitude = frame.to_geodetic(position[:, 0], position[:, 1])
    numbers = [int(mast.osm_id.rpartition("/")[2]) for mast in mapped]
    names = [f"osm{number}" for number in numbers] + ["rooftop"]
    number = int("".join(filter(str.isdecimal, osm_id)) or 0)
    identities = physical_cell_ids(names, [*numbers, number], [None] * len(names))
    provenance = [f"OpenStreetMap: {mast.osm_id}, {_radio_tag(mast.tags)}" for mast in mapped]
    provenance.append(
        f"placed by iqatlas on the highest roof away from both stations, OpenStreetMap: {osm_id}"
    )
    sources = [source for _, source in heights] + ["roof"]
    return tuple(
        Site(
            name=names[i],
            longitude_deg=float(longitude[i]),
            latitude_deg=float(latitude[i]),
            position_m=(float(position[i, 0]), float(position[i, 1]), float(position[i, 2])),
            power_dbm=spec.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=_MAPPED_UNCERTAINTY_M if i < len(mapped) else None,
            height_source=sources[i],
            provenance=provenance[i],
        )
        for i in range(len(names))
    )


def _operator(mcc: int, mnc: int) -> str:
    return f"{mcc:03d}-{mnc:02d}"


def _within(enodebs: pd.DataFrame, frame: LocalFrame, bbox: BBox) -> np.ndarray:
    west, south, east, north = bbox
    margin_lon, margin_lat = _MARGIN * (east - west), _MARGIN * (north - south)
    longitude, latitude = frame.to_geodetic(
        enodebs["east_m"].to_numpy(np.float64), enodebs["north_m"].to_numpy(np.float64)
    )
    return (
        (longitude >= west + margin_lon)
        & (longitude <= east - margin_lon)
        & (latitude >= south + margin_lat)
        & (latitude <= north - margin_lat)
    )


def _operators(enodebs: pd.DataFrame) -> list[tuple[int, int, int]]:
    """Return mcc, mnc and number of eNodeBs of each operator, the largest first."""
    pairs, counts = np.unique(enodebs[["mcc", "mnc"]].to_numpy(np.int64), axis=0, return_counts=True)
    rows = [(int(mcc), int(mnc), int(count)) for (mcc, mnc), count in zip(pairs, counts, strict=True)]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def _choose_operator(
    operators: Sequence[tuple[int, int, int]], mcc: int | None, mnc: int | None
) -> tuple[int, int] | None:
    """Return the largest fitting operator of the fitting country with most; low numbers break ties."""
    fitting = [row for row in operators if mcc in (None, row[0]) and mnc in (None, row[1])]
    if not fitting:
        return None
    country = min(
        {row[0] for row in fitting},
        key=lambda code: (-sum(row[2] for row in fitting if row[0] == code), code),
    )
    return next((row[0], row[1]) for row in fitting if row[0] == country)


def _far_apart(position_m: np.ndarray, count: int, separation_m: float) -> list[int]:
    """Return up to ``count`` rows, in order, each at least the separation from those before it."""
    chosen: list[int] = []
    for i in range(len(position_m)):
        if len(chosen) == count:
            break
        gap = np.hypot(*(position_m[chosen] - position_m[i]).T)
        if np.all(gap >= separation_m):
            chosen.append(i)
    return chosen


def _mast_height(
    buildings: gpd.GeoDataFrame, east_m: float, north_m: float, tags: Mapping[str, str]
) -> tuple[float, str]:
    tagged = parse_length_m(tags.get("height"))
    place = np.array([[east_m, north_m, tagged or 0.0]], np.float64)
    roof = float(roof_height_m(buildings, place[:, 0], place[:, 1])[0])
    if tagged and containing_building(buildings, place)[0] < 0:
        return tagged, "tag"
    if tagged:
        # The tag of a mast on a roof tells its own length.
        return roof + tagged, "tag"
    return (_MAST_DEFAULT_M, "default") if np.isnan(roof) else (roof + _MAST_ABOVE_ROOF_M, "roof")


def _high_roof(
    buildings: gpd.GeoDataFrame, away_from_m: np.ndarray
) -> tuple[tuple[float, float, float], str]:
    footprint = np.asarray(buildings.geometry.array, dtype=object)
    point = shapely.get_coordinates(shapely.point_on_surface(footprint))
    gap = np.min(np.hypot(*(point[:, None, :] - away_from_m[None, :, :]).transpose(2, 0, 1)), axis=1)
    fit = buildings[(gap >= ROOFTOP_SEPARATION_M) & (shapely.area(footprint) >= _LEAST_ROOF_AREA_M2)]
    if fit.empty:
        raise SitesError(
            f"no roof is {ROOFTOP_SEPARATION_M:g} m from both stations",
            where="sites.kind",
            remedy="widen scene.bbox, or use sites of kind list or opencellid",
        )
    best = fit.sort_values(["top_height_m", "osm_id"], ascending=[False, True]).iloc[0]
    place = shapely.point_on_surface(best.geometry)
    east, north = np.array([place.x]), np.array([place.y])
    roof = float(roof_height_m(buildings, east, north)[0])
    return (float(place.x), float(place.y), roof + _MAST_ABOVE_ROOF_M), str(best["osm_id"])


def _radio_tag(tags: Mapping[str, str]) -> str:
    fitting = [f"{key}={value}" for key, value in sorted(tags.items()) if key.startswith("communication:")]
    fitting += [f"{key}={tags[key]}" for key in ("telecom", "tower:type") if key in tags]
    return fitting[0] if fitting else "no radio tag"
