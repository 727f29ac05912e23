"""Roofs: what tags say of them, and closed solids under the shapes that are built."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float64, Int

from iqatlas.errors import SceneError
from iqatlas.scenes.footprints import GRID_M
from iqatlas.scenes.heights import parse_length_m, parse_levels
from iqatlas.scenes.triangulation import triangulate

FLAT = "flat"
SHAPES = (FLAT, "gabled", "gambrel", "round", "hipped", "pyramidal", "dome", "skillion")
"""Roof shapes that are built; all others become flat and are counted."""
RIDGED = frozenset({"gabled", "gambrel", "round", "hipped"})
ROOF_COLUMNS = ("roof_shape", "roof_height_m", "roof_ridge_deg")
"""Columns that a table of buildings may have beside the others; without them all roofs are flat."""
NEARLY_RECTANGULAR = 0.9
"""A ridge is built where the footprint fills this part of the smallest rectangle about it."""
NEARLY_CONVEX = 0.9
"""An apex is built where the footprint fills this part of its convex hull."""
ASSUMED_PITCH_DEG = 30.0
"""Pitch of a roof of which no tag tells a height: the middle of what is common on tiled roofs."""
LARGEST_ASSUMED_PART = 0.5
"""An assumed roof takes at most this part of its building's height."""
DOME_RINGS = 6
ROUND_FACETS = 4
"""Facets on each side of a round roof."""
GAMBREL_BREAK = (0.5, 0.75)
"""Where a gambrel's slope changes: its part of the way from eaves to ridge, and of the height."""

_ALIASES = {
    "half-hipped": "hipped",
    "side_hipped": "hipped",
    "side_half-hipped": "hipped",
    "pitched": "gabled",
    "hip": "hipped",
    "gable": "gabled",
    "pyramid": "pyramidal",
    "domed": "dome",
    "lean_to": "skillion",
    "barrel": "round",
    "vault": "round",
}
_QUARTER = np.linspace(0.0, np.pi / 2, ROUND_FACETS + 1)
_SECTIONS = {
    "gabled": (np.array([0.0, 1.0]), np.array([0.0, 1.0])),
    "gambrel": (np.array([0.0, GAMBREL_BREAK[0], 1.0]), np.array([0.0, GAMBREL_BREAK[1], 1.0])),
    "round": (1.0 - np.cos(_QUARTER), np.sin(_QUARTER)),
}
"""Way from the eaves to the ridge, and height there, as parts; straight between."""
_WINDS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
_DIRECTION = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?°?")
_LEAST_ROOF_M = 0.1


@dataclass(frozen=True)
class Roof:
    """The roof that a solid gets.

    Args:
        shape: One of :data:`SHAPES`.
        height_m: From the eaves to the highest point, 0 for a flat roof.
        ridge_deg: Bearing of the ridge from north over east, 0 to 180; of a skillion the bearing that it
            falls towards, 0 to 360; NaN where there is neither.
        assumed: Whether the height is assumed for want of a tag.
        reason: Why a roof that is tagged otherwise is flat; None where it isn't.
    """

    shape: str
    height_m: float = 0.0
    ridge_deg: float = math.nan
    assumed: bool = False
    reason: str | None = None


def parse_direction_deg(text: str | None) -> float | None:
    """Return the bearing that a ``roof:direction`` means (``135``, ``135°``, ``SE``), or None.

    Args:
        text: The tag's value, or None where the tag is missing.

    Source: OpenStreetMap wiki, "Key:roof:direction".
    """
    plain = (text or "").strip().upper()
    if plain in _WINDS:
        return _WINDS.index(plain) * 22.5
    match = _DIRECTION.fullmatch(plain)
    return float(match[1]) if match and float(match[1]) <= 360.0 else None


