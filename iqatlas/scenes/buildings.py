"""Buildings of a city: from an OpenStreetMap file to footprints with heights and materials, in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from iqatlas.errors import SceneError
from iqatlas.scenes._osmium import NO_LAND, LandFeatures, Mast, OsmFeatures, read_osm
from iqatlas.scenes.building_draft import SOURCES, BuildingDraft
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.heights import NEIGHBOUR_RADIUS_M, drawn_ranks

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class BuildingTable:
    """The buildings and radio masts of a map, in a local frame.

    Args:
        buildings: One row a solid, with the columns :data:`~iqatlas.scenes.scene.BUILDING_COLUMNS`. A
            building of several polygons has several rows of one ``osm_id``; ``kind`` is the value of
            ``building``, or of ``building:part`` where that says more.
        frame: The local frame of the geometries.
        bbox: West, south, east, north in degrees.
        masts: Nodes and areas with radio equipment inside the bbox.
        report: What was read, imputed and dropped. ``features_read`` is the sum of ``features_kept`` and of
            all counts that start with ``dropped_``.
        footing: Outline that each row's heights count from, a part's building's; None for the rows' own.
        land: Woods, trees, water and other ground of the whole map, in degrees.
    """

    buildings: gpd.GeoDataFrame
    frame: LocalFrame
    bbox: Bbox
    masts: tuple[Mast, ...]
    report: dict[str, int | float | str | list[str]] = field(default_factory=dict)
    footing: np.ndarray | None = None
    land: LandFeatures = NO_LAND


def read_buildings(
    path: Path,
    *,
    frame: LocalFrame | None,
    bbox: Bbox | None,
    default_height_m: float,
    level_height_m: float,
    where: str,
    imputation_seed: int | None = None,
) -> BuildingTable:
    """Read the buildings of an OpenStreetMap file, as :func:`assemble_buildings` says.

    Args:
        path: A file that :func:`~iqatlas.scenes._osmium.read_osm` reads.
        frame: The frame to use; without it, one about the middle of the bbox.
        bbox: West, south, east, north in degrees; without it, the extent of all buildings.
        default_height_m: Height where nothing tells one.
        level_height_m: Height of a storey.
        where: What error messages name as the place of the fault, such as a spec's key.
        imputation_seed: The seed of heights drawn from the neighbours'; without it, their median is taken.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The file can't be read, holds no buildings, or none inside the bbox.
    """
    return assemble_buildings(
        read_osm(path, where=where),
        name=path.name,
        frame=frame,
        bbox=bbox,
        default_height_m=default_height_m,
        level_height_m=level_height_m,
        where=where,
        imputation_seed=imputation_seed,
    )


def assemble_buildings(
    features: OsmFeatures,
    *,
    name: str,
    frame: LocalFrame | None,
    bbox: Bbox | None,
    default_height_m: float,
    level_height_m: float,
    where: str,
    imputation_seed: int | None = None,
    outline: shapely.Geometry | None = None,
) -> BuildingTable:
    """Make solids of a map's polygons.

    A building belongs to the bbox if a point inside it, its representative point, does; none is cut at the
    edge. Heights come from tags, storeys, the building's parts or outline, the neighbours, or the default,
    in that order, and ``height_source`` tells which.

    Args:
        features: Polygons with the tags of OpenStreetMap.
        name: What error messages call the map.
        frame: The frame to use; without it, one about the middle of the bbox.
        bbox: West, south, east, north in degrees; without it, the extent of all buildings.
        default_height_m: Height where nothing tells one.
        level_height_m: Height of a storey.
        where: What error messages name as the place of the fault, such as a spec's key.
        imputation_seed: The seed of heights drawn from the neighbours'; without it, their median is taken.
        outline: A polygon in degrees that buildings have to lie in too; without it, the bbox alone counts.

    Raises:
        SceneError: The map holds no buildings, or none inside the bbox.
    """
    if len(features.osm_id) == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in features.dropped.items())
        raise SceneError(
            f"{name} holds no building that has an area" + (f" ({reasons})" if reasons else ""),
            where=where,
            remedy="take an extract with the ways and relations tagged building, and with their nodes",
        )
    extent = _extent(features.geometry)
    area = extent if bbox is None else bbox
    if frame is None:
        frame = LocalFrame(0.5 * (area[0] + area[2]), 0.5 * (area[1] + area[3]))
    inside = np.ones(len(features.osm_id), bool) if bbox is None else _inside(features.geometry, bbox)
    if outline is not None:
        shapely.prepare(outline)
        inside &= shapely.contains(outline, shapely.point_on_surface(features.geometry))
    if not inside.any():
        raise SceneError(
            f"no buildings of {name} lie in the bbox {_degrees(area)}",
            where=where,
            accepted=f"a bbox (west, south, east, north) within the file's extent {_degrees(extent)}",
        )
    draft = BuildingDraft(features, frame, _near(features.geometry, area), level_height_m=level_height_m)
    rank = None if imputation_seed is None else drawn_ranks(features.osm_id, seed=imputation_seed)
    draft.find_heights(default_height_m, rank)
    draft.drop_covered_outlines()
    draft.keep_features(inside)
    draft.drop_hidden()
    draft.find_roofs()
    buildings = draft.table()
    if len(buildings) == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in draft.dropped.items())
        raise SceneError(
            f"no building of {name} is left in the bbox {_degrees(area)} ({reasons})",
            where=where,
            remedy="widen the bbox",
        )
    masts = tuple(
        mast
        for mast in features.masts
        if area[0] <= mast.longitude_deg <= area[2] and area[1] <= mast.latitude_deg <= area[3]
    )
    return BuildingTable(
        buildings,
        frame,
        area,
        masts,
        draft.report() | _height_shares(buildings) | features.notes | {"masts": len(masts)},
        footing=draft.footing,
        land=features.land,
    )


def _height_shares(buildings: gpd.GeoDataFrame) -> dict[str, float]:
    share = buildings["height_source"].value_counts(normalize=True)
    return {f"height_share_{source}": round(float(share.get(source, 0.0)), 4) for source in SOURCES}


def _extent(geometry: np.ndarray) -> Bbox:
    west, south, east, north = shapely.total_bounds(geometry).tolist()
    return west, south, east, north


def _degrees(bbox: Bbox) -> str:
    return "[" + ", ".join(f"{value:.4f}" for value in bbox) + "]"


def _inside(geometry: np.ndarray, bbox: Bbox) -> np.ndarray:
    point = shapely.point_on_surface(geometry)
    x, y = shapely.get_x(point), shapely.get_y(point)
    return np.asarray((bbox[0] <= x) & (x <= bbox[2]) & (bbox[1] <= y) & (y <= bbox[3]))


def _near(geometry: np.ndarray, bbox: Bbox) -> np.ndarray:
    """Return which geometries touch the bbox or the belt about it that neighbours' heights come from."""
    north = 1.5 * NEIGHBOUR_RADIUS_M / 111_000.0
    east = north / max(0.01, math.cos(math.radians(max(abs(bbox[1]), abs(bbox[3])))))
    west, south, right, top = shapely.bounds(geometry).T
    return np.asarray(
        (west <= bbox[2] + east)
        & (right >= bbox[0] - east)
        & (south <= bbox[3] + north)
        & (top >= bbox[1] - north)
    )
