"""Small scenes with closed forms: sites, receivers and meshes made of a few triangles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.mesh import Mesh, extrude
from iqatlas.scenes.scene import Receivers, Scene, Site

FREQUENCY_HZ = 1.82e9


def make_sites(*positions_m: Sequence[float]) -> tuple[Site, ...]:
    return tuple(
        Site(f"s{i}", 0.0, 0.0, (float(x), float(y), float(z)), 43.0, i, None, "spec", "test")
        for i, (x, y, z) in enumerate(positions_m)
    )


def make_receivers(position_m: np.ndarray, velocity_mps: np.ndarray | None = None) -> Receivers:
    """Receivers at [receiver, 3], one waypoint, or at [waypoint, receiver, 3]."""
    position = np.asarray(position_m, np.float64)
    position = position[None] if position.ndim == 2 else position
    velocity = np.zeros_like(position) if velocity_mps is None else np.asarray(velocity_mps, np.float64)
    names = tuple(f"u{i}" for i in range(position.shape[1]))
    return Receivers(
        names, np.arange(len(position), dtype=np.float64), position, velocity.reshape(position.shape), "test"
    )


def make_mesh(material: str, vertex: Sequence[Sequence[float]], face: Sequence[Sequence[int]]) -> Mesh:
    faces = np.array(face, np.int32)
    return Mesh(material, np.array(vertex, np.float32), faces, np.full(len(faces), -1, np.int32))


def rectangle(material: str, corners: Sequence[Sequence[float]]) -> Mesh:
    """Return a flat surface of four corners as two triangles."""
    return make_mesh(material, corners, [[0, 1, 2], [0, 2, 3]])


def ground(half_m: float = 3000.0) -> Mesh:
    corners = [[-half_m, -half_m, 0], [half_m, -half_m, 0], [half_m, half_m, 0], [-half_m, half_m, 0]]
    return rectangle("medium_dry_ground", corners)


def boxes(material: str = "concrete", *, grid: int = 2, pitch_m: float = 40.0) -> Mesh:
    """Return a grid of square buildings of different heights about the origin, closed and welded."""
    vertices, faces, count = [], [], 0
    for i in range(grid):
        for j in range(grid):
            x, y = (i - (grid - 1) / 2) * pitch_m, (j - (grid - 1) / 2) * pitch_m
            vertex, face = extrude(shapely.box(x - 10, y - 10, x + 10, y + 10), -0.01, 15.0 + 3 * i + 2 * j)
            vertices.append(vertex)
            faces.append(face + count)
            count += len(vertex)
    return make_mesh(material, np.concatenate(vertices).tolist(), np.concatenate(faces).tolist())


def ridge(height_m: float, half_width_m: float, half_length_m: float) -> Mesh:
    """Return a closed metal prism along y whose sharp edge is at the given height above x = 0."""
    w, l_ = half_width_m, half_length_m
    triangle = [(-w, 0.0), (w, 0.0), (0.0, height_m)]
    vertex = [(x, y, z) for y in (-l_, l_) for x, z in triangle]
    face = [(0, 1, 2), (3, 5, 4), (0, 2, 5), (0, 5, 3), (1, 4, 5), (1, 5, 2), (0, 3, 4), (0, 4, 1)]
    return make_mesh("metal", vertex, face)


def digest(paths: PathSet) -> str:
    """Return one hash over all numbers of a set of paths."""
    total = hashlib.sha256()
    for name in ("gain", "delay_s", "doppler_hz", "arrival_azimuth_deg", "interaction", "vertex_m", "valid"):
        total.update(np.ascontiguousarray(getattr(paths, name)).tobytes())
    return total.hexdigest()


def block_scene(receivers: Receivers | None = None, sites: tuple[Site, ...] | None = None) -> Scene:
    """Return two sites, three receivers and one building in a local frame."""
    columns = {
        "osm_id": ["w1"],
        "kind": ["yes"],
        "base_height_m": [0.0],
        "top_height_m": [20.0],
        "height_source": ["tag"],
        "material": ["concrete"],
        "geometry": [shapely.box(-10, -10, 10, 10)],
    }
    return Scene(
        name="block",
        frame=LocalFrame(24.94, 60.17),
        bbox=(24.93, 60.16, 24.95, 60.18),
        buildings=gpd.GeoDataFrame(columns),
        sites=sites or make_sites([-60, 0, 15], [0, 80, 25]),
        receivers=receivers or make_receivers([[60.0, 5, 12], [300, 200, 100], [-400, 0, 50]]),
        attribution=(),
    )
