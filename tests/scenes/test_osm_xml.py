"""OpenStreetMap XML: what is left out, what is refused, and whether it is in order."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iqatlas.errors import SceneError
from iqatlas.scenes.osm_xml import write_plain_osm_xml

NODE = '<node id="1" lat="60.1" lon="24.9"/>'


def _plain(folder: Path, inside: str) -> tuple[ElementTree.Element, bool]:
    source, target = folder / "map.osm", folder / "plain.osm"
    source.write_text(inside, encoding="utf-8")
    in_order = write_plain_osm_xml(source, target, where="here")
    return ElementTree.parse(target).getroot(), in_order


def test_only_the_map_is_left(tmp_path: Path) -> None:
    root, _ = _plain(
        tmp_path,
        f"""<osm version="0.6"><note>text</note><meta osm_base="2022"/>
        <count id="0"><tag k="nodes" v="1"/><node id="9" lat="0" lon="0"/></count>{NODE}
        <way id="2" user="me" timestamp="now" version="3"><nd ref="1"/><tag k="a" v="b"/><bounds/></way>
        <relation id="3"><member type="way" ref="2" role="outer"/></relation></osm>""",
    )
    assert [element.tag for element in root.iter()] == [
        "osm",
        "node",
        "way",
        "nd",
        "tag",
        "relation",
        "member",
    ]
    way = root.find("way")
    assert way is not None
    assert way.attrib == {"id": "2", "version": "3"}


def test_text_keeps_its_letters(tmp_path: Path) -> None:
    root, _ = _plain(
        tmp_path, '<osm><way id="1"><tag k="name" v="Ka&quot;mp &lt;&amp;&gt; &#10;Ж 塔"/></way></osm>'
    )
    tag = root.find("way/tag")
    assert tag is not None
    assert tag.attrib["v"] == 'Ka"mp <&> \nЖ 塔'


@pytest.mark.parametrize("mark", ['visible="false"', 'action="delete"'])
def test_deleted_objects_are_left_out(tmp_path: Path, mark: str) -> None:
    root, _ = _plain(tmp_path, f'<osm><way id="1" {mark}><nd ref="1"/></way>{NODE}</osm>')
    assert [element.tag for element in root] == ["node"]


@pytest.mark.parametrize(
    ("inside", "in_order"),
    [
        ('<node id="1"/><node id="2"/><way id="1"/><relation id="1"/>', True),
        ('<node id="2"/><node id="1"/>', False),
        ('<node id="1"/><node id="1"/>', False),
        ('<way id="1"/><node id="1"/>', False),
        ('<relation id="1"/><way id="1"/>', False),
        ("", True),
    ],
)
def test_the_order_is_told(tmp_path: Path, inside: str, in_order: bool) -> None:
    assert _plain(tmp_path, f"<osm>{inside}</osm>")[1] is in_order


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no element found"),
        ("not a map", "syntax error"),
        ("<html></html>", "outermost element"),
        (f"<osm>{NODE}", "line 1"),
        ('<osm><node id="1"></osm>', "mismatched tag"),
        ('<osm><node lat="1" lon="1"/></osm>', "whole number"),
        ('<osm><node id="x" lat="1" lon="1"/></osm>', "whole number"),
        ('<?xml version="1.0" encoding="klingon"?><osm/>', "unknown encoding"),
        ('<!DOCTYPE osm [<!ENTITY a "aaaa">]><osm/>', "entities"),
        ('<!DOCTYPE osm SYSTEM "http://localhost/x.dtd"><osm/>', "entities"),
    ],
)
def test_what_is_no_map_is_refused_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SceneError, match=why) as caught:
        _plain(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("here: map.osm")


def test_an_entity_names_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(SceneError):
        _plain(
            tmp_path,
            f'<!DOCTYPE osm [<!ENTITY s SYSTEM "{secret.as_uri()}">]><osm><way id="1">&s;</way></osm>',
        )


def _peak_bytes(folder: Path, nodes: int) -> int:
    source = folder / "large.osm"
    with source.open("w") as out:
        out.write("<osm>")
        out.writelines(f'<node id="{number}" lat="60.12345" lon="24.12345"/>\n' for number in range(1, nodes))
        out.write("</osm>")
    tracemalloc.start()
    try:
        assert write_plain_osm_xml(source, folder / "plain.osm", where="here")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    _peak_bytes(tmp_path, 400)  # what is made once, at the first call, is not the file's
    small, large = _peak_bytes(tmp_path, 4_000), _peak_bytes(tmp_path, 10_000)
    # The reader's buffers are full from about 3,000 nodes on; a file held in memory would give 2.5.
    assert large / small < 1.3
