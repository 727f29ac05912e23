"""The map that Overpass has of a place or a bbox: asked once, kept, or taken from a corpus's archive."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes.answer_cache import StoredAnswer, stored_answer
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.heights import NEIGHBOUR_RADIUS_M
from iqatlas.scenes.spec import OverpassBuildings, SceneSpec
from iqatlas.user_paths import user_path

MAX_AREA_KM2 = 400.0
"""The most that is asked for at once: a large city, and far more than rays are traced in."""
MAP_FILE = "overpass.json"
OUTLINE_FILE = "place.geojson"
TAGS: dict[str, bool | str | list[str]] = {
    "building": True,
    "building:part": True,
    "telecom": True,
    "tower:type": "communication",
    "communication:mobile_phone": True,
    "natural": ["wood", "tree", "tree_row", "water", "coastline"],
    "landuse": ["forest"],
    "waterway": ["riverbank"],
}
"""What is asked for: what a scene is made of."""
_BELT_M = 1.5 * NEIGHBOUR_RADIUS_M
_STEP_M = 20.0


@dataclass(frozen=True, eq=False)
class OverpassMap:
    """What servers answered.

    Args:
        map: Overpass's answer.
        place: The place's outline, where one was named.
    """

    map: StoredAnswer
    place: StoredAnswer | None

    def answers(self) -> tuple[StoredAnswer, ...]:
        """Return all answers."""
        return (self.map,) if self.place is None else (self.map, self.place)

    def archive(self) -> dict[str, bytes]:
        """Return the files that a corpus keeps: each answer as it came, and what was asked, and when."""
        files = {}
        for answer in self.answers():
            files[answer.path.name] = answer.content()
            files[_request_name(answer.path.name)] = answer.request_json()
        return files

    def outline(self) -> shapely.Geometry | None:
        """Return the place's outline in longitude and latitude."""
        return None if self.place is None else shapely.from_geojson(self.place.content())


def fetch_overpass_map(
    scene: SceneSpec, *, base_folder: Path, cache_folder: Path | None = None
) -> OverpassMap:
    """Return the map of the place or bbox that a spec names: stored, archived, or asked for now.

    A belt around it is asked for too, as buildings there lend their heights to those inside.

    Args:
        scene: A spec whose buildings are of kind ``overpass``.
        base_folder: Folder of the spec, which a relative archive starts from.
        cache_folder: Where answers are kept; the user's cache folder without it.

    Raises:
        MissingFileError: The archive lacks a file.
        SceneError: No answer, no such place, an area that is empty or too large, or an altered archive.
    """
    buildings = scene.buildings
    if not isinstance(buildings, OverpassBuildings):
        raise SceneError(f"buildings of kind {buildings.kind}", where="scene.buildings", accepted="overpass")
    if buildings.archive is not None:
        folder = base_folder / user_path(buildings.archive)
        place = None if buildings.place is None else _archived(folder, OUTLINE_FILE)
        return OverpassMap(_archived(folder, MAP_FILE), place)
    place = None if buildings.place is None else _ask_place(buildings, buildings.place, cache_folder)
    outline = None if place is None else shapely.from_geojson(place.content())
    return OverpassMap(_ask_map(scene, buildings, _area(scene, outline), cache_folder), place)


def _ask_place(buildings: OverpassBuildings, name: str, folder: Path | None) -> StoredAnswer:
    def ask() -> bytes:
        # OSMnx takes a second to import, and answers that are stored don't need it.
        from iqatlas.scenes.overpass import Server, ask_outline

        server = Server(buildings.geocoder, buildings.timeout_s, buildings.attempts, "scene.buildings.place")
        return ask_outline(name, server)

    question = {"geocoder": buildings.geocoder, "place": name}
    return stored_answer(question, OUTLINE_FILE, ask, folder=folder)


def _ask_map(
    scene: SceneSpec, buildings: OverpassBuildings, area: shapely.Geometry, folder: Path | None
) -> StoredAnswer:
    def ask() -> bytes:
        from iqatlas.scenes.overpass import Server, ask_map

        where = "scene.buildings.endpoint"
        server = Server(buildings.endpoint, buildings.timeout_s, buildings.attempts, where)
        return ask_map(area, TAGS, server, date=buildings.date)

    question = {
        "endpoint": buildings.endpoint,
        "place": buildings.place,
        "bbox": None if scene.bbox is None else list(scene.bbox),
        "polygon": shapely.to_wkt(area, rounding_precision=6),
        "tags": TAGS,
        "date": buildings.date,
    }
    return stored_answer(question, MAP_FILE, ask, folder=folder)


def _area(scene: SceneSpec, outline: shapely.Geometry | None) -> shapely.Geometry:
    """Return the polygon to ask for, in degrees: bbox and outline, where there are both, with a belt."""
    box = None if scene.bbox is None else shapely.box(*scene.bbox)
    wanted = box if outline is None else outline if box is None else shapely.intersection(outline, box)
    if wanted is None or shapely.area(wanted) == 0:
        raise SceneError(
            "the place lies outside the scene's bbox", where="scene.bbox", remedy="leave one out"
        )
    west, south, east, north = shapely.bounds(wanted).tolist()
    frame = LocalFrame(0.5 * (west + east), 0.5 * (south + north))

    def to_local(degrees: Float64[np.ndarray, "point 2"]) -> Float64[np.ndarray, "point 2"]:
        return np.stack(frame.to_local(*np.ascontiguousarray(degrees.T)), axis=-1)

    def to_degrees(metres: Float64[np.ndarray, "point 2"]) -> Float64[np.ndarray, "point 2"]:
        return np.stack(frame.to_geodetic(*np.ascontiguousarray(metres.T)), axis=-1)

    local = shapely.transform(wanted, to_local)
    area_km2 = shapely.area(shapely.convex_hull(local)) / 1e6
    if not area_km2 <= MAX_AREA_KM2:
        raise SceneError(
            f"the area spans {area_km2:,.0f} km²",
            where="scene.bbox" if outline is None else "scene.buildings.place",
            accepted=f"up to {MAX_AREA_KM2:g} km²",
            remedy="give a smaller scene.bbox" if outline is None else "give a scene.bbox inside the place",
        )
    # A coarse belt: shores and borders have thousands of corners, and a server looks at each.
    belt = shapely.simplify(shapely.buffer(local, _BELT_M + _STEP_M, join_style="mitre"), _STEP_M)
    # 1e-6 degrees: the question stays the same where a projection differs in its last bits.
    return shapely.set_precision(shapely.transform(belt, to_degrees), 1e-6)


def _request_name(name: str) -> str:
    return f"{name.split('.')[0]}-request.json"


def _archived(folder: Path, name: str) -> StoredAnswer:
    where = "scene.buildings.archive"
    path, request_path = folder / name, folder / _request_name(name)
    for each in (path, request_path):
        if not each.is_file():
            raise MissingFileError(
                f"no such file: {each}",
                where=where,
                remedy="name the scene folder of a corpus made by overpass",
            )
    try:
        request = json.loads(request_path.read_bytes())
        expected = request["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise SceneError(f"{request_path.name} doesn't tell what was asked", where=where) from error
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise SceneError(
            f"{name} is not what {request_path.name} says was retrieved",
            where=where,
            remedy="restore the archive",
        )
    return StoredAnswer(path, request)
