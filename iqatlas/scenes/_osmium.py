"""The one door to pyosmium: building outlines and radio masts of an OpenStreetMap file, as plain tables."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium
import shapely
from osmium.filter import EmptyTagFilter, KeyFilter
from osmium.osm import mutable

from iqatlas.errors import IqAtlasError, SceneError
from iqatlas.scenes.map_content import MapContent, damaged, plain_map
from iqatlas.scenes.osm_xml import write_plain_osm_xml
from iqatlas.scenes.overpass_json import OsmObjects, read_overpass_json

MAX_WAY_NODES = 2000
"""OpenStreetMap takes no longer way. Whether a ring crosses itself costs the square of its length."""
MAX_RELATION_NODES = 50_000
MAX_SORT_BYTES = 1 << 28
"""Objects are sorted in memory."""
RADIO_TELECOM = frozenset({"antenna", "base_station", "bts", "mast", "tower", "yes"})
"""Values of ``telecom`` that radiate; exchanges, cabinets and distribution points don't."""
RADIO_KEYS = (
    "telecom",
    "tower:type",
    "communication:gsm-r",
    "communication:microwave",
    "communication:mobile",
    "communication:mobile_phone",
    "communication:radio",
    "communication:television",
)
"""Keys of towers and buildings that carry radio equipment, where they are drawn as areas."""
_NO = frozenset({"no", "none"})
_TYPES = ("node", "way", "relation")
# pyosmium reports what it can't read through these; libosmium's own errors come as RuntimeError.
_READ_ERRORS = (RuntimeError, ValueError, OverflowError, OSError, osmium.InvalidLocationError)


@dataclass(frozen=True)
class Mast:
    """A node, or a tower or building drawn as an area, that carries radio equipment.

    Args:
        osm_id: Such as ``node/1682211174`` or ``way/25``.
        longitude_deg, latitude_deg: Where it stands (WGS 84); of an area the centroid.
        tags: Its tags.
    """

    osm_id: str
    longitude_deg: float
    latitude_deg: float
    tags: dict[str, str]


@dataclass(frozen=True, eq=False)
class LandFeatures:
    """What covers the ground: areas, coastlines, rows of trees and single trees.

    Args:
        osm_id: Such as ``way/123``, ``relation/5`` or ``node/7``.
        tags: Tags of each.
        geometry: MultiPolygon, LineString, MultiLineString (coastlines, land to their left) or Point of each,
            longitude and latitude in degrees.
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
        notes: Other counts that belong in the scene's report.
        land: What covers the ground.
    """

    osm_id: tuple[str, ...]
    tags: tuple[dict[str, str], ...]
    geometry: np.ndarray
    masts: tuple[Mast, ...]
    read: int
    dropped: dict[str, int]
    notes: dict[str, int] = field(default_factory=dict)
    land: LandFeatures = NO_LAND


def read_osm(path: Path, *, where: str) -> OsmFeatures:
    """Read the buildings, building parts and radio masts of an OpenStreetMap file.

    Args:
        path: OpenStreetMap XML (plain, bzip2 or gzip), PBF, or an answer of Overpass in JSON. Objects may be
            out of order and lack timestamps.
        where: What error messages name as the place of the fault.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The file's name has another suffix, or the file is damaged, too large, or not
            OpenStreetMap data.
    """
    with tempfile.TemporaryDirectory(prefix="iqatlas-osm-") as folder:
        try:
            return _features(_in_order(path, Path(folder), where), Path(folder))
        except _READ_ERRORS as error:
            if isinstance(error, IqAtlasError):
                raise
            raise damaged(path, where, _short(error)) from error


def header_extent(path: Path) -> tuple[float, float, float, float] | None:
    """Return west, south, east and north that the header of a PBF file tells, or None.

    Args:
        path: The file; one that can't be read tells nothing.
    """
    try:
        reader = osmium.io.Reader(str(path), osmium.osm.NOTHING)
        try:
            box = reader.header().box()
        finally:
            reader.close()
        if not box.valid():
            return None
        low, high = box.bottom_left, box.top_right
        return float(low.lon), float(low.lat), float(high.lon), float(high.lat)
    except _READ_ERRORS:
        return None


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."


