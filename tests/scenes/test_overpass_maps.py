"""Maps from servers: a local one answers well, late, busily, in garbage; each ends in a map or one line."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import osmnx
import pytest
import shapely
from overpass_server import MapServer, Reply, map_server, overpass_answer

from iqatlas.errors import MissingFileError, SceneError, StorageError
from iqatlas.scenes import overpass, overpass_maps
from iqatlas.scenes.building_sources import SourcedBuildings, read_building_source
from iqatlas.scenes.overpass_maps import fetch_overpass_map
from iqatlas.scenes.spec import OsmFileBuildings, OverpassBuildings, SceneSpec

BBOX = (-73.991, 40.718, -73.988, 40.721)
EMPTY = b'{"version": 0.6, "elements": []}'
GARBAGE = b"<html><body>runtime error: open64: 0 Success /osm3s_osm_base\n</body></html>"
TIMED_OUT = b'{"version": 0.6, "elements": [], "remark": "runtime error: Query timed out in \\"query\\""}'


@pytest.fixture(scope="module")
def answer() -> bytes:
    """Four hundred houses on a grid over the bbox, as Overpass gives them."""
    elements: list[dict[str, Any]] = []
    for number in range(400):
        west, south = BBOX[0] + 0.00015 * (number % 20), BBOX[1] + 0.00015 * (number // 20)
        corners = [(west, south), (west + 1e-4, south), (west + 1e-4, south + 1e-4), (west, south + 1e-4)]
        nodes = [1 + 4 * number + each for each in range(4)]
        elements += [
            {"type": "node", "id": node, "lon": x, "lat": y}
            for node, (x, y) in zip(nodes, corners, strict=True)
        ]
        tags = {"building": "house", "height": str(5 + number % 7)}
        elements.append({"type": "way", "id": 1 + number, "nodes": [*nodes, nodes[0]], "tags": tags})
    return json.dumps({"version": 0.6, "elements": elements}).encode()


@pytest.fixture(autouse=True)
def waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No wait between tries, and a cache of one's own."""
    waited: list[float] = []
    monkeypatch.setattr(overpass, "wait", waited.append)
    monkeypatch.setenv("IQATLAS_CACHE_DIR", str(tmp_path / "cache"))
    return waited


def _spec(server: MapServer, **given: Any) -> SceneSpec:
    bbox = given.pop("bbox", BBOX)
    return SceneSpec(
        buildings=OverpassBuildings(endpoint=server.url, geocoder=server.url, **given), bbox=bbox
    )


def _read(spec: SceneSpec, folder: Path) -> SourcedBuildings:
    return read_building_source(spec, seed=7, base_folder=folder)


def test_a_bbox_gives_the_buildings_that_the_extract_gives(tmp_path: Path, shared_data: Path) -> None:
    recorded = overpass_answer(shared_data / "nyc-lower-east-side.osm.pbf")
    with map_server(Reply(recorded)) as server:
        source = _read(_spec(server), tmp_path)
    extract = SceneSpec(
        buildings=OsmFileBuildings(path=shared_data / "nyc-lower-east-side.osm.pbf"), bbox=BBOX
    )
    expected = _read(extract, tmp_path).table.buildings
    assert source.table.buildings["osm_id"].tolist() == expected["osm_id"].tolist()
    assert source.table.buildings["top_height_m"].tolist() == expected["top_height_m"].tolist()
    assert source.table.buildings.geometry.to_wkb().tolist() == expected.geometry.to_wkb().tolist()
    # What is asked: whole features with all their nodes, buildings, parts and masts.
    assert len(server.asked) == 1
    query = server.asked[0]
    assert query.startswith("[out:json][timeout:180]")
    for key in ("building", "building:part", "telecom", "communication:mobile_phone"):
        assert f"['{key}'" in query
    # A belt of 300 m, that neighbours' heights come from: 0.0027° of latitude.
    corners = query.split("(poly:'")[1].split("'")[0].split()
    south = min(map(float, corners[::2]))
    assert south == pytest.approx(BBOX[1] - 320 / 111_050, abs=1e-4)


