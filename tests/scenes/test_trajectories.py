"""Flying UAVs: their ways, their velocities, and what they must not fly through."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from iqatlas.errors import ReceiversError
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.scenes.clearance import building_distance_m
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import Receivers, Site
from iqatlas.scenes.spec import GroundPoint, RoutePoint, TrajectoryReceivers
from iqatlas.scenes.trajectories import fly
from iqatlas.seeds import Stage, stream

FRAME = LocalFrame(-0.08, 51.51)
BBOX = (-0.09, 51.505, -0.07, 51.515)  # 1388 m by 1113 m about the origin


def city(*boxes: tuple[float, float, float, float, float]) -> gpd.GeoDataFrame:
    """Boxes given by west, south, east, north and height."""
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(len(boxes))],
            "base_height_m": np.zeros(len(boxes)),
            "top_height_m": np.array([box[4] for box in boxes], np.float64),
        },
        geometry=[shapely.box(*box[:4]) for box in boxes],
    )


def at(east: float, north: float, up: float | None = None) -> RoutePoint:
    longitude, latitude = (float(x) for x in FRAME.to_geodetic(float(east), float(north)))
    return RoutePoint(longitude_deg=longitude, latitude_deg=latitude, altitude_m=up)


def flown(
    duration_s: float = 10.0, buildings: gpd.GeoDataFrame | None = None, seed: int = 7, **spec
) -> Receivers:
    return fly(
        TrajectoryReceivers(**spec),
        frame=FRAME,
        bbox=BBOX,
        buildings=city() if buildings is None else buildings,
        duration_s=duration_s,
        rng=stream(seed, Stage.RECEIVERS),
    )


SPECS = {
    "waypoints": {"waypoints": (at(0, 0), at(30, 0), at(30, 40, 80)), "at_end": "return"},
    "circle": {"pattern": "circle", "count": 3, "radius_m": 40},
    "lawn_mower": {"pattern": "lawn_mower", "count": 2, "area": (-0.084, 51.508, -0.076, 51.512)},
    "random_waypoint": {"pattern": "random_waypoint", "count": 3},
}


@pytest.mark.parametrize("name", SPECS)
def test_waypoints_are_an_interval_apart_and_within_the_flight(name: str) -> None:
    receivers = flown(10.0, interval_s=0.4, **SPECS[name])
    # The waypoint at 10.0 s would belong to no record.
    np.testing.assert_allclose(receivers.time_s, np.arange(25) * 0.4, rtol=1e-12)
    assert receivers.position_m.shape == (25, len(receivers.names), 3)
    assert len(flown(0.0, **SPECS[name]).time_s) == 1


@pytest.mark.parametrize("name", SPECS)
def test_positions_follow_from_velocities(name: str) -> None:
    """Between waypoints on one leg the way is velocity times interval; at all times the speed is kept."""
    receivers = flown(60.0, interval_s=0.05, speed_mps=12.0, **SPECS[name])
    speed = np.linalg.norm(receivers.velocity_mps, axis=-1)
    np.testing.assert_allclose(speed, 12.0, rtol=1e-9)
    step = np.diff(receivers.position_m, axis=0) / 0.05
    mean = (receivers.velocity_mps[1:] + receivers.velocity_mps[:-1]) / 2
    error = np.linalg.norm(step - mean, axis=-1)
    # On an arc that turns by θ = 0.6 / 40 the chord differs from the mean of its tangents by θ² / 12,
    # 2.3e-4 m/s here. At the corners of legs they differ at all scales: there are few.
    corners = error > 3e-4
    assert corners.mean() < 0.02
    assert corners.any() == (name != "circle")


@pytest.mark.parametrize("name", ["circle", "random_waypoint"])
def test_phases_turn_by_doppler_from_one_waypoint_to_the_next(name: str) -> None:
    """Free space: the traced phase of the next waypoint is the present one turned by the Doppler shift."""
    receivers = flown(2.0, interval_s=0.005, **SPECS[name])
    site = Site("a", 0.0, 0.0, (200.0, 100.0, 30.0), 43.0, 0, None, "spec", "test")
    paths = free_space_paths((site,), receivers, frequency_hz=1.8e9)
    doppler = (paths.doppler_hz[1:] + paths.doppler_hz[:-1]) / 2
    ratio = paths.gain[1:] / paths.gain[:-1] * np.exp(-2j * np.pi * doppler * 0.005)
    assert np.abs(paths.doppler_hz).max() > 20
    # The mean of two Dopplers is right to third order in the interval; a corner turns by 0.05 m at most.
    wrong = np.abs(np.angle(ratio)) > 1e-3
    assert wrong.mean() < 0.02


def test_a_route_by_hand() -> None:
    """30 m east, then 40 m north and 40 m down, at 10 m/s."""
    receivers = flown(12.0, interval_s=1.0, waypoints=SPECS["waypoints"]["waypoints"])
    position, velocity = receivers.position_m[:, 0], receivers.velocity_mps[:, 0]
    # The projection there and back is exact to micrometres.
    np.testing.assert_allclose(
        position[:4], [[0, 0, 120], [10, 0, 120], [20, 0, 120], [30, 0, 120]], atol=1e-4
    )
    slope = 1 / np.sqrt(2)
    np.testing.assert_allclose(position[4], [30, 10 * slope, 120 - 10 * slope], atol=1e-4)
    np.testing.assert_allclose(velocity[0], [10, 0, 0], atol=1e-4)
    # At the corner the velocity is that of the leg that begins.
    np.testing.assert_allclose(velocity[3], [0, 10 * slope, -10 * slope], atol=1e-4)
    # 30 + 56.6 m take 8.66 s; then it hovers.
    np.testing.assert_allclose(position[9:], [[30, 40, 80]] * 3, atol=1e-4)
    assert not velocity[9:].any()
    assert "uav0 reaches its last point after 8.66 s and hovers there" in receivers.provenance


def test_there_and_back_again() -> None:
    receivers = flown(8.0, interval_s=1.0, waypoints=(at(0, 0), at(30, 0)), at_end="return")
    np.testing.assert_allclose(receivers.position_m[:, 0, 0], [0, 10, 20, 30, 20, 10, 0, 10], atol=1e-4)
    np.testing.assert_allclose(
        receivers.velocity_mps[:, 0, 0], [10, 10, 10, -10, -10, -10, 10, 10], atol=1e-4
    )


def test_a_short_route_can_be_refused() -> None:
    route = {"waypoints": (at(0, 0), at(30, 0)), "at_end": "refuse"}
    flown(3.0, **route)
    with pytest.raises(ReceiversError, match=r"uav0 is at its last point after 3 s of a draw of 5 s.* 50 m"):
        flown(5.0, **route)


def test_uavs_share_a_circle() -> None:
    receivers = flown(5.0, **SPECS["circle"], centre=GroundPoint(longitude_deg=-0.08, latitude_deg=51.51))
    place = receivers.position_m[..., :2]
    np.testing.assert_allclose(np.linalg.norm(place, axis=-1), 40.0, rtol=1e-6)
    gap = np.linalg.norm(place[:, 0] - place[:, 1], axis=-1)
    np.testing.assert_allclose(gap, 40 * np.sqrt(3), rtol=1e-6)
    # Anticlockwise: position crossed with velocity points up.
    assert np.cross(receivers.position_m[0, 0], receivers.velocity_mps[0, 0])[2] > 0


def test_lanes_cover_their_area() -> None:
    """No place of the area is farther from a lane than half their distance."""
    area = (-0.084, 51.508, -0.076, 51.512)  # 555 m by 445 m
    receivers = flown(600.0, pattern="lawn_mower", count=3, lane_m=40, area=area, interval_s=0.5)
    ways = shapely.linestrings(np.moveaxis(receivers.position_m[..., :2], 1, 0))
    rng = np.random.default_rng(1)
    place = FRAME.to_local(rng.uniform(-0.084, -0.076, 500), rng.uniform(51.508, 51.512, 500))
    aside = shapely.distance(shapely.points(*place)[:, None], ways).min(axis=1)
    assert aside.max() <= 20.0 + 0.1
    # Each UAV has a strip of its own: their ways don't meet.
    assert not ways[0].intersects(ways[1]) and not ways[1].intersects(ways[2])


TOWERS = city(
    *(
        (e, n, e + 30, n + 30, 90 + (e * 7 + n) % 61)
        for e in range(-700, 700, 120)
        for n in range(-500, 500, 120)
    )
)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 20))
def test_random_ways_keep_clear_of_towers(seed: int, clearance: float) -> None:
    receivers = flown(
        120.0, TOWERS, seed, pattern="random_waypoint", count=2, clearance_m=clearance, altitude_m=100.0,
        interval_s=0.2,
    )  # fmt: skip
    position = receivers.position_m.reshape(-1, 3)
    # Sideways or upwards; a grown footprint's rounded corners are 64-gons, 0.2% inside their circle.
    distance = building_distance_m(TOWERS, position, limit_m=30.0)
    assert distance.min() >= 0.995 * clearance and distance.min() > 0
    longitude, latitude = FRAME.to_geodetic(position[:, 0].copy(), position[:, 1].copy())
    assert np.abs(longitude + 0.08).max() <= 0.009 + 1e-6 and np.abs(latitude - 51.51).max() <= 0.0045 + 1e-6


def test_seed_count_and_duration_of_random_ways() -> None:
    spec = {"pattern": "random_waypoint", "interval_s": 1.0}
    known = flown(100.0, TOWERS, count=2, **spec).position_m
    np.testing.assert_array_equal(known, flown(100.0, TOWERS, count=2, **spec).position_m)
    np.testing.assert_array_equal(known, flown(100.0, TOWERS, count=5, **spec).position_m[:, :2])
    np.testing.assert_array_equal(known, flown(300.0, TOWERS, count=2, **spec).position_m[:100])
    assert not np.array_equal(known, flown(100.0, TOWERS, 8, count=2, **spec).position_m)


WALL = city((100, -50, 110, 50, 130))


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (
            {"waypoints": (at(0, 0), at(50, 0), at(200, 0))},
            r"uav0 flies through the building way/0 between points 1 and 2 at 120 m; accepted: .* 135 m",
        ),
        ({"waypoints": (at(0, 0), at(97, 0))}, r"comes nearer than 5 m to the building way/0"),
        ({"waypoints": (at(105, 0, 100), at(105, 0, 90))}, "flies through the building way/0"),
        ({"pattern": "circle", "radius_m": 105}, "flies through the building way/0 at 120 m"),
        ({"pattern": "lawn_mower"}, "flies through the building way/0"),
        ({"waypoints": (at(0, 0), at(0, 0))}, "all points of uav0 are the same; .*hover"),
        (
            {"waypoints": (at(0, 0), RoutePoint(longitude_deg=51, latitude_deg=0))},
            "km from the scene; .*swapped",
        ),
        ({"pattern": "lawn_mower", "lane_m": 0.01}, "lanes for each of 1 UAVs are too many"),
        (
            {"pattern": "circle", "interval_s": 1e-5},
            r"1000000 waypoints of 1 UAVs .*accepted: .*100000 places",
        ),
    ],
)
def test_flights_that_cannot_be(spec: dict, what: str) -> None:
    with pytest.raises(ReceiversError, match=what):
        flown(10.0, WALL, **spec)


def test_no_way_out_is_told() -> None:
    roof = city((-800, -700, 800, 700, 150))
    with pytest.raises(ReceiversError, match="uav0 finds no way 5 m clear of buildings"):
        flown(10.0, roof, pattern="random_waypoint")


def test_heights_are_legal_unless_asked_otherwise() -> None:
    assert (flown(1.0, pattern="random_waypoint").position_m[..., 2] == 120).all()
    assert "permit" not in flown(1.0, pattern="circle").provenance
    assert "up to 150 m, which needs a permit" in flown(1.0, pattern="circle", altitude_m=150).provenance


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({}, "needs waypoints"),
        ({"pattern": "circle", "lane_m": 10}, "lane_m is for pattern: lawn_mower"),
        ({"pattern": "circle", "at_end": "hover"}, "at_end is for pattern: waypoints"),
        ({"pattern": "waypoints", "waypoints": (at(0, 0), at(1, 1)), "area": BBOX}, "area is for"),
        ({"waypoints": (at(0, 0), at(1, 1)), "count": 2}, "count is 2 but 1 routes"),
        ({"pattern": "lawn_mower", "area": (1, 1, 0, 2)}, "west, south, east, north"),
    ],
)
def test_specs_that_do_not_fit(spec: dict, what: str) -> None:
    """What a pattern would ignore is refused."""
    with pytest.raises(ValidationError, match=what):
        TrajectoryReceivers(**spec)
