"""The buildings as triangles for the turning view."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from iqatlas.errors import SceneError
from iqatlas.preview.city import City
from iqatlas.preview.packing import numbers, packed_integers
from iqatlas.scenes.mesh import extrude
from iqatlas.scenes.roofs import FLAT, SHAPES, Roof, misfit, roofed

_LEAST_STEP_M = 0.1
_SIXTEEN_BITS = 32_000


def solids_data(city: City) -> dict[str, Any]:
    """Return the solids, sites and tracks as the page takes them.

    Positions count from the middle of the extent; those of corners in whole steps. A footprint that can't
    be divided into triangles is left out and counted.

    Args:
        city: The city.
    """
    west, south, east, north = city.extent_m()
    middle = np.array([(west + east) / 2, (south + north) / 2, 0.0])
    highest = max([0.0, *city.top_m.tolist(), *(-city.base_m).tolist()])
    reach = max(east - west, north - south) / 2
    step = max(_LEAST_STEP_M, max(reach, highest) / _SIXTEEN_BITS)
    vertices, faces, tops, counts = [], [], [], []
    first = failed = 0
    for index, polygon in enumerate(city.footprints):
        try:
            vertex, face = _solid(city, index, polygon)
        except SceneError:
            failed += 1
            continue
        vertices.append(vertex - middle)
        faces.append(face + first)
        tops.append(city.top_m[index])
        counts.append(len(face))
        first += len(vertex)
    corner = np.concatenate(vertices) if vertices else np.zeros((0, 3))
    face = np.concatenate(faces) if faces else np.zeros((0, 3), np.int64)
    return {
        "step_m": step,
        "middle_m": numbers(middle, 2),
        "size_m": numbers(np.array([east - west, north - south, highest]), 1),
        "vertex": packed_integers(np.round(corner / step).astype(np.int64), "i16"),
        "face": packed_integers(face, "u16" if first < 1 << 16 else "u32"),
        "faces_of": packed_integers(np.array(counts, np.int64), "u32"),
        "top_m": numbers(np.array(tops), 1),
        "failed": failed,
        "sites": [{"name": name, "at": numbers(np.array(place) - middle, 1)} for name, place in city.sites],
        "uavs": [{"name": name, "track": numbers(track - middle, 1)} for name, track in city.uavs],
    }


def _solid(city: City, index: int, polygon: shapely.Polygon) -> tuple[np.ndarray, np.ndarray]:
    base, top = float(city.base_m[index]), float(city.top_m[index])
    shape, height, ridge = city.roofs[index]
    if shape in SHAPES and shape != FLAT and height > 0 and misfit(shape, polygon) is None:
        return roofed(polygon, base, top, Roof(shape, height, ridge))
    return extrude(polygon, base, top)
