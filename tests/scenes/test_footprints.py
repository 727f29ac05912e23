"""Footprints: cleaning, parts and outlines, and solids that don't stand in each other."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.scenes.footprints import (
    clean_polygons,
    covered_outlines,
    first_of_duplicates,
    outline_of_part,
    rounded,
    without_overlaps,
    without_parts,
)


def _boxes(*bounds: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.box(*each) for each in bounds], dtype=object)


def test_a_bow_tie_becomes_two_triangles() -> None:
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    polygons, row = clean_polygons(np.array([bow_tie], dtype=object))
    assert row.tolist() == [0, 0]
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).tolist() == [25.0, 25.0]  # corners are whole metres: exact


def test_parts_of_a_multipolygon_know_their_row_and_specks_go() -> None:
    speck = shapely.box(50, 0, 50.9, 1)
    several = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(5, 0, 9, 4), speck])
    polygons, row = clean_polygons(np.array([speck, several], dtype=object))
    assert row.tolist() == [1, 1]
    assert sorted(shapely.area(polygons)) == [4.0, 16.0]


def test_lines_and_points_are_no_footprints() -> None:
    line = shapely.LineString([(0, 0), (9, 9)])
    flat = shapely.Polygon([(0, 0), (9, 9), (0, 0)])
    mixed = shapely.GeometryCollection([line, shapely.MultiPolygon([shapely.box(0, 0, 2, 2)])])
    _, row = clean_polygons(np.array([line, flat, mixed], dtype=object))
    assert row.tolist() == [2]


def test_rounding_leaves_no_grid_behind() -> None:
    """With a grid left behind, GEOS draws this house in to nothing at all."""
    house = shapely.Polygon(
        [(-462.279, -767.695), (-450.339, -771.14), (-451.983, -776.795), (-463.923, -773.35)]
    )
    (clean,) = rounded(np.array([house], dtype=object))
    assert shapely.get_precision(clean) == 0.0
    drawn_in = shapely.buffer(clean, -0.01, join_style="mitre")
    # A rectangle loses 1 cm along its perimeter, less four corners of 1 cm².
    assert drawn_in.area == pytest.approx(house.area - 0.01 * house.length, abs=1e-3)


def test_a_part_belongs_to_the_smallest_outline_that_holds_it() -> None:
    shapes = _boxes((0, 0, 100, 100), (0, 0, 20, 20), (5, 5, 10, 10), (200, 0, 210, 10))
    is_part = np.array([False, False, True, True])
    assert outline_of_part(shapes, is_part).tolist() == [-1, -1, 1, -1]


@pytest.mark.parametrize(("width_m", "covered"), [(10.0, True), (9.1, True), (8.9, False)])
def test_an_outline_is_covered_from_90_percent_on(width_m: float, covered: bool) -> None:
    shapes = _boxes((0, 0, 10, 10), (0, 0, width_m, 5), (0, 5, width_m, 10))
    owner = np.array([-1, 0, 0])
    assert covered_outlines(shapes, owner).tolist() == [covered, False, False]


def test_parts_that_overlap_count_once() -> None:
    shapes = _boxes((0, 0, 10, 10), (0, 0, 5, 10), (0, 0, 5, 10))
    assert not covered_outlines(shapes, np.array([-1, 0, 0]))[0]


def test_parts_on_the_ground_are_cut_out_of_their_outline() -> None:
    shapes = _boxes((0, 0, 10, 10), (0, 0, 4, 10), (6, 0, 10, 10))
    left = without_parts(shapes, np.array([-1, 0, 0]), np.array([0.0, 0.0, 8.0]))
    assert shapely.equals(left[0], shapely.box(4, 0, 10, 10))  # the part in the air has outline below it
    assert shapely.equals(left[1:], shapes[1:]).all()


def test_of_duplicates_the_surest_stays() -> None:
    square = (0.0, 0.0, 10.0, 10.0)
    turned = shapely.Polygon([(10, 10), (0, 10), (0, 0), (10, 0)])
    shapes = np.array([*_boxes(square), turned, *_boxes(square, (20, 0, 30, 10))], dtype=object)
    kept = first_of_duplicates(shapes, np.array([0.0, 0.0, 5.0, 0.0]), np.array([3, 0, 4, 4]))
    # Row 2 hangs above the others, and is no duplicate.
    assert kept.tolist() == [False, True, True, True]


def test_a_taller_solid_takes_the_shared_ground() -> None:
    solids = without_overlaps(
        _boxes((0, 0, 10, 10), (5, 0, 15, 10)), np.array([0.0, 0.0]), np.array([10.0, 20.0])
    )
    assert [polygon.bounds for polygon in solids.geometry] == [(0, 0, 5, 10), (5, 0, 15, 10)]
    assert solids.overlaps_left == 0


def test_a_solid_inside_a_taller_one_goes() -> None:
    solids = without_overlaps(
        _boxes((2, 2, 8, 8), (0, 0, 10, 10)), np.array([0.0, 0.0]), np.array([10.0, 20.0])
    )
    assert solids.row.tolist() == [1]


def test_a_tower_that_starts_inside_a_podium_starts_on_top_of_it() -> None:
    solids = without_overlaps(
        _boxes((0, 0, 30, 30), (10, 10, 20, 20)), np.array([0.0, 6.0]), np.array([10.0, 60.0])
    )
    assert solids.base_m.tolist() == [0.0, 10.0]
    assert shapely.area(solids.geometry).tolist() == [900.0, 100.0]


def test_solids_above_each_other_are_left_alone() -> None:
    shapes = _boxes((0, 0, 10, 10), (0, 0, 10, 10))
    solids = without_overlaps(shapes, np.array([0.0, 10.0]), np.array([10.0, 20.0]))
    assert shapely.equals(solids.geometry, shapes).all()
    assert solids.base_m.tolist() == [0.0, 10.0]


def test_an_overhang_that_also_stands_in_a_lower_solid_is_counted() -> None:
    solids = without_overlaps(
        _boxes((0, 0, 10, 10), (5, 0, 15, 10)), np.array([0.0, 5.0]), np.array([10.0, 20.0])
    )
    assert solids.overlaps_left == 1


_CORNER = st.integers(0, 20).map(float)
_BLOCK = st.tuples(_CORNER, _CORNER, st.integers(2, 12), st.integers(2, 12), st.integers(1, 4))


@settings(deadline=None, max_examples=60)
@given(st.lists(_BLOCK, min_size=1, max_size=7))
def test_blocks_on_the_ground_share_no_volume_and_lose_none(blocks: list[tuple[float, ...]]) -> None:
    """The union of upright blocks has as its volume the integral of the greatest height over the ground."""
    shapes = _boxes(*((x, y, x + width, y + depth) for x, y, width, depth, _ in blocks))
    top = np.array([10.0 * block[4] for block in blocks])
    solids = without_overlaps(shapes, np.zeros(len(blocks)), top)
    volume = float(np.sum(shapely.area(solids.geometry) * top[solids.row]))
    ground = np.arange(0.5, 33.0)
    east, north = np.meshgrid(ground, ground)
    inside = [
        (x < east) & (east < x + width) & (y < north) & (north < y + depth)
        for x, y, width, depth, _ in blocks
    ]
    expected = float(np.max(np.stack(inside) * top[:, None, None], axis=0).sum())
    # All corners are whole metres, so that areas are exact and pieces are 1 m² or more.
    assert volume == pytest.approx(expected, abs=1e-6)
    assert solids.overlaps_left == 0
