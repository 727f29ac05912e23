"""Reading OpenStreetMap files: which features come out, and what becomes of broken files."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from xml.etree import ElementTree

import osmium
import pytest
import shapely

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes._osmium import OsmFeatures, read_osm

SQUARE = """
<node id="1" lat="60.000" lon="24.000"/><node id="2" lat="60.000" lon="24.001"/>
<node id="3" lat="60.001" lon="24.001"/><node id="4" lat="60.001" lon="24.000"/>
"""
COURT = """
<node id="5" lat="60.0004" lon="24.0004"/><node id="6" lat="60.0004" lon="24.0006"/>
<node id="7" lat="60.0006" lon="24.0006"/><node id="8" lat="60.0006" lon="24.0004"/>
"""
OUTER = '<nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>'
INNER = '<nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="8"/><nd ref="5"/>'
HOUSE = '<tag k="building" v="house"/>'


def _read(folder: Path, inside: str, name: str = "map.osm") -> OsmFeatures:
    path = folder / name
    path.write_text(f"<osm version='0.6'>{inside}</osm>")
    return read_osm(path, where="scene.buildings.path")


def test_a_closed_way_is_a_building(tmp_path: Path) -> None:
    features = _read(tmp_path, f'{SQUARE}<way id="9">{OUTER}{HOUSE}</way>')
    assert features.osm_id == ("way/9",)
    assert features.tags == ({"building": "house"},)
    # Coordinates are stored in steps of 1e-7 degrees, and these are multiples of it.
    assert shapely.equals(features.geometry[0], shapely.box(24.0, 60.0, 24.001, 60.001))


def test_towers_and_buildings_that_radiate_are_masts_at_their_centroid(tmp_path: Path) -> None:
    tower = '<tag k="man_made" v="tower"/><tag k="tower:type" v="communication"/>'
    house = f'{HOUSE}<tag k="communication:mobile_phone" v="yes"/>'
    look_out = '<tag k="man_made" v="tower"/><tag k="tower:type" v="observation"/>'
    ring = """<relation id="5"><member type="way" ref="12" role="outer"/>
        <member type="way" ref="13" role="inner"/><tag k="type" v="multipolygon"/>
        <tag k="telecom" v="tower"/></relation>"""
    features = _read(
        tmp_path,
        f"""{SQUARE}{COURT}<node id="20" lat="60.0" lon="24.0"><tag k="telecom" v="mast"/></node>
        <way id="9">{OUTER}{tower}</way><way id="10">{INNER}{house}</way>
        <way id="11">{OUTER}{look_out}</way><way id="12">{OUTER}</way><way id="13">{INNER}</way>{ring}""",
    )
    assert [mast.osm_id for mast in features.masts] == ["node/20", "way/9", "way/10", "relation/5"]
    # Coordinates are stored in steps of 1e-7 degrees.
    for mast in features.masts[1:3]:
        assert (mast.longitude_deg, mast.latitude_deg) == pytest.approx((24.0005, 60.0005), abs=1e-7)
    # The middle of the ring is its court, in which no antenna stands.
    assert not 24.0004 < features.masts[3].longitude_deg < 24.0006 or not (
        60.0004 < features.masts[3].latitude_deg < 60.0006
    )
    assert features.osm_id == ("way/10",) and features.land.osm_id == ()
    assert features.masts[1].tags["tower:type"] == "communication"


def test_a_multipolygon_has_its_courtyard(tmp_path: Path) -> None:
    features = _read(
        tmp_path,
        f"""{SQUARE}{COURT}<way id="9">{OUTER}</way><way id="10">{INNER}</way>
        <relation id="5"><member type="way" ref="9" role="outer"/><member type="way" ref="10" role="inner"/>
        <tag k="type" v="multipolygon"/><tag k="building" v="yes"/></relation>""",
    )
    assert features.osm_id == ("relation/5",)
    (polygon,) = features.geometry[0].geoms
    assert len(polygon.interiors) == 1
    # 1 - 0.2², in units of the outer square; coordinates are exact to 1e-7 of 1e-3 degrees.
    assert polygon.area == pytest.approx(0.96e-6, rel=1e-3)


def test_objects_out_of_order_are_sorted_and_the_newest_version_counts(tmp_path: Path) -> None:
    features = _read(
        tmp_path,
        f"""<way id="9" version="1">{OUTER}<tag k="building" v="shed"/></way>
        <way id="9" version="2">{OUTER}{HOUSE}</way>{SQUARE}""",
    )
    assert features.tags == ({"building": "house"},)
    assert not features.geometry[0].is_empty


def test_a_binary_map_out_of_order_is_sorted(tmp_path: Path, shared_data: Path) -> None:
    shuffled = tmp_path / "shuffled.osm.pbf"
    with osmium.SimpleWriter(str(shuffled)) as writer:
        for kind in (osmium.osm.RELATION, osmium.osm.WAY, osmium.osm.NODE):
            for item in osmium.FileProcessor(shared_data / "monaco.osm.pbf", kind):
                writer.add(item)
    straight = read_osm(shared_data / "monaco.osm.pbf", where="here")
    sorted_again = read_osm(shuffled, where="here")
    assert sorted_again.osm_id == straight.osm_id
    assert shapely.equals(sorted_again.geometry, straight.geometry).all()


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (f'<node id="1" lat="60" lon="24">{HOUSE}</node>', "mapped_as_point"),
        (f'{SQUARE}<way id="9">{OUTER}<tag k="building" v="no"/></way>', "tagged_no"),
        (f'<node id="1" lat="60" lon="24"/><way id="9">{OUTER}{HOUSE}</way>', "nodes_missing"),
        (f'{SQUARE}<way id="9"><nd ref="1"/><nd ref="2"/><nd ref="3"/>{HOUSE}</way>', "outline_open"),
        (f'{SQUARE}<way id="9"><nd ref="1"/><nd ref="2"/><nd ref="1"/>{HOUSE}</way>', "outline_broken"),
        (
            f"""{SQUARE}<relation id="9"><member type="way" ref="8" role="outer"/>{HOUSE}
            <tag k="type" v="multipolygon"/></relation>""",
            "members_missing_or_rings_broken",
        ),
        (f'<relation id="9">{HOUSE}<tag k="type" v="building"/></relation>', "relation_not_multipolygon"),
    ],
)
def test_what_has_no_area_is_dropped_with_its_reason(tmp_path: Path, inside: str, reason: str) -> None:
    features = _read(tmp_path, inside)
    assert features.osm_id == ()
    assert features.dropped == {reason: 1}
    assert features.read == 1


@pytest.mark.parametrize(
    ("tags", "radiates"),
    [
        ({"communication:mobile_phone": "yes"}, True),
        ({"communication:gsm": "no"}, False),
        ({"telecom": "bts"}, True),
        ({"telecom": "antenna"}, True),
        ({"telecom": "exchange"}, False),
        ({"tower:type": "communication", "man_made": "tower"}, True),
        ({"tower:type": "observation", "man_made": "tower"}, False),
        # Helsinki's node 615265665 is such a tower: a survey mark cut into a floor.
        ({"man_made": "tower", "layer": "-1"}, False),
        ({"man_made": "mast"}, False),
    ],
)
def test_which_nodes_are_radio_masts(tmp_path: Path, tags: dict[str, str], radiates: bool) -> None:
    written = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    features = _read(tmp_path, f'<node id="7" lat="60.5" lon="24.5">{written}</node>')
    assert [mast.osm_id for mast in features.masts] == (["node/7"] if radiates else [])
    for mast in features.masts:
        assert (mast.longitude_deg, mast.latitude_deg, mast.tags) == (24.5, 60.5, tags)


class _Count(osmium.SimpleHandler):
    """An independent count, through pyosmium's other interface."""

    def __init__(self) -> None:
        super().__init__()
        self.areas: dict[str, int] = {}
        self.keyed = 0

    def _is_keyed(self, item: osmium.osm.OSMObject) -> bool:
        return "building" in item.tags or "building:part" in item.tags

    def node(self, item: osmium.osm.Node) -> None:
        self.keyed += self._is_keyed(item)

    def way(self, item: osmium.osm.Way) -> None:
        self.keyed += self._is_keyed(item)

    def relation(self, item: osmium.osm.Relation) -> None:
        self.keyed += self._is_keyed(item)

    def area(self, item: osmium.osm.Area) -> None:
        if self._is_keyed(item) and item.num_rings()[0]:
            kind = "way" if item.from_way() else "relation"
            self.areas[f"{kind}/{item.orig_id()}"] = item.num_rings()[1]


