"""Woods, rows of trees and single trees as volumes of foliage.

Foliage neither mirrors like a wall nor stops a wave like one: short paths through a crown lose a few
decibels (see :func:`iqatlas.scenes.materials.material_at`). A ray tracer that knows reflection and
diffraction only, and no refraction, stops every path at the first leaf. Vegetation is therefore left out
unless a spec asks for it; asked for, it gives the most that foliage can take away, and with refraction it
gives its loss: a path through a crown crosses two faces of half its depth each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from iqatlas.scenes._osmium import LandFeatures
from iqatlas.scenes.footprints import GRID_M, clean_polygons, grouped
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.heights import parse_length_m
from iqatlas.scenes.materials import FOLIAGE_MATERIAL
from iqatlas.scenes.scene import BUILDING_COLUMNS
from iqatlas.scenes.surfaces import projected
from iqatlas.scenes.terrain import Ground

WOOD_HEIGHT_M = 12.0
ROW_HEIGHT_M = 8.0
TREE_HEIGHT_M = 8.0
"""Heights of vegetation of which no tag tells one: grown, not old, broad-leaved trees of a city."""
CROWN_DIAMETER_M = 5.0
LARGEST_CROWN_M = 30.0
LARGEST_TREE_M = 100.0
CLEAR_TRUNK_PART = 0.3
"""The part of a single tree's height that its trunk is free of leaves."""
WALL_CLEARANCE_M = 0.2
"""Foliage ends this far from walls: a face of leaves in a wall would be two faces in one place."""
_HEIGHT_STEP_M = 0.5
_CORNERS_PER_QUADRANT = 2


def find_vegetation(
    land: LandFeatures,
    frame: LocalFrame,
    bounds_m: tuple[float, float, float, float],
    buildings: gpd.GeoDataFrame,
    ground: Ground,
) -> tuple[gpd.GeoDataFrame, dict[str, int | float | str | list[str]]]:
    """Return volumes of foliage that share no area with each other or with buildings, and a tally.

    ``natural=wood`` and ``landuse=forest`` reach from the ground to ``height``, else 12 m;
    ``natural=tree_row`` is a hedge 5 m wide and 8 m high; ``natural=tree`` an octagonal crown of
    ``diameter_crown``, else 5 m, over a bare trunk. Heights are rounded to half a metre, so that crowns that
    touch become one volume. On a terrain woods are cut in squares, each at its own height.

    Args:
        land: What covers the ground, in degrees.
        frame: Local frame of the scene.
        bounds_m: West, south, east, north of the scene, in the local frame.
        buildings: Buildings in local metres.
        ground: The ground; heights of the result count from a flat one.
    """
    kinds = np.array([vegetation_kind(tags) for tags in land.tags], dtype=object)
    chosen = np.flatnonzero(kinds != "")
    shape = projected(land.geometry[chosen], frame)
    near = shapely.intersects(shape, shapely.box(*bounds_m))
    chosen, shape = chosen[near], shape[near]
    kind = kinds[chosen]
    height = np.array([_height_m(land.tags[index], kinds[index]) for index in chosen])
    outline = _outlines(shape, kind, [land.tags[index] for index in chosen])
    outline = shapely.intersection(outline, shapely.box(*bounds_m))
    # The taller one keeps what two of them share: the lower one would be in its shade.
    order = np.lexsort((np.arange(len(chosen)), kind, -height))
    chosen, kind, height, outline = chosen[order], kind[order], height[order], outline[order]
    outline = _clear_of(outline, buildings)
    outline, row = _squares(*_without_overlaps(outline, height, kind), ground)
    polygons, piece = clean_polygons(outline)
    row = row[piece]
    table = gpd.GeoDataFrame(
        {
            "osm_id": [land.osm_id[index] for index in chosen[row]],
            "kind": kind[row],
            "base_height_m": np.where(kind[row] == "tree", CLEAR_TRUNK_PART * height[row], 0.0),
            "top_height_m": height[row],
            "height_source": [
                "tag" if parse_length_m(land.tags[index].get("height")) else "default"
                for index in chosen[row]
            ],
            "material": FOLIAGE_MATERIAL,
        },
        geometry=polygons,
        crs=frame.definition,
    )[list(BUILDING_COLUMNS)]
    counts = Counter(kind)
    report: dict[str, int | float | str | list[str]] = {
        f"vegetation_{name}": counts[name] for name in ("wood", "tree_row", "tree")
    }
    report["vegetation_volumes"] = len(table)
    report["vegetation_m3"] = float((table.area * (table["top_height_m"] - table["base_height_m"])).sum())
    return table, report


