"""Coastlines: water is on their right, and what doesn't close is counted, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.scenes._osmium import read_osm
from iqatlas.scenes.coastline import Sea, find_sea
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.surfaces import find_surfaces

BOX = (0.0, 0.0, 1000.0, 800.0)


def _sea(*lines: list[tuple[float, float]]) -> Sea:
    return find_sea(np.array([shapely.LineString(line) for line in lines], dtype=object), (BOX,))


def _area(sea: Sea) -> float:
    return float(shapely.area(sea.polygons).sum())


def test_water_is_on_the_right() -> None:
    # Northwards along x = 300: the sea is in the east.
    sea = _sea([(300, -50), (300, 400), (300, 900)])
    assert shapely.total_bounds(sea.polygons).tolist() == [300, 0, 1000, 800]
    back = _sea([(300, 900), (300, -50)])
    assert shapely.total_bounds(back.polygons).tolist() == [0, 0, 300, 800]
    assert (sea.unclosed, sea.contradictory) == (back.unclosed, back.contradictory) == (0, 0)


def test_a_coast_in_several_ways_with_an_island_and_a_lagoon() -> None:
    island = [(600, 300), (800, 300), (800, 500), (600, 500), (600, 300)]  # counter-clockwise: land inside
    lagoon = [(100, 100), (100, 200), (200, 200), (200, 100), (100, 100)]  # clockwise: water inside
    sea = _sea([(300, 400), (300, 900)], island, [(300, -50), (300, 400)], lagoon)
    # Rectangles with corners on the millimetre grid: exact.
    assert _area(sea) == 700 * 800 - 200 * 200 + 100 * 100
    assert (sea.unclosed, sea.contradictory) == (0, 0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(50.0, 750.0), min_size=2, max_size=30), st.booleans())
def test_a_crooked_coast_parts_the_box(north: list[float], eastwards: bool) -> None:
    east = np.linspace(-20.0, 1020.0, len(north))
    line = list(zip(east.tolist(), north, strict=True))
    sea = _sea(line if eastwards else line[::-1])
    east_inside = np.clip(east, 0, 1000)
    cut = np.interp(east_inside, east, north)
    below = float(np.sum(np.diff(east_inside) * (cut[1:] + cut[:-1]) / 2))
    # Corners are rounded to a millimetre over 1 km of coast.
    assert _area(sea) == pytest.approx(below if eastwards else 800_000 - below, abs=2.0)
    assert (sea.unclosed, sea.contradictory) == (0, 0)


def test_a_loose_end_leaves_land_and_is_counted() -> None:
    sea = _sea([(300, -50), (300, 400)])
    assert (len(sea.polygons), sea.unclosed) == (0, 1)
    # A piece that it doesn't touch is told all the same.
    sea = _sea([(300, -50), (300, 400)], [(600, -50), (600, 900)])
    assert shapely.total_bounds(sea.polygons).tolist() == [600, 0, 1000, 800]
    assert sea.unclosed == 1


def test_coasts_that_disagree_are_counted() -> None:
    sea = _sea([(300, -50), (300, 900)], [(600, -50), (600, 900)])
    # Between them the one says water, the other land; east of both is water.
    assert shapely.total_bounds(sea.polygons).tolist() == [600, 0, 1000, 800]
    assert (sea.unclosed, sea.contradictory) == (0, 1)


def test_the_smaller_box_counts_where_the_larger_doesn_t_close() -> None:
    coast = np.array([shapely.LineString([(300, -50), (300, 850)])], dtype=object)
    large = (-500.0, -500.0, 1500.0, 1300.0)
    assert _area(find_sea(coast, (large, BOX))) == 700 * 800
    through = np.array([shapely.LineString([(300, -600), (300, 1400)])], dtype=object)
    assert _area(find_sea(through, (large, BOX))) == 1200 * 1800


def test_no_coast_no_sea() -> None:
    assert find_sea(np.empty(0, dtype=object), (BOX,)).polygons.size == 0
    assert _sea([(-300, -50), (-300, 900)]).polygons.size == 0


def test_monaco_lies_by_the_sea(shared_data: Path) -> None:
    features = read_osm(shared_data / "monaco.osm.pbf", where="map")
    frame = LocalFrame(7.4289, 43.7375)
    surfaces, report = find_surfaces(
        features.land, frame, (-2e3, -2e3, 2e3, 2e3), (-1.2e3, -1.4e3, 0.7e3, 1.4e3)
    )
    water = surfaces[surfaces["kind"] == "natural=coastline"]
    assert report["coastlines_read"] == 19 and report["sea_pieces"] == len(water) == 1
    off_shore, on_land = shapely.Point(570, -720), shapely.Point(-300, 100)
    assert water.contains(off_shore).all() and not water.contains(on_land).any()
    # Of 5.3 km² the shore, measured off the picture of the map, leaves two fifths to the sea, within 5%.
    assert float(water.area.sum()) == pytest.approx(0.385 * 1900 * 2800, rel=0.05)


def test_nodes_that_the_file_lacks_cut_the_coast(tmp_path: Path) -> None:
    path = tmp_path / "map.osm"
    nodes = "".join(f'<node id="{n}" lat="{60 + 0.001 * n}" lon="24.0"/>' for n in (1, 2, 4, 5))
    refs = "".join(f'<nd ref="{n}"/>' for n in range(1, 6))
    path.write_text(
        f'<osm version="0.6">{nodes}<way id="9">{refs}<tag k="natural" v="coastline"/></way></osm>'
    )
    land = read_osm(path, where="map").land
    assert land.osm_id == ("way/9",)
    assert [len(line.coords) for line in land.geometry[0].geoms] == [2, 2]
    surfaces, report = find_surfaces(land, LocalFrame(24.0, 60.003), (-500.0, -150.0, 500.0, 150.0))
    assert len(surfaces) == 0 and report["sea_not_told"] == ["2: coastline that ends inside the scene"]
