"""The map of a city as SVG that takes its colours from the page's style."""

from __future__ import annotations

import numpy as np
import shapely

from iqatlas.preview.city import City
from iqatlas.preview.markup import Markup, element, markup, plain

WIDTH = 1000
"""Width of the map in its own units."""
HEIGHT_CLASSES_M = (6.0, 10.0, 14.0, 18.0, 24.0, 32.0, 48.0)
"""Bounds between the shades of buildings."""
_SCALES_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_LONGEST_NAME = 24
_LETTER, _LINE = 11.5, 24
_MOST_LABELS = 24
# Where a label may stand about its marker.
_PLACES = (
    (16, 6, "start"),
    (-16, 6, "end"),
    (0, 34, "middle"),
    (0, -20, "middle"),
    (14, 26, "start"),
    (-14, 26, "end"),
    (14, -14, "start"),
    (-14, -14, "end"),
)


class MapFrame:
    """From metres of the local frame to the map's units, north up.

    Args:
        city: The city.
    """

    def __init__(self, city: City) -> None:
        west, south, east, north = city.extent_m()
        # A map much higher than wide, or wider than high, would be a strip.
        short = max(east - west, north - south) / 2.2
        middle = (west + east) / 2, (south + north) / 2
        width, height = max(east - west, short), max(north - south, short)
        self.west, self.north = middle[0] - width / 2, middle[1] + height / 2
        self.scale = WIDTH / width
        """Units a metre."""
        self.height = height * self.scale

    def of(self, places: np.ndarray) -> np.ndarray:
        """Return x and y of places given east and north."""
        x = (places[..., 0] - self.west) * self.scale
        y = (self.north - places[..., 1]) * self.scale
        return np.round(np.stack([x, y], axis=-1), 1)


def city_map(city: City, credit: str) -> Markup:
    """Return the map: buildings by height, sites, UAVs and their ways; the page's script adds the paths.

    Args:
        city: The city.
        credit: Whom the map data are from.
    """
    frame = MapFrame(city)
    words = (
        f"Map of {len(city.footprints):,} buildings, {len(city.sites)} sites and {len(city.uavs)} UAVs, "
        f"{WIDTH / frame.scale:,.0f} m wide, north up"
    )
    return element(
        "svg",
        element("title", words),
        element("rect", width=WIDTH, height=round(frame.height), class_="ground"),
        element("g", *_buildings(city, frame), class_="buildings"),
        element("g", id="map-rays", class_="rays"),
        element("g", *_tracks(city, frame), class_="tracks"),
        *_markers(city, frame),
        _scale_bar(frame),
        element("text", credit, x=WIDTH - 12, y=round(frame.height) - 12, class_="credit"),
        viewBox=f"0 0 {WIDTH} {round(frame.height)}",
        id="map",
        role="img",
        aria_label=words,
        data_west=round(frame.west, 2),
        data_north=round(frame.north, 2),
        data_scale=round(frame.scale, 6),
    )


def _buildings(city: City, frame: MapFrame) -> list[Markup]:
    shade = np.searchsorted(HEIGHT_CLASSES_M, city.top_m, side="right")
    paths = []
    for index in range(len(HEIGHT_CLASSES_M) + 1):
        shapes = city.footprints[shade == index]
        if len(shapes):
            # Rings in opposite senses leave courtyards open.
            rings = shapely.get_rings(shapely.orient_polygons(shapes))
            outlines = "".join(_outline(frame.of(shapely.get_coordinates(ring))[:-1]) for ring in rings)
            paths.append(element("path", d=outlines, class_=f"h{index}"))
    return paths


def _outline(corners: np.ndarray, *, closed: bool = True) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners.tolist()) + ("Z" if closed else "")


def _tracks(city: City, frame: MapFrame) -> list[Markup]:
    ways = [frame.of(track) for _, track in city.uavs]
    return [element("path", d=_outline(way, closed=False)) for way in ways if len(way) > 1]


def _markers(city: City, frame: MapFrame) -> list[Markup]:
    """Return sites and UAVs, each named where its name covers no other name or marker."""
    sites = [(name, *frame.of(np.array(place)).tolist(), place[2]) for name, place in city.sites]
    uavs = [(name, *frame.of(track[0]).tolist(), float(track[0, 2])) for name, track in city.uavs]
    points = [(x, y) for _, x, y, _ in sites + uavs]
    taken = [(x - 12, y - 12, x + 12, y + 12) for x, y in points]
    drawn: list[Markup] = []
    for number, (name, x, y, height) in enumerate(sites + uavs):
        is_site = number < len(sites)
        shape = (
            element("path", d=f"M{x:g} {y - 13:g}l12 21h-24z")
            if is_site
            else element("circle", cx=f"{x:g}", cy=f"{y:g}", r=9)
        )
        label = _label(plain(name, _LONGEST_NAME), (x, y), frame, taken) if number < _MOST_LABELS else None
        kind = f"site c{number % 6}" if is_site else "uav"
        drawn.append(
            element(
                "g", element("title", f"{plain(name, 80)}, {height:.0f} m"), shape, label or "", class_=kind
            )
        )
    return drawn


def _label(
    name: str, place: tuple[float, float], frame: MapFrame, taken: list[tuple[float, float, float, float]]
) -> Markup | None:
    length = _LETTER * len(name)
    for dx, dy, anchor in _PLACES:
        x, y = place[0] + dx, place[1] + dy
        left = x - {"start": 0.0, "middle": length / 2, "end": length}[anchor]
        box = (left, y - _LINE * 0.8, left + length, y + _LINE * 0.2)
        inside = box[0] > 0 and box[1] > 0 and box[2] < WIDTH and box[3] < frame.height
        if inside and all(
            box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3]
            for other in taken
        ):
            taken.append(box)
            return element("text", name, x=f"{x:g}", y=f"{y:g}", class_=anchor)
    return None


def _scale_bar(frame: MapFrame) -> Markup:
    metres = max((m for m in _SCALES_M if m * frame.scale <= 0.25 * WIDTH), default=_SCALES_M[0])
    length, bottom = round(metres * frame.scale, 1), round(frame.height) - 16
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
    return element(
        "g",
        element("path", d=f"M16 {bottom - 8}v8h{length:g}v-8"),
        element("text", words, x=16 + length / 2, y=bottom - 12),
        class_="scale",
    )


def height_key() -> Markup:
    """Return the key of the buildings' shades."""
    bounds = (0.0, *HEIGHT_CLASSES_M)
    swatches = [
        element(
            "span",
            element("i", class_=f"h{index}"),
            markup(f"{low:g}–{bounds[index + 1]:g}" if index + 1 < len(bounds) else f"{low:g}+"),
        )
        for index, low in enumerate(bounds)
    ]
    return element("p", element("b", "Height / m"), *swatches, class_="key")
