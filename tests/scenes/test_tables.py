"""Scene tables: what stands in a scene, in longitude and latitude, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.errors import StorageError
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import BUILDING_COLUMNS, Receivers, Scene, Site
from iqatlas.scenes.tables import (
    TABLE_FILES,
    buildings_table,
    receivers_table,
    sites_table,
    write_scene_tables,
)

FRAME = LocalFrame(24.9443, 60.1687)


@pytest.fixture
def scene() -> Scene:
    footprint = shapely.Polygon([(0, 0), (20, 0), (20, 30), (0, 30)], [[(5, 5), (15, 5), (15, 25), (5, 25)]])
    buildings = gpd.GeoDataFrame(
        {
            "osm_id": ["way/1", "relation/2"],
            "kind": ["office", "yes"],
            "base_height_m": [0.0, 3.0],
            "top_height_m": [20.0, 12.5],
            "height_source": ["tag", "default"],
            "material": ["concrete", "glass"],
        },
        geometry=[footprint, shapely.box(50, 60, 70, 80)],
        crs=FRAME.definition,
    )[list(BUILDING_COLUMNS)]
    longitude, latitude = (float(x) for x in FRAME.to_geodetic(100.0, -50.0))
    sites = (
        Site("a", longitude, latitude, (100.0, -50.0, 24.0), 43.0, 5, None, "spec", "placed in the spec"),
        Site("b", longitude, latitude, (100.0, -50.0, 44.0), 40.0, 7, 120.5, "roof", "OpenCelliD", "234-30"),
    )
    position = np.arange(18, dtype=np.float64).reshape(2, 3, 3) * 10 + 100
    receivers = Receivers(("u", "v", "w"), np.array([0.0, 1.5]), position, position / 100, "by hand")
    return Scene(
        "test", FRAME, (24.9352, 60.1642, 24.9534, 60.1732), buildings, sites, receivers, ("credit",)
    )


def test_buildings_keep_columns_holes_and_size(scene: Scene) -> None:
    table = buildings_table(scene)
    assert tuple(table.columns) == BUILDING_COLUMNS
    assert table.crs.to_epsg() == 4326
    assert len(table.geometry[0].interiors) == 1
    assert table["top_height_m"].tolist() == [20.0, 12.5]
    # There and back again; the projection is exact to micrometres in a city.
    back = table.to_crs(FRAME.definition)
    np.testing.assert_allclose(back.geometry.area, scene.buildings.geometry.area, rtol=1e-6)
    assert back.geometry.hausdorff_distance(scene.buildings.geometry, align=False).max() < 1e-4


def test_sites_hold_every_attribute(scene: Scene) -> None:
    table = sites_table(scene)
    assert table["name"].tolist() == ["a", "b"]
    assert table["height_m"].tolist() == [24.0, 44.0]
    assert table["cell_id"].tolist() == [5, 7]
    assert np.isnan(table["position_uncertainty_m"][0]) and table["position_uncertainty_m"][1] == 120.5
    assert table["operator"].isna().tolist() == [True, False]
    expected = {
        "power_dbm",
        "height_source",
        "provenance",
        "longitude_deg",
        "latitude_deg",
        "east_m",
        "north_m",
    }
    assert expected <= set(table.columns)
    east, north = FRAME.to_local(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
    np.testing.assert_allclose(np.stack([east, north]), [[100, 100], [-50, -50]], atol=1e-6)


def test_receivers_have_a_row_a_waypoint_and_receiver(scene: Scene) -> None:
    table = receivers_table(scene)
    assert list(zip(table["waypoint"], table["name"], strict=True)) == [
        (0, "u"), (0, "v"), (0, "w"), (1, "u"), (1, "v"), (1, "w"),
    ]  # fmt: skip
    assert table["time_s"].tolist() == [0.0, 0.0, 0.0, 1.5, 1.5, 1.5]
    stored = table[["east_m", "north_m", "altitude_m"]].to_numpy()
    np.testing.assert_array_equal(stored, scene.receivers.position_m.reshape(6, 3))
    velocity = table[["velocity_east_mps", "velocity_north_mps", "velocity_up_mps"]].to_numpy()
    np.testing.assert_array_equal(velocity, scene.receivers.velocity_mps.reshape(6, 3))
    east, north = FRAME.to_local(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
    np.testing.assert_allclose(np.stack([east, north], axis=-1), stored[:, :2], atol=1e-6)


def test_files_can_be_read_back_and_repeat_byte_for_byte(scene: Scene, tmp_path: Path) -> None:
    first = write_scene_tables(scene, tmp_path / "one" / "scene")
    again = write_scene_tables(scene, tmp_path / "two")
    assert [path.name for path in first] == list(TABLE_FILES)
    for path, other in zip(first, again, strict=True):
        assert path.read_bytes() == other.read_bytes()
    tables = (buildings_table(scene), sites_table(scene), receivers_table(scene))
    for path, table in zip(first, tables, strict=True):
        read = gpd.read_parquet(path)
        assert read.crs.to_epsg() == 4326
        assert list(read.columns) == list(table.columns)
        assert read.geometry.geom_equals(table.geometry).all()
        assert (read.drop(columns="geometry").isna() == table.drop(columns="geometry").isna()).all().all()


def test_a_folder_that_cannot_be_written_is_named(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file.*can't be written"):
        write_scene_tables(scene, tmp_path / "file")
