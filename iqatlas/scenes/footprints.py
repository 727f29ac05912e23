"""Footprints: valid polygons, parts and the outlines they belong to, solids that don't overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Bool, Float64, Int

GRID_M = 0.001
"""Footprints are rounded to this, so that corners that OpenStreetMap shares stay shared after each step."""
LEAST_AREA_M2 = 1.0
COVERED = 0.9
"""An outline is its parts' when they cover at least this fraction of it."""


def grouped(
    key: Int[np.ndarray, "row"], value: Int[np.ndarray, "row"]
) -> Iterator[tuple[int, Int[np.ndarray, "some"]]]:
    """Yield each key with its values, keys rising, values in their order; n log n for any number of keys.

    Args:
        key: What to group by.
        value: What to group.
    """
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    for start, end in zip(starts, np.append(starts, len(key))[1:], strict=True):
        yield int(ordered[start]), value[order[start:end]]


def rounded(geometry: np.ndarray) -> np.ndarray:
    """Return the geometries with coordinates rounded to 1 mm, and valid.

    The rounding is not handed on to later operations: GEOS would carry them out on the grid, where a
    rectangle that is drawn in by 1 cm comes out empty.

    Args:
        geometry: Geometries in metres.
    """
    on_grid = shapely.set_precision(shapely.make_valid(geometry), GRID_M)
    return np.asarray(shapely.set_precision(on_grid, 0.0), dtype=object)


def clean_polygons(
    geometry: np.ndarray,
) -> tuple[np.ndarray, Int[np.ndarray, "polygon"]]:
    """Return valid polygons of at least 1 m², one ring and its holes each, and the row each comes from.

    Args:
        geometry: Any geometries, in metres, valid or not.
    """
    parts, row = shapely.get_parts(rounded(geometry), return_index=True)
    # A collection may hold multipolygons in its turn.
    polygons, inner = shapely.get_parts(parts, return_index=True)
    row = row[inner]
    kept = (shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON) & (
        shapely.area(polygons) >= LEAST_AREA_M2
    )
    return polygons[kept], row[kept].astype(np.int64)


def outline_of_part(geometry: np.ndarray, is_part: Bool[np.ndarray, "polygon"]) -> Int[np.ndarray, "polygon"]:
    """Return the outline that each building part stands in, the smallest where several hold it, else -1.

    Args:
        geometry: Footprints, in metres.
        is_part: Which of them are building parts; the others are outlines.
    """
    owner = np.full(len(geometry), -1, np.int64)
    parts, outlines = np.flatnonzero(is_part), np.flatnonzero(~is_part)
    if parts.size == 0 or outlines.size == 0:
        return owner
    points = shapely.point_on_surface(geometry[parts])
    point, outline = shapely.STRtree(geometry[outlines]).query(points, predicate="within")
    # The last write counts: from the largest outline to the smallest.
    order = np.lexsort((-outline, -shapely.area(geometry[outlines[outline]])))
    owner[parts[point[order]]] = outlines[outline[order]]
    return owner


def covered_outlines(geometry: np.ndarray, owner: Int[np.ndarray, "polygon"]) -> Bool[np.ndarray, "polygon"]:
    """Return which outlines are covered by their parts, to 90% of their area.

    Args:
        geometry: Footprints, in metres.
        owner: Outline of each part, as :func:`outline_of_part` gives it.

    Source:
        OpenStreetMap wiki, "Simple 3D Buildings": the outline of a building with parts is not drawn.
    """
    covered = np.zeros(len(geometry), bool)
    owned = np.flatnonzero(owner >= 0)
    for outline, rows in grouped(owner[owned], owned):
        parts = shapely.union_all(geometry[rows], grid_size=GRID_M)
        shared = shapely.area(shapely.intersection(geometry[outline], parts, grid_size=GRID_M))
        covered[outline] = shared >= COVERED * shapely.area(geometry[outline])
    return covered


