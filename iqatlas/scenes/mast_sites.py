"""Sites that the map itself gives: on mapped masts, on the bundled city's stations, or placed on roofs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.errors import SitesError
from iqatlas.scenes.cell_identities import physical_cell_ids
from iqatlas.scenes.clearance import roof_height_m
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import Site
from iqatlas.scenes.site_choice import SITE_SEPARATION_M, choose_sites, far_apart, rows_inside
from iqatlas.scenes.site_heights import ABOVE_ROOF_M, LEAST_ABOVE_ROOF_M, mast_height
from iqatlas.scenes.sites_spec import BundledSites, OsmMastSites, PlacedSites

BBox = tuple[float, float, float, float]

ROOFTOP_SEPARATION_M = 250.0
"""Least distance of the bundled city's rooftop site from its mapped base stations."""
HIGHEST_MACRO_ROOF_M = 60.0
"""Networks put antennas on roofs up to about this height; towers above it are left to the view."""

_LEAST_ROOF_AREA_M2 = 100.0
# Placed sites keep off the edge, behind which there is no city.
_MARGIN = 0.05
# Positions of single nodes on imagery that volunteers trace from.
_MAPPED_UNCERTAINTY_M = 5.0
_BUNDLED_MASTS = ("node/1682211174", "node/3329837193")
_DIRECTION_KEYS = ("antenna:direction", "antenna:azimuth", "direction")
_COMPASS = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
)  # fmt: skip


@runtime_checkable
class RadioMast(Protocol):
    """A mapped mast: its number on the map, where it stands, and its tags."""

    @property
    def osm_id(self) -> str:
        """Such as ``node/1682211174``, or ``way/25`` for one that is drawn as an area."""

    @property
    def longitude_deg(self) -> float:
        """Longitude (WGS 84)."""

    @property
    def latitude_deg(self) -> float:
        """Latitude (WGS 84)."""

    @property
    def tags(self) -> Mapping[str, str]:
        """OpenStreetMap tags."""


def osm_mast_sites(
    spec: OsmMastSites,
    *,
    frame: LocalFrame,
    buildings: gpd.GeoDataFrame,
    masts: Sequence[RadioMast],
    receivers_m: Float64[np.ndarray, "receiver 3"],
) -> tuple[Site, ...]:
    """Return sites on the masts and antennas that the map holds, points or areas, at least 100 m apart.

    Heights come from the ``height`` tag, else from the roof below, else ``default_height_m``; azimuths from
    ``antenna:direction``, ``antenna:azimuth`` or ``direction``, in degrees or as a point of the compass.

    Args:
        spec: How many, which, their power and heights.
        frame: Local frame of the scene.
        buildings: Buildings in local metres.
        masts: Mapped masts inside the scene.
        receivers_m: Where the receivers are, over all waypoints.

    Raises:
        SitesError: The map has fewer masts than asked for.

    Source: OpenStreetMap wiki, keys ``communication:*``, ``telecom``, ``tower:type`` and ``direction``.
    """
    east, north = frame.to_local(
        np.array([mast.longitude_deg for mast in masts], np.float64),
        np.array([mast.latitude_deg for mast in masts], np.float64),
    )
    heights = [
        mast_height(
            buildings,
            float(east[i]),
            float(north[i]),
            mast.tags,
            osm_id=mast.osm_id,
            above_roof_m=spec.height_above_roof_m,
            default_m=spec.default_height_m,
        )
        for i, mast in enumerate(masts)
    ]
    up = np.array([height for height, _ in heights], np.float64)
    chosen = choose_sites(
        np.stack([east, north, up], axis=-1),
        spec.count,
        rule=spec.choose,
        separation_m=SITE_SEPARATION_M,
        receivers_m=receivers_m,
    )
    if len(chosen) < spec.count:
        raise SitesError(
            f"the map has {len(masts)} radio masts inside the scene, {len(chosen)} of them at least "
            f"{SITE_SEPARATION_M:g} m apart, and sites.count is {spec.count}",
            where="sites",
            remedy="lower sites.count, widen scene.bbox, or use kind: placed or a cell database",
        )
    taken = [masts[row] for row in chosen]
    numbers = [int(mast.osm_id.rpartition("/")[2]) for mast in taken]
    names = [_name(mast.osm_id) for mast in taken]
    identities = physical_cell_ids(names, numbers, [None] * len(names))
    sites = []
    for i, (row, mast) in enumerate(zip(chosen, taken, strict=True)):
        azimuth = tagged_azimuth_deg(mast.tags)
        sites.append(
            Site(
                name=names[i],
                longitude_deg=mast.longitude_deg,
                latitude_deg=mast.latitude_deg,
                position_m=(float(east[row]), float(north[row]), float(up[row])),
                power_dbm=spec.power_dbm,
                cell_id=identities[i],
                position_uncertainty_m=_MAPPED_UNCERTAINTY_M,
                height_source=heights[row][1],
                provenance=f"OpenStreetMap: {mast.osm_id}, {_radio_tag(mast.tags)}",
                operator=mast.tags.get("operator"),
                azimuth_deg=azimuth,
                azimuth_source=None if azimuth is None else "tag",
            )
        )
    return tuple(sites)


