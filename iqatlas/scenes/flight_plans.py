"""Flight plans: the routes that UAVs are to fly, as points in local metres."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from jaxtyping import Float64

from iqatlas.errors import ReceiversError
from iqatlas.scenes.clearance import crossed_building
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.geodetic import REACH_M
from iqatlas.scenes.receivers_spec import TrajectoryReceivers

Route = Float64[np.ndarray, "_ 3"]
BBox = tuple[float, float, float, float]

MIDDLE_PART = 0.9
"""The scene's middle, as a part of its width: a UAV over the very edge has a city on one side only."""
_RADIUS_M = 100.0
_LANE_M = 50.0
# Chords of a circle: at 360 of them the arc lies 0.004% of the radius outside.
_CHORDS = 360
_MOST_POINTS = 10_000
# Points are drawn in batches of one size, so that a longer flight begins like a shorter one.
_BATCH = 64
_MOST_BATCHES = 64


def given_routes(spec: TrajectoryReceivers, frame: LocalFrame) -> list[Route]:
    """Return the routes that a spec gives point by point.

    Args:
        spec: The routes.
        frame: Local frame of the scene.

    Raises:
        ReceiversError: A point is over 100 km away, or all points of a route are one.
    """
    routes = []
    for index, points in enumerate(spec.routes):
        place = _local(
            frame, [point.longitude_deg for point in points], [point.latitude_deg for point in points]
        )
        up = [spec.altitude_m if point.altitude_m is None else point.altitude_m for point in points]
        route = np.column_stack([place, np.array(up, np.float64)])
        _refuse_far(route, f"uav{index}", "receivers.waypoints")
        moved = np.concatenate([[True], np.any(np.diff(route, axis=0) != 0, axis=-1)])
        if np.count_nonzero(moved) < 2:
            raise ReceiversError(
                f"all points of uav{index} are the same",
                where="receivers.waypoints",
                accepted="two different points or more",
                remedy="use kind: hover for a UAV that stays",
            )
        routes.append(route[moved])
    return routes


def circle_routes(spec: TrajectoryReceivers, frame: LocalFrame, bbox: BBox) -> list[Route]:
    """Return one circle as closed routes of chords, one a UAV, each begun at its own place.

    Args:
        spec: Centre, radius, height and number of UAVs.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees, whose middle is the centre without another.

    Raises:
        ReceiversError: The circle is over 100 km away.
    """
    if spec.centre is None:
        middle = _local(frame, [(bbox[0] + bbox[2]) / 2], [(bbox[1] + bbox[3]) / 2])[0]
    else:
        middle = _local(frame, [spec.centre.longitude_deg], [spec.centre.latitude_deg])[0]
    radius = _RADIUS_M if spec.radius_m is None else spec.radius_m
    turn = 2 * np.pi * np.arange(_CHORDS) / _CHORDS
    routes = []
    for index in range(spec.count):
        angle = turn + 2 * np.pi * index / spec.count
        rim = middle + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        route = np.column_stack([rim, np.full(_CHORDS, spec.altitude_m)])
        _refuse_far(route, f"uav{index}", "receivers.centre")
        routes.append(np.concatenate([route, route[:1]]))
    return routes


def lane_routes(spec: TrajectoryReceivers, frame: LocalFrame, bbox: BBox) -> list[Route]:
    """Return parallel lanes to and fro over an area, along its longer side, a strip of it for each UAV.

    Lanes are ``lane_m`` apart or a little less, so that they fill their strip.

    Args:
        spec: Area, distance of the lanes, height and number of UAVs.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees, whose middle 90% is the area without another.

    Raises:
        ReceiversError: The area is over 100 km away, or it takes more than 10,000 points.
    """
    west, south, east, north = _area(spec, bbox)
    sides = _local(
        frame, [west, east, (west + east) / 2, (west + east) / 2], [(south + north) / 2] * 2 + [south, north]
    )
    width, height = float(np.hypot(*(sides[1] - sides[0]))), float(np.hypot(*(sides[3] - sides[2])))
    strip_m = min(width, height) / spec.count
    lanes = max(1, int(np.ceil(strip_m / (_LANE_M if spec.lane_m is None else spec.lane_m) - 1e-9)))
    if 2 * lanes * spec.count > _MOST_POINTS:
        raise ReceiversError(
            f"{lanes} lanes for each of {spec.count} UAVs are too many",
            where="receivers.lane_m",
            accepted=f"at most {_MOST_POINTS // 2} in all",
            remedy="raise lane_m or make the area smaller",
        )
    routes = []
    for index in range(spec.count):
        across = np.repeat((index + (np.arange(lanes) + 0.5) / lanes) / spec.count, 2)
        # To the far end, over to the next lane, and back: 0 1 1 0 0 1 1 0 …
        along = np.tile([0.0, 1.0, 1.0, 0.0], lanes)[: 2 * lanes]
        right, up = (along, across) if width >= height else (across, along)
        place = _local(frame, west + right * (east - west), south + up * (north - south))
        route = np.column_stack([place, np.full(len(place), spec.altitude_m)])
        _refuse_far(route, f"uav{index}", "receivers.area")
        routes.append(route)
    return routes