def vegetation_kind(tags: Mapping[str, str]) -> str:
    """Return ``wood``, ``tree_row`` or ``tree``, or nothing where tags tell of no foliage.

    Args:
        tags: Tags of an area, a line or a point.
    """
    if tags.get("natural") in {"tree", "tree_row", "wood"}:
        return tags["natural"]
    return "wood" if tags.get("landuse") == "forest" or tags.get("landcover") == "trees" else ""


def _height_m(tags: Mapping[str, str], kind: str) -> float:
    default = {"wood": WOOD_HEIGHT_M, "tree_row": ROW_HEIGHT_M, "tree": TREE_HEIGHT_M}[kind]
    height = parse_length_m(tags.get("height")) or parse_length_m(tags.get("est_height")) or default
    return max(round(min(height, LARGEST_TREE_M) / _HEIGHT_STEP_M) * _HEIGHT_STEP_M, 1.0)


def _outlines(shape: np.ndarray, kind: np.ndarray, tags: list[dict[str, str]]) -> np.ndarray:
    diameter = np.array([parse_length_m(tag.get("diameter_crown")) or CROWN_DIAMETER_M for tag in tags])
    radius = np.where(kind == "tree", np.minimum(diameter, LARGEST_CROWN_M), CROWN_DIAMETER_M) / 2
    grown = np.asarray(shapely.buffer(shape, radius, quad_segs=_CORNERS_PER_QUADRANT), dtype=object)
    is_area = shapely.get_dimensions(shape) == 2
    grown[is_area] = shapely.make_valid(shape[is_area])
    return grown


def _clear_of(outline: np.ndarray, buildings: gpd.GeoDataFrame) -> np.ndarray:
    footprint = np.asarray(buildings.geometry.array, dtype=object)
    row, building = shapely.STRtree(footprint).query(outline, predicate="dwithin", distance=WALL_CLEARANCE_M)
    result = outline.copy()
    for index, walls in grouped(row, building):
        grown = shapely.buffer(shapely.union_all(footprint[walls]), WALL_CLEARANCE_M, join_style="mitre")
        result[index] = shapely.difference(outline[index], grown, grid_size=GRID_M)
    return result


def _without_overlaps(
    outline: np.ndarray, height_m: np.ndarray, kind: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines less what comes before them, but joined where alike, and the row of each."""
    # Rows come tallest first and alike ones together: each group is joined, then cut by the groups before.
    starts = np.ones(len(outline), bool)
    starts[1:] = (height_m[1:] != height_m[:-1]) | (kind[1:] != kind[:-1])
    group = np.cumsum(starts) - 1
    result, rows = [], []
    taken: list[shapely.Geometry] = []
    for number in range(group.max(initial=-1) + 1):
        members = np.flatnonzero(group == number)
        joined = shapely.union_all(outline[members], grid_size=GRID_M)
        pieces = shapely.get_parts(joined)
        if taken:
            cut = shapely.STRtree(taken)
            piece, other = cut.query(pieces, predicate="intersects")
            for index, above in grouped(piece, other):
                over = shapely.union_all(cut.geometries[above])
                pieces[index] = shapely.difference(pieces[index], over, grid_size=GRID_M)
        taken.extend(pieces)
        result.append(pieces)
        # A volume of several trees has the name of the one that is nearest to its middle.
        owner = shapely.STRtree(outline[members]).nearest(shapely.point_on_surface(shapely.get_parts(joined)))
        rows.append(members[owner])
    if not result:
        return outline, np.arange(len(outline))
    return np.concatenate(result), np.concatenate(rows)


def _squares(outline: np.ndarray, row: np.ndarray, ground: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Cut what is wide in squares of the ground's step (20 m at least) where the ground is not flat."""
    if ground.is_flat or len(outline) == 0:
        return outline, row
    side = max(ground.step_m, 20.0)
    bounds = shapely.bounds(outline)
    first = np.floor(np.nan_to_num(bounds[:, :2]) / side).astype(np.int64)
    count = np.ceil(np.nan_to_num(bounds[:, 2:]) / side).astype(np.int64) - first
    per_piece = np.maximum(count.prod(axis=1), 1)
    piece = np.repeat(np.arange(len(outline)), per_piece)
    inner = np.arange(len(piece)) - np.repeat(np.cumsum(per_piece) - per_piece, per_piece)
    columns = np.maximum(count[piece, 0], 1)
    west = (first[piece, 0] + inner % columns) * side
    south = (first[piece, 1] + inner // columns) * side
    cut = shapely.intersection(
        outline[piece], shapely.box(west, south, west + side, south + side), grid_size=GRID_M
    )
    kept = ~shapely.is_empty(cut)
    return cut[kept], row[piece[kept]]
