"""Polygons divided into triangles (earcut), every corner used, counter-clockwise."""

from __future__ import annotations

import mapbox_earcut
import numpy as np
import shapely
from jaxtyping import Float64, Int

from iqatlas.errors import SceneError


def triangulate(
    polygon: shapely.Polygon,
) -> tuple[list[Float64[np.ndarray, "_ 2"]], Int[np.ndarray, "face 3"]]:
    """Return a polygon's rings without corners on straight lines, and triangles between their corners.

    The outer ring runs counter-clockwise and the holes clockwise, so that the polygon lies to the left.

    Args:
        polygon: A valid polygon in metres; its rings may not touch.

    Returns:
        The corners of each ring, and three corners a triangle, counted over all rings in turn.

    Raises:
        SceneError: The polygon can't be divided into triangles.
    """
    rings = [_corners(polygon.exterior, 1.0), *(_corners(hole, -1.0) for hole in polygon.interiors)]
    face = _triangles(rings)
    # Earcut leaves out corners on a straight line: walls must not have them either.
    used = np.bincount(face.ravel(), minlength=sum(map(len, rings))) > 0
    if not used.all():
        parted = np.split(used, np.cumsum([len(ring) for ring in rings])[:-1])
        rings = [ring[kept] for ring, kept in zip(rings, parted, strict=True)]
        face = _triangles(rings)
    count = sum(map(len, rings))
    if len(face) != count + 2 * (len(rings) - 1) - 2 or np.unique(face).size != count:
        raise SceneError(
            f"a footprint of {count} corners can't be divided into triangles",
            accepted="a valid polygon whose rings don't touch",
        )
    return rings, face


def _corners(ring: shapely.LinearRing, sign: float) -> Float64[np.ndarray, "corner 2"]:
    """Return a ring's corners without the repeated last one, so that the solid lies to the left of them."""
    closed: Float64[np.ndarray, "corner 2"] = shapely.get_coordinates(ring)
    x, y = (closed - closed[0]).T
    turn = np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])
    return closed[:-1] if turn * sign > 0 else closed[:0:-1]


def _triangles(rings: list[Float64[np.ndarray, "_ 2"]]) -> Int[np.ndarray, "face 3"]:
    """Return a division into triangles, counter-clockwise as seen from above."""
    corner = np.concatenate(rings)
    ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
    # About the first corner, where the products of coordinates lose least.
    index = np.asarray(mapbox_earcut.triangulate_float64(corner - corner[0], ends), dtype=np.int64)
    face = index.reshape(-1, 3)
    a, b, c = (corner[face[:, place]] for place in range(3))
    ab, ac = b - a, c - a
    clockwise = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0] < 0
    # Earcut winds all triangles one way: turning single thin ones about would open the solid.
    return face[:, ::-1] if clockwise.mean() > 0.5 else face
