"""Footprints as closed triangle meshes for a ray tracer, one mesh a material, and the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Bool, Float32, Float64, Int, Int32
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from iqatlas.errors import SceneError
from iqatlas.scenes.footprints import GRID_M, LEAST_AREA_M2, rounded
from iqatlas.scenes.ground_mesh import PLAIN, ground_pieces
from iqatlas.scenes.roofs import FLAT, ROOF_COLUMNS, Roof, misfit, roofed
from iqatlas.scenes.scene import GROUND_COLUMN, Scene
from iqatlas.scenes.terrain import FLAT_GROUND, Ground
from iqatlas.scenes.triangulation import triangulate

GAP_M = 0.01
"""Distance that every wall is moved inwards, and every floor moved off what is below it.

Two walls of touching buildings, a floor on a roof, and a floor on the ground would otherwise be two faces in
one place, of which a ray tracer hits either at random. One centimetre is a fifteenth of the wavelength at
2 GHz, a hundred times the step of float32 at 1 km, and less than any map is right to.
"""
NO_BUILDING = PLAIN
"""In :attr:`Mesh.building`: a face of plain ground."""
GROUND_MARGIN_M = 200.0
"""How far the ground reaches beyond buildings, sites and receivers, for its reflections."""
Layer = Literal["buildings", "vegetation", "surfaces"]
"""The table that a mesh's faces belong to."""
_LEAST_DETAIL_M = 0.002
_EXTENT_STEP_M = 500.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of one material.

    Args:
        material: Name of the radio material.
        vertex_m: East, north and up in the local frame.
        face: Three vertices each, counter-clockwise as seen from outside.
        building: Row that each face belongs to, of the table that ``layer`` names; :data:`NO_BUILDING` for
            plain ground.
        layer: Which table of the scene the rows are of.
    """

    material: str
    vertex_m: Float32[np.ndarray, "vertex 3"]
    face: Int32[np.ndarray, "face 3"]
    building: Int32[np.ndarray, "face"]
    layer: Layer = "buildings"


def meshes_of(scene: Scene, *, ground_margin_m: float = GROUND_MARGIN_M) -> list[Mesh]:
    """Return the meshes of a scene: buildings, foliage and ground.

    Args:
        scene: The scene.
        ground_margin_m: How far the ground reaches beyond buildings, sites and receivers.

    Raises:
        SceneError: A footprint can't be divided into triangles.
    """
    return scene_meshes(
        scene.buildings,
        ground_margin_m,
        _extent_m(scene),
        vegetation=scene.vegetation,
        surfaces=scene.surfaces,
        ground=scene.ground,
    )


def _extent_m(scene: Scene) -> tuple[float, float, float, float]:
    """Return west, south, east and north about the sites and receivers in local metres."""
    places = np.concatenate(
        [
            np.array([site.position_m for site in scene.sites], np.float64).reshape(-1, 3),
            scene.receivers.position_m.reshape(-1, 3),
        ]
    )
    # In whole steps, so that a UAV that is moved a little leaves the ground, and all other paths, as it was.
    west, south = (np.floor(places[:, :2].min(axis=0) / _EXTENT_STEP_M) * _EXTENT_STEP_M).tolist()
    east, north = (np.ceil(places[:, :2].max(axis=0) / _EXTENT_STEP_M) * _EXTENT_STEP_M).tolist()
    return west, south, east, north


def scene_meshes(
    buildings: gpd.GeoDataFrame,
    ground_margin_m: float,
    bbox_local: tuple[float, float, float, float],
    *,
    vegetation: gpd.GeoDataFrame | None = None,
    surfaces: gpd.GeoDataFrame | None = None,
    ground: Ground = FLAT_GROUND,
) -> list[Mesh]:
    """Return the buildings as closed meshes, one a material in the order of their names, then the ground.

    Foliage comes after the buildings, then water and other surfaces, then the ground between them.

    Touching footprints of equal base, top and material become one solid under a flat roof, so that no wall
    stands between them; then all solids are drawn in by :data:`GAP_M`, so that no two faces coincide. Each
    solid is closed and shares its corners among its faces, so that edges are found for diffraction.

    Args:
        buildings: Rows with the columns of :data:`~iqatlas.scenes.scene.BUILDING_COLUMNS`.
        ground_margin_m: How far the ground reaches beyond the bbox and beyond all buildings.
        bbox_local: West, south, east, north of the scene in local metres.
        vegetation: Volumes of foliage, as the scene has them.
        surfaces: Pieces of ground of another material, as the scene has them.
        ground: The ground.

    Raises:
        SceneError: A footprint can't be divided into triangles.
    """
    meshes = _of_solids(buildings, "buildings")
    if vegetation is not None:
        meshes += _of_solids(vegetation, "vegetation")
    bounds = np.array([bbox_local, buildings.total_bounds]) if len(buildings) else np.array([bbox_local])
    west, south = (bounds[:, :2].min(axis=0) - ground_margin_m).tolist()
    east, north = (bounds[:, 2:].max(axis=0) + ground_margin_m).tolist()
    return meshes + [
        Mesh(
            material,
            vertex.astype(np.float32),
            face.astype(np.int32),
            row.astype(np.int32),
            "surfaces",
        )
        for material, vertex, face, row in ground_pieces((west, south, east, north), surfaces, ground)
    ]


def _of_solids(table: gpd.GeoDataFrame, layer: Layer) -> list[Mesh]:
    solids = _solids(table)
    return [_mesh(str(material), solids, table, layer) for material in np.unique(solids.material)]


@dataclass(frozen=True, eq=False)
class _Solids:
    """Footprints that stand clear of each other, with the rows of the buildings in each."""

    geometry: np.ndarray
    base_m: Float64[np.ndarray, "solid"]
    top_m: Float64[np.ndarray, "solid"]
    lift_m: Float64[np.ndarray, "solid"]
    material: np.ndarray
    rows: list[np.ndarray]
    roofs: list[Roof]


def _solids(buildings: gpd.GeoDataFrame) -> _Solids:
    footprint = np.asarray(buildings.geometry.to_numpy(), dtype=object)
    base = buildings["base_height_m"].to_numpy(np.float64)
    top = buildings["top_height_m"].to_numpy(np.float64)
    material = buildings["material"].to_numpy(object)
    ground = (
        buildings[GROUND_COLUMN].to_numpy(np.float64)
        if GROUND_COLUMN in buildings
        else np.zeros(len(buildings))
    )
    roofs = _roofs(buildings)
    is_flat = np.array([roof.shape == FLAT for roof in roofs], dtype=bool)
    block = _touching_alike(footprint, np.round(base, 3), np.round(top, 3), material, is_flat)
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
    return _Solids(
        pieces,
        base[first],
        top[first],
        base[first] - ground[first],
        material[first],
        [rows[index] for index in source],
        [roofs[index] for index in first],
    )


def _roofs(buildings: gpd.GeoDataFrame) -> list[Roof]:
    if not set(ROOF_COLUMNS) <= set(buildings.columns):
        return [Roof(FLAT)] * len(buildings)
    columns = (buildings[name].tolist() for name in ROOF_COLUMNS)
    return [Roof(shape, height, ridge) for shape, height, ridge in zip(*columns, strict=True)]


def _touching_alike(
    footprint: np.ndarray,
    base_m: Float64[np.ndarray, "row"],
    top_m: Float64[np.ndarray, "row"],
    material: np.ndarray,
    is_flat: Bool[np.ndarray, "row"],
) -> Int[np.ndarray, "row"]:
    """Return a number for each row that rows share which touch, directly or through others, and are alike.

    What has a shaped roof stands alone.
    """
    first, second = shapely.STRtree(footprint).query(footprint, predicate="intersects")
    alike = (
        (base_m[first] == base_m[second])
        & (top_m[first] == top_m[second])
        & (material[first] == material[second])
        & is_flat[first]
        & is_flat[second]
    )
    links = csr_array((np.ones(int(alike.sum()), bool), (first[alike], second[alike])), (len(footprint),) * 2)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _mesh(material: str, solids: _Solids, buildings: gpd.GeoDataFrame, layer: Layer) -> Mesh:
    vertices: list[Float64[np.ndarray, "vertex 3"]] = []
    faces: list[Int[np.ndarray, "face 3"]] = []
    owners: list[Int[np.ndarray, "face"]] = []
    count = 0
    for index in np.flatnonzero(solids.material == material):
        rows = solids.rows[index]
        try:
            vertex, face = _solid(solids, int(index))
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
        layer,
    )


def _solid(solids: _Solids, index: int) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    base = float(solids.base_m[index] + (GAP_M if solids.lift_m[index] > 0 else -GAP_M))
    top = float(solids.top_m[index])
    polygon, roof = solids.geometry[index], solids.roofs[index]
    # Drawing in may leave a footprint that the roof's shape no longer fits.
    if roof.shape != FLAT and misfit(roof.shape, polygon) is None:
        return roofed(polygon, base, top, roof)
    try:
        return extrude(polygon, base, top)
    except SceneError:
        # Rounding may let two corners of an outline meet: drawn in a little more, they part.
        drawn_in = shapely.buffer(polygon, -2 * _LEAST_DETAIL_M, join_style="mitre")
        apart = shapely.get_parts(rounded(np.array([drawn_in], dtype=object)))
        pieces = [piece for piece in apart if piece.geom_type == "Polygon" and piece.area > LEAST_AREA_M2]
        if not pieces:
            raise
        return joined([extrude(piece, base, top) for piece in pieces])


def joined(
    solids: list[tuple[Float64[np.ndarray, "_ 3"], Int[np.ndarray, "_ 3"]]],
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return the vertices and faces of several solids in one pair of arrays.

    Args:
        solids: Vertices and faces of each; one at least.
    """
    first = np.cumsum([0, *(len(vertex) for vertex, _ in solids[:-1])])
    faces = [face + start for (_, face), start in zip(solids, first, strict=True)]
    return np.concatenate([vertex for vertex, _ in solids]), np.concatenate(faces)


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
