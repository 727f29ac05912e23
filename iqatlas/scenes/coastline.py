"""Coastlines as water: the side to their right, closed by the edge of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.scenes.footprints import GRID_M

Box = tuple[float, float, float, float]

_PROBE_M = 0.05
"""How far beside a coastline its two sides are looked at: beyond the grid that lines are snapped to."""
_LOOSE_M = 1.0
"""Loose ends of a coastline up to this long are slips of the mapper's hand."""
_WRONG_PART = 0.02
"""Part of a face's coast that may run the other way, by probes that fall into a corner."""


@dataclass(frozen=True, eq=False)
class Sea:
    """What lies to the right of the coastlines.

    Args:
        polygons: Water, in local metres.
        unclosed: Coastlines that end inside the scene: which side of them is wet can't be told.
        contradictory: Pieces of the scene whose coasts disagree on whether they are water.
    """

    polygons: np.ndarray
    unclosed: int
    contradictory: int


def find_sea(coast: np.ndarray, boxes: tuple[Box, ...]) -> Sea:
    """Return the water to the right of coastlines inside the first box that they close in, else the last.

    Coastlines and the box's edge divide the box; a piece is water where the coast about it has it on its
    right. Nothing is guessed: a piece that a loose end runs into, or whose coasts disagree, stays land and is
    counted. Extracts often end at the scene, so that coastlines close in a small box and not in a large one.

    Args:
        coast: Lines in local metres, in the direction of the map: land to their left.
        boxes: West, south, east, north of each box to try, the largest first; one at least.

    Source: OpenStreetMap wiki, "Tag:natural=coastline".
    """
    sea = _sea(coast, boxes[0])
    for box in boxes[1:]:
        if not (sea.unclosed or sea.contradictory):
            break
        sea = _sea(coast, box)
    return sea


def _sea(coast: np.ndarray, box: Box) -> Sea:
    frame = shapely.box(*box)
    inside = shapely.get_parts(shapely.intersection(coast, frame, grid_size=GRID_M))
    lines = inside[(shapely.length(inside) > 0) & (shapely.get_dimensions(inside) == 1)]
    if len(lines) == 0:
        return Sea(np.empty(0, dtype=object), 0, 0)
    network = shapely.get_parts(shapely.union_all([frame.exterior, *lines], grid_size=GRID_M))
    made, cuts, dangles, invalid = shapely.polygonize_full(network)
    faces = shapely.get_parts(made)
    loose = shapely.get_parts(shapely.line_merge(shapely.union_all([cuts, dangles, invalid])))
    loose = loose[shapely.length(loose) > _LOOSE_M]
    touched = np.zeros(len(faces), bool)
    if len(loose):
        touched[shapely.STRtree(faces).query(_halfway(loose), predicate="intersects")[1]] = True
    dry, wet = _coast_beside(coast, faces, frame)
    total = dry + wet
    one_sided = np.minimum(dry, wet) <= _WRONG_PART * total
    is_water = (wet > dry) & one_sided & ~touched
    return Sea(faces[is_water], len(loose), int(np.count_nonzero(~one_sided & ~touched)))


def _halfway(lines: np.ndarray) -> np.ndarray:
    return np.asarray(shapely.line_interpolate_point(lines, 0.5, normalized=True), dtype=object)


def _coast_beside(
    coast: np.ndarray, faces: np.ndarray, frame: shapely.Polygon
) -> tuple[Float64[np.ndarray, "face"], Float64[np.ndarray, "face"]]:
    """Return the length of coast that has each face on its left, the dry side, and on its right."""
    corner, line = shapely.get_coordinates(shapely.get_parts(coast), return_index=True)
    joined = line[1:] == line[:-1]
    start, end = corner[:-1][joined], corner[1:][joined]
    shapely.prepare(frame)
    middle = 0.5 * (start + end)
    along = end - start
    length = np.hypot(along[:, 0], along[:, 1])
    # A long edge of the coast may have its middle outside: it is looked at in pieces of up to 5 m.
    pieces = np.maximum(1, np.ceil(length / 5.0)).astype(np.int64)
    near = shapely.intersects(frame, shapely.linestrings(np.stack([start, end], axis=1)))
    use = near & (length > 2 * _PROBE_M)
    edge = np.repeat(np.flatnonzero(use), pieces[use])
    first = np.cumsum(pieces[use]) - pieces[use]
    place = (np.arange(len(edge)) - np.repeat(first, pieces[use]) + 0.5) / pieces[edge]
    middle = start[edge] + place[:, None] * along[edge]
    weight = length[edge] / pieces[edge]
    left = np.stack([-along[edge, 1], along[edge, 0]], axis=1) / length[edge, None]
    tree = shapely.STRtree(faces)
    sides = []
    for sign in (1.0, -1.0):
        probe, face = tree.query(shapely.points(middle + sign * _PROBE_M * left), predicate="within")
        sides.append(np.bincount(face, weights=weight[probe], minlength=len(faces)))
    return sides[0], sides[1]
