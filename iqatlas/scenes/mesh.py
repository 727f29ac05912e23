"""Footprints as closed triangle meshes for a ray tracer, one mesh a material, and the ground."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float32, Float64, Int, Int32
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from iqatlas.errors import SceneError
from iqatlas.scenes.footprints import GRID_M, rounded
from iqatlas.scenes.materials import GROUND_MATERIAL
from iqatlas.scenes.triangulation import triangulate

GAP_M = 0.01
"""Distance that every wall is moved inwards, and every floor moved off what is below it.

Two walls of touching buildings, a floor on a roof, and a floor on the ground would otherwise be two faces in
one place, of which a ray tracer hits either at random. One centimetre is a fifteenth of the wavelength at
2 GHz, a hundred times the step of float32 at 1 km, and less than any map is right to.
"""
NO_BUILDING = -1
"""In :attr:`Mesh.building`: a face of the ground."""
_LEAST_DETAIL_M = 0.002


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of one material.

    Args:
        material: Name of the radio material.
        vertex_m: East, north and up in the local frame.
        face: Three vertices each, counter-clockwise as seen from outside.
        building: Row of the buildings that each face belongs to; :data:`NO_BUILDING` for the ground.
    """

    material: str
    vertex_m: Float32[np.ndarray, "vertex 3"]
    face: Int32[np.ndarray, "face 3"]
    building: Int32[np.ndarray, "face"]


def scene_meshes(
    buildings: gpd.GeoDataFrame,
    ground_margin_m: float,
    bbox_local: tuple[float, float, float, float],
) -> list[Mesh]:
    """Return the buildings as closed meshes, one a material in the order of their names, then the ground.

    Touching footprints of equal base, top and material become one solid, so that no wall stands between
    them; then all solids are drawn in by :data:`GAP_M`, so that no two faces coincide. Each solid is closed
    and shares its corners among its faces, so that edges are found for diffraction.

    Args:
        buildings: Rows with the columns of :data:`~iqatlas.scenes.scene.BUILDING_COLUMNS`.
        ground_margin_m: How far the ground reaches beyond the bbox and beyond all buildings.
        bbox_local: West, south, east, north of the scene in local metres.

    Raises:
        SceneError: A footprint can't be divided into triangles.
    """
    solids = _solids(buildings)
    meshes = [_mesh(str(material), solids, buildings) for material in np.unique(solids.material)]
    return [*meshes, _ground(buildings, ground_margin_m, bbox_local)]


@dataclass(frozen=True, eq=False)
class _Solids:
    """Footprints that stand clear of each other, with the rows of the buildings in each."""

    geometry: np.ndarray
    base_m: Float64[np.ndarray, "solid"]
    top_m: Float64[np.ndarray, "solid"]
    material: np.ndarray
    rows: list[np.ndarray]


