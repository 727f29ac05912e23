"""Meshes: closed, outward, welded, in the right place, and no two faces in one."""

from __future__ import annotations

import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SceneError
from iqatlas.scenes.buildings import read_buildings
from iqatlas.scenes.mesh import GAP_M, NO_BUILDING, Mesh, extrude, scene_meshes
from iqatlas.scenes.terrain import Ground

REAL = ["helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf", "london-city.osm"]
BBOX = (-100.0, -100.0, 100.0, 100.0)


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, shared_data: Path) -> gpd.GeoDataFrame:
    return read_buildings(
        shared_data / request.param,
        frame=None,
        bbox=None,
        default_height_m=12.0,
        level_height_m=3.2,
        where="here",
    ).buildings


@pytest.fixture(scope="module")
def meshes(real: gpd.GeoDataFrame) -> list[Mesh]:
    return scene_meshes(real, 50.0, BBOX)


def _buildings(*rows: tuple[tuple[float, float, float, float], float, float, str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{number}" for number in range(len(rows))],
            "kind": "yes",
            "base_height_m": [row[1] for row in rows],
            "top_height_m": [row[2] for row in rows],
            "height_source": "tag",
            "material": [row[3] for row in rows],
        },
        geometry=[shapely.box(*row[0]) for row in rows],
    )


def _trimesh(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertex_m.astype(np.float64), mesh.face, process=False)


def _is_closed(face: np.ndarray) -> bool:
    """Tell whether each edge is run through once in each direction."""
    edges = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])
    forward = set(map(tuple, edges.tolist()))
    return len(forward) == len(edges) and forward == set(map(tuple, edges[:, ::-1].tolist()))


def _volume_m3(vertex: np.ndarray, face: np.ndarray) -> float:
    """Return the volume by the divergence theorem, positive where faces look outwards."""
    a, b, c = (vertex[face[:, place]] - vertex[0] for place in range(3))
    return float(np.sum(a * np.cross(b, c)) / 6.0)


def test_a_box_is_a_box() -> None:
    vertex, face = extrude(shapely.box(0, 0, 20, 10), 5.0, 11.0)
    assert vertex.shape == (8, 3)
    assert face.shape == (12, 3)
    assert _is_closed(face)
    assert _volume_m3(vertex, face) == pytest.approx(20 * 10 * 6, rel=1e-12)  # sums of whole numbers
    roof = face[np.all(vertex[face][:, :, 2] == 11.0, axis=1)]
    normal = np.cross(vertex[roof[:, 1]] - vertex[roof[:, 0]], vertex[roof[:, 2]] - vertex[roof[:, 0]])
    assert (normal[:, 2] > 0).all()


def test_a_courtyard_is_open_to_the_sky() -> None:
    court = shapely.box(0, 0, 20, 20) - shapely.box(5, 5, 15, 15)
    vertex, face = extrude(court, 0.0, 10.0)
    assert _is_closed(face)
    assert _volume_m3(vertex, face) == pytest.approx(3000.0, rel=1e-12)  # sums of whole numbers
    assert trimesh.Trimesh(vertex, face, process=False).euler_number == 0  # a ring, not a ball


@pytest.mark.parametrize("turned", [False, True])
def test_the_direction_of_rings_does_not_matter(turned: bool) -> None:
    ring = [(0, 0), (10, 0), (10, 10), (0, 10)]
    vertex, face = extrude(shapely.Polygon(ring[::-1] if turned else ring), 0.0, 1.0)
    assert _volume_m3(vertex, face) == pytest.approx(100.0, rel=1e-12)  # sums of whole numbers


def test_corners_on_a_straight_wall_leave_no_gap() -> None:
    """Earcut drops such corners from the roof; a wall that kept them would gape."""
    vertex, face = extrude(shapely.Polygon([(0, 0), (5, 0), (10, 0), (10, 10), (3, 10), (0, 10)]), 0.0, 3.0)
    assert _is_closed(face)
    assert _volume_m3(vertex, face) == pytest.approx(300.0, rel=1e-12)  # sums of whole numbers


