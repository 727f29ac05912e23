"""The city of a corpus in its local frame: footprints with heights, sites, and the ways of the UAVs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from jaxtyping import Bool, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.errors import CorpusError
from iqatlas.scenes.frame import LocalFrame

if TYPE_CHECKING:
    import geopandas as gpd

MOST_CORNERS = 30_000
"""Corners of footprints in all at most, so that a large city fits into a page."""
MOST_SITES = 48
MOST_UAVS = 48
MOST_TRACK_POINTS = 400
_LEAST_DETAIL_M = 0.25
_LARGEST_COORDINATE_M = 1e6


@dataclass(frozen=True, eq=False)
class City:
    """What is drawn of a scene, in metres east, north and up.

    Args:
        footprints: Polygons.
        base_m, top_m: Floor and highest point of each.
        roofs: Shape, height and ridge bearing of each roof.
        left_out: Buildings that are too far away, where there are too many.
        sites: Names and positions.
        uavs: Names and positions at each waypoint.
        more_sites, more_uavs: How many are not among them.
    """

    footprints: np.ndarray
    base_m: Float64[np.ndarray, "building"]
    top_m: Float64[np.ndarray, "building"]
    roofs: tuple[tuple[str, float, float], ...]
    left_out: int
    sites: tuple[tuple[str, tuple[float, float, float]], ...]
    uavs: tuple[tuple[str, Float64[np.ndarray, "waypoint 3"]], ...]
    more_sites: int
    more_uavs: int

    def extent_m(self) -> tuple[float, float, float, float]:
        """Return west, south, east and north of all that is drawn, with a margin."""
        places = [np.array([place[:2] for _, place in self.sites]).reshape(-1, 2)]
        places += [track[:, :2] for _, track in self.uavs]
        if len(self.footprints):
            places.append(shapely.total_bounds(self.footprints).reshape(2, 2))
        every = np.concatenate(places) if places else np.zeros((0, 2))
        if not len(every):
            return -100.0, -100.0, 100.0, 100.0
        low, high = every.min(axis=0), every.max(axis=0)
        margin = max(0.04 * float((high - low).max()), 20.0)
        return (
            float(low[0] - margin),
            float(low[1] - margin),
            float(high[0] + margin),
            float(high[1] + margin),
        )


def read_city(corpus: Corpus) -> City | None:
    """Return the city of a corpus, or None where it stores no scene.

    Args:
        corpus: The corpus.

    Raises:
        StorageError: The store can't be reached.
    """
    tables = {}
    for name in ("buildings", "sites", "receivers"):
        try:
            tables[name] = corpus.table(name)
        except CorpusError:
            continue
    frame = _frame(corpus.manifest.scene)
    if not tables or frame is None:
        return None
    sites = _sites(tables.get("sites"))
    uavs = _uavs(tables.get("receivers"))
    near = np.array([place[:2] for _, place in sites[:MOST_SITES]] + [track[0, :2] for _, track in uavs])
    footprints, base, top, roofs, left_out = _buildings(tables.get("buildings"), frame, near.reshape(-1, 2))
    if not len(footprints) and not sites and not uavs:
        return None
    return City(
        footprints,
        base,
        top,
        roofs,
        left_out,
        tuple(sites[:MOST_SITES]),
        tuple(uavs[:MOST_UAVS]),
        max(0, len(sites) - MOST_SITES),
        max(0, len(uavs) - MOST_UAVS),
    )


def _frame(scene: Mapping[str, Any]) -> LocalFrame | None:
    origin = [scene.get(f"origin_{axis}_deg") for axis in ("longitude", "latitude")]
    longitude, latitude = (float(x) if isinstance(x, int | float) else np.nan for x in origin)
    within = abs(longitude) <= 180 and abs(latitude) <= 90
    return LocalFrame(longitude, latitude) if within else None


def _sites(table: gpd.GeoDataFrame | None) -> list[tuple[str, tuple[float, float, float]]]:
    columns = ("name", "east_m", "north_m", "height_m")
    if table is None or not set(columns) <= set(table.columns):
        return []
    places = table[list(columns[1:])].to_numpy(np.float64)
    return [
        (str(name), (float(place[0]), float(place[1]), float(place[2])))
        for name, place, there in zip(table["name"], places, _usable(places), strict=True)
        if there
    ]


def _uavs(table: gpd.GeoDataFrame | None) -> list[tuple[str, np.ndarray]]:
    columns = ("name", "waypoint", "east_m", "north_m", "altitude_m")
    if table is None or not set(columns) <= set(table.columns):
        return []
    # The antennas of an array fly with their UAV.
    who = "uav" if "uav" in table else "name"
    rows = table[_usable(table[list(columns[2:])].to_numpy(np.float64))]
    tracks = []
    for name, way in rows.groupby(who, sort=False):
        ordered = way.drop_duplicates("waypoint").sort_values("waypoint", kind="stable")
        places = ordered[list(columns[2:])].to_numpy(np.float64)
        shown = np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_TRACK_POINTS)).astype(int))
        tracks.append((str(name), places[shown]))
    return tracks


def _usable(places: np.ndarray) -> Bool[np.ndarray, "row"]:
    with np.errstate(invalid="ignore"):
        usable: np.ndarray = (np.abs(places) < _LARGEST_COORDINATE_M).all(axis=1)
    return usable


def _buildings(
    table: gpd.GeoDataFrame | None, frame: LocalFrame, near: Float64[np.ndarray, "place 2"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[tuple[str, float, float], ...], int]:
    """Return the buildings, the nearest to sites and UAVs where there are too many."""
    nothing = np.empty(0, object), np.empty(0), np.empty(0), (), 0
    if table is None or not {"base_height_m", "top_height_m", "geometry"} <= set(table.columns):
        return nothing
    shapes, row = shapely.get_parts(np.asarray(table.geometry.array, dtype=object), return_index=True)
    corners = shapely.get_coordinates(shapes)
    east, north = frame.to_local(np.ascontiguousarray(corners[:, 0]), np.ascontiguousarray(corners[:, 1]))
    shapes = shapely.set_coordinates(shapes.copy(), np.stack([east, north], axis=-1))
    shapes = shapely.simplify(shapes, _LEAST_DETAIL_M)
    heights = table[["base_height_m", "top_height_m"]].to_numpy(np.float64)[row]
    areal = (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON) & shapely.is_valid(shapes)
    areal &= ~shapely.is_empty(shapes) & _usable(heights) & (heights[:, 1] > heights[:, 0])
    areal &= _usable(np.nan_to_num(shapely.bounds(shapes), nan=np.inf))
    shapes, heights, row = shapes[areal], heights[areal], row[areal]
    if not len(shapes):
        return nothing
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    around = near if len(near) else middle.mean(axis=0, keepdims=True)
    distance = np.min([np.hypot(*(middle - place).T) for place in around], axis=0)
    order = np.argsort(distance, kind="stable")
    kept = order[np.cumsum(shapely.get_num_coordinates(shapes)[order]) <= MOST_CORNERS]
    kept.sort()
    return (
        shapes[kept],
        heights[kept, 0],
        heights[kept, 1],
        _roofs(table, row[kept]),
        len(shapes) - len(kept),
    )


def _roofs(table: gpd.GeoDataFrame, rows: np.ndarray) -> tuple[tuple[str, float, float], ...]:
    names = ("roof_shape", "roof_height_m", "roof_ridge_deg")
    if not set(names) <= set(table.columns):
        return (("flat", 0.0, np.nan),) * len(rows)
    shape, height, ridge = (table[name].to_numpy()[rows] for name in names)
    return tuple((str(s), float(h), float(r)) for s, h, r in zip(shape, height, ridge, strict=True))