@pytest.mark.parametrize("name", ["helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf"])
def test_binary_maps_hold_what_an_independent_count_finds(shared_data: Path, name: str) -> None:
    features = read_osm(shared_data / name, where="here")
    count = _Count()
    count.apply_file(str(shared_data / name), locations=True)
    assert features.read == count.keyed
    assert set(features.osm_id) == set(count.areas)
    assert len(features.osm_id) + sum(features.dropped.values()) == features.read
    holes = [sum(len(polygon.interiors) for polygon in geometry.geoms) for geometry in features.geometry]
    assert dict(zip(features.osm_id, holes, strict=True)) == count.areas


@pytest.mark.parametrize(
    ("name", "buildings", "with_height", "with_levels"),
    # What the data's own README says, less: 12 tagged building=no (London), 5 whose rings cross (New York).
    [
        ("helsinki.osm.pbf", 446, 16, 149),
        ("monaco.osm.pbf", 1283, 39, 462),
        ("nyc-lower-east-side.osm.pbf", 1307 - 5, 1289 - 5, 49),
        ("london-city.osm", 1797 - 12, 65, 469),
    ],
)
def test_real_maps_hold_the_buildings_they_are_known_for(
    shared_data: Path, name: str, buildings: int, with_height: int, with_levels: int
) -> None:
    features = read_osm(shared_data / name, where="here")
    tags = [tags for tags in features.tags if tags.get("building", "no") != "no"]
    assert len(tags) == buildings
    assert sum("height" in each for each in tags) == with_height
    assert sum("building:levels" in each for each in tags) == with_levels


