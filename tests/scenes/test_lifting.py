"""Standing on the ground: buildings on their lowest corner, sites on roofs, UAVs above what is below."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.errors import ReceiversError, SitesError
from iqatlas.scenes.lifting import lift_receivers, lift_sites, lift_solids, lowest_ground_m
from iqatlas.scenes.scene import Receivers, Site
from iqatlas.scenes.terrain import FLAT_GROUND, Ground

RAMP = Ground(-500.0, -500.0, 100.0, np.tile(10.0 * np.arange(11.0), (11, 1)))
"""Rises by 1 m in 10 m to the east, from 0 at -500 m."""
RIDGE = Ground(-500.0, -500.0, 100.0, np.tile(np.where(np.arange(11) == 5, 80.0, 0.0), (11, 1)))
"""80 m high along the line east = 0, and falling to 0 within 100 m on both sides."""


def _buildings(*rows: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{number}" for number in range(len(rows))],
            "base_height_m": 0.0,
            "top_height_m": 20.0,
        },
        geometry=[shapely.box(*row) for row in rows],
    )


def _on_ground(table: gpd.GeoDataFrame, ground: Ground) -> gpd.GeoDataFrame:
    return lift_solids(table, table.geometry.to_numpy(), ground)


def _site(east: float, north: float, up: float) -> Site:
    return Site("mast", 0.0, 0.0, (float(east), float(north), float(up)), 43.0, 1, None, "spec", "test")


def _uav(*places: tuple[float, float, float], velocity: tuple[float, float, float] = (0, 0, 0)) -> Receivers:
    position = np.array(places, np.float64)[:, None, :]
    return Receivers(
        ("uav0",),
        np.arange(float(len(places))),
        position,
        np.broadcast_to(velocity, position.shape) * 1.0,
        "",
    )


def test_a_building_stands_on_its_lowest_corner() -> None:
    lifted = _on_ground(_buildings((0, 0, 40, 40), (-200, 0, -190, 10)), RAMP)
    assert lifted["ground_height_m"].tolist() == [50.0, 30.0]
    assert lifted["base_height_m"].tolist() == [50.0, 30.0]
    assert lifted["top_height_m"].tolist() == [70.0, 50.0]


def test_a_part_stands_where_its_building_does() -> None:
    table = _buildings((20, 0, 40, 40))
    lifted = lift_solids(table, np.array([shapely.box(0, 0, 40, 40)]), RAMP)
    assert lifted["top_height_m"].tolist() == [70.0]


def test_a_valley_across_a_building_is_found() -> None:
    valley = Ground(-50.0, -50.0, 10.0, np.tile(np.where(np.arange(11) == 5, 0.0, 9.0), (11, 1)))
    # A grid line runs through its middle, its corners are on the heights.
    assert lowest_ground_m(np.array([shapely.box(-35, -35, 35, 35)]), valley).tolist() == [0.0]
    assert lowest_ground_m(np.array([], dtype=object), valley).tolist() == []


def test_flat_ground_leaves_everything_as_it_is() -> None:
    table = _buildings((0, 0, 40, 40))
    assert _on_ground(table, FLAT_GROUND)["top_height_m"].tolist() == [20.0]
    (site,) = lift_sites((_site(100, 0, 25.0),), table, FLAT_GROUND, where="sites")
    assert site.position_m == (100.0, 0.0, 25.0)
    flown = lift_receivers(_uav((100, 0, 30), velocity=(5, 5, 0)), table, FLAT_GROUND, where="receivers")
    assert flown.position_m.tolist() == [[[100.0, 0.0, 30.0]]]
    assert flown.velocity_mps.tolist() == [[[5.0, 5.0, 0.0]]]


def test_a_site_on_a_roof_goes_up_with_its_building() -> None:
    buildings = _on_ground(_buildings((0, 0, 40, 40)), RAMP)
    roof, street = lift_sites((_site(35, 20, 24), _site(90, 0, 25)), buildings, RAMP, where="sites")
    assert roof.position_m[2] == 74.0  # 4 m over the roof at 70 m, though the ground there is at 53.5 m
    assert street.position_m[2] == pytest.approx(59.0 + 25.0)


def test_a_site_under_the_ground_is_refused_by_name() -> None:
    with pytest.raises(SitesError, match=r"sites: site mast is 1\.0 m under the ground"):
        lift_sites((_site(100, 0, -1.0),), _buildings(), FLAT_GROUND, where="sites")
    # The uphill end of a long low building: its roof is below the ground there.
    long = _on_ground(_buildings((-400, 0, 400, 10)), RAMP)
    with pytest.raises(SitesError, match=r"site mast is 46\.0 m under the ground"):
        lift_sites((_site(300, 5, 24.0),), long, RAMP, where="sites")


def test_a_site_that_the_hill_moves_into_a_wall_is_refused() -> None:
    buildings = _on_ground(_buildings((0, 0, 40, 40)), RAMP)
    with pytest.raises(SitesError, match="site mast is inside the building way/0"):
        lift_sites((_site(20, 20, 15.0),), buildings, RAMP, where="sites")


def test_uavs_follow_the_ground_and_climb_with_it() -> None:
    flown = lift_receivers(
        _uav((0, 0, 100), (50, 0, 100), velocity=(10, 3, 1)), _buildings(), RAMP, where="receivers"
    )
    assert flown.position_m[:, 0, 2].tolist() == [150.0, 155.0]
    # 10 m/s east on a rise of one in ten, and 1 m/s of its own.
    np.testing.assert_allclose(flown.velocity_mps[:, 0], [[10, 3, 2], [10, 3, 2]], atol=1e-12)


def test_a_uav_under_the_ground_is_refused_by_name() -> None:
    with pytest.raises(ReceiversError, match=r"receivers: uav0 is 5\.0 m under the ground at waypoint 1"):
        lift_receivers(_uav((0, 0, 10), (10, 0, -5)), _buildings(), RAMP, where="receivers")


def test_a_way_through_a_ridge_is_refused() -> None:
    ends = ((-150.0, 0.0, 30.0), (150.0, 0.0, 30.0))
    with pytest.raises(ReceiversError, match=r"uav0 is 50\.0 m under the ground on the way from waypoint 0"):
        lift_receivers(_uav(*ends), _buildings(), RIDGE, where="receivers")
    closer = lift_receivers(
        _uav(*((x, 0.0, 30.0) for x in np.linspace(-150, 150, 13))), _buildings(), RIDGE, where="receivers"
    )
    assert closer.position_m[6, 0, 2] == 110.0


def test_a_uav_that_the_hill_moves_into_a_building_is_refused() -> None:
    buildings = _on_ground(_buildings((0, 0, 40, 40)), RAMP)
    with pytest.raises(ReceiversError, match="uav0 is inside the building way/0 at waypoint 0"):
        lift_receivers(_uav((10, 10, 15)), buildings, RAMP, where="receivers")
