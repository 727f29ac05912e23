"""Overpass JSON: nodes, ways and relations of an answer, whichever form of ``out`` it was asked in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from iqatlas.errors import SceneError
from iqatlas.scenes.map_content import damaged

Tags = dict[str, str]
Member = tuple[str, int, str]
"""Type (``n``, ``w`` or ``r``), number and role."""


@dataclass(eq=False)
class OsmObjects:
    """Objects of a map by number, in the shapes that a map file is made of.

    Args:
        nodes: Longitude and latitude in degrees, and tags.
        ways: Numbers of their nodes, and tags.
        relations: Members, and tags.
    """

    nodes: dict[int, tuple[float, float, Tags]] = field(default_factory=dict)
    ways: dict[int, tuple[list[int], Tags]] = field(default_factory=dict)
    relations: dict[int, tuple[list[Member], Tags]] = field(default_factory=dict)


def read_overpass_json(source: Path, *, name: str, where: str) -> OsmObjects:
    """Read an answer of Overpass in JSON.

    Takes ``out body`` (ways name their nodes, which come as elements), ``out geom`` (ways and the members of
    relations carry their coordinates) and ``out skel`` (no tags); objects in any order, and twice, as the two
    outputs of ``out body; >; out skel qt;`` give them. Coordinates that are no place on Earth are left out,
    and so the ways that need them.

    Args:
        source: The file.
        name: Its name, for error messages.
        where: What error messages name as the place of the fault.

    Raises:
        SceneError: The file is not JSON, or no answer of Overpass, or an answer that tells of an error.
    """
    path = Path(name)
    try:
        answer = json.loads(source.read_bytes(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else f"not JSON: {error}"
        raise damaged(path, where, " ".join(why.split())[:160]) from error
    if isinstance(answer, dict) and answer.get("type") in ("FeatureCollection", "Feature"):
        raise SceneError(
            f"{name} is GeoJSON, not an answer of Overpass",
            where=where,
            remedy="read its polygons with kind: footprints",
        )
    elements = answer.get("elements") if isinstance(answer, dict) else None
    if not isinstance(elements, list):
        raise damaged(path, where, "JSON without a list of elements")
    remark = answer.get("remark")
    if isinstance(remark, str) and "error" in remark.lower():
        raise damaged(path, where, f"Overpass says: {' '.join(remark.split())[:120]}")
    try:
        return _Gathering().all_of(elements)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, where, f"an element that lacks what it needs: {error!r}"[:160]) from error


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


class _Gathering:
    """Puts elements together; makes nodes for coordinates that come without their numbers."""

    def __init__(self) -> None:
        self._objects = OsmObjects()
        self._made: dict[tuple[float, float], int] = {}
        self._next = 0

    def all_of(self, elements: list[Any]) -> OsmObjects:
        """Return what the elements describe."""
        self._next = 1 + max((_number(item["id"]) for item in elements if item["type"] == "node"), default=0)
        # Made numbers must not meet those of nodes that are named but not given.
        named = (max(map(_number, item["nodes"]), default=0) for item in elements if item.get("nodes"))
        self._next = max(self._next, 1 + max(named, default=0))
        add = {"node": self._node, "way": self._way, "relation": self._relation}
        for item in elements:
            if item["type"] in add:
                add[item["type"]](_number(item["id"]), item, _tags(item))
        return self._objects

    def _node(self, number: int, item: Mapping[str, Any], tags: Tags) -> None:
        place = _place(item)
        if place is not None:
            known = self._objects.nodes.get(number)
            self._objects.nodes[number] = (*place, tags or (known[2] if known else {}))

    def _way(self, number: int, item: Mapping[str, Any], tags: Tags) -> None:
        nodes = [_number(each) for each in item.get("nodes", ())]
        geometry = item.get("geometry") or ()
        if geometry and not nodes:
            nodes = self._nodes_at(geometry)
        elif len(geometry) == len(nodes):
            for each, point in zip(nodes, geometry, strict=True):
                place = _place(point)
                if place is not None:
                    self._objects.nodes.setdefault(each, (*place, {}))
        known = self._objects.ways.get(number, ([], {}))
        self._objects.ways[number] = (nodes or known[0], tags or known[1])

    def _relation(self, number: int, item: Mapping[str, Any], tags: Tags) -> None:
        members: list[Member] = []
        for member in item.get("members", ()):
            kind, ref = str(member["type"])[:1], _number(member["ref"])
            members.append((kind, ref, str(member.get("role", ""))))
            geometry = member.get("geometry")
            if kind == "w" and geometry and not self._objects.ways.get(ref, ([], {}))[0]:
                known_tags = self._objects.ways.get(ref, ([], {}))[1]
                self._objects.ways[ref] = (self._nodes_at(geometry), known_tags)
        known = self._objects.relations.get(number, ([], {}))
        self._objects.relations[number] = (members or known[0], tags or known[1])

    def _nodes_at(self, geometry: list[Any]) -> list[int]:
        """Return a node for each point, the same one for the same place, so that rings close."""
        numbers = []
        for point in geometry:
            place = _place(point)
            # A point outside the box that was asked for comes as null: a node that is never given.
            numbers.append(self._made.setdefault(place or (math.inf, 0.0), self._next + len(self._made)))
            if place is not None:
                self._objects.nodes[numbers[-1]] = (*place, {})
        return numbers


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 62:
        raise ValueError(f"{str(value)[:40]!r} as a number of an object")
    return value


def _place(point: Any) -> tuple[float, float] | None:
    if point is None or "lat" not in point or "lon" not in point:
        return None
    longitude, latitude = float(point["lon"]), float(point["lat"])
    # NaN and infinity fail the comparison too.
    return (longitude, latitude) if abs(longitude) <= 180 and abs(latitude) <= 90 else None


def _tags(item: Mapping[str, Any]) -> Tags:
    return {str(key): str(value) for key, value in (item.get("tags") or {}).items()}