def without_parts(
    geometry: np.ndarray, owner: Int[np.ndarray, "polygon"], base_m: Float64[np.ndarray, "polygon"]
) -> np.ndarray:
    """Return the footprints less, of each outline, its parts that stand on the ground.

    The tags of a part count where it stands, whether the outline's height is more or less.

    Args:
        geometry: Footprints, in metres.
        owner: Outline of each part, as :func:`outline_of_part` gives it.
        base_m: Height of the lowest edge of each.
    """
    result = geometry.copy()
    on_ground = np.flatnonzero((owner >= 0) & (base_m == 0))
    for outline, rows in grouped(owner[on_ground], on_ground):
        parts = shapely.union_all(geometry[rows], grid_size=GRID_M)
        result[outline] = shapely.difference(geometry[outline], parts, grid_size=GRID_M)
    return result


def first_of_duplicates(
    geometry: np.ndarray, base_m: Float64[np.ndarray, "polygon"], doubt: Int[np.ndarray, "polygon"]
) -> Bool[np.ndarray, "polygon"]:
    """Return which footprints to keep of those drawn twice: the one with the surest height, else the first.

    Args:
        geometry: Footprints, in metres.
        base_m: Height of each one's lowest edge; parts above each other are no duplicates.
        doubt: Rank of each one's source of height, 0 the surest.
    """
    _, group = np.unique(shapely.to_wkb(shapely.normalize(geometry)), return_inverse=True)
    order = np.lexsort((doubt, base_m, group))
    ordered_group, ordered_base = group[order], base_m[order]
    is_first = np.ones(len(geometry), bool)
    is_first[1:] = (np.diff(ordered_group) != 0) | (np.diff(ordered_base) != 0)
    kept = np.zeros(len(geometry), bool)
    kept[order[is_first]] = True
    return kept


@dataclass(frozen=True, eq=False)
class DisjointSolids:
    """Upright solids of which no two share volume, but for ``overlaps_left`` pairs.

    Args:
        geometry: Footprint of each, in metres.
        row: The row that each comes from; a row may come back in pieces, or not at all.
        base_m: Height of the lowest edge of each row given (not of each solid).
        overlaps_left: Pairs that overlap still: an overhanging part that also stands in another solid.
    """

    geometry: np.ndarray
    row: Int[np.ndarray, "solid"]
    base_m: Float64[np.ndarray, "polygon"]
    overlaps_left: int


def without_overlaps(
    geometry: np.ndarray, base_m: Float64[np.ndarray, "polygon"], top_m: Float64[np.ndarray, "polygon"]
) -> DisjointSolids:
    """Take the volume that two solids share from one of them, so that no wall runs inside another solid.

    Where a taller solid reaches at least as far down as a lower one, the lower footprint loses the shared
    area. Where a raised solid starts inside a lower one that holds its whole footprint, it starts on top of
    the lower one instead. The outer surface is the same as before in both cases.

    Args:
        geometry: Footprints, in metres.
        base_m: Height of the lowest edge of each.
        top_m: Height of the highest edge of each.
    """
    first, second = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    shared = shapely.area(shapely.intersection(geometry[first], geometry[second], grid_size=GRID_M))
    real = shared > 0.01
    first, second = first[real], second[real]
    # Taller before lower, deeper before raised, larger before smaller, then the order of the table.
    rank = np.empty(len(geometry), np.int64)
    rank[np.lexsort((np.arange(len(geometry)), -shapely.area(geometry), base_m, -top_m))] = np.arange(
        len(geometry)
    )
    swap = rank[first] > rank[second]
    taller, lower = np.where(swap, second, first), np.where(swap, first, second)

    base = base_m.copy()
    starts_inside = (base[taller] > base[lower]) & (base[taller] < top_m[lower])
    held = shapely.covers(geometry[lower], shapely.buffer(geometry[taller], -0.01))
    lift = starts_inside & held
    np.maximum.at(base, taller[lift], top_m[lower[lift]])
    gone = base >= top_m

    meets = (base[taller] < top_m[lower]) & ~gone[taller] & ~gone[lower]
    cuts = meets & (base[taller] <= base[lower])
    result = geometry.copy()
    for under, above in grouped(lower[cuts], taller[cuts]):
        cutters = shapely.union_all(geometry[above], grid_size=GRID_M)
        result[under] = shapely.difference(geometry[under], cutters, grid_size=GRID_M)
    solid, row = clean_polygons(result[~gone])
    return DisjointSolids(solid, np.flatnonzero(~gone)[row], base, int(np.count_nonzero(meets & ~cuts)))
