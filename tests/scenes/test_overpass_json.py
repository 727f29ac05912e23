"""Overpass JSON: the same features as the map that it was made from, in every form; nonsense is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from overpass_server import overpass_answer

from iqatlas.errors import SceneError
from iqatlas.scenes._osmium import OsmFeatures, read_osm
from iqatlas.scenes.overpass_json import read_overpass_json

REAL = [
    ("helsinki.osm.pbf", "geom"),
    ("monaco.osm.pbf", "body"),
    ("nyc-lower-east-side.osm.pbf", "body"),
]


def _read(folder: Path, elements: list[dict[str, Any]] | bytes) -> OsmFeatures:
    path = folder / "overpass.json"
    path.write_bytes(elements if isinstance(elements, bytes) else json.dumps({"elements": elements}).encode())
    return read_osm(path, where="here")


def _square(*, form: str = "body", number: int = 9) -> list[dict[str, Any]]:
    corners = [(60.0, 24.0), (60.0, 24.001), (60.001, 24.001), (60.001, 24.0)]
    nodes = [{"type": "node", "id": i, "lat": y, "lon": x} for i, (y, x) in enumerate(corners, start=1)]
    way: dict[str, Any] = {"type": "way", "id": number, "tags": {"building": "yes"}}
    if form == "body":
        return [*nodes, way | {"nodes": [1, 2, 3, 4, 1]}]
    ring = [{"lat": y, "lon": x} for y, x in [*corners, corners[0]]]
    return [way | {"geometry": ring} | ({"nodes": [1, 2, 3, 4, 1]} if form == "geom" else {})]


@pytest.mark.parametrize(("name", "form"), REAL)
def test_an_answer_holds_what_the_map_holds(tmp_path: Path, shared_data: Path, name: str, form: str) -> None:
    answer = _read(tmp_path, overpass_answer(shared_data / name, form=form))
    whole = read_osm(shared_data / name, where="here")
    assert answer.osm_id == whole.osm_id
    assert answer.tags == whole.tags
    assert answer.dropped == whole.dropped
    # Coordinates are kept in steps of 1e-7 degrees in both.
    assert shapely.equals(answer.geometry, whole.geometry).all()
    assert answer.masts == whole.masts


def test_a_skeleton_has_no_buildings(tmp_path: Path, shared_data: Path) -> None:
    features = _read(tmp_path, overpass_answer(shared_data / "nyc-lower-east-side.osm.pbf", form="skel"))
    assert features.read == 0 and features.osm_id == ()


@pytest.mark.parametrize("form", ["body", "geom", "geometry alone"])
def test_a_way_has_its_ring_in_every_form(tmp_path: Path, form: str) -> None:
    features = _read(tmp_path, _square(form=form))
    assert features.osm_id == ("way/9",)
    assert shapely.equals(features.geometry[0], shapely.box(24.0, 60.0, 24.001, 60.001))


def test_members_with_geometry_make_a_courtyard_without_their_ways(tmp_path: Path) -> None:
    def points(*corners: tuple[float, float]) -> list[dict[str, float]]:
        return [{"lat": y, "lon": x} for y, x in corners]

    relation = {
        "type": "relation",
        "id": 5,
        "tags": {"type": "multipolygon", "building": "yes"},
        "members": [
            # The outer ring comes in two ways that meet at two places.
            {
                "type": "way",
                "ref": 1,
                "role": "outer",
                "geometry": points((60, 24), (60, 24.01), (60.01, 24.01)),
            },
            {
                "type": "way",
                "ref": 2,
                "role": "outer",
                "geometry": points((60.01, 24.01), (60.01, 24), (60, 24)),
            },
            {
                "type": "way",
                "ref": 3,
                "role": "inner",
                "geometry": points((60.004, 24.004), (60.004, 24.006), (60.006, 24.006), (60.004, 24.004)),
            },
        ],
    }
    features = _read(tmp_path, [relation])
    assert features.osm_id == ("relation/5",)
    # 1 less half of 0.2², in units of the outer square; corners are exact to 1e-7 of 1e-2 degrees.
    assert features.geometry[0].area == pytest.approx(0.98e-4, rel=1e-4)


def test_order_and_repetition_do_not_matter(tmp_path: Path) -> None:
    elements = _square()
    skeleton = [{key: value for key, value in each.items() if key != "tags"} for each in elements]
    straight = _read(tmp_path, elements)
    # As "out body; >; out skel qt;" gives them.
    mixed = _read(tmp_path, [*reversed(elements), *skeleton])
    assert mixed.osm_id == straight.osm_id and mixed.tags == straight.tags
    assert shapely.equals(mixed.geometry, straight.geometry).all()


@pytest.mark.parametrize("lost", [{"lat": 1e300}, {"lat": 91}, {"lon": -181.0}, {"lat": None}])
def test_a_corner_off_the_earth_loses_its_building_by_name(tmp_path: Path, lost: dict[str, Any]) -> None:
    elements = _square()
    elements[2] |= lost
    if lost["lat" if "lat" in lost else "lon"] is None:
        del elements[2]["lat"]
    assert _read(tmp_path, elements).dropped == {"nodes_missing": 1}


def test_a_ring_cut_at_the_box_that_was_asked_for_is_dropped(tmp_path: Path) -> None:
    (way,) = _square(form="geometry alone")
    way["geometry"][2] = None
    assert _read(tmp_path, [way]).dropped == {"nodes_missing": 1}


def test_a_way_with_its_centre_only_is_dropped(tmp_path: Path) -> None:
    way = {"type": "way", "id": 9, "center": {"lat": 60, "lon": 24}, "tags": {"building": "yes"}}
    assert _read(tmp_path, [way]).dropped == {"nodes_missing": 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "not JSON"),
        (b'{"elements": 5}', "without a list of elements"),
        (b"[1, 2]", "without a list of elements"),
        (b'{"elements": [{"type": "way"}]}', "lacks what it needs"),
        (b'{"elements": [7]}', "lacks what it needs"),
        (b'{"elements": [{"type": "node", "id": 1e99, "lat": 1, "lon": 1}]}', "lacks what it needs"),
        (b'{"elements": [{"type": "node", "id": 1, "lat": NaN, "lon": 1}]}', "NaN is no number"),
        (b'{"elements": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deep"),
        (b'{"elements": [], "remark": "runtime error: Query timed out"}', "Query timed out"),
        (b'{"type": "FeatureCollection", "features": []}', "GeoJSON.*kind: footprints"),
    ],
    ids=["cut", "number", "list", "no-id", "no-object", "id", "nan", "deep", "remark", "geojson"],
)
def test_nonsense_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(SceneError, match=why) as caught:
        _read(tmp_path, content)
    assert "\n" not in str(caught.value) and "overpass.json" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["node", "way", "relation"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "id", "lat", "lon", "nodes", "members", "tags", "geometry", "ref"]),
            inner,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=60)
@given(elements=st.lists(JSON, max_size=5))
def test_whatever_the_elements_are_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, elements: list[Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({"elements": elements}))
    try:
        objects = read_overpass_json(path, name="any.json", where="here")
    except SceneError:
        return
    assert all(abs(x) <= 180 and abs(y) <= 90 for x, y, _ in objects.nodes.values())