def test_the_answer_is_archived_as_it_came_with_its_date(tmp_path: Path, answer: bytes) -> None:
    with map_server(Reply(answer)) as server:
        source = _read(_spec(server), tmp_path)
    assert set(source.archive) == {"overpass.json", "overpass-request.json"}
    assert source.archive["overpass.json"] == answer
    request = json.loads(source.archive["overpass-request.json"])
    assert request["retrieved"] == source.report["overpass_retrieved"]
    assert request["endpoint"] == server.url and request["bbox"] == list(BBOX)
    assert "ODbL" in source.attribution


def test_an_answer_is_asked_for_once(tmp_path: Path, answer: bytes) -> None:
    with map_server(Reply(answer)) as server:
        first = _read(_spec(server), tmp_path)
        again = _read(_spec(server), tmp_path)
        assert len(server.asked) == 1
        assert again.archive == first.archive
        # Another moment is another question.
        _read(_spec(server, date="2024-05-01T00:00:00Z"), tmp_path)
    assert len(server.asked) == 2
    assert '[date:"2024-05-01T00:00:00Z"]' in server.asked[1]


def test_a_stored_answer_that_was_altered_is_asked_for_again(tmp_path: Path, answer: bytes) -> None:
    with map_server(Reply(answer)) as server:
        fetched = fetch_overpass_map(_spec(server), base_folder=tmp_path)
        fetched.map.path.write_bytes(answer[:1000])
        again = fetch_overpass_map(_spec(server), base_folder=tmp_path)
        assert len(server.asked) == 2
    assert again.map.content() == answer


def test_years_later_the_archive_stands_in_for_the_servers(tmp_path: Path, answer: bytes) -> None:
    with map_server(Reply(answer)) as server:
        spec = _spec(server)
        source = _read(spec, tmp_path)
    folder = tmp_path / "corpus" / "scene"
    folder.mkdir(parents=True)
    for name, content in source.archive.items():
        (folder / name).write_bytes(content)
    later = spec.model_copy(
        update={"buildings": spec.buildings.model_copy(update={"archive": Path("corpus/scene")})}
    )
    rebuilt = _read(later, tmp_path)
    assert rebuilt.archive == source.archive
    assert rebuilt.table.buildings.equals(source.table.buildings)
    # The answer alone is a map file like any other.
    as_file = SceneSpec(buildings=OsmFileBuildings(path=folder / "overpass.json"), bbox=BBOX)
    assert _read(as_file, tmp_path).table.buildings.equals(source.table.buildings)
    (folder / "overpass.json").write_bytes(answer + b" ")
    with pytest.raises(SceneError, match=r"overpass\.json is not what overpass-request\.json says"):
        _read(later, tmp_path)
    (folder / "overpass.json").unlink()
    with pytest.raises(MissingFileError, match=r"scene\.buildings\.archive: no such file"):
        _read(later, tmp_path)


def _place(outline: dict[str, Any]) -> Reply:
    west, south, east, north = shapely.from_geojson(json.dumps(outline)).bounds
    result = {
        "place_id": 1,
        "osm_type": "relation",
        "osm_id": 2,
        "lat": "60.168",
        "lon": "24.943",
        "display_name": "Somewhere",
        "importance": 0.5,
        "boundingbox": [str(south), str(north), str(west), str(east)],
        "geojson": outline,
    }
    return Reply(json.dumps([result]).encode())


