"""Vegetation: crowns, rows and woods, off the walls and off each other."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from test_surfaces import FRAME, land

from iqatlas.scenes._osmium import NO_LAND
from iqatlas.scenes.buildings import read_buildings
from iqatlas.scenes.mesh import scene_meshes
from iqatlas.scenes.mesh_quality import open_edges
from iqatlas.scenes.scene import BUILDING_COLUMNS
from iqatlas.scenes.terrain import FLAT_GROUND, Ground
from iqatlas.scenes.vegetation import WALL_CLEARANCE_M, find_vegetation

BOUNDS = (-500.0, -500.0, 500.0, 500.0)
TREE = {"natural": "tree"}
SLOPE = Ground(-500.0, -500.0, 50.0, np.tile(np.arange(21.0), (21, 1)))


def _buildings(*boxes: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "osm_id": "way/1",
            "kind": "yes",
            "base_height_m": 0.0,
            "top_height_m": 20.0,
            "height_source": "tag",
            "material": "concrete",
        },
        index=range(len(boxes)),
        geometry=[shapely.box(*box) for box in boxes],
    )


def _found(
    *rows: tuple[dict[str, str], shapely.Geometry],
    buildings: gpd.GeoDataFrame | None = None,
    ground: Ground = FLAT_GROUND,
) -> gpd.GeoDataFrame:
    walls = _buildings() if buildings is None else buildings
    return find_vegetation(land(*rows), FRAME, BOUNDS, walls, ground)[0]


def test_a_tree_is_an_octagon_over_a_bare_trunk() -> None:
    table = _found((TREE | {"height": "10", "diameter_crown": "6"}, shapely.Point(30, 40)))
    assert tuple(table.columns) == BUILDING_COLUMNS
    (row,) = table.itertuples()
    assert (row.kind, row.material, row.height_source) == ("tree", "foliage", "tag")
    assert (row.base_height_m, row.top_height_m) == (3.0, 10.0)
    # A regular octagon of radius 3 m: 2 √2 r²; corners to 1 mm.
    assert row.geometry.area == pytest.approx(2 * math.sqrt(2) * 9, rel=1e-3)
    assert row.geometry.centroid.distance(shapely.Point(30, 40)) < 0.02


def test_heights_fall_back_and_are_said_to() -> None:
    table = _found(
        (TREE, shapely.Point(0, 0)),
        ({"natural": "tree_row"}, shapely.LineString([(100, 0), (140, 0)])),
        ({"landuse": "forest"}, shapely.box(200, 0, 260, 50)),
        ({"natural": "tree", "height": "400"}, shapely.Point(-100, 0)),
    ).set_index("kind")
    assert table.loc["wood", "top_height_m"] == 12.0
    assert table.loc["tree_row", "base_height_m"] == 0.0
    # 40 m by 5 m with round ends of four corners more.
    assert table.loc["tree_row"].geometry.area == pytest.approx(200 + math.sqrt(2) * 2 * 2.5**2, rel=1e-3)
    assert table.loc["wood"].geometry.area == pytest.approx(3000.0, rel=1e-4)
    assert sorted(table.loc["tree", "top_height_m"]) == [8.0, 100.0]
    assert set(table["height_source"]) == {"tag", "default"}


def test_crowns_that_touch_become_one_and_the_taller_wins() -> None:
    table = _found(
        (TREE, shapely.Point(0, 0)),
        (TREE, shapely.Point(3, 0)),
        (TREE | {"height": "15"}, shapely.Point(1.5, 2)),
        ({"natural": "wood"}, shapely.box(-50, -50, 50, 0)),
    )
    # Edges that volumes share are shared to 1 mm.
    assert table.union_all().area == pytest.approx(table.area.sum(), rel=1e-6)
    tall = table[table["top_height_m"] == 15.0]
    assert tall.area.sum() == pytest.approx(2 * math.sqrt(2) * 2.5**2, rel=1e-3)
    assert table[table["kind"] == "wood"].area.sum() < 5000.0


def test_foliage_keeps_off_walls() -> None:
    walls = _buildings((0.0, 0.0, 20.0, 20.0), (40.0, 0.0, 60.0, 20.0))
    table = _found(({"natural": "wood"}, shapely.box(-20, -20, 80, 40)), buildings=walls)
    apart = shapely.distance(table.union_all(), walls.union_all())
    assert apart == pytest.approx(WALL_CLEARANCE_M, abs=2e-3)  # corners to 1 mm
    assert table.area.sum() == pytest.approx(100 * 60 - 2 * 20.4**2, abs=0.5)


def test_on_a_slope_woods_are_cut_in_squares() -> None:
    wood = ({"natural": "wood"}, shapely.box(-120, -30, 130, 60))
    flat, sloping = _found(wood), _found(wood, ground=SLOPE)
    assert len(flat) == 1
    assert len(sloping) == 6 * 3
    assert sloping.area.sum() == pytest.approx(flat.area.sum(), rel=1e-5)
    assert set(sloping["osm_id"]) == {"way/0"}


def test_no_land_no_leaves() -> None:
    table, report = find_vegetation(NO_LAND, FRAME, BOUNDS, _buildings(), FLAT_GROUND)
    assert len(table) == 0 and tuple(table.columns) == BUILDING_COLUMNS
    assert report["vegetation_volumes"] == 0


@pytest.mark.parametrize(("name", "trees"), [("helsinki.osm.pbf", 600), ("monaco.osm.pbf", 500)])
def test_real_trees_are_closed_volumes_that_don_t_overlap(shared_data: Path, name: str, trees: int) -> None:
    read = read_buildings(
        shared_data / name, frame=None, bbox=None, default_height_m=12.0, level_height_m=3.2, where="here"
    )
    west, south, east, north = read.buildings.total_bounds
    table, report = find_vegetation(
        read.land, read.frame, (west, south, east, north), read.buildings, FLAT_GROUND
    )
    assert int(str(report["vegetation_tree"])) > trees
    assert table.union_all().area == pytest.approx(table.area.sum(), rel=1e-5)  # edges shared to 1 mm
    # At the height of leaves nothing stands in a building.
    tree = shapely.STRtree(read.buildings.geometry.to_numpy())
    assert tree.query(shapely.buffer(table.geometry.to_numpy(), -0.01), predicate="intersects").size == 0
    meshes = scene_meshes(read.buildings, 50.0, (0.0, 0.0, 1.0, 1.0), vegetation=table)
    (foliage,) = [mesh for mesh in meshes if mesh.layer == "vegetation"]
    assert foliage.material == "foliage"
    assert open_edges(foliage.face) == 0
    assert set(np.unique(foliage.building)) <= set(range(len(table)))