def _in_order(path: Path, folder: Path, where: str) -> osmium.io.File:
    """Return the file itself, or a copy in ``folder`` that pyosmium can assemble areas from."""
    plain, content = plain_map(path, folder, where=where)
    if content == "json":
        objects = read_overpass_json(plain, name=path.name, where=where)
        return _written(objects, folder / "from-json.osm.pbf")
    if content == "pbf":
        source = osmium.io.File(str(plain), content)
        if osmium.FileProcessor(source).header.get("sorting") == "Type_then_ID" or _is_ordered(source):
            return source
    else:
        unsafe, plain = plain, folder / "plain.osm"
        if write_plain_osm_xml(unsafe, plain, where=where, name=path.name):
            return osmium.io.File(str(plain), content)
    # The area assembler loses, without a word, areas of ways that come before their nodes.
    return _sorted(plain, content, path, folder, where)


def _sorted(plain: Path, content: MapContent, path: Path, folder: Path, where: str) -> osmium.io.File:
    if plain.stat().st_size > MAX_SORT_BYTES:
        raise SceneError(
            f"{path.name} has its objects out of order and is too large to sort",
            where=where,
            accepted=f"up to {MAX_SORT_BYTES >> 20} MiB out of order",
            remedy="sort it with osmium sort, or cut it to the scene's area",
        )
    merged = osmium.MergeInputReader()
    merged.add_buffer(plain.read_bytes(), content)
    ordered = str(folder / "in-order.osm.pbf")
    with osmium.SimpleWriter(ordered) as writer:
        merged.apply(writer, simplify=True)
    return osmium.io.File(ordered, "pbf")


def _written(objects: OsmObjects, target: Path) -> osmium.io.File:
    """Write objects to a file, nodes before ways before relations, each with rising numbers."""
    with osmium.SimpleWriter(str(target)) as writer:
        for number, (longitude, latitude, tags) in sorted(objects.nodes.items()):
            writer.add_node(mutable.Node(id=number, version=1, location=(longitude, latitude), tags=tags))
        for number, (nodes, tags) in sorted(objects.ways.items()):
            writer.add_way(mutable.Way(id=number, version=1, nodes=nodes, tags=tags))
        for number, (members, tags) in sorted(objects.relations.items()):
            writer.add_relation(mutable.Relation(id=number, version=1, members=members, tags=tags))
    return osmium.io.File(str(target), "pbf")


def _is_ordered(source: osmium.io.File) -> bool:
    rank = {"n": 0, "w": 1, "r": 2}
    last = (-1, 0)
    for item in osmium.FileProcessor(source):
        place = (rank.get(item.type_str(), 3), item.id)
        if place <= last:
            return False
        last = place
    return True


def _oversized(source: osmium.io.File, keys: KeyFilter) -> set[tuple[str, int]]:
    """Return type and number of the ways and relations that are too long to assemble."""
    found: set[tuple[str, int]] = set()
    length: dict[int, int] = {}
    members: set[int] = set()
    for relation in osmium.FileProcessor(source, osmium.osm.RELATION).with_filter(keys):
        members.update(member.ref for member in relation.members if member.type == "w")
    for way in osmium.FileProcessor(source, osmium.osm.WAY):
        count = len(way.nodes)
        if count > MAX_WAY_NODES:
            found.add(("w", way.id))
        if way.id in members:
            length[way.id] = count
    for relation in osmium.FileProcessor(source, osmium.osm.RELATION).with_filter(keys):
        total = sum(length.get(member.ref, 0) for member in relation.members if member.type == "w")
        if total > MAX_RELATION_NODES or any(("w", member.ref) in found for member in relation.members):
            found.add(("r", relation.id))
    return found


def _shortened(source: osmium.io.File, oversized: set[tuple[str, int]], folder: Path) -> osmium.io.File:
    """Return a copy in which the ways and relations that are too long have no nodes and no members."""
    target = folder / "shortened.osm.pbf"
    with osmium.SimpleWriter(str(target)) as writer:
        for item in osmium.FileProcessor(source):
            if (item.type_str(), item.id) in oversized:
                item = item.replace(nodes=[]) if item.is_way() else item.replace(members=[])
            writer.add(item)
    return osmium.io.File(str(target), "pbf")