def test_a_place_gives_the_buildings_inside_its_outline(tmp_path: Path, answer: bytes) -> None:
    triangle = shapely.Polygon([(-73.992, 40.7175), (-73.987, 40.7175), (-73.990, 40.7210)])
    with map_server(_place(json.loads(shapely.to_geojson(triangle))), Reply(answer)) as server:
        spec = _spec(server, place="Kamppi, Helsinki", bbox=None)
        source = _read(spec, tmp_path)
        assert "q=Kamppi%2C+Helsinki" in server.asked[0]
        both = _read(_spec(server, place="Kamppi, Helsinki", bbox=(*BBOX[:2], -73.9898, BBOX[3])), tmp_path)
    table = source.table
    assert len(table.buildings) > 50
    assert table.bbox == triangle.bounds
    points = table.buildings.representative_point()
    degrees = shapely.points(*table.frame.to_geodetic(points.x.to_numpy(), points.y.to_numpy()))
    # Points of cut footprints differ from those of the map's polygons: a building on the edge may differ.
    assert shapely.contains(triangle, degrees).mean() > 0.98
    assert set(source.archive) == {
        "overpass.json",
        "overpass-request.json",
        "place.geojson",
        "place-request.json",
    }
    # With a bbox too, what lies in both.
    assert 0 < len(both.table.buildings) < len(table.buildings)
    assert set(both.table.buildings["osm_id"]) < set(table.buildings["osm_id"])


def test_a_place_that_is_asked_of_another_server(tmp_path: Path, answer: bytes) -> None:
    outline = json.loads(shapely.to_geojson(shapely.box(*BBOX)))
    with map_server(_place(outline)) as names, map_server(Reply(answer)) as maps:
        buildings = OverpassBuildings(endpoint=maps.url, geocoder=names.url, place="Kamppi, Helsinki")
        source = _read(SceneSpec(buildings=buildings), tmp_path)
        assert (len(names.asked), len(maps.asked)) == (1, 1)
    assert len(source.table.buildings) > 50


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (Reply(b"[]"), "no place 'Atlantis' is known"),
        (_place({"type": "Point", "coordinates": [24.9, 60.1]}), "'Atlantis' has no outline"),
        (Reply(b"[]", status=403), "refuses the question .HTTP 403"),
        (Reply(GARBAGE), "not JSON: <html>"),
        (
            _place({"type": "Polygon", "coordinates": [[[20, 50], [30, 50], [30, 60], [20, 50]]]}),
            "km².*up to 400",
        ),
        (_place({"type": "Polygon", "coordinates": [[[9, 5], [9.1, 5], [9.1, 6], [9, 5]]]}), "outside.*bbox"),
    ],
    ids=["unknown", "point", "forbidden", "garbage", "continent", "elsewhere"],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, reply: Reply, what: str) -> None:
    bbox = BBOX if "bbox" in what else None
    with map_server(reply) as server, pytest.raises(SceneError, match=what) as caught:
        _read(_spec(server, place="Atlantis", bbox=bbox, attempts=1), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=429, headers={"Retry-After": "60"}),
        Reply(GARBAGE, status=504),
        Reply(status=502),
        Reply(GARBAGE),
        Reply(TIMED_OUT),
        Reply(b'{"answer": 42}'),
        Reply(b'{"elements": [', cut=True),
        Reply(EMPTY, late_s=1.5),
        Reply(EMPTY, drop_s=0.1),
    ],
    ids=["429", "504", "502", "garbage", "timed-out", "no-map", "cut", "slow", "drip"],
)
def test_trouble_that_passes_is_waited_out(
    tmp_path: Path, answer: bytes, waits: list[float], trouble: Reply
) -> None:
    with map_server(trouble, trouble, Reply(answer)) as server:
        source = _read(_spec(server, timeout_s=1 if trouble.body == EMPTY else 30), tmp_path)
        assert len(server.asked) == 3
    assert source.archive["overpass.json"] == answer
    # 4 s, doubled from try to try, and as long as the server asks for.
    assert waits == ([60.0, 60.0] if trouble.status == 429 else [4.0, 8.0])


