"""Scenes on real ground: a hill under a city, switches that change what is built, footprints that add up."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from test_terrain import FRAME, hill_m, write_raster

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes._osmium import read_osm
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.buildings import BuildingTable, read_buildings
from iqatlas.scenes.clearance import containing_building
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.mesh import meshes_of
from iqatlas.scenes.mesh_quality import mesh_report
from iqatlas.scenes.scene import Scene
from iqatlas.scenes.spec import (
    ElevationTerrain,
    HoverReceivers,
    ListedSite,
    ListedSites,
    OsmFileBuildings,
    ReceiverPosition,
    SceneSpec,
)
from iqatlas.scenes.surfaces import projected

REAL = ["london-city.osm", "helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf"]
BBOX = (24.9352, 60.1622, 24.9450, 60.1680)
SITE = ListedSite(name="mast", longitude_deg=24.9402, latitude_deg=60.1650, height_m=60.0)
UAVS = HoverReceivers(
    positions=(
        ReceiverPosition(longitude_deg=24.9436, latitude_deg=60.165, altitude_m=120.0),
        ReceiverPosition(longitude_deg=24.9370, latitude_deg=60.165, altitude_m=120.0),
    )
)


def _scene(folder: Path, site: ListedSite = SITE, **settings: object) -> Scene:
    spec = SceneSpec(buildings=OsmFileBuildings(path="helsinki.osm.pbf"), bbox=BBOX, **settings)
    return build_scene("test", spec, ListedSites(sites=(site,)), UAVS, seed=7, base_folder=folder)


@pytest.fixture(scope="module")
def flat(shared_data: Path) -> Scene:
    """The scene without a switch, built once for all tests that only look at it."""
    return _scene(shared_data)


@lru_cache(maxsize=1)  # the tests of a file of the map follow one another
def _table(path: Path) -> BuildingTable:
    return read_buildings(
        path, frame=None, bbox=None, default_height_m=12.0, level_height_m=3.2, where="here"
    )


@pytest.fixture(scope="module")
def hill(tmp_path_factory: pytest.TempPathFactory) -> ElevationTerrain:
    path = write_raster(tmp_path_factory.mktemp("terrain") / "hill.tif", hill_m)
    return ElevationTerrain(path=path, step_m=20.0)


def _hill_at(scene: Scene, east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Return the drawn hill over the ground at the scene's origin, at places in the scene's frame."""
    x, y = FRAME.to_local(*scene.frame.to_geodetic(np.append(east, 0.0), np.append(north, 0.0)))
    height = hill_m(x, y)
    return height[:-1] - height[-1]


def test_a_hill_lifts_buildings_sites_and_uavs(
    shared_data: Path, flat: Scene, hill: ElevationTerrain
) -> None:
    lifted = _scene(shared_data, terrain=hill)
    rise = lifted.buildings["top_height_m"].to_numpy() - flat.buildings["top_height_m"].to_numpy()
    np.testing.assert_allclose(rise, lifted.buildings["ground_height_m"], atol=1e-9)
    height = lifted.buildings["top_height_m"] - lifted.buildings["base_height_m"]
    np.testing.assert_allclose(height, flat.buildings["top_height_m"] - flat.buildings["base_height_m"])
    own = lifted.buildings["base_height_m"] == lifted.buildings["ground_height_m"]
    for row in lifted.buildings[own].iloc[::20].itertuples():
        east, north = shapely.get_coordinates(row.geometry.exterior).T
        along = _hill_at(lifted, east.copy(), north.copy())
        # The grid's error is as below; the lowest point may be that of the building a part belongs to.
        assert row.ground_height_m <= along.min() + 0.24
    assert rise.max() > 20.0
    for place, before in zip(lifted.receivers.position_m[0], flat.receivers.position_m[0], strict=True):
        drawn = _hill_at(lifted, place[:1], place[1:2])[0]
        # A step of 20 m on a hill of 40 m and 150 m: 20²/8 · 2 · 40/150² is 0.18 m; and 6 cm of the pixels.
        assert place[2] - before[2] == pytest.approx(drawn, abs=0.24)
    assert lifted.sites[0].position_m[2] != flat.sites[0].position_m[2]
    assert (containing_building(lifted.buildings, lifted.receivers.position_m[0]) == -1).all()
    assert lifted.content_hash() != flat.content_hash()
    assert lifted.report["terrain"] == "hill.tif"
    assert flat.report["terrain"] == "flat"


