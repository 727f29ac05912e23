"""The ground as triangles, divided between its materials: one face in each place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64, Int

from iqatlas.scenes.footprints import GRID_M, grouped
from iqatlas.scenes.materials import GROUND_MATERIAL
from iqatlas.scenes.terrain import Ground

TILE_M = 250.0
"""A flat ground with surfaces is divided in such squares first, so that no polygon gets long."""
PLAIN = -1
"""Row of ground that no surface covers."""
_LEAST_PIECE_M2 = 1e-3

Piece = tuple[str, Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"], Int[np.ndarray, "face"]]


def ground_pieces(
    bounds_m: tuple[float, float, float, float], surfaces: gpd.GeoDataFrame | None, ground: Ground
) -> list[Piece]:
    """Return material, vertices, upward faces and row of the surfaces of each face; plain ground last.

    Args:
        bounds_m: West, south, east, north; on a terrain the mesh ends at the next lines of its grid.
        surfaces: Pieces of ground that don't overlap, with a ``material``; None for none.
        ground: The ground.
    """
    polygons = np.empty(0, object) if surfaces is None else np.asarray(surfaces.geometry.array, dtype=object)
    material = np.empty(0, object) if surfaces is None else surfaces["material"].to_numpy(object)
    cells = _cells(bounds_m, ground, is_divided=len(polygons) > 0)
    pieces, row = _divided(cells, polygons)
    triangle, face_row = _triangles(pieces, row)
    names = np.append(material, GROUND_MATERIAL)[face_row]
    result = []
    for name in [*sorted(set(material)), GROUND_MATERIAL]:
        chosen = names == name
        if chosen.any():
            result.append((str(name), *_welded(triangle[chosen], face_row[chosen], ground)))
    return result


def _cells(bounds_m: tuple[float, float, float, float], ground: Ground, *, is_divided: bool) -> np.ndarray:
    """Return polygons over which the ground is one plane."""
    west, south, east, north = bounds_m
    if ground.is_flat:
        if not is_divided:
            return np.array([shapely.box(*bounds_m)], dtype=object)
        x = np.linspace(west, east, max(1, round((east - west) / TILE_M)) + 1)
        y = np.linspace(south, north, max(1, round((north - south) / TILE_M)) + 1)
        near_x, near_y = (side.ravel() for side in np.meshgrid(x[:-1], y[:-1]))
        return np.asarray(shapely.box(near_x, near_y, *_far(x, y)), dtype=object)
    rows, columns = ground.node_height_m.shape
    x = _lines(ground.west_m, ground.step_m, columns, west, east)
    y = _lines(ground.south_m, ground.step_m, rows, south, north)
    near_x, near_y = (side.ravel() for side in np.meshgrid(x[:-1], y[:-1]))
    far_x, far_y = _far(x, y)
    south_west, north_east = np.stack([near_x, near_y], 1), np.stack([far_x, far_y], 1)
    south_east, north_west = np.stack([far_x, near_y], 1), np.stack([near_x, far_y], 1)
    below = np.stack([south_west, south_east, north_east], axis=1)
    above = np.stack([south_west, north_east, north_west], axis=1)
    return np.asarray(shapely.polygons(np.concatenate([below, above])), dtype=object)


def _far(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    far_x, far_y = np.meshgrid(x[1:], y[1:])
    return far_x.ravel(), far_y.ravel()


def _lines(first: float, step: float, count: int, low: float, high: float) -> Float64[np.ndarray, "line"]:
    """Return the grid lines about an interval, and the interval's ends where they lie beyond the grid."""
    lines = first + step * np.arange(count)
    inside = lines[(lines > low - step) & (lines < high + step)]
    ends = [end for end, beyond in ((low, low < lines[0]), (high, high > lines[-1])) if beyond]
    return np.unique(np.concatenate([inside, ends]))


def _divided(cells: np.ndarray, polygons: np.ndarray) -> tuple[np.ndarray, Int[np.ndarray, "piece"]]:
    """Return the cells cut along the surfaces, and the surface of each piece."""
    if len(polygons) == 0:
        return cells, np.full(len(cells), PLAIN)
    cell, surface = shapely.STRtree(polygons).query(cells, predicate="intersects")
    covered = shapely.intersection(cells[cell], polygons[surface], grid_size=GRID_M)
    rest = cells.copy()
    for index, over in grouped(cell, surface):
        rest[index] = shapely.difference(
            cells[index], shapely.union_all(polygons[over], grid_size=GRID_M), grid_size=GRID_M
        )
    return np.concatenate([covered, rest]), np.concatenate([surface, np.full(len(rest), PLAIN)])


def _triangles(
    pieces: np.ndarray, row: Int[np.ndarray, "piece"]
) -> tuple[Float64[np.ndarray, "face 3 2"], Int[np.ndarray, "face"]]:
    """Return counter-clockwise triangles of all pieces with an area."""
    parts, source = shapely.get_parts(pieces, return_index=True)
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (
        shapely.area(parts) > _LEAST_PIECE_M2
    )
    parts, source = parts[kept], source[kept]
    corners = shapely.get_num_coordinates(parts)
    is_triangle = corners == 4
    simple = shapely.get_coordinates(parts[is_triangle]).reshape(-1, 4, 2)[:, :3]
    cut, piece = shapely.get_parts(
        shapely.constrained_delaunay_triangles(parts[~is_triangle]), return_index=True
    )
    triangle = np.concatenate([simple, shapely.get_coordinates(cut).reshape(-1, 4, 2)[:, :3]])
    owner = np.concatenate([source[is_triangle], source[~is_triangle][piece]])
    ab, ac = triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]
    turn = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    triangle[turn < 0] = triangle[turn < 0][:, ::-1]
    flat = turn != 0
    return triangle[flat], row[owner[flat]]


def _welded(
    triangle: Float64[np.ndarray, "face 3 2"], row: Int[np.ndarray, "face"], ground: Ground
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"], Int[np.ndarray, "face"]]:
    """Return shared vertices at the height of the ground, and the faces that still have three corners."""
    place = triangle.reshape(-1, 2).astype(np.float32).astype(np.float64)
    vertex, index = np.unique(place, axis=0, return_inverse=True)
    face = index.reshape(-1, 3)
    whole = (face[:, 0] != face[:, 1]) & (face[:, 1] != face[:, 2]) & (face[:, 2] != face[:, 0])
    height = ground.height_m(np.ascontiguousarray(vertex[:, 0]), np.ascontiguousarray(vertex[:, 1]))
    return np.column_stack([vertex, height]), face[whole], row[whole]