def random_routes(
    spec: TrajectoryReceivers,
    frame: LocalFrame,
    bbox: BBox,
    buildings: gpd.GeoDataFrame,
    *,
    length_m: float,
    rng: np.random.Generator,
) -> list[Route]:
    """Return routes through points that are drawn uniformly over an area, clear of all buildings.

    A point to which the straight way comes nearer to a building than ``clearance_m`` is drawn again. The
    first UAVs fly the same routes whatever the count, and a longer route begins like a shorter one.

    Args:
        spec: Area, height, clearance and number of UAVs.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees, whose middle 90% is the area without another.
        buildings: Buildings in local metres.
        length_m: Least length of each route.
        rng: Stream that the points are drawn from.

    Raises:
        ReceiversError: The area is over 100 km away, has no clear way, or is too small for the length.

    Source: the random waypoint model of Johnson and Maltz, "Dynamic source routing in ad hoc wireless
    networks", 1996, at constant speed and without pauses.
    """
    west, south, east, north = _area(spec, bbox)
    routes = []
    for index, own in enumerate(rng.spawn(spec.count)):
        points: list[np.ndarray] = []
        travelled = 0.0
        while travelled < length_m or len(points) < 2:
            if len(points) == _MOST_POINTS:
                raise ReceiversError(
                    f"uav{index} would pass {_MOST_POINTS} points",
                    where="receivers.area",
                    remedy="make the area larger, the draw shorter, or speed_mps lower",
                )
            for _ in range(_MOST_BATCHES):
                share = own.random((_BATCH, 2))
                place = _local(
                    frame, west + share[:, 0] * (east - west), south + share[:, 1] * (north - south)
                )
                batch = np.column_stack([place, np.full(_BATCH, spec.altitude_m)])
                _refuse_far(batch, f"uav{index}", "receivers.area")
                start = np.broadcast_to(points[-1], batch.shape).copy() if points else batch
                crossed = crossed_building(buildings, start, batch, clearance_m=spec.clearance_m)
                clear = np.flatnonzero(crossed < 0)
                if len(clear):
                    break
            else:
                raise ReceiversError(
                    f"uav{index} finds no way {spec.clearance_m:g} m clear of buildings",
                    where="receivers",
                    accepted=f"an area with free ways at {spec.altitude_m:g} m",
                    remedy="raise altitude_m, lower clearance_m, or choose another area",
                )
            points.append(batch[clear[0]])
            if len(points) > 1:
                travelled += float(np.linalg.norm(points[-1] - points[-2]))
        routes.append(np.array(points))
    return routes


def _area(spec: TrajectoryReceivers, bbox: BBox) -> BBox:
    if spec.area is not None:
        return spec.area
    west, south, east, north = bbox
    aside, up = (1 - MIDDLE_PART) / 2 * (east - west), (1 - MIDDLE_PART) / 2 * (north - south)
    return west + aside, south + up, east - aside, north - up


def _local(
    frame: LocalFrame, longitude_deg: np.ndarray | list[float], latitude_deg: np.ndarray | list[float]
) -> Float64[np.ndarray, "point 2"]:
    east, north = frame.to_local(np.asarray(longitude_deg, np.float64), np.asarray(latitude_deg, np.float64))
    return np.stack([east, north], axis=-1)


def _refuse_far(route: Route, name: str, where: str) -> None:
    # Written so that the infinite coordinates of places that can't be projected are refused as well.
    distance = np.hypot(route[:, 0], route[:, 1])
    if not np.all(distance <= REACH_M):
        raise ReceiversError(
            f"{name} would fly {distance.max() / 1e3:.0f} km from the scene",
            where=where,
            accepted=f"at most {REACH_M / 1e3:g} km",
            remedy="see that longitude and latitude are not swapped",
        )
