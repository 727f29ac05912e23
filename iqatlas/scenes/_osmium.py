"""The one door to pyosmium: building outlines and radio masts of an OpenStreetMap file, as plain tables."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import shapely
from osmium.filter import EmptyTagFilter, KeyFilter

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes.osm_xml import write_plain_osm_xml

SUFFIXES = (".osm", ".osm.pbf")
RADIO_TELECOM = frozenset({"antenna", "base_station", "bts", "mast", "tower", "yes"})
"""Values of ``telecom`` that radiate; exchanges, cabinets and distribution points don't."""
_NO = frozenset({"no", "none"})
# pyosmium reports what it can't read through these; libosmium's own errors come as RuntimeError.
_READ_ERRORS = (RuntimeError, ValueError, OverflowError, OSError, osmium.InvalidLocationError)


@dataclass(frozen=True)
class Mast:
    """A node that carries radio equipment.

    Args:
        osm_id: Such as ``node/1682211174``.
        longitude_deg, latitude_deg: Where it stands (WGS 84).
        tags: Its tags.
    """

    osm_id: str
    longitude_deg: float
    latitude_deg: float
    tags: dict[str, str]


@dataclass(frozen=True, eq=False)
class LandFeatures:
    """What covers the ground: areas, rows of trees and single trees.

    Args:
        osm_id: Such as ``way/123``, ``relation/5`` or ``node/7``.
        tags: Tags of each.
        geometry: MultiPolygon, LineString or Point of each, longitude and latitude in degrees.
    """

    osm_id: tuple[str, ...]
    tags: tuple[dict[str, str], ...]
    geometry: np.ndarray


NO_LAND = LandFeatures((), (), np.empty(0, dtype=object))
LAND_KEYS = ("natural", "landuse", "waterway", "leisure", "landcover", "area:highway", "surface")
"""Keys that tell what covers the ground."""


@dataclass(frozen=True, eq=False)
class OsmFeatures:
    """Buildings, building parts and masts of a file, ways first, each in the order of their numbers.

    Args:
        osm_id: One a polygon, such as ``way/123`` or ``relation/5``.
        tags: Tags of each polygon.
        geometry: MultiPolygon of each, longitude and latitude in degrees.
        masts: The radio masts.
        read: How many features carry ``building`` or ``building:part``, dropped ones included.
        dropped: How many of them are no polygon, by reason.
        land: What covers the ground.
    """

    osm_id: tuple[str, ...]
    tags: tuple[dict[str, str], ...]
    geometry: np.ndarray
    masts: tuple[Mast, ...]
    read: int
    dropped: dict[str, int]
    land: LandFeatures = NO_LAND


def read_osm(path: Path, *, where: str) -> OsmFeatures:
    """Read the buildings, building parts and radio masts of an OpenStreetMap file.

    Args:
        path: A ``.osm`` or ``.osm.pbf`` file. Objects may be out of order and lack timestamps.
        where: What error messages name as the place of the fault.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The file's name has another suffix, or the file is damaged or not OpenStreetMap data.
    """
    if not path.exists():
        raise MissingFileError(f"no such file: {path}", where=where, remedy="check the path")
    if not path.name.lower().endswith(SUFFIXES) or not path.is_file():
        raise SceneError(
            f"{path.name} is not an OpenStreetMap file that can be read",
            where=where,
            accepted="a file that ends in " + " or ".join(SUFFIXES),
            remedy="convert it, for example with osmium cat",
        )
    with tempfile.TemporaryDirectory(prefix="iqatlas-osm-") as folder:
        try:
            source = _in_order(path, Path(folder), where)
            return _features(source)
        except _READ_ERRORS as error:
            if isinstance(error, SceneError):
                raise
            raise SceneError(
                f"{path.name} is damaged or not OpenStreetMap data ({_short(error)})",
                where=where,
                accepted=" or ".join(SUFFIXES),
                remedy="fetch the file again",
            ) from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def _in_order(path: Path, folder: Path, where: str) -> osmium.io.File:
    """Return the file itself, or a copy in ``folder`` that pyosmium can assemble areas from."""
    plain = path
    source_format = "pbf" if path.name.lower().endswith(".pbf") else "xml"
    if source_format == "pbf":
        source = osmium.io.File(str(path), source_format)
        in_order = osmium.FileProcessor(source).header.get("sorting") == "Type_then_ID" or _is_ordered(source)
    else:
        plain = folder / "plain.osm"
        in_order = write_plain_osm_xml(path, plain, where=where)
        source = osmium.io.File(str(plain), source_format)
    if in_order:
        return source
    # The area assembler loses, without a word, areas of ways that come before their nodes.
    merged = osmium.MergeInputReader()
    merged.add_buffer(plain.read_bytes(), source_format)
    ordered = str(folder / "in-order.osm.pbf")
    with osmium.SimpleWriter(ordered) as writer:
        merged.apply(writer, simplify=True)
    return osmium.io.File(ordered, "pbf")


