"""Footprints from GeoJSON, GeoPackage and GeoParquet: the same buildings from each; bad rows go by name."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes import footprint_tables
from iqatlas.scenes._osmium import OsmFeatures
from iqatlas.scenes.footprint_files import MAX_VERTICES, read_footprints

FORMATS = ["map.geojson", "map.gpkg", "map.parquet"]
SQUARE = shapely.box(24.0, 60.0, 24.001, 60.001)


def _write(frame: gpd.GeoDataFrame, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coordinates that are no numbers are meant
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_file(path, driver={".gpkg": "GPKG", ".geojson": "GeoJSON"}[path.suffix], layer="houses")
    return path


def _frame(geometry: list[Any], crs: Any = 4326, **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns or {"n": range(len(geometry))}, geometry=geometry, crs=crs)


def _read(path: Path, **given: Any) -> OsmFeatures:
    return read_footprints(path, where="scene.buildings.path", **given)


@pytest.mark.parametrize("name", FORMATS)
def test_columns_become_tags(tmp_path: Path, name: str) -> None:
    boxes = [shapely.box(24 + 0.01 * i, 60, 24.001 + 0.01 * i, 60.001) for i in range(4)]
    frame = _frame(
        boxes, H=["12.5", "40 ft", None, "tall"], floors=[3, 0, 7, 2], wall=["brick", None, "", "glass"]
    )
    features = _read(
        _write(frame, tmp_path / name), height_column="H", levels_column="floors", material_column="wall"
    )
    assert features.osm_id == ("footprint/0", "footprint/1", "footprint/2", "footprint/3")
    assert features.tags[0] == {
        "building": "yes",
        "height": "12.5",
        "building:levels": "3",
        "building:material": "brick",
    }
    assert features.tags[1]["height"] == "40 ft" and "building:material" not in features.tags[1]
    assert "height" not in features.tags[2] and "building:material" not in features.tags[2]
    assert features.notes == {"heights_unreadable": 1}
    assert (features.read, features.dropped) == (4, {})


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("number", [np.float32(12.3), np.float64(12.3), 12])
def test_numbers_are_metres(tmp_path: Path, name: str, number: Any) -> None:
    path = _write(_frame([SQUARE], H=np.array([number])), tmp_path / name)
    assert float(_read(path, height_column="H").tags[0]["height"]) == pytest.approx(float(number), abs=1e-6)


@pytest.mark.parametrize("value", [float("nan"), 1e300, -5.0, None])
def test_heights_that_are_none_are_left_to_the_neighbours(tmp_path: Path, value: float | None) -> None:
    path = _write(_frame([SQUARE], H=np.array([value], dtype=float)), tmp_path / "map.parquet")
    features = _read(path, height_column="H")
    # What is given and can't be a height is counted, what isn't given is not.
    assert features.notes["heights_unreadable"] == int(value is not None and not np.isnan(value))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("crs", [4326, 3857, 3067])
def test_any_reference_system_ends_in_degrees(tmp_path: Path, name: str, crs: Any) -> None:
    frame = _frame([SQUARE])
    path = tmp_path / name
    if name == "map.geojson" and crs != 4326:
        # RFC 7946 knows degrees only; files of before it name another system.
        there = frame.to_crs(crs)
        tree = json.loads(there.to_json(to_wgs84=False))
        tree["crs"] = {"type": "name", "properties": {"name": str(there.crs.to_string())}}
        path.write_text(json.dumps(tree))
    else:
        _write(frame.to_crs(crs), path)
    (geometry,) = _read(path).geometry
    # Formats keep 1e-9 degrees or more; projections there and back agree to less than 1 mm, 1e-8 degrees.
    np.testing.assert_allclose(geometry.bounds, SQUARE.bounds, atol=1e-8)


BOW_TIE = shapely.Polygon([(24, 60), (24.001, 60.001), (24.001, 60), (24, 60.001)])
TOUCHING = shapely.Polygon([(24, 60), (24.001, 60), (24.001, 60.001), (24.0005, 60), (24, 60.001)])
BAD = {
    "no_geometry": None,
    "not_a_polygon": shapely.Point(24, 60),
    "outline_broken": BOW_TIE,
    "coordinates_off_the_earth": shapely.Polygon([(24, 60), (1e300, 60), (24, 61)]),
    "too_many_vertices": shapely.Point(24, 60).buffer(0.001, quad_segs=MAX_VERTICES // 4),
}


@pytest.mark.parametrize("name", FORMATS)
def test_bad_geometry_goes_by_name_and_the_rest_stays(tmp_path: Path, name: str) -> None:
    frame = _frame([*BAD.values(), SQUARE, TOUCHING])
    features = _read(_write(frame, tmp_path / name))
    assert features.dropped == dict.fromkeys(sorted(BAD), 1)
    assert features.read == len(frame)
    assert features.osm_id == (f"footprint/{len(BAD)}", f"footprint/{len(BAD) + 1}")
    assert shapely.is_valid(features.geometry).all()
    # Mended: two triangles of half the height's area each, in units of the square's.
    assert features.geometry[1].area == pytest.approx(0.5 * SQUARE.area, rel=1e-6)


def test_a_corner_that_is_no_number_drops_its_building(tmp_path: Path) -> None:
    with np.errstate(invalid="ignore"):
        nowhere = shapely.Polygon([(24, 60), (24.001, np.nan), (24, 60.001)])
    features = _read(_write(_frame([nowhere, SQUARE]), tmp_path / "map.parquet"))
    assert features.dropped == {"coordinates_off_the_earth": 1}


def test_a_million_tangled_corners_are_dropped_unmended(tmp_path: Path) -> None:
    corners = np.random.default_rng(7).random((1_000_000, 2)) * 0.01 + [24, 60]
    frame = _frame([shapely.Polygon(corners), shapely.Polygon(corners[: MAX_VERTICES - 1]), SQUARE])
    features = _read(_write(frame, tmp_path / "map.parquet"))
    assert features.dropped == {"outline_broken": 1, "too_many_vertices": 1}


def test_a_geopackage_of_two_layers_asks_which(tmp_path: Path) -> None:
    path = _write(_frame([SQUARE]), tmp_path / "map.gpkg")
    _frame([SQUARE, SQUARE]).to_file(path, driver="GPKG", layer="sheds")
    with pytest.raises(SceneError, match="2 layers; accepted: houses, sheds; name one of them as layer"):
        _read(path)
    assert _read(path, layer="sheds").read == 2
    with pytest.raises(SceneError, match="has no layer 'shed'"):
        _read(path, layer="shed")
    with pytest.raises(SceneError, match="has no layers"):
        _read(_write(_frame([SQUARE]), tmp_path / "map.parquet"), layer="sheds")


@pytest.mark.parametrize("name", FORMATS)
def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, name: str) -> None:
    path = _write(_frame([SQUARE], HEIGHT=[3.0]), tmp_path / name)
    with pytest.raises(SceneError, match=r"no column 'HEIGH'; accepted: HEIGHT; did you mean HEIGHT\?"):
        _read(path, height_column="HEIGH")


@pytest.mark.parametrize("name", ["map.gpkg", "map.parquet"])
def test_a_file_without_reference_system_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SceneError, match="names no coordinate reference system"):
        _read(_write(_frame([SQUARE], crs=None), tmp_path / name))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_file_is_refused(tmp_path: Path, name: str, part: float) -> None:
    frame = _frame([shapely.Point(24 + 0.01 * i, 60).buffer(0.001) for i in range(200)])
    whole = _write(frame, tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(SceneError, match="is damaged") as caught:
        _read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a file of footprints"),
        (b"<OGRVRTDataset><OGRVRTLayer name='x'/></OGRVRTDataset>", "not a file of footprints"),
        (b'{"type": "Polygon", "coordinates": []}', "no FeatureCollection"),
        (b'{"elements": []}', "kind: osm_file"),
        (b'{"type": "FeatureCollection", "features": [{"geometry": {"type": "Polygon", "a": NaN}}]}', "NaN"),
        (b'{"a":' * 200_000, "nested too deep"),
        (b'{"type": "FeatureCollection", "features": [5]}', "is damaged"),
        (
            b'{"type": "FeatureCollection", "crs": {"properties": {"name": "x"}}, "features": []}',
            "is damaged",
        ),
        (b"SQLite format 3\0" + b"x" * 5000, "is damaged"),
        (b"PAR1" + b"x" * 5000, "is damaged"),
    ],
    ids=["empty", "virtual", "polygon", "overpass", "nan", "deep", "feature", "crs", "sqlite", "parquet"],
)
def test_nonsense_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "map").write_bytes(content)
    with pytest.raises(SceneError, match=why) as caught:
        _read(tmp_path / "map")
    assert "\n" not in str(caught.value)


def test_a_geojson_geometry_that_makes_no_sense_goes_alone(tmp_path: Path) -> None:
    good = json.loads(shapely.to_geojson(SQUARE))
    bad = [{"type": "Polygon", "coordinates": [[[24, 60], [25, 60]]]}, {"type": "Zoo"}, {"type": "Polygon"}]
    features = [{"type": "Feature", "properties": None, "geometry": each} for each in [*bad, good]]
    (tmp_path / "map").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert _read(tmp_path / "map").dropped == {"geometry_unreadable": 3}


def test_parquet_that_unpacks_to_far_more_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint_tables, "MAX_UNPACKED_BYTES", 16 << 20)
    path = _write(_frame([SQUARE] * 2000, H=["9" * 100_000] * 2000), tmp_path / "map.parquet")
    # A value that is said once and repeated 2,000 times: 200 MB out of some 10 kB.
    assert path.stat().st_size < 1 << 20
    with pytest.raises(SceneError, match="holds more than a scene can take"):
        _read(path, height_column="H")
    assert _read(path).read == 2000


@pytest.mark.parametrize("name", FORMATS)
def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(footprint_tables, "MAX_ROWS", 3)
    with pytest.raises(SceneError, match="and 3 rows"):
        _read(_write(_frame([SQUARE] * 4), tmp_path / name))
    assert _read(_write(_frame([SQUARE] * 3), tmp_path / f"3{name}")).read == 3


def test_plain_parquet_is_refused_with_the_remedy(tmp_path: Path) -> None:
    pq.write_table(pa.table({"H": [1.0]}), tmp_path / "map.parquet")
    with pytest.raises(SceneError, match=r"without the metadata of GeoParquet.*to_parquet"):
        _read(tmp_path / "map.parquet")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.buildings\.path: no such file"):
        _read(tmp_path / "gone.gpkg")
