"""Buildings: from a map file to solids with heights and materials, with a tally that adds up."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes.buildings import BuildingTable, read_buildings
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.roofs import ROOF_COLUMNS
from iqatlas.scenes.scene import BUILDING_COLUMNS

REAL = ["helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf", "london-city.osm"]
FRAME = LocalFrame(24.0, 60.0)
Bbox = tuple[float, float, float, float]


def _read(path: Path, bbox: Bbox | None = None, frame: LocalFrame | None = None) -> BuildingTable:
    return read_buildings(
        path, frame=frame, bbox=bbox, default_height_m=12.0, level_height_m=3.0, where="scene.buildings"
    )


@lru_cache(maxsize=len(REAL))
def _whole(path: Path) -> BuildingTable:
    """Return all of a map, for tests that only look at it."""
    return _read(path)


def _map(folder: Path, *buildings: tuple[tuple[float, float, float, float], dict[str, str]]) -> Path:
    """Write a map of upright rectangles: west, south, east, north in metres about FRAME, and tags."""
    nodes, ways = [], []
    for number, (bounds, tags) in enumerate(buildings, start=1):
        x, y = np.array(shapely.box(*bounds).exterior.coords[:4]).T
        longitude, latitude = FRAME.to_geodetic(x, y)
        first = 10 * number
        nodes += [
            f'<node id="{first + place}" lat="{lat:.9f}" lon="{lon:.9f}"/>'
            for place, (lon, lat) in enumerate(zip(longitude, latitude, strict=True))
        ]
        refs = "".join(f'<nd ref="{first + place % 4}"/>' for place in range(5))
        written = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
        ways.append(f'<way id="{number}">{refs}{written}</way>')
    path = folder / "map.osm"
    path.write_text(f"<osm version='0.6'>{''.join(nodes)}{''.join(ways)}</osm>", encoding="utf-8")
    return path


def _made(folder: Path, *buildings: tuple[tuple[float, float, float, float], dict[str, str]]) -> pd.DataFrame:
    return _read(_map(folder, *buildings), frame=FRAME).buildings.set_index("osm_id")


YES = {"building": "yes"}
AT_0 = (0.0, 0.0, 20.0, 20.0)


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, shared_data: Path) -> BuildingTable:
    return _whole(shared_data / request.param)


def test_a_table_is_what_a_scene_takes(real: BuildingTable) -> None:
    buildings = real.buildings
    assert tuple(buildings.columns) == (*BUILDING_COLUMNS, *ROOF_COLUMNS)
    assert buildings.crs == real.frame.definition
    assert set(buildings.geom_type) == {"Polygon"}
    assert buildings.is_valid.all()
    assert (buildings.area >= 1.0).all()
    assert (buildings["base_height_m"] >= 0).all()
    assert (buildings["top_height_m"] > buildings["base_height_m"]).all()
    assert (buildings["top_height_m"] < 1000).all()
    assert list(buildings.index) == list(range(len(buildings)))


def test_every_feature_is_kept_or_dropped_for_a_reason(real: BuildingTable) -> None:
    report = real.report
    dropped = sum(count for key, count in report.items() if key.startswith("dropped_"))
    assert report["features_read"] == report["features_kept"] + dropped
    assert report["features_kept"] == real.buildings["osm_id"].nunique()
    assert report["rows"] == len(real.buildings)
    sources = real.buildings["height_source"].value_counts()
    for source in ("tag", "levels", "part", "neighbour", "default"):
        assert report[f"height_from_{source}"] == sources.get(source, 0)
    assert report["holes"] == sum(len(polygon.interiors) for polygon in real.buildings.geometry)
    assert report["overlaps_left"] == 0


def test_no_two_solids_share_volume(real: BuildingTable) -> None:
    footprint = real.buildings.geometry.to_numpy()
    base = real.buildings["base_height_m"].to_numpy()
    top = real.buildings["top_height_m"].to_numpy()
    first, second = shapely.STRtree(footprint).query(footprint, predicate="intersects")
    first, second = first[first < second], second[first < second]
    area = shapely.area(shapely.intersection(footprint[first], footprint[second]))
    depth = np.minimum(top[first], top[second]) - np.maximum(base[first], base[second])
    # Cuts are rounded to 1 mm: along a shared wall of 100 m that leaves up to 0.1 m², seldom more than 0.02.
    assert (area[depth > 0] < 0.02).all()


def test_what_stands_on_the_ground_covers_it_once(real: BuildingTable) -> None:
    grounded = real.buildings[real.buildings["base_height_m"] == 0].geometry.to_numpy()
    assert len(grounded) > 0.8 * len(real.buildings)
    union = shapely.area(shapely.union_all(grounded, grid_size=0.001))
    # Cuts are rounded to 1 mm, which nearly evens out over both sides of a wall: 0.02 m² of 1 km² is left.
    assert float(shapely.area(grounded).sum()) == pytest.approx(float(union), rel=1e-6)


def test_without_a_bbox_the_extent_of_all_buildings_counts(real: BuildingTable) -> None:
    west, south, east, north = real.bbox
    assert real.frame == LocalFrame(0.5 * (west + east), 0.5 * (south + north))
    x, y = real.frame.to_local(np.array([west, east]), np.array([south, north]))
    left, bottom, right, top = real.buildings.total_bounds
    # Dropped outlines may have reached farther, and meridians converge over the scene.
    assert left >= x[0] - 2 and bottom >= y[0] - 2 and right <= x[1] + 2 and top <= y[1] + 2


def test_a_table_goes_to_geoparquet_and_back(real: BuildingTable, tmp_path: Path) -> None:
    real.buildings.to_parquet(tmp_path / "buildings.parquet")
    back = gpd.read_parquet(tmp_path / "buildings.parquet")
    assert back.geom_equals_exact(real.buildings, tolerance=0.0).all()
    assert back.crs == real.buildings.crs
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.drop(columns="geometry")), pd.DataFrame(real.buildings.drop(columns="geometry"))
    )


def test_reading_twice_gives_the_same_bytes(
    real: BuildingTable, shared_data: Path, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["real"]
    once, again = real.buildings, _read(shared_data / name).buildings
    assert (once.geometry.to_wkb() == again.geometry.to_wkb()).all()
    pd.testing.assert_frame_equal(
        pd.DataFrame(once.drop(columns="geometry")), pd.DataFrame(again.drop(columns="geometry"))
    )


def test_a_bbox_takes_the_buildings_whose_inner_point_it_holds(shared_data: Path) -> None:
    path = shared_data / "monaco.osm.pbf"
    whole = _whole(path)
    bbox = (7.418, 43.733, 7.426, 43.740)
    part = _read(path, bbox=bbox)
    assert part.bbox == bbox
    assert part.frame == LocalFrame(0.5 * (bbox[0] + bbox[2]), 0.5 * (bbox[1] + bbox[3]))
    point = whole.buildings.representative_point()
    east, north = whole.frame.to_geodetic(point.x.to_numpy(), point.y.to_numpy())
    inside = (bbox[0] <= east) & (east <= bbox[2]) & (bbox[1] <= north) & (north <= bbox[3])
    chosen = set(part.buildings["osm_id"])
    # Points of cut footprints differ from those of the map's polygons: one building on the edge may differ.
    assert len(chosen ^ set(whole.buildings["osm_id"][inside])) <= 1
    assert 100 < len(chosen) < len(whole.buildings)
    both = part.buildings.merge(whole.buildings, on="osm_id", suffixes=("", "_whole"))
    # Neighbours outside the bbox lend their heights too.
    assert (both["top_height_m"] == both["top_height_m_whole"]).mean() == 1.0
    assert part.report["dropped_outside_bbox"] > 0


def test_masts_outside_the_bbox_are_left_out(shared_data: Path) -> None:
    path = shared_data / "helsinki.osm.pbf"
    assert len(_whole(path).masts) == 2
    north_of_one = _read(path, bbox=(24.94, 60.167, 24.95, 60.170))
    assert [mast.osm_id for mast in north_of_one.masts] == ["node/3329837193"]


def test_a_frame_that_is_given_is_used(tmp_path: Path) -> None:
    table = _read(_map(tmp_path, (AT_0, YES)), frame=FRAME)
    assert table.frame == FRAME
    # The map is written to 1e-9 degrees, pyosmium keeps 1e-7: 1.1 cm north, 0.6 cm east.
    np.testing.assert_allclose(table.buildings.total_bounds, AT_0, atol=0.012)


def test_where_heights_come_from(tmp_path: Path) -> None:
    houses = [
        ((40.0 * i, 0.0, 40.0 * i + 10, 10.0), {"building": "house", "height": "7"}) for i in range(1, 4)
    ]
    made = _made(
        tmp_path,
        *houses,
        ((0.0, 50.0, 10.0, 60.0), {"building": "house"}),
        ((40.0, 50.0, 50.0, 60.0), {"building": "house", "building:levels": "5"}),
        ((900.0, 0.0, 910.0, 10.0), {"building": "house"}),
        ((0.0, 100.0, 10.0, 110.0), {"building": "shed"}),
    )
    assert made["height_source"].tolist() == ["tag"] * 3 + ["neighbour", "levels", "default", "default"]
    assert made["top_height_m"].tolist() == [7, 7, 7, 7, 15, 12, 3]
    assert made["kind"].tolist() == ["house"] * 6 + ["shed"]
    assert made["material"].tolist() == ["brick"] * 6 + ["wood"]


def test_default_and_storey_heights_are_those_asked_for(tmp_path: Path) -> None:
    path = _map(tmp_path, (AT_0, YES), ((900.0, 0.0, 910.0, 10.0), YES | {"building:levels": "2"}))
    table = read_buildings(
        path, frame=None, bbox=None, default_height_m=25.0, level_height_m=4.0, where="scene.buildings"
    )
    assert table.buildings["top_height_m"].tolist() == [25.0, 8.0]


def test_parts_take_the_place_of_the_outline_they_cover(tmp_path: Path) -> None:
    part = {"building:part": "yes"}
    made = _made(
        tmp_path,
        (AT_0, {"building": "church", "height": "40", "building:material": "brick"}),
        ((0.0, 0.0, 20.0, 10.0), part | {"height": "15"}),
        ((0.0, 10.0, 20.0, 20.0), part | {"height": "40", "min_height": "10"}),
    )
    assert made.index.tolist() == ["way/2", "way/3"]
    assert made["base_height_m"].tolist() == [0, 10]
    assert made["top_height_m"].tolist() == [15, 40]
    assert made["kind"].tolist() == ["church", "church"]
    assert made["material"].tolist() == ["brick", "brick"]


def test_an_outline_with_few_parts_stays_around_them(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        (AT_0, YES | {"height": "40"}),
        ((0.0, 0.0, 20.0, 10.0), {"building:part": "yes", "height": "15"}),
    )
    assert made["top_height_m"].tolist() == [40, 15]  # the taller outline does not swallow its lower part
    np.testing.assert_allclose(made.geometry.area, [200.0, 200.0], atol=0.5)  # corners within 1.2 cm


def test_outline_and_parts_lend_each_other_their_heights(tmp_path: Path) -> None:
    made = _made(
        tmp_path,
        (AT_0, YES | {"height": "40"}),
        ((0.0, 0.0, 20.0, 10.0), {"building:part": "yes"}),
        ((500.0, 0.0, 520.0, 20.0), YES),
        ((500.0, 0.0, 505.0, 20.0), {"building:part": "yes", "height": "30"}),
    )
    assert made["top_height_m"].tolist() == [40, 40, 30, 30]
    assert made["height_source"].tolist() == ["tag", "part", "part", "tag"]


@pytest.mark.parametrize(
    ("tags", "base_m", "top_m"),
    [
        ({"height": "6"}, 5.5, 6.0),
        ({"height": "6", "min_height": "4"}, 4.0, 6.0),
        ({}, 4.0, 4.5),
    ],
)
def test_a_roof_is_an_open_canopy(tmp_path: Path, tags: dict[str, str], base_m: float, top_m: float) -> None:
    made = _made(tmp_path, (AT_0, {"building": "roof"} | tags))
    assert (made["base_height_m"].iloc[0], made["top_height_m"].iloc[0]) == (base_m, top_m)


def test_a_base_above_the_top_is_ignored_and_counted(tmp_path: Path) -> None:
    table = _read(_map(tmp_path, (AT_0, YES | {"height": "6", "min_height": "9"})))
    assert table.buildings["base_height_m"].tolist() == [0.0]
    assert table.report["min_height_ignored"] == 1


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"location": "underground"}, "underground"),
        ({"layer": "-1"}, "underground"),
        ({"building": "demolished"}, "not_standing"),
    ],
)
def test_what_is_not_above_the_ground_goes(tmp_path: Path, tags: dict[str, str], reason: str) -> None:
    table = _read(_map(tmp_path, (AT_0, YES), ((50.0, 0.0, 60.0, 10.0), YES | tags)))
    assert table.buildings["osm_id"].tolist() == ["way/1"]
    assert table.report[f"dropped_{reason}"] == 1


@pytest.mark.parametrize(
    "tags", [{"layer": "-1", "height": "10"}, {"layer": "1"}, {"layer": "low"}, {"layer": "-"}]
)
def test_a_layer_alone_hides_no_building_of_known_height(tmp_path: Path, tags: dict[str, str]) -> None:
    assert len(_made(tmp_path, (AT_0, YES | tags))) == 1


def test_duplicates_and_specks_go(tmp_path: Path) -> None:
    table = _read(
        _map(tmp_path, (AT_0, YES), (AT_0, YES | {"height": "9"}), ((50.0, 0.0, 50.5, 0.5), YES)), frame=FRAME
    )
    assert table.buildings["osm_id"].tolist() == ["way/2"]
    assert table.report["dropped_drawn_twice"] == 1
    assert table.report["dropped_smaller_than_1_m2"] == 1


def test_a_bbox_elsewhere_is_refused_with_the_extent_of_the_file(shared_data: Path) -> None:
    with pytest.raises(SceneError, match=r"extent \[7\.4090, 43\.7248, 7\.4394, 43\.7517\]"):
        _read(shared_data / "monaco.osm.pbf", bbox=(24.9, 60.1, 25.0, 60.2))


def test_a_bbox_between_the_buildings_is_refused(tmp_path: Path) -> None:
    path = _map(tmp_path, (AT_0, YES), ((900.0, 0.0, 910.0, 10.0), YES))
    with pytest.raises(SceneError, match=r"no buildings of map\.osm lie in the bbox"):
        _read(path, bbox=(24.005, 59.999, 24.006, 60.001))


def test_a_bbox_with_nothing_above_the_ground_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = _map(tmp_path, (AT_0, YES | {"location": "underground"}))
    with pytest.raises(SceneError, match="1 underground"):
        _read(path)


def test_a_map_without_buildings_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "map.osm"
    path.write_text('<osm><way id="1"><nd ref="1"/><tag k="building" v="yes"/></way></osm>')
    with pytest.raises(SceneError, match=r"holds no building that has an area \(1 nodes_missing\)"):
        _read(path)


def test_a_missing_file_is_named_with_the_place_in_the_spec(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.buildings: no such file"):
        _read(tmp_path / "map.osm")