def test_what_is_no_polygon_with_area_is_refused() -> None:
    with pytest.raises(SceneError, match="can't be divided into triangles"):
        extrude(shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10), (5, 20), (2, 2)]), 0.0, 1.0)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.floats(0.3, 1.0), min_size=3, max_size=40),
    st.floats(-5e3, 5e3),
    st.floats(0.0, 50.0),
    st.floats(0.5, 300.0),
    st.booleans(),
)
def test_a_prism_has_the_volume_of_its_footprint_times_its_height(
    radius: list[float], shift_m: float, base_m: float, height_m: float, has_court: bool
) -> None:
    angle = 2 * np.pi * np.arange(len(radius)) / len(radius)
    star = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.array(radius)[:, None] * 40 + shift_m
    holes = [(star - shift_m)[::-1] * 0.3 + shift_m] if has_court else []
    polygon = shapely.Polygon(star, holes)
    vertex, face = extrude(polygon, base_m, base_m + height_m)
    assert _is_closed(face)
    # Float64 throughout: area and volume are sums of products at 5 km from the origin.
    assert _volume_m3(vertex, face) == pytest.approx(polygon.area * height_m, rel=1e-6)


def test_a_shaped_roof_stands_alone_and_is_closed() -> None:
    buildings = _buildings(((0, 0, 20, 10), 0.0, 12.0, "brick"), ((20, 0, 40, 10), 0.0, 12.0, "brick"))
    ridged = buildings.assign(roof_shape=["gabled", "flat"], roof_height_m=[4.0, 0.0], roof_ridge_deg=90.0)
    (flat, _), (shaped, _) = scene_meshes(buildings, 50.0, BBOX), scene_meshes(ridged, 50.0, BBOX)
    assert len(_trimesh(flat).split()) == 1 and len(_trimesh(shaped).split()) == 2
    assert _trimesh(shaped).is_watertight
    # A gable takes half of its 4 m away; walls are drawn in by 1 cm, floors go 1 cm down.
    lost = (20 - 2 * GAP_M) * (10 - 2 * GAP_M) * 2.0
    gap = 2 * GAP_M * (10 - 2 * GAP_M) * (12 + GAP_M)
    assert _trimesh(flat).volume - _trimesh(shaped).volume == pytest.approx(lost + gap, rel=1e-4)


def test_a_shape_that_no_longer_fits_falls_back_to_a_flat_roof() -> None:
    table = _buildings(((0, 0, 20, 10), 0.0, 12.0, "brick")).assign(
        roof_shape="pyramidal", roof_height_m=4.0, roof_ridge_deg=np.nan
    )
    bent = shapely.box(0, 0, 20, 10) - shapely.box(8, 3, 20, 10)
    mesh, _ = scene_meshes(table.set_geometry([bent]), 50.0, BBOX)
    assert _trimesh(mesh).is_watertight
    assert (mesh.vertex_m[:, 2] == 12.0).sum() == 6


def test_outlines_whose_corners_meet_are_drawn_apart() -> None:
    """Two courts that touch in a corner: earcut alone would leave the solid open there."""
    court = shapely.box(0, 0, 30, 30) - shapely.box(5, 5, 15, 15) - shapely.box(15, 15, 25, 25)
    table = _buildings(((0, 0, 30, 30), 0.0, 12.0, "brick")).set_geometry([court])
    mesh, _ = scene_meshes(table, 50.0, BBOX)
    assert _is_closed(mesh.face)
    # 30 m outline and two courts of 10 m, drawn in by 1.4 cm at most.
    assert _trimesh(mesh).volume == pytest.approx(court.area * 12, rel=0.01)