def _is_ordered(source: osmium.io.File) -> bool:
    rank = {"n": 0, "w": 1, "r": 2}
    last = (-1, 0)
    for item in osmium.FileProcessor(source):
        place = (rank.get(item.type_str(), 3), item.id)
        if place <= last:
            return False
        last = place
    return True


def _features(source: osmium.io.File) -> OsmFeatures:
    keys = KeyFilter("building", "building:part")
    to_wkb = osmium.geom.WKBFactory().create_multipolygon
    read = 0
    dropped: Counter[str] = Counter()
    awaited: dict[tuple[bool, int], str] = {}
    found: list[tuple[bool, int, dict[str, str], str]] = []
    # One pass by pyosmium, a filtered one: only what carries the two keys comes up into Python.
    for item in osmium.FileProcessor(source).with_areas(keys).with_filter(keys):
        if item.is_area():
            identity = (not item.from_way(), item.orig_id())
            if identity in awaited and item.num_rings()[0] > 0:
                del awaited[identity]
                found.append((*identity, dict(item.tags), to_wkb(item)))
            continue
        read += 1
        reason = _why_no_area(item)
        if item.is_node() or _is_no_building(dict(item.tags)):
            dropped[reason] += 1
        else:
            awaited[not item.is_way(), item.id] = reason
    dropped.update(awaited.values())
    found.sort(key=lambda row: row[:2])
    return OsmFeatures(
        osm_id=tuple(f"{'relation' if row[0] else 'way'}/{row[1]}" for row in found),
        tags=tuple(row[2] for row in found),
        geometry=shapely.from_wkb(np.array([row[3] for row in found], dtype=object)),
        masts=tuple(_masts(source)),
        read=read,
        dropped=dict(sorted(dropped.items())),
        land=_land(source),
    )


def _land(source: osmium.io.File) -> LandFeatures:
    """Return areas with :data:`LAND_KEYS` that are no buildings, rows of trees, and trees, in order."""
    keys = KeyFilter(*LAND_KEYS)
    factory = osmium.geom.WKBFactory()
    found: list[tuple[int, int, dict[str, str], str]] = []
    for item in osmium.FileProcessor(source).with_areas(keys).with_filter(keys):
        tags = dict(item.tags)
        if item.is_area():
            if item.num_rings()[0] > 0 and "building" not in tags and "building:part" not in tags:
                found.append(
                    (1 if item.from_way() else 2, item.orig_id(), tags, factory.create_multipolygon(item))
                )
        elif item.is_node():
            if tags.get("natural") == "tree" and item.location.valid():
                found.append((0, item.id, tags, factory.create_point(item)))
        elif item.is_way() and tags.get("natural") == "tree_row" and _is_line(item):
            found.append((1, item.id, tags, factory.create_linestring(item)))
    found.sort(key=lambda row: row[:2])
    return LandFeatures(
        osm_id=tuple(f"{('node', 'way', 'relation')[row[0]]}/{row[1]}" for row in found),
        tags=tuple(row[2] for row in found),
        geometry=shapely.from_wkb(np.array([row[3] for row in found], dtype=object)),
    )


def _is_line(way: osmium.osm.Way) -> bool:
    """Tell whether a way has two places at least, all of them known."""
    places = {(node.location.x, node.location.y) for node in way.nodes if node.location.valid()}
    return len(places) > 1 and all(node.location.valid() for node in way.nodes)


def _is_no_building(tags: dict[str, str]) -> bool:
    return all(tags.get(key, "no") in _NO for key in ("building", "building:part"))


def _why_no_area(item: osmium.osm.OSMObject) -> str:
    """Return the reason that holds if the area assembler makes nothing of the object."""
    if item.is_node():
        return "mapped_as_point"
    if _is_no_building(dict(item.tags)):
        return "tagged_no"
    if item.is_relation():
        is_area = item.tags.get("type") in {"multipolygon", "boundary"}
        return "members_missing_or_rings_broken" if is_area else "relation_not_multipolygon"
    if any(not node.location.valid() for node in item.nodes):
        return "nodes_missing"
    return "outline_broken" if item.is_closed() else "outline_open"


def _masts(source: osmium.io.File) -> Iterator[Mast]:
    for node in osmium.FileProcessor(source, osmium.osm.NODE).with_filter(EmptyTagFilter()):
        if node.location.valid() and _radiates(tags := dict(node.tags)):
            yield Mast(f"node/{node.id}", node.location.lon, node.location.lat, tags)


def _radiates(tags: dict[str, str]) -> bool:
    """Tell radio masts from other towers: many a ``man_made=tower`` is a look-out or a survey mark."""
    return (
        tags.get("telecom") in RADIO_TELECOM
        or tags.get("tower:type") == "communication"
        or any(key.startswith("communication:") and value not in _NO for key, value in tags.items())
    )