def _solids(buildings: gpd.GeoDataFrame) -> _Solids:
    footprint = np.asarray(buildings.geometry.to_numpy(), dtype=object)
    base = buildings["base_height_m"].to_numpy(np.float64)
    top = buildings["top_height_m"].to_numpy(np.float64)
    material = buildings["material"].to_numpy(object)
    block = _touching_alike(footprint, np.round(base, 3), np.round(top, 3), material)
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    rows = np.split(order, starts[1:]) if order.size else []
    joined = [
        footprint[group[0]] if group.size == 1 else shapely.union_all(footprint[group], grid_size=GRID_M)
        for group in rows
    ]
    whole = rounded(np.array(joined, dtype=object))
    drawn_in = shapely.buffer(whole, -GAP_M, join_style="mitre", mitre_limit=2.0)
    plain = rounded(shapely.simplify(drawn_in, _LEAST_DETAIL_M))
    pieces, source = shapely.get_parts(plain, return_index=True)
    areal = (shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(pieces)
    pieces, source = pieces[areal], source[areal]
    first = np.array([group[0] for group in rows], dtype=np.int64)[source]
    return _Solids(pieces, base[first], top[first], material[first], [rows[index] for index in source])


def _touching_alike(
    footprint: np.ndarray,
    base_m: Float64[np.ndarray, "row"],
    top_m: Float64[np.ndarray, "row"],
    material: np.ndarray,
) -> Int[np.ndarray, "row"]:
    """Return a number for each row that rows share which touch, directly or through others, and are alike."""
    first, second = shapely.STRtree(footprint).query(footprint, predicate="intersects")
    alike = (
        (base_m[first] == base_m[second])
        & (top_m[first] == top_m[second])
        & (material[first] == material[second])
    )
    links = csr_array((np.ones(int(alike.sum()), bool), (first[alike], second[alike])), (len(footprint),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _mesh(material: str, solids: _Solids, buildings: gpd.GeoDataFrame) -> Mesh:
    vertices: list[Float64[np.ndarray, "vertex 3"]] = []
    faces: list[Int[np.ndarray, "face 3"]] = []
    owners: list[Int[np.ndarray, "face"]] = []
    count = 0
    for index in np.flatnonzero(solids.material == material):
        rows = solids.rows[index]
        try:
            vertex, face = extrude(
                solids.geometry[index],
                float(solids.base_m[index] + (GAP_M if solids.base_m[index] > 0 else -GAP_M)),
                float(solids.top_m[index]),
            )
        except SceneError as error:
            raise SceneError(
                error.what,
                where=str(buildings["osm_id"].iloc[rows[0]]),
                accepted=error.accepted,
                remedy="correct this building in the map, or choose a bbox without it",
            ) from error
        vertices.append(vertex)
        faces.append(face + count)
        owners.append(_owner(vertex, face, rows, buildings))
        count += len(vertex)
    return Mesh(
        material,
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(owners).astype(np.int32),
    )


def _owner(
    vertex: Float64[np.ndarray, "vertex 3"],
    face: Int[np.ndarray, "face 3"],
    rows: Int[np.ndarray, "row"],
    buildings: gpd.GeoDataFrame,
) -> Int[np.ndarray, "face"]:
    """Return for each face of a block the row whose footprint is nearest to the middle of the face."""
    if rows.size == 1:
        return np.full(len(face), rows[0], np.int64)
    middle = vertex[face, :2].mean(axis=1)
    footprint = np.asarray(buildings.geometry.to_numpy(), dtype=object)[rows]
    return np.asarray(rows[shapely.STRtree(footprint).nearest(shapely.points(middle))], dtype=np.int64)


def extrude(
    polygon: shapely.Polygon, base_m: float, top_m: float
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return a closed upright prism over a polygon: floor, roof and walls, with shared vertices.

    Args:
        polygon: A valid polygon in metres; its rings may not touch.
        base_m: Height of the floor.
        top_m: Height of the roof.

    Raises:
        SceneError: The polygon can't be divided into triangles.
    """
    rings, cap = triangulate(polygon)
    corner = np.concatenate(rings)
    count = len(corner)
    lengths = np.array([len(ring) for ring in rings])
    here = np.arange(count)
    after = here + 1
    ends = np.cumsum(lengths)
    after[ends - 1] = ends - lengths
    walls = np.concatenate(
        [
            np.stack([here, after, after + count], axis=1),
            np.stack([here, after + count, here + count], axis=1),
        ]
    )
    vertex = np.concatenate(
        [
            np.column_stack([corner, np.full(count, base_m)]),
            np.column_stack([corner, np.full(count, top_m)]),
        ]
    )
    return vertex, np.concatenate([cap[:, ::-1], cap + count, walls])


def _ground(
    buildings: gpd.GeoDataFrame, margin_m: float, bbox_local: tuple[float, float, float, float]
) -> Mesh:
    bounds = np.array([bbox_local, buildings.total_bounds]) if len(buildings) else np.array([bbox_local])
    west, south = bounds[:, :2].min(axis=0) - margin_m
    east, north = bounds[:, 2:].max(axis=0) + margin_m
    corner = [[west, south, 0.0], [east, south, 0.0], [east, north, 0.0], [west, north, 0.0]]
    return Mesh(
        GROUND_MATERIAL,
        np.array(corner, dtype=np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        np.full(2, NO_BUILDING, dtype=np.int32),
    )