def test_on_a_terrain_floors_follow_the_ground() -> None:
    ground = Ground(-500.0, -500.0, 100.0, np.full((11, 11), 7.0))
    table = _buildings(((0, 0, 10, 10), 7.0, 19.0, "brick"), ((50, 0, 60, 10), 10.0, 19.0, "brick"))
    meshes = scene_meshes(table.assign(ground_height_m=7.0), 50.0, BBOX, ground=ground)
    heights = np.unique(meshes[0].vertex_m[:, 2])
    # The first stands on the ground and its floor is 1 cm under it, the second hangs 3 m above it.
    np.testing.assert_allclose(heights, [7.0 - GAP_M, 10.0 + GAP_M, 19.0], atol=1e-5)
    assert np.unique(meshes[-1].vertex_m[:, 2]).tolist() == [7.0]


def test_foliage_and_surfaces_come_between_buildings_and_ground() -> None:
    table = _buildings(((0, 0, 10, 10), 0.0, 10.0, "wood"))
    trees = _buildings(((30, 0, 40, 10), 3.0, 9.0, "foliage"))
    lake = gpd.GeoDataFrame(
        {"osm_id": ["way/9"], "kind": "natural=water", "material": "water"},
        geometry=[shapely.box(50, 0, 90, 40)],
    )
    meshes = scene_meshes(table, 50.0, BBOX, vegetation=trees, surfaces=lake)
    assert [mesh.material for mesh in meshes] == ["wood", "foliage", "water", "medium_dry_ground"]
    assert [mesh.layer for mesh in meshes] == ["buildings", "vegetation", "surfaces", "surfaces"]
    flat = [_trimesh(mesh).area for mesh in meshes[2:]]
    assert flat[0] == pytest.approx(1600.0, rel=1e-6)  # float32 corners
    assert sum(flat) == pytest.approx(300.0**2, rel=1e-6)


def test_real_footprints_have_the_volume_of_area_times_height(real: gpd.GeoDataFrame) -> None:
    prisms = [
        extrude(row.geometry, row.base_height_m, row.top_height_m)
        for row in real.iloc[::7].itertuples()
        if not _touches_itself(row.geometry)
    ]
    volume = [_volume_m3(*prism) for prism in prisms]
    chosen = real.iloc[::7]
    chosen = chosen[[not _touches_itself(polygon) for polygon in chosen.geometry]]
    expected = chosen.area * (chosen["top_height_m"] - chosen["base_height_m"])
    # Float64, before the cast: rounding of sums alone.
    np.testing.assert_allclose(volume, expected, rtol=1e-6)
    assert len(chosen) > 0.9 * len(real) / 7


def _touches_itself(polygon: shapely.Polygon) -> bool:
    corners = np.concatenate(
        [np.asarray(ring.coords[:-1]) for ring in (polygon.exterior, *polygon.interiors)]
    )
    return len(np.unique(corners, axis=0)) < len(corners)


def test_real_cities_are_closed_and_look_outwards(meshes: list[Mesh]) -> None:
    for mesh in meshes[:-1]:
        checked = _trimesh(mesh)
        assert checked.is_watertight
        assert checked.is_winding_consistent
        assert all(part.volume > 0 for part in checked.split())


def test_vertices_are_welded_and_all_are_used(meshes: list[Mesh]) -> None:
    for mesh in meshes[:-1]:
        assert len(np.unique(mesh.vertex_m, axis=0)) == len(mesh.vertex_m)
        assert np.array_equal(np.unique(mesh.face), np.arange(len(mesh.vertex_m)))


def test_real_cities_keep_their_volume(real: gpd.GeoDataFrame, meshes: list[Mesh]) -> None:
    volume = sum(_trimesh(mesh).volume for mesh in meshes[:-1])
    height = real["top_height_m"] - real["base_height_m"]
    # A shaped roof fills a part of its box, of which the test of roofs knows the closed forms.
    filled = {"flat": 1.0, "gabled": 1 / 2, "hipped": 0.4, "pyramidal": 1 / 3, "dome": 0.66}
    filled |= {"skillion": 1 / 2, "gambrel": 5 / 8, "round": 0.765}
    missing = real.area * real["roof_height_m"] * (1 - real["roof_shape"].map(filled))
    expected = float((real.area * height - missing).sum())
    # Drawing in takes at most 1 cm off along each footprint's perimeter (less where footprints are joined);
    # floors move by 1 cm; 1 mm and 2 mm are rounded off the corners.
    most = GAP_M * float((real.length * height).sum() + real.area.sum())
    assert abs(volume - expected) < 1.3 * most
    assert abs(volume / expected - 1) < 0.003


