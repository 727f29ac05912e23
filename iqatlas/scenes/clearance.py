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


def crossed_building(
    buildings: gpd.GeoDataFrame,
    start_m: Float64[np.ndarray, "segment 3"],
    end_m: Float64[np.ndarray, "segment 3"],
    *,
    clearance_m: float = 0.0,
) -> Int64[np.ndarray, "segment"]:
    """Return the row of a building that each straight segment passes through; −1 where none.

    With a clearance, a building is the solid that its footprint, grown by the clearance, makes from that
    much below its base to that much above its roof: a little larger, at its edges, than the solid of all
    points within the clearance. Touching counts.

    Args:
        buildings: Buildings in local metres, with the columns of a scene's buildings.
        start_m, end_m: Ends of each segment, east, north and up; they may be the same.
        clearance_m: How near a segment may come.
    """
    footprint, base, top = _columns(buildings)
    crossed = np.full(len(start_m), -1, np.int64)
    if len(footprint) == 0 or len(start_m) == 0:
        return crossed
    # GEOS finds no interior in a line of length 0, so vertical segments are given a micrometre.
    flat = np.stack([start_m[:, :2], end_m[:, :2]], axis=1)
    flat[:, 1, 0] += np.where(np.all(flat[:, 0] == flat[:, 1], axis=-1), 1e-6, 0.0)
    lines = shapely.linestrings(flat)
    segment, building = shapely.STRtree(footprint).query(lines, predicate="dwithin", distance=clearance_m)
    lowest = np.minimum(start_m[:, 2], end_m[:, 2])[segment]
    highest = np.maximum(start_m[:, 2], end_m[:, 2])[segment]
    # Most segments fly over most of what they cross.
    level = (lowest <= top[building] + clearance_m) & (highest >= base[building] - clearance_m)
    segment, building = segment[level], building[level]
    solid = footprint[building]
    # Far below a millimetre GEOS grows an outline to nothing.
    if clearance_m >= 1e-3:
        solid = shapely.buffer(solid, clearance_m)
    piece, pair = shapely.get_parts(shapely.intersection(lines[segment], solid), return_index=True)
    corner, of_piece = shapely.get_coordinates(piece, return_index=True)
    owner = segment[pair[of_piece]]
    along = flat[owner, 1] - flat[owner, 0]
    part = np.sum((corner - flat[owner, 0]) * along, axis=-1) / np.sum(along**2, axis=-1)
    up = start_m[owner, 2] + np.clip(part, 0.0, 1.0) * (end_m[owner, 2] - start_m[owner, 2])
    low, high = np.full(len(piece), np.inf), np.full(len(piece), -np.inf)
    np.minimum.at(low, of_piece, up)
    np.maximum.at(high, of_piece, up)
    # Within its micrometre a vertical segment still has all its heights.
    upright = np.all(start_m[:, :2] == end_m[:, :2], axis=-1)[segment[pair]]
    low = np.where(upright, np.minimum(start_m[:, 2], end_m[:, 2])[segment[pair]], low)
    high = np.where(upright, np.maximum(start_m[:, 2], end_m[:, 2])[segment[pair]], high)
    hit = (low <= top[building[pair]] + clearance_m) & (high >= base[building[pair]] - clearance_m)
    np.maximum.at(crossed, segment[pair][hit], building[pair][hit])
    return crossed