def _features(source: osmium.io.File, folder: Path) -> OsmFeatures:
    keys = KeyFilter("building", "building:part")
    to_wkb = osmium.geom.WKBFactory().create_multipolygon
    oversized = _oversized(source, KeyFilter("building", "building:part", *LAND_KEYS, *RADIO_KEYS))
    # What is no building has no reason of its own to be told by.
    land_oversized = {item for item in oversized if item[0] == "r"}
    if oversized:
        source = _shortened(source, oversized, folder)
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
        is_oversized = (item.type_str(), item.id) in oversized
        land_oversized.discard((item.type_str(), item.id))
        reason = "too_many_nodes" if is_oversized else _why_no_area(item)
        if item.is_node() or _is_no_building(dict(item.tags)):
            dropped[reason] += 1
        else:
            awaited[not item.is_way(), item.id] = reason
    dropped.update(awaited.values())
    found.sort(key=lambda row: row[:2])
    land, drawn_masts = _land(source)
    return OsmFeatures(
        osm_id=tuple(f"{'relation' if row[0] else 'way'}/{row[1]}" for row in found),
        tags=tuple(row[2] for row in found),
        geometry=shapely.from_wkb(np.array([row[3] for row in found], dtype=object)),
        masts=(*_masts(source), *drawn_masts),
        read=read,
        dropped=dict(sorted(dropped.items())),
        notes={"land_dropped_too_many_nodes": len(land_oversized)} if land_oversized else {},
        land=land,
    )


def _land(source: osmium.io.File) -> tuple[LandFeatures, list[Mast]]:
    """Return what covers the ground, and the masts that are drawn as areas, each in order.

    Land is areas with :data:`LAND_KEYS` that are no buildings, coastlines, rows of trees, and trees.
    """
    keys = KeyFilter(*LAND_KEYS, *RADIO_KEYS)
    factory = osmium.geom.WKBFactory()
    found: list[tuple[int, int, dict[str, str], str | bytes]] = []
    masts: list[tuple[int, int, dict[str, str], str]] = []
    for item in osmium.FileProcessor(source).with_areas(keys).with_filter(keys):
        tags = dict(item.tags)
        kind = tags.get("natural")
        if item.is_area():
            if item.num_rings()[0] == 0:
                continue
            row = (1 if item.from_way() else 2, item.orig_id(), tags, factory.create_multipolygon(item))
            if _radiates(tags):
                masts.append(row)
            is_building = "building" in tags or "building:part" in tags
            # A closed coastline may go round the sea or an island: which, the line tells.
            if not is_building and kind != "coastline" and any(key in tags for key in LAND_KEYS):
                found.append(row)
        elif item.is_node():
            if kind == "tree" and item.location.valid():
                found.append((0, item.id, tags, factory.create_point(item)))
        elif item.is_way() and kind == "tree_row" and _is_line(item):
            found.append((1, item.id, tags, factory.create_linestring(item)))
        elif item.is_way() and kind == "coastline":
            found.append((1, item.id, tags, shapely.to_wkb(_known_runs(item))))
    found.sort(key=lambda row: row[:2])
    land = LandFeatures(
        osm_id=tuple(f"{_TYPES[row[0]]}/{row[1]}" for row in found),
        tags=tuple(row[2] for row in found),
        geometry=shapely.from_wkb(np.array([row[3] for row in found], dtype=object)),
    )
    masts.sort(key=lambda row: row[:2])
    return land, [_drawn_mast(*row) for row in masts]


def _drawn_mast(rank: int, number: int, tags: dict[str, str], wkb: str) -> Mast:
    shape = shapely.from_wkb(wkb)
    middle = shapely.centroid(shape)
    # The centroid of a bent building lies beside it.
    place = middle if shapely.intersects(shape, middle) else shapely.point_on_surface(shape)
    return Mast(f"{_TYPES[rank]}/{number}", float(place.x), float(place.y), tags)


def _known_runs(way: osmium.osm.Way) -> shapely.MultiLineString:
    """Return a way's pieces between nodes that the file lacks, in its direction."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append((node.location.lon, node.location.lat))
        elif runs[-1]:
            runs.append([])
    return shapely.MultiLineString([run for run in runs if len(set(run)) > 1])


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
    if not item.nodes or any(not node.location.valid() for node in item.nodes):
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