def placed_sites(
    spec: PlacedSites, *, frame: LocalFrame, bbox: BBox, buildings: gpd.GeoDataFrame
) -> tuple[Site, ...]:
    """Place sites on high roofs of a city of which no sites are known; their provenance says so.

    They stand on the highest roofs up to 60 m (any height where none is lower) with 100 m² or more inside
    the middle 90% of the scene, each at least ``separation_m`` from the ones before.

    Args:
        spec: How many, how far apart, their power and height over the roof.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.

    Raises:
        SitesError: There are not as many roofs that far apart.
    """
    footprint = np.asarray(buildings.geometry.array, dtype=object)
    place = shapely.get_coordinates(shapely.point_on_surface(footprint))
    # The highest of several roofs over one place is the one that an antenna stands on.
    roof = roof_height_m(buildings, place[:, 0].copy(), place[:, 1].copy())
    longitude, latitude = frame.to_geodetic(place[:, 0].copy(), place[:, 1].copy())
    fit = np.zeros(len(place), bool)
    fit[rows_inside(longitude, latitude, bbox, margin=_MARGIN)] = True
    fit &= shapely.area(footprint) >= _LEAST_ROOF_AREA_M2
    usual = fit & (roof <= HIGHEST_MACRO_ROOF_M)
    rows = np.flatnonzero(usual if usual.any() else fit)
    osm_id = buildings["osm_id"].to_numpy(dtype=str)
    rows = rows[np.lexsort((osm_id[rows], -roof[rows]))]
    chosen = rows[far_apart(place[rows], spec.count, spec.separation_m)]
    if len(chosen) < spec.count:
        raise SitesError(
            f"{len(chosen)} roofs are {spec.separation_m:g} m apart, and sites.count is {spec.count}",
            where="sites",
            remedy="lower sites.count or sites.separation_m, or widen scene.bbox",
        )
    names = [f"placed{i}" for i in range(len(chosen))]
    identities = physical_cell_ids(names, range(len(names)), [None] * len(names))
    return tuple(
        Site(
            name=names[i],
            longitude_deg=float(longitude[row]),
            latitude_deg=float(latitude[row]),
            position_m=(
                float(place[row, 0]),
                float(place[row, 1]),
                float(roof[row]) + max(spec.height_above_roof_m, LEAST_ABOVE_ROOF_M),
            ),
            power_dbm=spec.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=None,
            height_source="roof",
            provenance=f"placed by iqatlas, not a known site: a high roof, OpenStreetMap: {osm_id[row]}",
        )
        for i, row in enumerate(chosen)
    )


def tagged_azimuth_deg(tags: Mapping[str, str]) -> float | None:
    """Return the direction that a mast's tags tell, in degrees clockwise from north, or None.

    Args:
        tags: Its tags; of several directions none is taken.
    """
    for key in _DIRECTION_KEYS:
        text = tags.get(key, "").strip().upper().removesuffix("°")
        if text in _COMPASS:
            return _COMPASS.index(text) * 22.5
        if re.fullmatch(r"\d{1,3}(\.\d{1,6})?", text) and float(text) <= 360:
            return float(text) % 360
    return None


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
    heights = [mast_height(buildings, east[i], north[i], mast.tags) for i, mast in enumerate(mapped)]
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
    return (float(place.x), float(place.y), roof + ABOVE_ROOF_M), str(best["osm_id"])


def _name(osm_id: str) -> str:
    """Return a site's name: ``osm7`` for a node, ``osm-way7`` for a way, whose numbers are others."""
    kind, _, number = osm_id.rpartition("/")
    return f"osm{number}" if kind in ("", "node") else f"osm-{kind}{number}"


def _radio_tag(tags: Mapping[str, str]) -> str:
    fitting = [f"{key}={value}" for key, value in sorted(tags.items()) if key.startswith("communication:")]
    fitting += [f"{key}={tags[key]}" for key in ("telecom", "tower:type") if key in tags]
    return fitting[0] if fitting else "no radio tag"
