"""Map files by content: compressed ones equal plain ones; bombs, cut and endless files end in one line."""

from __future__ import annotations

import bz2
import gzip
import tracemalloc
import zlib
from pathlib import Path

import osmium
import pytest
import shapely
from osmium.osm import mutable

from iqatlas.errors import SceneError
from iqatlas.scenes import _osmium, map_content, osm_xml
from iqatlas.scenes._osmium import read_osm
from iqatlas.scenes.map_content import plain_map

SQUARE = (
    b"<osm version='0.6'>"
    + b"".join(
        b"<node id='%d' lat='%s' lon='%s'/>" % (number, lat, lon)
        for number, (lat, lon) in enumerate(
            [(b"60.000", b"24.000"), (b"60.000", b"24.001"), (b"60.001", b"24.001"), (b"60.001", b"24.000")],
            1,
        )
    )
    + b"<way id='9'>%s<tag k='building' v='yes'/></way></osm>"
    % b"".join(b"<nd ref='%d'/>" % number for number in (1, 2, 3, 4, 1))
)


def test_a_compressed_map_is_the_plain_one(tmp_path: Path, shared_data: Path) -> None:
    packed = tmp_path / "london-city.osm.bz2"
    packed.write_bytes(bz2.compress((shared_data / "london-city.osm").read_bytes(), 1))
    plain = read_osm(shared_data / "london-city.osm", where="here")
    features = read_osm(packed, where="here")
    assert features.osm_id == plain.osm_id and features.dropped == plain.dropped
    assert shapely.equals(features.geometry, plain.geometry).all()


@pytest.mark.parametrize("name", ["map.osm", "map.osm.bz2", "map.osm.gz", "map.osm.pbf", "map.json"])
@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress])
def test_the_content_counts_not_the_suffix(tmp_path: Path, name: str, pack) -> None:
    (tmp_path / name).write_bytes(pack(SQUARE))
    assert read_osm(tmp_path / name, where="here").osm_id == ("way/9",)


def test_two_streams_in_a_row_are_one_map(tmp_path: Path) -> None:
    # As parallel compressors write them.
    (tmp_path / "map.osm.bz2").write_bytes(bz2.compress(SQUARE[:100]) + bz2.compress(SQUARE[100:]))
    assert read_osm(tmp_path / "map.osm.bz2", where="here").osm_id == ("way/9",)


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path, pack) -> None:
    bomb = tmp_path / "map.osm.bz2"
    bomb.write_bytes(pack(bytes(64 << 20)))
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(SceneError, match=r"map\.osm\.bz2 holds more map than a scene can take"):
        plain_map(bomb, folder, where="here")
    # A kilobyte's worth of file may take 16 MiB of slack and 100 times its own size, no more.
    written = sum(each.stat().st_size for each in folder.iterdir())
    assert written <= (16 << 20) + 100 * bomb.stat().st_size


@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_cut_stream_is_refused(tmp_path: Path, shared_data: Path, pack, part: float) -> None:
    whole = pack((shared_data / "london-city.osm").read_bytes()[:200_000])
    (tmp_path / "map.osm.bz2").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(SceneError, match="is damaged") as caught:
        read_osm(tmp_path / "map.osm.bz2", where="here")
    assert "\n" not in str(caught.value)


def _blob(kind: bytes, content: bytes) -> bytes:
    """Return a blob of a binary map: header, then the deflated content with the size that it has."""

    def number(value: int) -> bytes:
        out = bytearray()
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])

    packed = zlib.compress(content)
    blob = b"\x10" + number(len(content)) + b"\x1a" + number(len(packed)) + packed
    header = b"\x0a" + number(len(kind)) + kind + b"\x18" + number(len(blob))
    return len(header).to_bytes(4, "big") + header + blob


def test_a_binary_bomb_is_refused_unread(tmp_path: Path) -> None:
    bomb = tmp_path / "map.osm.pbf"
    header = _blob(b"OSMHeader", b"\x22\x0eOsmSchema-V0.6")
    bomb.write_bytes(header + 40 * _blob(b"OSMData", bytes(1 << 20)))
    assert bomb.stat().st_size < 1 << 16
    tracemalloc.start()
    with pytest.raises(SceneError, match=r"map\.osm\.pbf holds more map"):
        read_osm(bomb, where="here")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20  # only the sizes are read


def test_real_binary_maps_are_no_bombs(tmp_path: Path, shared_data: Path) -> None:
    for name in ("helsinki.osm.pbf", "monaco.osm.pbf", "nyc-lower-east-side.osm.pbf"):
        path = shared_data / name
        with path.open("rb") as stream:
            held = sum(map_content._blob_sizes(stream, path.stat().st_size))
        # They shrink two- to fourfold; 20-fold is refused.
        assert 1 < held / path.stat().st_size < 5


