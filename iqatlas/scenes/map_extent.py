"""Where a map lies by its own header, and bboxes that lie elsewhere: told before anything is read."""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from pathlib import Path

from iqatlas.errors import SceneError
from iqatlas.scenes.bundled import BUNDLED_BBOX
from iqatlas.scenes.spec import BundledBuildings, OsmFileBuildings, SceneSpec
from iqatlas.user_paths import user_path

BBox = tuple[float, float, float, float]

_HEAD_BYTES = 1 << 16
"""Of an XML file, unpacked: bounds stand before the first node."""
_BOUNDS = re.compile(rb"<bounds\s([^<>]{1,400})>")
_OBJECT = re.compile(rb"<(node|way|relation)\b")
_SIDE = re.compile(rb"(\w+)\s*=\s*[\"']([-+.\deE]{1,30})[\"']")
_SIDES = (b"minlon", b"minlat", b"maxlon", b"maxlat")


def refuse_bbox_elsewhere(scene: SceneSpec, *, base_folder: Path, where: str = "scene.bbox") -> None:
    """Refuse a bbox that doesn't touch the map, as far as the map's header tells where it lies.

    Args:
        scene: Map and bbox; nothing is refused where either is unknown.
        base_folder: Folder of the spec, which relative paths start from.
        where: What to name in an error.

    Raises:
        SceneError: The bbox lies elsewhere; it says so where longitude and latitude are swapped.
    """
    extent = scene_extent(scene, base_folder=base_folder)
    if scene.bbox is None or extent is None or _touch(scene.bbox, extent):
        return
    west, south, east, north = scene.bbox
    swapped = (south, west, north, east)
    remedy = None
    if _touch(swapped, extent):
        remedy = f"longitude comes first: {_sides(swapped)} lies on the map"
    raise SceneError(
        f"the bbox {_sides(scene.bbox)} lies off the map",
        where=where,
        accepted=f"west, south, east, north within {_sides(extent)}",
        remedy=remedy,
    )


def scene_extent(scene: SceneSpec, *, base_folder: Path) -> BBox | None:
    """Return west, south, east and north of a scene's map, as far as its header tells; None where it doesn't.

    Buildings may reach over that, or fill a part of it.

    Args:
        scene: Which map.
        base_folder: Folder of the spec, which relative paths start from.
    """
    if isinstance(scene.buildings, BundledBuildings):
        return BUNDLED_BBOX
    if not isinstance(scene.buildings, OsmFileBuildings):
        return None
    return map_extent(base_folder / user_path(scene.buildings.path))


def map_extent(path: Path) -> BBox | None:
    """Return west, south, east and north of an OpenStreetMap file, or None where its header doesn't tell.

    A file of several areas has the extent of all of them; one that can't be read leaves it untold.

    Args:
        path: XML, plain or compressed, or PBF; of any other file nothing is told.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as stream:
                head = stream.read(_HEAD_BYTES)
        elif start.startswith(b"BZh"):
            with bz2.open(path) as stream:
                head = stream.read(_HEAD_BYTES)
        elif start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            with path.open("rb") as stream:
                head = stream.read(_HEAD_BYTES)
        elif path.name.lower().endswith(".pbf"):
            # pyosmium takes a while to import, and other maps don't need it here.
            from iqatlas.scenes._osmium import header_extent

            return _valid(header_extent(path))
        else:
            return None
    except (OSError, EOFError, zlib.error):
        # What is wrong with the file is told by who reads it.
        return None
    return _told_extent(head)


def _told_extent(head: bytes) -> BBox | None:
    """Return the extent of all bounds of an XML file's head: JOSM writes one for each area it has fetched."""
    if len(head) == _HEAD_BYTES and not _OBJECT.search(head):
        return None  # more bounds may follow
    found = [_bounds(match[1]) for match in _BOUNDS.finditer(head)]
    areas = [area for area in found if area is not None]
    # One that can't be read may lie anywhere.
    if not areas or len(areas) < head.count(b"<bounds"):
        return None
    west, south, east, north = zip(*areas, strict=True)
    return min(west), min(south), max(east), max(north)


def _bounds(attributes: bytes) -> BBox | None:
    told = dict(_SIDE.findall(attributes))
    try:
        west, south, east, north = (float(told[side]) for side in _SIDES)
    except (KeyError, ValueError):
        return None
    return _valid((west, south, east, north))


def _valid(extent: BBox | None) -> BBox | None:
    if extent is None:
        return None
    west, south, east, north = extent
    return extent if -180 <= west < east <= 180 and -90 <= south < north <= 90 else None


def _touch(one: BBox, other: BBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _sides(bbox: BBox) -> str:
    return ", ".join(f"{side:.4f}" for side in bbox)