def test_faces_name_the_building_they_belong_to(real: gpd.GeoDataFrame, meshes: list[Mesh]) -> None:
    for mesh in meshes[:-1]:
        middle = shapely.points(mesh.vertex_m[mesh.face][:, :, :2].mean(axis=1).astype(np.float64))
        owner = real.iloc[mesh.building]
        assert (owner["material"] == mesh.material).all()
        inside = shapely.dwithin(owner.geometry.to_numpy(), middle, GAP_M)
        # The middle of a triangle of a simple footprint's roof or wall lies in it; nothing else has a claim.
        assert inside.all()
    named = np.unique(np.concatenate([mesh.building for mesh in meshes[:-1]]))
    # A building that others of its height enclose on all sides may have no face whose middle is its own.
    assert len(named) >= 0.98 * len(real)


def _coincident_walls(meshes: list[Mesh], nearer_m: float) -> int:
    """Count pairs of walls of two solids that run along each other, nearer than a distance, at one height."""
    segment, low, high, solid = [], [], [], []
    first = 0
    for mesh in meshes:
        checked = _trimesh(mesh)
        labels = trimesh.graph.connected_component_labels(checked.face_adjacency, node_count=len(mesh.face))
        corner = mesh.vertex_m[mesh.face].astype(np.float64)
        is_wall = np.abs(checked.face_normals[:, 2]) < 1e-6
        corner, label = corner[is_wall], labels[is_wall]
        # Two of a wall triangle's corners are above each other: the span is its longest side seen from above.
        sides = corner[:, :, :2] - np.roll(corner[:, :, :2], 1, axis=1)
        longest = np.argmax(np.hypot(sides[..., 0], sides[..., 1]), axis=1)
        rows = np.arange(len(corner))
        segment.append(np.stack([corner[rows, longest, :2], corner[rows, longest - 1, :2]], axis=1))
        low.append(corner[:, :, 2].min(axis=1))
        high.append(corner[:, :, 2].max(axis=1))
        solid.append(label + first)
        first += labels.max() + 1
    lines = shapely.linestrings(np.concatenate(segment))
    bottom, top, owner = np.concatenate(low), np.concatenate(high), np.concatenate(solid)
    one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=nearer_m)
    apart = (owner[one] < owner[other]) & (
        np.minimum(top[one], top[other]) > np.maximum(bottom[one], bottom[other])
    )
    one, other = one[apart], other[apart]
    along = shapely.length(shapely.intersection(lines[one], shapely.buffer(lines[other], nearer_m)))
    return int(np.count_nonzero(along > 5 * nearer_m))


def test_no_two_walls_of_a_real_city_are_in_one_place(meshes: list[Mesh]) -> None:
    # The gap between two drawn-in walls is 2 cm, less 2 mm of simplification and 1 mm of rounding each.
    assert _coincident_walls(meshes[:-1], 0.010) == 0


def test_walls_that_touch_would_be_found() -> None:
    """The check above fails where it should: on two boxes that share a wall, not drawn in."""
    prisms = [extrude(shapely.box(west, 0, west + 10, 10), 0.0, 5.0 + west) for west in (0, 10)]
    touching = [
        Mesh("concrete", vertex.astype(np.float32), face.astype(np.int32), np.zeros(len(face), np.int32))
        for vertex, face in prisms
    ]
    assert _coincident_walls(touching, 0.010) > 0