def tagged_roof(
    tags: Mapping[str, str], polygon: shapely.Polygon, *, walls_m: float, level_height_m: float
) -> Roof:
    """Return the roof of a solid from its tags and its footprint.

    ``roof:shape`` tells the shape; shapes near one of :data:`SHAPES` count as it. The height is
    ``roof:height``, else ``roof:levels`` storeys, else follows from ``roof:angle``, else from a pitch of 30°
    (a dome is half as high as it is wide), where it takes at most half of the building. The ridge runs along
    the longer side, with ``roof:orientation=across`` along the shorter one; with ``roof:direction`` across
    that direction. A skillion falls towards ``roof:direction``, else across the longer side (with
    ``roof:orientation=across`` along it), of the two ways the one that is more southerly.

    Args:
        tags: Tags of the building or part.
        polygon: Its footprint in metres.
        walls_m: Height from its lowest to its highest edge, roof included.
        level_height_m: Height of a storey.

    Source:
        OpenStreetMap wiki, "Simple 3D Buildings" and "Key:roof:shape".
    """
    given = tags.get("roof:shape", tags.get("building:roof:shape", FLAT)).strip().lower()
    shape = _ALIASES.get(given, given)
    if shape == FLAT:
        return Roof(FLAT)
    if shape not in SHAPES:
        return Roof(FLAT, reason=f"shape {given[:24]!r} is not built")
    if (why := misfit(shape, polygon)) is not None:
        return Roof(FLAT, reason=f"{shape} over a footprint that is {why}")
    length, width, bearing = _rectangle(polygon)
    ridge = math.nan
    direction = parse_direction_deg(tags.get("roof:direction"))
    across = tags.get("roof:orientation") == "across"
    if shape == "skillion":
        ridge = _southerly(bearing if across else bearing + 90.0) if direction is None else direction % 360.0
        length, width = (width, length) if _turn(ridge, bearing) < 45.0 else (length, width)
    elif shape in RIDGED:
        if direction is not None:
            # A ridge runs across the slope; of the rectangle's two axes the one nearer to that.
            across = _turn(direction + 90.0, bearing) > 45.0
        ridge = (bearing + 90.0) % 180.0 if across else bearing
        length, width = (width, length) if across else (length, width)
    height, assumed = _height(tags, shape, width, walls_m, level_height_m)
    if height < _LEAST_ROOF_M:
        return Roof(FLAT, reason=f"{shape} of no height")
    return Roof(shape, min(height, walls_m), ridge, assumed)


def _height(
    tags: Mapping[str, str], shape: str, width_m: float, walls_m: float, level_height_m: float
) -> tuple[float, bool]:
    told = parse_length_m(tags.get("roof:height"))
    if told is None and (levels := parse_levels(tags.get("roof:levels"))):
        told = levels * level_height_m
    if told is not None:
        return told, False
    angle = _DIRECTION.fullmatch((tags.get("roof:angle") or "").strip())
    if angle and 0.0 < float(angle[1]) < 80.0 and shape not in ("dome", "round"):
        run = width_m if shape == "skillion" else width_m / 2
        return math.tan(math.radians(float(angle[1]))) * run, False
    assumed = width_m / 2 * (1.0 if shape == "dome" else math.tan(math.radians(ASSUMED_PITCH_DEG)))
    return min(assumed, LARGEST_ASSUMED_PART * walls_m), True


def misfit(shape: str, polygon: shapely.Polygon) -> str | None:
    """Return what keeps a footprint from carrying a shape, in a few words, or None where nothing does.

    Args:
        shape: One of :data:`SHAPES`, not flat.
        polygon: The footprint in metres.
    """
    if shape == "skillion":
        # One plane covers whatever lies under it.
        return None
    if polygon.interiors:
        return "open to a court"
    if shape in RIDGED:
        around = shapely.minimum_rotated_rectangle(polygon).area
        return None if polygon.area >= NEARLY_RECTANGULAR * around else "no rectangle"
    convex = polygon.area >= NEARLY_CONVEX * polygon.convex_hull.area
    return None if convex and _sees_all(_corners(polygon), _middle(polygon)) else "not convex"


def _corners(polygon: shapely.Polygon) -> Float64[np.ndarray, "corner 2"]:
    corner: Float64[np.ndarray, "corner 2"] = shapely.get_coordinates(polygon.exterior)[:-1]
    return corner if polygon.exterior.is_ccw else corner[::-1]


def _middle(polygon: shapely.Polygon) -> Float64[np.ndarray, "2"]:
    middle: Float64[np.ndarray, "2"] = shapely.get_coordinates(polygon.centroid)[0]
    return middle


def _sees_all(corner: Float64[np.ndarray, "corner 2"], middle: Float64[np.ndarray, "2"]) -> bool:
    """Tell whether each edge of a counter-clockwise ring turns the same way about the middle."""
    here = corner - middle
    after = np.roll(here, -1, axis=0)
    return bool((here[:, 0] * after[:, 1] - here[:, 1] * after[:, 0] > 1e-6).all())