def test_london_with_its_count_block_holds_what_its_xml_says(shared_data: Path) -> None:
    root = ElementTree.parse(shared_data / "london-city.osm").getroot()
    keyed = {
        f"{element.tag}/{element.attrib['id']}": tags
        for element in root
        if element.tag in {"node", "way", "relation"}
        and {"building", "building:part"}
        & (tags := {tag.attrib["k"]: tag.attrib["v"] for tag in element.iter("tag")}).keys()
    }
    features = read_osm(shared_data / "london-city.osm", where="here")
    assert features.read == len(keyed)
    assert features.dropped == {"mapped_as_point": 4, "tagged_no": 12}
    assert set(features.osm_id) < set(keyed)
    for osm_id, tags in zip(features.osm_id, features.tags, strict=True):
        # An area is no longer a relation of some type.
        assert tags == {key: value for key, value in keyed[osm_id].items() if key != "type"}


def test_helsinki_has_two_base_stations_and_no_survey_mark(shared_data: Path) -> None:
    masts = read_osm(shared_data / "helsinki.osm.pbf", where="here").masts
    assert [mast.osm_id for mast in masts] == ["node/1682211174", "node/3329837193"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.buildings\.path: no such file: .*gone\.osm"):
        read_osm(tmp_path / "gone.osm", where="scene.buildings.path")


@pytest.mark.parametrize("name", ["map.geojson", "map.osm.zip", "map.pbf2", "map"])
def test_another_suffix_is_refused_with_those_that_are_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(SceneError, match=r"accepted: a file that ends in \.osm, \.osm\.bz2, .*\.json"):
        read_osm(tmp_path / name, where="here")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.osm").mkdir()
    with pytest.raises(SceneError, match="not an OpenStreetMap file"):
        read_osm(tmp_path / "map.osm", where="here")


@pytest.mark.parametrize("name", ["map.osm", "map.osm.pbf"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"hello",
        random.Random(7).randbytes(5000),
        b"<html></html>",
        b"<osm><node id='1' lat='x' lon='5'/></osm>",
        b"<osm><node id='99999999999999999999999' lat='5' lon='5'/></osm>",
        b"<osm><way id='1'><nd ref='x'/></way></osm>",
        b"<osm><relation id='1'><member type='zoo' ref='1' role=''/></relation></osm>",
        b"<osm><way id='1'><tag k='building' v='" + b"x" * 300_000 + b"'/></way></osm>",
    ],
    ids=["empty", "zeros", "word", "noise", "html", "latitude", "large-id", "ref", "member", "long-value"],
)
def test_garbage_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SceneError, match=f"here: {name} is damaged or not OpenStreetMap data") as caught:
        read_osm(tmp_path / name, where="here")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("name", ["nyc-lower-east-side.osm.pbf", "london-city.osm"])
def test_a_truncated_file_is_refused(tmp_path: Path, shared_data: Path, name: str, part: float) -> None:
    whole = (shared_data / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(SceneError, match="is damaged"):
        read_osm(tmp_path / name, where="here")


def test_the_file_and_its_folder_are_left_as_they_were(tmp_path: Path, shared_data: Path) -> None:
    copy = tmp_path / "london-city.osm"
    shutil.copyfile(shared_data / "london-city.osm", copy)
    before = copy.read_bytes()
    read_osm(copy, where="here")
    assert copy.read_bytes() == before
    assert list(tmp_path.iterdir()) == [copy]