def test_touching_buildings_of_one_height_become_one_solid() -> None:
    buildings = _buildings(((0, 0, 10, 10), 0.0, 12.0, "concrete"), ((10, 0, 20, 10), 0.0, 12.0, "concrete"))
    mesh, _ = scene_meshes(buildings, 50.0, BBOX)
    assert len(mesh.vertex_m) == 8  # no wall is left between them
    # One box of 20 m by 10 m, drawn in by 1 cm, from 1 cm under the ground on; float32 of metres.
    expected = (20 - 2 * GAP_M) * (10 - 2 * GAP_M) * (12 + GAP_M)
    assert _trimesh(mesh).volume == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("base_m", "top_m", "material"), [(0.0, 15.0, "concrete"), (3.0, 12.0, "concrete"), (0.0, 12.0, "glass")]
)
def test_touching_buildings_that_differ_stay_apart(base_m: float, top_m: float, material: str) -> None:
    buildings = _buildings(
        ((0, 0, 10, 10), 0.0, 12.0, "concrete"), ((10, 0, 20, 10), base_m, top_m, material)
    )
    solids = scene_meshes(buildings, 50.0, BBOX)[:-1]
    assert sum(len(_trimesh(mesh).split()) for mesh in solids) == 2
    assert _coincident_walls(solids, 0.010) == 0


def test_floors_are_off_the_ground_and_off_roofs() -> None:
    buildings = _buildings(((0, 0, 10, 10), 0.0, 10.0, "concrete"), ((0, 0, 10, 10), 10.0, 20.0, "concrete"))
    mesh, ground = scene_meshes(buildings, 50.0, BBOX)
    heights = np.unique(mesh.vertex_m[:, 2])
    np.testing.assert_allclose(heights, [-GAP_M, 10.0, 10.0 + GAP_M, 20.0], atol=1e-6)  # float32 of 20 m
    assert np.unique(ground.vertex_m[:, 2]).tolist() == [0.0]


def test_materials_come_in_the_order_of_their_names_and_the_ground_last() -> None:
    buildings = _buildings(
        ((0, 0, 10, 10), 0.0, 10.0, "wood"),
        ((20, 0, 30, 10), 0.0, 10.0, "brick"),
        ((40, 0, 50, 10), 0.0, 10.0, "wood"),
    )
    meshes = scene_meshes(buildings, 50.0, BBOX)
    assert [mesh.material for mesh in meshes] == ["brick", "wood", "medium_dry_ground"]
    assert [np.unique(mesh.building).tolist() for mesh in meshes] == [[1], [0, 2], [NO_BUILDING]]


def test_the_ground_looks_up_and_reaches_beyond_everything() -> None:
    buildings = _buildings(((0, 0, 10, 10), 0.0, 10.0, "wood"), ((90, 0, 120, 10), 0.0, 10.0, "wood"))
    ground = scene_meshes(buildings, 50.0, BBOX)[-1]
    assert ground.vertex_m.min(axis=0).tolist() == [-150, -150, 0]
    assert ground.vertex_m.max(axis=0).tolist() == [170, 150, 0]
    assert (_trimesh(ground).face_normals == [0, 0, 1]).all()
    assert _trimesh(ground).area == pytest.approx(320 * 300)


def test_a_scene_without_buildings_is_its_ground() -> None:
    (ground,) = scene_meshes(_buildings(), 50.0, BBOX)
    assert ground.vertex_m.min(axis=0).tolist() == [-150, -150, 0]


def test_meshing_twice_gives_the_same_bytes(real: gpd.GeoDataFrame, meshes: list[Mesh]) -> None:
    for mesh, again in zip(meshes, scene_meshes(real, 50.0, BBOX), strict=True):
        assert mesh.vertex_m.tobytes() == again.vertex_m.tobytes()
        assert mesh.face.tobytes() == again.face.tobytes()


def test_cost_grows_with_the_number_of_buildings_and_no_faster() -> None:
    def seconds(side: int) -> float:
        rows = [
            ((25.0 * i, 25.0 * j, 25.0 * i + 25.0 - 9 * (i % 3), 25.0 * j + 12), 0.0, 9.0 + i % 2, "brick")
            for i in range(side)
            for j in range(side)
        ]
        table = _buildings(*rows)
        start = time.process_time()
        scene_meshes(table, 50.0, BBOX)
        return time.process_time() - start

    seconds(5)
    # Sixteen times the buildings: a quadratic step anywhere would take far more than twice 16 times as long.
    assert seconds(60) < 2 * 16 * seconds(15)