@pytest.mark.parametrize(
    ("trouble", "what"),
    [
        (Reply(status=429), r"gave no map in 3 tries \(HTTP 429"),
        (Reply(GARBAGE), r"gave no map in 3 tries \(an answer that is not JSON: <html>"),
        (Reply(TIMED_OUT), r"Query timed out"),
        (Reply(GARBAGE, status=400), r"refuses the question \(HTTP 400"),
        (Reply(EMPTY, status=404), r"refuses the question \(HTTP 404"),
        (Reply(EMPTY), "holds no building"),
        (Reply(b'{"elements": [{"type": "way"}]}'), "lacks what it needs"),
    ],
    ids=["429", "garbage", "timed-out", "400", "404", "empty", "odd"],
)
def test_trouble_that_stays_ends_in_one_line(tmp_path: Path, trouble: Reply, what: str) -> None:
    with map_server(trouble) as server, pytest.raises(SceneError, match=what) as caught:
        _read(_spec(server, attempts=3), tmp_path)
    assert "\n" not in str(caught.value)
    # What can't change is asked once.
    assert len(server.asked) == (3 if "tries" in what or "Query" in what else 1)


def test_a_server_that_is_not_there_ends_in_one_line(tmp_path: Path, waits: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    spec = SceneSpec(buildings=OverpassBuildings(endpoint=url, attempts=4), bbox=BBOX)
    with pytest.raises(SceneError, match=r"gave no map in 4 tries .*kind: osm_file") as caught:
        _read(spec, tmp_path)
    assert "\n" not in str(caught.value)
    assert waits == [4.0, 8.0, 16.0]


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overpass, "MAX_ANSWER_BYTES", 100_000)
    with map_server(Reply(b" " * 1_000_000)) as server, pytest.raises(SceneError, match="sends more than"):
        _read(_spec(server), tmp_path)


def test_a_bbox_of_a_country_is_not_asked_for(tmp_path: Path) -> None:
    with map_server(Reply(EMPTY)) as server:
        with pytest.raises(SceneError, match=r"scene\.bbox: the area spans .* km².*smaller"):
            _read(_spec(server, bbox=(20.0, 59.0, 30.0, 65.0)), tmp_path)
        assert server.asked == []


def test_osmnx_and_the_resolver_are_left_as_they_were(tmp_path: Path, answer: bytes) -> None:
    names = [name for name in vars(osmnx.settings) if not name.startswith("_")]
    before = {name: getattr(osmnx.settings, name) for name in names}
    resolver = socket.getaddrinfo
    with map_server(Reply(answer)) as server:
        _read(_spec(server), tmp_path)
    with map_server(Reply(status=404)) as server, pytest.raises(SceneError):
        _read(_spec(server), tmp_path)
    assert {name: getattr(osmnx.settings, name) for name in names} == before
    assert socket.getaddrinfo is resolver
    assert not (tmp_path / "cache" / "overpass").exists() and not Path("cache").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, answer: bytes) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with map_server(Reply(answer)) as server, pytest.raises(StorageError, match="IQATLAS_CACHE_DIR"):
        fetch_overpass_map(_spec(server), base_folder=tmp_path, cache_folder=blocked)


def test_a_spec_without_place_and_bbox_is_refused() -> None:
    with pytest.raises(ValueError, match="need a place, or the scene a bbox"):
        SceneSpec(buildings=OverpassBuildings())


def test_stored_answers_need_no_osmnx(tmp_path: Path, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with map_server(Reply(answer)) as server:
        spec = _spec(server)
        fetch_overpass_map(spec, base_folder=tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "iqatlas.scenes.overpass", None)
    assert fetch_overpass_map(spec, base_folder=tmp_path).map.content() == answer
    with pytest.raises(ImportError):
        other = spec.model_copy(update={"bbox": (-73.991, 40.718, -73.989, 40.721)})
        overpass_maps.fetch_overpass_map(other, base_folder=tmp_path)
