"""Sources of buildings: real maps as counted elsewhere; footprints equal the map they were made from."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely

from iqatlas.scenes import building_sources
from iqatlas.scenes._osmium import read_osm
from iqatlas.scenes.building_sources import SourcedBuildings, read_building_source
from iqatlas.scenes.spec import BundledBuildings, FootprintBuildings, OsmFileBuildings, SceneSpec

REAL = ["helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf", "london-city.osm"]


def _map(path: Path, imputation: str = "median", seed: int = 7) -> SourcedBuildings:
    spec = SceneSpec(buildings=OsmFileBuildings(path=path), imputation=imputation)
    return read_building_source(spec, seed=seed, base_folder=path.parent)


@lru_cache(maxsize=len(REAL))
def _map_once(path: Path) -> SourcedBuildings:
    """Return a map as it is read by default, for tests that only look at it."""
    return _map(path)


def _tops_m(source: SourcedBuildings) -> pd.Series:
    return source.table.buildings.groupby("osm_id")["top_height_m"].max()


@pytest.mark.parametrize("name", REAL)
def test_counts_and_shares_add_up(shared_data: Path, name: str) -> None:
    source = _map_once(shared_data / name)
    report = source.table.report
    dropped = sum(int(count) for key, count in report.items() if key.startswith("dropped_"))
    assert report["features_read"] == report["features_kept"] + dropped
    shares = [report[f"height_share_{each}"] for each in ("tag", "levels", "part", "neighbour", "default")]
    assert sum(shares) == pytest.approx(1.0, abs=5 * 0.5e-4)  # each is rounded to four digits
    assert shares[0] == pytest.approx(report["height_from_tag"] / report["rows"], abs=0.5e-4)
    assert "ODbL" in source.attribution and source.archive == {}


@pytest.mark.parametrize("name", REAL[:3])
def test_what_is_read_is_what_osmium_counts(shared_data: Path, name: str) -> None:
    keys = osmium.filter.KeyFilter("building", "building:part")
    counted = sum(1 for _ in osmium.FileProcessor(shared_data / name).with_filter(keys))
    assert _map_once(shared_data / name).table.report["features_read"] == counted


def test_footprints_of_a_city_make_the_same_city(tmp_path: Path, shared_data: Path) -> None:
    name = "nyc-lower-east-side.osm.pbf"
    features = read_osm(shared_data / name, where="here")
    columns = {
        key: [tags.get(key) for tags in features.tags] for key in ("height", "building:levels", "building")
    }
    frame = gpd.GeoDataFrame(columns, geometry=features.geometry, crs=4326)
    frame.to_crs(32618).to_file(tmp_path / "nyc.gpkg", layer="houses")
    buildings = FootprintBuildings(
        path="nyc.gpkg",
        height_column="height",
        levels_column="building:levels",
        kind_column="building",
        licence="ODbL-1.0",
        attribution="OpenStreetMap",
    )
    source = read_building_source(SceneSpec(buildings=buildings), seed=7, base_folder=tmp_path)
    expected = _map(shared_data / name).table.buildings
    made = source.table.buildings
    numbers = made["osm_id"].str.removeprefix("footprint/").astype(int)
    made["osm_id"] = [features.osm_id[number] for number in numbers]
    both = made.merge(expected, on="osm_id", suffixes=("", "_expected")).drop_duplicates("osm_id")
    # Parts are buildings like others in a file of footprints, and 1.5% of the features here are parts.
    assert len(both) > 0.98 * expected["osm_id"].nunique()
    assert np.mean(both["top_height_m"] == both["top_height_m_expected"]) > 0.98
    area, expected_area = (shapely.area(both[each].to_numpy()) for each in ("geometry", "geometry_expected"))
    # There and back through UTM moves corners by less than 1 mm, the step that footprints are rounded to.
    assert np.mean(np.isclose(area, expected_area, rtol=1e-3)) > 0.97
    assert "nyc.gpkg" in source.attribution and "ODbL-1.0" in source.attribution
    assert "OpenStreetMap" in source.attribution


def test_drawn_heights_follow_seed_and_identity(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building_sources, "read_osm", cache(building_sources.read_osm))
    path = shared_data / "monaco.osm.pbf"
    median, drawn, other = _map_once(path), _map(path, "sampled"), _map(path, "sampled", seed=8)
    again = _map(path, "sampled")
    assert again.table.buildings.equals(drawn.table.buildings)
    of_neighbour = median.table.buildings.query("height_source == 'neighbour'")["osm_id"].unique()
    tops = [_tops_m(each)[of_neighbour].to_numpy() for each in (median, drawn, other)]
    assert len(of_neighbour) > 300
    assert np.mean(tops[1] != tops[2]) > 0.5
    # Drawn heights spread as the known ones do, medians hug the middle.
    assert tops[1].std() > 1.3 * tops[0].std()
    # The seed moves nothing where nothing is drawn.
    assert _map(path, seed=8).table.buildings.equals(median.table.buildings)
    # A building is as high in a cut-out as in the whole, its neighbours being read too.
    bbox = (7.418, 43.733, 7.426, 43.740)
    spec = SceneSpec(buildings=OsmFileBuildings(path=path), imputation="sampled", bbox=bbox)
    part = _tops_m(read_building_source(spec, seed=7, base_folder=path.parent))
    assert len(part) > 100 and (part == _tops_m(drawn)[part.index]).mean() > 0.99


def test_london_becomes_a_table(shared_data: Path) -> None:
    source = _map(shared_data / "london-city.osm")
    assert len(source.table.buildings) > 1700


def test_the_bundled_city_needs_no_folder(tmp_path: Path) -> None:
    source = read_building_source(SceneSpec(buildings=BundledBuildings()), seed=7, base_folder=tmp_path)
    assert len(source.table.buildings) > 400