@pytest.mark.parametrize("limit", ["MAX_MAP_BYTES", "MAX_JSON_BYTES"])
def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(map_content, limit, 100)
    (tmp_path / "map.osm").write_bytes(b'{"elements": []}' + b" " * 200)
    with pytest.raises(SceneError, match=r"more map than a scene can take.*osmium extract"):
        read_osm(tmp_path / "map.osm", where="here")


def test_an_endless_tag_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "map.osm"
    path.write_bytes(b"<osm><node id='1' lat='1' lon='1' user='" + b"x" * (64 << 20) + b"'/></osm>")
    tracemalloc.start()
    with pytest.raises(SceneError, match="a tag of more than 4 MiB"):
        read_osm(path, where="here")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The parser doubles its buffer, which Python doesn't count, and is stopped at 4 MiB.
    assert peak < 8 << 20


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.osm").write_bytes(b"<osm>" + b"<a>" * 1_000_000)
    with pytest.raises(SceneError, match=f"nested {osm_xml.MAX_DEPTH} deep"):
        read_osm(tmp_path / "map.osm", where="here")


def test_a_billion_laughs_are_refused_at_the_first(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    (tmp_path / "map.osm").write_text(f'<!DOCTYPE osm [<!ENTITY l0 "lol">{laughs}]><osm a="&l9;"/>')
    with pytest.raises(SceneError, match="declares a document type or entities"):
        read_osm(tmp_path / "map.osm", where="here")


@pytest.mark.parametrize("value", ["1e300", "-1e300", "91", "inf", "nan"])
def test_a_corner_off_the_earth_loses_its_building_by_name(tmp_path: Path, value: str) -> None:
    # libosmium alone reads 1e300 as 0, a place on the equator.
    (tmp_path / "map.osm").write_bytes(SQUARE.replace(b"lat='60.001'", f"lat='{value}'".encode()))
    features = read_osm(tmp_path / "map.osm", where="here")
    assert features.dropped == {"nodes_missing": 1}


def test_a_million_corners_are_dropped_by_name(tmp_path: Path) -> None:
    path = tmp_path / "map.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        for number in range(1, 4001):
            # Every second corner on the other side: each edge crosses half of the others.
            place = (24 + number * 1e-6, 60 + (number % 2) * 0.01)
            writer.add_node(mutable.Node(id=number, version=1, location=place))
        refs = [1 + each % 4000 for each in range(1_000_000)]
        writer.add_way(mutable.Way(id=1, version=1, nodes=[*refs, 1], tags={"building": "yes"}))
        tags = {"type": "multipolygon", "building": "yes"}
        writer.add_relation(mutable.Relation(id=7, version=1, members=[("w", 1, "outer")], tags=tags))
    # They are counted before anything is made of them: to work out the crossings takes more than an hour.
    features = read_osm(path, where="here")
    assert features.dropped == {"too_many_nodes": 2}
    assert features.read == 2


def test_a_relation_of_many_long_ways_is_dropped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_osmium, "MAX_RELATION_NODES", 4)
    relation = b"<relation id='5'><member type='way' ref='9' role='outer'/><tag k='type' v='multipolygon'/>"
    path = tmp_path / "map.osm"
    path.write_bytes(SQUARE.replace(b"</osm>", relation + b"<tag k='building' v='yes'/></relation></osm>"))
    features = read_osm(path, where="here")
    assert features.dropped == {"too_many_nodes": 1} and features.osm_id == ("way/9",)


def test_a_lake_of_many_long_ways_is_counted_not_assembled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = b"<relation id='5'><member type='way' ref='9' role='outer'/><tag k='type' v='multipolygon'/>"
    path = tmp_path / "map.osm"
    path.write_bytes(SQUARE.replace(b"</osm>", relation + b"<tag k='natural' v='water'/></relation></osm>"))
    features = read_osm(path, where="here")
    assert features.land.osm_id == ("relation/5",) and features.notes == {}
    monkeypatch.setattr(_osmium, "MAX_RELATION_NODES", 4)
    features = read_osm(path, where="here")
    assert features.land.osm_id == () and features.notes == {"land_dropped_too_many_nodes": 1}
    assert features.osm_id == ("way/9",)


def test_a_map_out_of_order_and_too_large_to_sort_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_osmium, "MAX_SORT_BYTES", 100)
    start, end = SQUARE.index(b"<way"), SQUARE.index(b"</osm>")
    path = tmp_path / "map.osm"
    path.write_bytes(SQUARE[:19] + SQUARE[start:end] + SQUARE[19:start] + b"</osm>")
    with pytest.raises(SceneError, match=r"out of order and is too large to sort.*osmium sort"):
        read_osm(path, where="here")
