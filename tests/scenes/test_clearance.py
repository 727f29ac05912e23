"""Roofs and distances on a block whose numbers can be read off."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.scenes.clearance import building_distance_m, containing_building, roof_height_m


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
