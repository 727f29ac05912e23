"""What is above, below and inside which building."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64, Int64


def _columns(
    buildings: gpd.GeoDataFrame,
) -> tuple[np.ndarray, Float64[np.ndarray, "building"], Float64[np.ndarray, "building"]]:
    footprint = np.asarray(buildings.geometry.array, dtype=object)
    base = buildings["base_height_m"].to_numpy(np.float64)
    top = buildings["top_height_m"].to_numpy(np.float64)
    return footprint, base, top


def roof_height_m(
    buildings: gpd.GeoDataFrame,
    east_m: Float64[np.ndarray, "point"],
    north_m: Float64[np.ndarray, "point"],
    *,
    within_m: float = 0.0,
) -> Float64[np.ndarray, "point"]:
    """Return the height of the roof under each point, or of the nearest one.

    Where footprints lie over each other, the highest roof counts. A point that is over no footprint
    takes the roof of the nearest one within ``within_m``.

    Args:
        buildings: Buildings in local metres, with the columns of a scene's buildings.
        east_m, north_m: Points in the local frame.
        within_m: How far from a point its nearest roof may be.

    Returns:
        Height of the roof over the ground in metres; NaN where there is none.
    """
    footprint, _, top = _columns(buildings)
    roof = np.full(len(east_m), np.nan)
    if len(footprint) == 0:
        return roof
    tree = shapely.STRtree(footprint)
    points = shapely.points(east_m, north_m)
    point, building = tree.query(points, predicate="intersects")
    np.fmax.at(roof, point, top[building])
    bare = np.flatnonzero(np.isnan(roof))
    if within_m > 0 and len(bare):
        near, building = tree.query_nearest(points[bare], max_distance=within_m, all_matches=True)
        # Several footprints may be equally near, at a shared wall.
        np.fmax.at(roof, bare[near], top[building])
    return roof


def containing_building(
    buildings: gpd.GeoDataFrame, position_m: Float64[np.ndarray, "point 3"]
) -> Int64[np.ndarray, "point"]:
    """Return the row of a building that each point is inside of, walls and roof included; −1 where none.

    Args:
        buildings: Buildings in local metres, with the columns of a scene's buildings.
        position_m: East, north and up.
    """
    footprint, base, top = _columns(buildings)
    inside = np.full(len(position_m), -1, np.int64)
    if len(footprint) == 0:
        return inside
    points = shapely.points(position_m[:, 0], position_m[:, 1])
    point, building = shapely.STRtree(footprint).query(points, predicate="intersects")
    up = position_m[point, 2]
    hit = (up >= base[building]) & (up <= top[building])
    np.maximum.at(inside, point[hit], building[hit])
    return inside


def building_distance_m(
    buildings: gpd.GeoDataFrame, position_m: Float64[np.ndarray, "point 3"], *, limit_m: float
) -> Float64[np.ndarray, "point"]:
    """Return the distance of each point from the nearest building, in three dimensions.

    Args:
        buildings: Buildings in local metres, with the columns of a scene's buildings.
        position_m: East, north and up.
        limit_m: How far to look.

    Returns:
        Distance in metres, 0 inside a building; infinity beyond ``limit_m``.
    """
    footprint, base, top = _columns(buildings)
    nearest = np.full(len(position_m), np.inf)
    if len(footprint) == 0:
        return nearest
    points = shapely.points(position_m[:, 0], position_m[:, 1])
    point, building = shapely.STRtree(footprint).query(points, predicate="dwithin", distance=limit_m)
    aside = shapely.distance(points[point], footprint[building])
    up = position_m[point, 2]
    above = np.maximum(np.maximum(base[building] - up, up - top[building]), 0.0)
    np.minimum.at(nearest, point, np.hypot(aside, above))
    nearest[nearest > limit_m] = np.inf
    return nearest
