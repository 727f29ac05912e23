"""Where a map lies is read from its header alone, and a bbox elsewhere is told why."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from iqatlas.errors import SceneError
from iqatlas.scenes.map_extent import map_extent, refuse_bbox_elsewhere
from iqatlas.scenes.spec import OsmFileBuildings, SceneSpec

BOUNDS = '<bounds minlat="51.5" minlon="-0.1" maxlat="51.6" maxlon="0.1"/>'
XML = f'<?xml version="1.0"?>\n<osm version="0.6"><note>x</note>{BOUNDS}<node id="1"/></osm>'.encode()
EXTENT = (-0.1, 51.5, 0.1, 51.6)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["plain", "gz", "bz2"])
def test_the_bounds_of_xml(tmp_path: Path, pack) -> None:
    path = tmp_path / "city.osm"
    path.write_bytes(pack(XML))
    assert map_extent(path) == EXTENT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<osm></osm>",
        XML.replace(b"51.6", b"51.4"),
        XML.replace(b"51.6", b"nan"),
        XML.replace(b"maxlat", b"top"),
        XML.replace(b"51.6", b"1" * 40),
        b"\x1f\x8b broken",
        b"BZh broken",
        b'{"elements": []}',
        b" " * 70_000 + XML,
        XML.replace(b"<node", b"<bounds minlat='1'/><node"),
        XML.replace(b"<node", f"<bounds {'x' * 500}/><node".encode()),
        XML.replace(b"<node", b" " * 70_000 + b"<bounds minlat='1'/><node"),
    ],
)
def test_what_tells_no_bounds_tells_nothing(tmp_path: Path, content: bytes) -> None:
    for name in ("city.osm", "city.osm.pbf"):
        path = tmp_path / name
        path.write_bytes(content)
        assert map_extent(path) is None
    assert map_extent(tmp_path / "none.osm") is None


def test_a_file_of_several_areas_has_the_extent_of_all(tmp_path: Path) -> None:
    """JOSM writes the bounds of each area that was fetched; a bbox in any of them is on the map."""
    far = b"<bounds minlat='50' minlon='-2' maxlat='51' maxlon='-1' origin='server' />"
    (tmp_path / "city.osm").write_bytes(XML.replace(b"<bounds", far + b"<bounds"))
    assert map_extent(tmp_path / "city.osm") == (-2, 50, 0.1, 51.6)
    city = OsmFileBuildings(path="city.osm")
    for bbox in (EXTENT, (-1.5, 50.2, -1.4, 50.3)):
        refuse_bbox_elsewhere(SceneSpec(buildings=city, bbox=bbox), base_folder=tmp_path)


def test_the_header_of_a_pbf(shared_data: Path) -> None:
    west, south, east, north = map_extent(shared_data / "monaco.osm.pbf")
    assert west < 7.42 < east and south < 43.735 < north


def test_a_bbox_elsewhere_is_refused_and_a_swapped_one_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "city.osm").write_bytes(XML)
    city = OsmFileBuildings(path="city.osm")
    for bbox in (None, EXTENT, (0.05, 51.55, 1, 52)):
        refuse_bbox_elsewhere(SceneSpec(buildings=city, bbox=bbox), base_folder=tmp_path)
    with pytest.raises(
        SceneError, match=r"lies off the map; accepted: .* within -0\.1000, 51\.5000"
    ) as caught:
        refuse_bbox_elsewhere(SceneSpec(buildings=city, bbox=(2, 48, 3, 49)), base_folder=tmp_path)
    assert "longitude comes first" not in str(caught.value)
    with pytest.raises(
        SceneError, match=r"longitude comes first: 24\.0000, 60\.0000, 25\.0000, 61\.0000 lies"
    ):
        refuse_bbox_elsewhere(SceneSpec(bbox=(60, 24, 61, 25)), base_folder=tmp_path)