def test_the_mesh_of_a_city_on_a_hill_is_closed_and_in_the_ground(
    shared_data: Path, hill: ElevationTerrain
) -> None:
    scene = _scene(shared_data, terrain=hill, vegetation=True)
    meshes = meshes_of(scene)
    assert mesh_report(meshes)["open_edges"] == 0
    for mesh in meshes:
        if mesh.layer == "surfaces":
            east, north, up = mesh.vertex_m.astype(np.float64).T.copy()
            # Float32 vertices on slopes below one in four.
            np.testing.assert_allclose(up, scene.ground.height_m(east, north), atol=1e-3)
    assert sum(len(mesh.face) for mesh in meshes if mesh.layer == "surfaces") < 40_000


def test_a_site_under_the_hill_is_refused(shared_data: Path, flat: Scene, tmp_path: Path) -> None:
    # A cliff through the middle of the widest building, which stands at its foot: one end is in the rock.
    footprint = flat.buildings.geometry
    bounds = footprint.bounds
    wide = int((bounds["maxx"] - bounds["minx"]).to_numpy().argmax())
    cliff_m = float(bounds["minx"].iloc[wide] + bounds["maxx"].iloc[wide]) / 2
    north_m = float(bounds["miny"].iloc[wide])
    drawn_m = float(FRAME.to_local(*flat.frame.to_geodetic(cliff_m, north_m))[0])
    steep = write_raster(
        tmp_path / "cliff.tif", lambda east, north: np.where(east > drawn_m, 300.0, 0.0), pixel_deg=2e-4
    )
    uphill = footprint.iloc[wide].intersection(shapely.box(cliff_m + 30, -5000, 5000, 5000))
    place = shapely.point_on_surface(uphill)
    longitude, latitude = flat.frame.to_geodetic(place.x, place.y)
    site = ListedSite(
        name="buried", longitude_deg=float(longitude), latitude_deg=float(latitude), height_m=150.0
    )
    with pytest.raises(SitesError, match=r"site buried is .* m under the ground"):
        _scene(shared_data, site, terrain=ElevationTerrain(path=steep, step_m=10.0))


def test_a_missing_elevation_file_is_named(shared_data: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.terrain\.path: no such file"):
        _scene(shared_data, terrain=ElevationTerrain(path="none.tif"))


def test_every_switch_changes_the_scene(shared_data: Path, flat: Scene) -> None:
    assert flat.vegetation is None and flat.surfaces is not None
    bare, green = _scene(shared_data, surfaces=False), _scene(shared_data, vegetation=True)
    assert bare.surfaces is None
    assert green.vegetation is not None and len(green.vegetation) > 50
    blunt = _scene(shared_data, roofs=False)
    assert "roof_shape" in flat.buildings and "roof_shape" not in blunt.buildings
    hashes = {scene.content_hash() for scene in (flat, bare, green, blunt)}
    assert len(hashes) == 4
    assert flat.content_hash() == _scene(shared_data).content_hash()


def test_roofs_are_counted_and_assumed_ones_stand_on_the_storeys(shared_data: Path) -> None:
    table = _table(shared_data / "london-city.osm")
    shapes = table.buildings["roof_shape"].value_counts()
    for shape in ("flat", "gabled", "hipped", "pyramidal", "dome"):
        assert table.report[f"roofs_{shape}"] == shapes.get(shape, 0)
    assert "1: shape 'mansard' is not built" in table.report["roofs_made_flat"]
    named = table.buildings.set_index("osm_id")
    # 30 St Mary Axe: a dome of 102 m on 78 m of walls.
    gherkin = named.loc["way/4959489"]
    assert (gherkin["roof_shape"], gherkin["roof_height_m"], gherkin["top_height_m"]) == (
        "dome",
        102.0,
        180.0,
    )
    # Three storeys of 3.2 m without a word on the roof's height.
    house = named.loc["way/82770825"]
    assert house["height_source"] == "levels"
    assert house["top_height_m"] == pytest.approx(9.6 + house["roof_height_m"])
    assert house["roof_height_m"] > 1.0


@pytest.mark.parametrize("name", REAL)
def test_footprints_add_up_to_what_is_mapped(shared_data: Path, name: str) -> None:
    table = _table(shared_data / name)
    standing = table.buildings[table.buildings["base_height_m"] == 0]
    # Nothing on the ground is counted twice: cuts are rounded to 1 mm.
    assert standing.area.sum() == pytest.approx(standing.union_all().area, rel=1e-6)
    features = read_osm(shared_data / name, where="here")
    above = [
        tags.get("location") != "underground" and not tags.get("layer", "0").startswith("-")
        for tags in features.tags
    ]
    frame: LocalFrame = table.frame
    mapped = shapely.union_all(
        shapely.make_valid(projected(features.geometry[np.array(above)], frame)), grid_size=0.001
    )
    # Of outlines that their parts cover to 90% the rest is dropped: 0.06% of Helsinki; elsewhere rounding.
    assert table.buildings.union_all().area == pytest.approx(mapped.area, rel=1e-3)
