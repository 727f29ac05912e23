"""Roofs and distances on a block whose numbers can be read off."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.scenes.clearance import (
    building_distance_m,
    containing_building,
    crossed_building,
    roof_height_m,
)


def block(*solids: tuple[float, float, float, float, float, float]) -> gpd.GeoDataFrame:
    """Boxes given by west, south, east, north, base and top."""
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(len(solids))],
            "base_height_m": [float(solid[4]) for solid in solids],
            "top_height_m": [float(solid[5]) for solid in solids],
        },
        geometry=[shapely.box(*solid[:4]) for solid in solids],
    )


# A house, a tower that stands in it, and a bridge-like part above the ground.
CITY = block((0, 0, 10, 10, 0, 20), (4, 4, 6, 6, 0, 50), (30, 0, 40, 10, 12, 18))


@pytest.mark.parametrize(
    ("east", "north", "within", "roof"),
    [
        (1, 1, 0, 20),
        (5, 5, 0, 50),
        (10, 5, 0, 20),
        (35, 5, 0, 18),
        (12, 5, 0, np.nan),
        (12, 5, 2.5, 20),
        (12, 5, 1.5, np.nan),
        (29, 5, 100, 18),
        (5, 5, 100, 50),
    ],
)
def test_roof_under_or_near_a_point(east: float, north: float, within: float, roof: float) -> None:
    found = roof_height_m(CITY, np.array([float(east)]), np.array([float(north)]), within_m=float(within))
    np.testing.assert_array_equal(found, [roof])


@pytest.mark.parametrize(
    ("position", "building"),
    [
        ((1, 1, 5), 0),
        ((5, 5, 30), 1),
        ((5, 5, 50), 1),
        ((5, 5, 50.01), -1),
        ((0, 5, 10), 0),
        ((35, 5, 5), -1),
        ((35, 5, 12), 2),
        ((20, 20, 1), -1),
    ],
)
def test_inside_counts_walls_and_roof(position: tuple[float, float, float], building: int) -> None:
    assert containing_building(CITY, np.array([position], np.float64)).tolist() == [building]


@pytest.mark.parametrize(
    ("position", "distance"),
    [
        ((1, 1, 5), 0),
        ((13, 5, 5), 3),
        ((13, 5, 24), 5),
        ((35, 5, 25), 7),
        ((35, 5, 2), 10),
        ((43, 14, 30), 13),
        ((500, 5, 5), np.inf),
    ],
)
def test_distance_in_three_dimensions(position: tuple[float, float, float], distance: float) -> None:
    found = building_distance_m(CITY, np.array([position], np.float64), limit_m=60.0)
    # Pythagorean triples: exact but for rounding.
    np.testing.assert_allclose(found, [distance], rtol=1e-12)


def test_beyond_the_limit_is_infinite() -> None:
    place = np.array([[13.0, 5.0, 24.0]])
    assert building_distance_m(CITY, place, limit_m=4.9)[0] == np.inf
    assert building_distance_m(CITY, place, limit_m=5.1)[0] == 5.0


def test_open_country() -> None:
    empty = block()
    place = np.zeros((2, 3))
    assert np.isnan(roof_height_m(empty, place[:, 0], place[:, 1], within_m=30.0)).all()
    assert containing_building(empty, place).tolist() == [-1, -1]
    assert np.isinf(building_distance_m(empty, place, limit_m=10.0)).all()


def test_segments_through_over_and_beside_a_building() -> None:
    """A tower of 20 m over [0, 10]², one of 50 m over [20, 30] × [0, 10], by hand."""
    towers = gpd.GeoDataFrame(
        {"base_height_m": [0.0, 0.0], "top_height_m": [20.0, 50.0]},
        geometry=[shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
    )
    cases = [
        ((-5, 5, 10), (-1, 5, 10), -1, 0),  # ends 1 m before the wall
        ((-5, 5, 25), (35, 5, 25), 1, 1),  # over the first, through the second
        ((-5, 5, 25), (15, 5, 25), -1, -1),  # 5 m over the roof
        ((-5, 5, 22), (15, 5, 22), -1, 0),  # 2 m over the roof
        ((5, 5, 100), (5, 5, 30), -1, -1),  # straight down, stops above
        ((5, 5, 100), (5, 5, 10), 0, 0),  # straight down into it
        ((5, 5, 10), (5, 5, 10), 0, 0),  # stands inside
        ((-10, 5, 9), (20, 5, 60), -1, 0),  # climbs over the first, 26 m up at its wall
        ((-5, 5, 0), (15, 5, 20), 0, 0),  # climbs through it
        ((-5, 12, 10), (12, 12, 10), -1, 0),  # 2 m beside it
    ]
    start, end, through, near = (np.array(column) for column in zip(*cases, strict=True))
    start, end = start.astype(np.float64), end.astype(np.float64)
    assert crossed_building(towers, start, end).tolist() == through.tolist()
    assert crossed_building(towers, start, end, clearance_m=3.0).tolist() == near.tolist()
    assert crossed_building(block(), start, end).tolist() == [-1] * len(start)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_segments_against_points_along_them(seed: int) -> None:
    """Whatever is inside at one of 2000 points along a segment is crossed; what is crossed is near them."""
    rng = np.random.default_rng(seed)
    start, end = rng.uniform(-20, 60, (2, 8, 3)) * [1, 1, 0.8]
    start[:, 2], end[:, 2] = np.abs(start[:, 2]), np.abs(end[:, 2])
    crossed = crossed_building(CITY, start, end)
    along = start[:, None] + np.linspace(0, 1, 2000)[:, None] * (end - start)[:, None]
    inside = containing_building(CITY, along.reshape(-1, 3)).reshape(len(start), -1)
    assert np.all(crossed[(inside >= 0).any(axis=1)] >= 0)
    for row in np.unique(crossed[crossed >= 0]):
        near = along[crossed == row]
        distance = building_distance_m(CITY.iloc[[row]], near.reshape(-1, 3), limit_m=1.0)
        # A step of the points is 0.06 m at most: none lies farther from a building that is crossed.
        assert np.all(distance.reshape(len(near), -1).min(axis=1) < 0.1)