def _southerly(bearing_deg: float) -> float:
    """Return of a line's two bearings the one nearer to the south; of east and west, west."""
    bearing = bearing_deg % 180.0
    return bearing if bearing > 90.0 else bearing + 180.0


def _turn(one_deg: float, other_deg: float) -> float:
    """Return the angle between two lines, 0 to 90."""
    gap = (one_deg - other_deg) % 180.0
    return min(gap, 180.0 - gap)


def _rectangle(polygon: shapely.Polygon) -> tuple[float, float, float]:
    """Return length, width and bearing (of the length) of the smallest rectangle about a footprint."""
    corner = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))[:3]
    sides = np.diff(corner, axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    along = int(np.argmax(lengths))
    bearing = math.degrees(math.atan2(sides[along, 0], sides[along, 1])) % 180.0
    return float(lengths[along]), float(lengths[1 - along]), bearing


def roofed(
    polygon: shapely.Polygon, base_m: float, top_m: float, roof: Roof
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return a closed solid with upright walls, a flat floor and a shaped roof, with shared vertices.

    The volume over the eaves of a rectangle of length L and width W under a roof of height h is h L W / 2
    (gabled, skillion), 5 h L W / 8 (gambrel), h L W n sin(π/2n) / 2 (round, of n facets a side: nearly
    π h L W / 4), h W (3 L − W) / 6 (hipped, L the ridge's direction, L ≥ W), h L W / 3 (pyramidal), and
    nearly 2 h L W / 3 (a dome of :data:`DOME_RINGS` rings).

    Args:
        polygon: A valid polygon in metres that :func:`tagged_roof` finds fit for the shape.
        base_m: Height of the floor.
        top_m: Height of the highest point.
        roof: The roof; a flat one is not taken.

    Raises:
        SceneError: The polygon can't carry the shape.
    """
    if roof.shape not in SHAPES[1:]:
        raise SceneError(
            f"no solid is built under a roof of shape {roof.shape!r}", accepted=", ".join(SHAPES)
        )
    if (why := misfit(roof.shape, polygon)) is not None:
        raise SceneError(f"a {roof.shape} roof over a footprint that is {why}")
    rise = min(roof.height_m, top_m - base_m - _LEAST_ROOF_M)
    if roof.shape == "skillion":
        cap = _tilted_cap(polygon, top_m - rise, rise, roof)
    elif roof.shape in RIDGED:
        cap = _ridged_cap(polygon, top_m - rise, rise, roof)
    else:
        scale, lift = _rings(roof.shape)
        cap = _ringed_cap(polygon, top_m - rise + rise * lift, scale)
    return _closed(*cap, base_m)


def _rings(shape: str) -> tuple[Float64[np.ndarray, "ring"], Float64[np.ndarray, "level"]]:
    """Return the size of each ring about the apex, and the height of each ring and the apex, as parts."""
    if shape == "pyramidal":
        return np.ones(1), np.array([0.0, 1.0])
    angle = np.linspace(0.0, np.pi / 2, DOME_RINGS + 1)
    return np.cos(angle[:-1]), np.sin(angle)


def _ringed_cap(
    polygon: shapely.Polygon, level_m: Float64[np.ndarray, "level"], scale: Float64[np.ndarray, "ring"]
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return rings of a footprint, each smaller and higher than the one before, closed by an apex."""
    corner, middle = _corners(polygon), _middle(polygon)
    count = len(corner)
    ring = middle + scale[:, None, None] * (corner - middle)
    flat = np.concatenate([ring.reshape(-1, 2), middle[None]])
    vertex = np.column_stack([flat, np.append(np.repeat(level_m[:-1], count), level_m[-1])])
    here = np.arange(count)
    after = np.roll(here, -1)
    bands = [
        np.concatenate(
            [
                np.stack([here, after, after + count], axis=1),
                np.stack([here, after + count, here + count], axis=1),
            ]
        )
        + count * band
        for band in range(len(scale) - 1)
    ]
    last = count * (len(scale) - 1)
    peak = np.stack([here + last, after + last, np.full(count, count * len(scale))], axis=1)
    return vertex, np.concatenate([*bands, peak])


def _tilted_cap(
    polygon: shapely.Polygon, eaves_m: float, rise_m: float, roof: Roof
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return one plane that falls towards a bearing, from corner to corner."""
    rings, face = triangulate(polygon)
    corner = np.concatenate(rings)
    turned = math.radians(roof.ridge_deg)
    down = (corner - corner[0]) @ np.array([math.sin(turned), math.cos(turned)])
    up = (down.max() - down) / np.ptp(down)
    return np.column_stack([corner, eaves_m + rise_m * up]), face


def _ridged_cap(
    polygon: shapely.Polygon, eaves_m: float, rise_m: float, roof: Roof
) -> tuple[Float64[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]:
    """Return the faces between ridge, hips and eaves, over any footprint near a rectangle."""
    middle, along, half_length, half_width = _axes(polygon, roof.ridge_deg)
    across = np.array([-along[1], along[0]])
    reach = half_length + half_width
    if roof.shape in _SECTIONS:
        # One crease at each change of slope, on both sides of the ridge.
        offset = half_width * (1.0 - _SECTIONS[roof.shape][0][1:])
        offset = np.unique(np.concatenate([offset, -offset]))
        creases = [[side * across - reach * along, side * across + reach * along] for side in offset]
    else:
        # Four slopes of one pitch meet in a ridge that is shorter than the footprint by its width.
        half_ridge = max(half_length - half_width, 0.0)
        slope = min(half_length, half_width)
        creases = [[-half_ridge * along, half_ridge * along]] if half_ridge > 0 else []
        half_ridge_across = max(half_width - half_length, 0.0)
        if half_ridge_across > 0:
            creases = [[-half_ridge_across * across, half_ridge_across * across]]
        for one in (-1.0, 1.0):
            for other in (-1.0, 1.0):
                end = one * half_ridge * along + other * half_ridge_across * across
                creases.append([end, end + 1.5 * slope * (one * along + other * across)])
    lines = shapely.linestrings(np.array(creases) + middle)
    # One network of outline and creases on the grid of the footprints: what shares an edge then shares its
    # ends to the last bit, and a hip that misses a corner by a rounding error ends in the corner.
    network = shapely.union_all([polygon.boundary, *lines], grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(network)))
    inner = faces[shapely.covers(polygon, shapely.point_on_surface(faces))]
    corners, triangles, count = [], [], 0
    for piece in inner:
        rings, face = triangulate(piece)
        corners.append(np.concatenate(rings))
        triangles.append(face + count)
        count += len(corners[-1])
    flat, same = np.unique(np.concatenate(corners), axis=0, return_inverse=True)
    place = flat - middle
    depth = half_width - np.abs(place @ across)
    pitch = half_width
    if roof.shape == "hipped":
        depth = np.minimum(depth, half_length - np.abs(place @ along))
        pitch = min(half_width, half_length)
    # Hips rise as evenly as gables do.
    way, height = _SECTIONS.get(roof.shape, _SECTIONS["gabled"])
    up = eaves_m + rise_m * np.interp(depth / pitch, way, height)
    return np.column_stack([flat, up]), same.reshape(-1)[np.concatenate(triangles)]


def _axes(
    polygon: shapely.Polygon, ridge_deg: float
) -> tuple[Float64[np.ndarray, "2"], Float64[np.ndarray, "2"], float, float]:
    """Return middle, direction of the ridge, and half the extent along and across it."""
    length, width, bearing = _rectangle(polygon)
    if _turn(ridge_deg, bearing) > 45.0:
        length, width, bearing = width, length, bearing + 90.0
    turned = math.radians(bearing)
    along = np.array([math.sin(turned), math.cos(turned)])
    middle = shapely.get_coordinates(shapely.minimum_rotated_rectangle(polygon))[:4].mean(axis=0)
    return middle, along, length / 2, width / 2


def _closed(
    vertex: Float64[np.ndarray, "vertex 3"], face: Int[np.ndarray, "face 3"], base_m: float
) -> tuple[Float64[np.ndarray, "closed 3"], Int[np.ndarray, "all 3"]]:
    """Return a cap, its shadow on the floor, and walls between the rims of both."""
    count = len(vertex)
    edge = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])
    rim = edge[~np.isin(edge[:, 0] * count + edge[:, 1], edge[:, 1] * count + edge[:, 0])]
    if len(np.unique(rim[:, 0])) != len(rim):
        raise SceneError("a roof whose rim runs through one corner twice")
    here, after = rim[:, 0], rim[:, 1]
    walls = np.concatenate(
        [
            np.stack([here + count, after + count, after], axis=1),
            np.stack([here + count, after, here], axis=1),
        ]
    )
    floor = np.column_stack([vertex[:, :2], np.full(count, base_m)])
    return np.concatenate([vertex, floor]), np.concatenate([face, walls, face[:, ::-1] + count])
