"""The bundled city: it is what the script makes of the public map, and it is credited."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.errors import SceneError
from iqatlas.scenes._osmium import OsmFeatures, read_osm
from iqatlas.scenes.buildings import read_buildings
from iqatlas.scenes.bundled import ATTRIBUTION, BUNDLED_BBOX, bundled_city_path
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.surfaces import find_surfaces
from iqatlas.scenes.terrain import FLAT_GROUND
from iqatlas.scenes.vegetation import find_vegetation


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_bundled_city.py"
    spec = importlib.util.spec_from_file_location("make_bundled_city", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clipped(
    script: ModuleType, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[int, ...]]:
    """Return what the script makes of the public map, and its counts."""
    path = tmp_path_factory.mktemp("clipped") / "clip.osm.pbf"
    return path, script.clip(shared_data / "helsinki.osm.pbf", path)


@pytest.fixture(scope="module")
def bundled() -> OsmFeatures:
    return read_osm(bundled_city_path("helsinki"), where="bundled")


@pytest.fixture(scope="module")
def whole(shared_data: Path) -> OsmFeatures:
    return read_osm(shared_data / "helsinki.osm.pbf", where="whole")


def test_the_bundled_map_is_what_the_script_makes(
    clipped: tuple[Path, tuple[int, ...]], bundled: OsmFeatures
) -> None:
    path, counts = clipped
    made = read_osm(path, where="made")
    assert bundled.osm_id == made.osm_id
    assert bundled.tags == made.tags
    assert bundled.masts == made.masts
    assert shapely.equals_exact(bundled.geometry, made.geometry).all()
    assert bundled.land.osm_id == made.land.osm_id and bundled.land.tags == made.land.tags
    assert shapely.equals_exact(bundled.land.geometry, made.land.geometry).all()
    assert counts == (len(made.osm_id), len(made.masts), len(made.land.osm_id))


def test_the_bundled_map_holds_the_same_as_the_whole_one_there(
    bundled: OsmFeatures, whole: OsmFeatures
) -> None:
    place = {osm_id: index for index, osm_id in enumerate(whole.osm_id)}
    chosen = [place[osm_id] for osm_id in bundled.osm_id]
    assert shapely.equals_exact(bundled.geometry, whole.geometry[chosen]).all()
    inside = shapely.covers(shapely.box(*BUNDLED_BBOX), shapely.point_on_surface(whole.geometry))
    assert len(chosen) == inside.sum()
    assert bundled.dropped == {}


def test_the_script_gives_the_same_bytes_each_time(
    script: ModuleType, clipped: tuple[Path, tuple[int, ...]], shared_data: Path, tmp_path: Path
) -> None:
    script.clip(shared_data / "helsinki.osm.pbf", tmp_path / "again.osm.pbf")
    assert (tmp_path / "again.osm.pbf").read_bytes() == clipped[0].read_bytes()


def test_tags_that_are_not_read_are_not_carried(script: ModuleType, bundled: OsmFeatures) -> None:
    tags = [*bundled.tags, *(mast.tags for mast in bundled.masts), *bundled.land.tags]
    assert all(key in script.TAGS or key.startswith(script.TAG_PREFIX) for each in tags for key in each)


def test_clipping_loses_no_tag_that_counts(shared_data: Path) -> None:
    arguments = {"frame": None, "bbox": BUNDLED_BBOX, "default_height_m": 12.0, "level_height_m": 3.2}
    bundled = read_buildings(bundled_city_path("helsinki"), where="bundled", **arguments).buildings
    whole = read_buildings(shared_data / "helsinki.osm.pbf", where="whole", **arguments).buildings
    tagged = whole["height_source"].isin(["tag", "levels"]).to_numpy()
    columns = ["osm_id", "kind", "base_height_m", "top_height_m", "material", "roof_shape", "roof_height_m"]
    both = bundled[columns].merge(whole.loc[tagged, columns], on="osm_id", suffixes=("", "_whole"))
    assert len(both) > 200
    for column in columns[1:]:
        assert (both[column] == both[f"{column}_whole"]).all()


def test_clipping_loses_no_ground_and_no_tree(bundled: OsmFeatures, whole: OsmFeatures) -> None:
    """Surfaces and foliage of the bbox are those that the whole map gives there."""
    tables = []
    for features in (bundled, whole):
        frame = LocalFrame(*np.mean(np.reshape(BUNDLED_BBOX, (2, 2)), axis=0).tolist())
        # The bbox in local metres is 1.01 km by 1.00 km about the origin: well inside it.
        bounds_m = (-450.0, -450.0, 450.0, 450.0)
        surfaces, report = find_surfaces(features.land, frame, bounds_m)
        roofless = gpd.GeoDataFrame(geometry=[], crs=frame.definition)
        trees, _ = find_vegetation(features.land, frame, bounds_m, roofless, FLAT_GROUND)
        tables.append((surfaces, trees))
        assert set(surfaces["material"]) == {"water", "paved_ground"}
        assert float(report["water_m2"]) > 500
    for here, there in zip(*tables, strict=True):
        assert len(here) > 5
        assert here["osm_id"].tolist() == there["osm_id"].tolist()
        assert here.area.sum() == pytest.approx(there.area.sum(), rel=1e-9)  # the same polygons, added up


def test_the_bundled_city_is_small_and_whole() -> None:
    path = bundled_city_path("helsinki")
    assert path.stat().st_size < 300_000
    table = read_buildings(
        path, frame=None, bbox=BUNDLED_BBOX, default_height_m=12.0, level_height_m=3.2, where="bundled"
    )
    west, south, east, north = table.buildings.total_bounds
    # About 1 km²: buildings on the edge stand out of the bbox by up to their own size.
    assert 0.9e6 < (east - west) * (north - south) < 1.2e6
    assert len(table.buildings) > 400
    assert [mast.osm_id for mast in table.masts] == ["node/1682211174", "node/3329837193"]
    assert table.masts[0].tags["communication:mobile_phone"] == "yes"
    assert table.masts[1].tags["telecom"] == "bts"


def test_the_city_is_credited_as_its_licence_asks(
    script: ModuleType, clipped: tuple[Path, tuple[int, ...]], shared_data: Path
) -> None:
    text = (bundled_city_path("helsinki").parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert text == script.attribution(shared_data / "helsinki.osm.pbf", *clipped[1])
    for words in ("© OpenStreetMap contributors", "ODbL 1.0", "openstreetmap.org/copyright"):
        assert words in text
        assert words in ATTRIBUTION
    assert "\n" not in ATTRIBUTION


def test_another_city_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SceneError, match="accepted: helsinki; did you mean helsinki"):
        bundled_city_path("helsnki")
    with pytest.raises(SceneError, match="osm_file"):
        bundled_city_path("x")
