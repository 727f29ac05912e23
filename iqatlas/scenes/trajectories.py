"""Trajectories: UAVs that fly over the scene, and where each is at every waypoint."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from jaxtyping import Float64

from iqatlas.errors import ReceiversError
from iqatlas.scenes.clearance import crossed_building
from iqatlas.scenes.flight_plans import circle_routes, given_routes, lane_routes, random_routes
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.receivers_spec import TrajectoryReceivers
from iqatlas.scenes.scene import Receivers

MOST_PLACES = 100_000
"""Most waypoints times UAVs: each one is a receiver of the ray tracer."""
LEGAL_ALTITUDE_M = 120.0
"""Height over the ground that most of the world allows without a permit (EU 2019/947, UAS.OPEN.010)."""

# A corner that is reached but for rounding is reached.
_ROUNDING_M = 1e-6


@dataclass(frozen=True, eq=False)
class Track:
    """Where one UAV is at each waypoint.

    Args:
        position_m: East, north and up.
        velocity_mps: Velocity in the same frame; at a corner that of the leg that begins there.
    """

    position_m: Float64[np.ndarray, "waypoint 3"]
    velocity_mps: Float64[np.ndarray, "waypoint 3"]


def fly(
    spec: TrajectoryReceivers,
    *,
    frame: LocalFrame,
    bbox: tuple[float, float, float, float],
    buildings: gpd.GeoDataFrame,
    duration_s: float,
    rng: np.random.Generator,
) -> Receivers:
    """Return flying UAVs: position and velocity at waypoints ``interval_s`` apart, from time 0 on.

    All UAVs keep ``speed_mps`` along straight legs, or along their circle. The whole route of each is
    checked against the buildings, also the part that the flight is too short for.

    Args:
        spec: The pattern and its measures.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.
        duration_s: How long the flight lasts.
        rng: Stream that random points are drawn from.

    Raises:
        ReceiversError: A route leads through a building or nearer to it than ``clearance_m``, is over
            100 km away, has no length, or is shorter than the flight and ``at_end`` is refuse; there is no
            way between the buildings; or there are too many waypoints.
    """
    waypoints = spec.waypoint_count(duration_s)
    if waypoints * spec.uavs > MOST_PLACES:
        raise ReceiversError(
            f"{waypoints} waypoints of {spec.uavs} UAVs are too many to trace",
            where="receivers.interval_s",
            accepted=f"at most {MOST_PLACES} places",
            remedy=f"set it to {duration_s * spec.uavs / MOST_PLACES:.2g} or more",
        )
    if spec.pattern == "waypoints":
        routes = given_routes(spec, frame)
    elif spec.pattern == "circle":
        routes = circle_routes(spec, frame, bbox)
    elif spec.pattern == "lawn_mower":
        routes = lane_routes(spec, frame, bbox)
    else:
        length_m = spec.speed_mps * duration_s
        routes = random_routes(spec, frame, bbox, buildings, length_m=length_m, rng=rng)
    for index, route in enumerate(routes):
        _refuse_crossings(spec, f"uav{index}", route, buildings)
    notes = _ends(spec, routes, duration_s)
    time_s = np.arange(waypoints, dtype=np.float64) * spec.interval_s
    travelled = spec.speed_mps * time_s
    if spec.pattern == "circle":
        tracks = [_around(route, travelled, spec.speed_mps) for route in routes]
    else:
        # Lanes are flown back as they came, so that the survey goes on.
        back = spec.pattern == "lawn_mower" or spec.at_end == "return"
        tracks = [_along(route, travelled, spec.speed_mps, back=back) for route in routes]
    return Receivers(
        names=tuple(f"uav{index}" for index in range(len(tracks))),
        time_s=time_s,
        position_m=np.stack([track.position_m for track in tracks], axis=1),
        velocity_mps=np.stack([track.velocity_mps for track in tracks], axis=1),
        provenance=_provenance(spec, routes, notes),
    )


def _along(
    route: Float64[np.ndarray, "point 3"],
    travelled_m: Float64[np.ndarray, "waypoint"],
    speed_mps: float,
    *,
    back: bool,
) -> Track:
    """Return the track along straight legs; at the end of the route hover, or fly back and forth."""
    leg = np.diff(route, axis=0)
    length = np.linalg.norm(leg, axis=-1)
    reached = np.concatenate([[0.0], np.cumsum(length)])
    total = reached[-1]
    direction = np.ones_like(travelled_m)
    if back:
        around = np.mod(travelled_m, 2 * total)
        direction = np.where(around < total - _ROUNDING_M, 1.0, -1.0)
        place = np.where(around < total, around, 2 * total - around)
        direction = np.where(around > 2 * total - _ROUNDING_M, 1.0, direction)
    else:
        place = np.minimum(travelled_m, total)
        direction = np.where(travelled_m < total - _ROUNDING_M, 1.0, 0.0)
    # On the way back the leg that begins at a corner is the one before it.
    number = np.where(
        direction < 0,
        np.searchsorted(reached, place - _ROUNDING_M, side="left") - 1,
        np.searchsorted(reached, place + _ROUNDING_M, side="right") - 1,
    )
    number = np.clip(number, 0, len(leg) - 1)
    part = np.clip((place - reached[number]) / length[number], 0.0, 1.0)
    heading = leg[number] / length[number, None]
    return Track(route[number] + part[:, None] * leg[number], heading * (direction * speed_mps)[:, None])


def _around(
    route: Float64[np.ndarray, "point 3"], travelled_m: Float64[np.ndarray, "waypoint"], speed_mps: float
) -> Track:
    """Return the track around the circle that a closed route of chords stands for, anticlockwise."""
    centre = route[:-1].mean(axis=0)
    arm = route[0, :2] - centre[:2]
    radius = float(np.hypot(*arm))
    angle = np.arctan2(arm[1], arm[0]) + travelled_m / radius
    out = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)
    ahead = np.stack([-np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)
    return Track(centre + radius * out, speed_mps * ahead)


def _refuse_crossings(
    spec: TrajectoryReceivers, name: str, route: Float64[np.ndarray, "point 3"], buildings: gpd.GeoDataFrame
) -> None:
    near = crossed_building(buildings, route[:-1], route[1:], clearance_m=spec.clearance_m)
    legs = np.flatnonzero(near >= 0)
    if not len(legs):
        return
    through = crossed_building(buildings, route[:-1], route[1:])
    inside = np.flatnonzero(through >= 0)
    leg = int(inside[0] if len(inside) else legs[0])
    row = buildings.iloc[int(through[leg] if len(inside) else near[leg])]
    height = max(route[leg, 2], route[leg + 1, 2])
    if len(inside):
        what = f"{name} flies through the building {row['osm_id']}"
    else:
        what = f"{name} comes nearer than {spec.clearance_m:g} m to the building {row['osm_id']}"
    if spec.pattern == "waypoints":
        what += f" between points {leg} and {leg + 1}"
    raise ReceiversError(
        f"{what} at {height:g} m",
        where="receivers",
        accepted=f"heights above {row['top_height_m'] + spec.clearance_m:g} m there",
        remedy="raise it or move it" if len(inside) else "raise it, move it, or lower clearance_m",
    )


def _ends(
    spec: TrajectoryReceivers, routes: list[Float64[np.ndarray, "_ 3"]], duration_s: float
) -> list[str]:
    """Return a note for each UAV that comes to the end of its route; refuse it if the spec says so."""
    if spec.pattern != "waypoints" or spec.at_end == "return":
        return []
    notes = []
    for index, route in enumerate(routes):
        length = float(np.linalg.norm(np.diff(route, axis=0), axis=-1).sum())
        seconds = length / spec.speed_mps
        if seconds >= duration_s:
            continue
        if spec.at_end == "refuse":
            raise ReceiversError(
                f"uav{index} is at its last point after {seconds:.3g} s of a draw of {duration_s:.3g} s",
                where="receivers.waypoints",
                accepted=f"routes of {spec.speed_mps * duration_s:.4g} m or more",
                remedy="add points, fly slower, or set at_end to hover or return",
            )
        notes.append(f"uav{index} reaches its last point after {seconds:.3g} s and hovers there")
    return notes


def _provenance(spec: TrajectoryReceivers, routes: list[Float64[np.ndarray, "_ 3"]], notes: list[str]) -> str:
    words = {
        "waypoints": "routes given in the spec",
        "circle": "a circle",
        "lawn_mower": "parallel lanes",
        "random_waypoint": "straight legs between points drawn uniformly (random waypoint)",
    }
    text = f"{words[spec.pattern]}, {spec.speed_mps:g} m/s, a waypoint every {spec.interval_s:g} s"
    text = "; ".join([text, *notes])
    highest = max(float(route[:, 2].max()) for route in routes)
    if highest > LEGAL_ALTITUDE_M:
        text += f"; up to {highest:g} m, which needs a permit in most countries"
    return text
