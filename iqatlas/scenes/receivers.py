"""Receivers: UAVs that hover over the scene."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from jaxtyping import Float64

from iqatlas.errors import ReceiversError
from iqatlas.scenes.clearance import building_distance_m, containing_building
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.geodetic import REACH_M
from iqatlas.scenes.scene import Receivers
from iqatlas.scenes.spec import HoverReceivers

# The scene's middle, as a part of its width: a UAV over the very edge has a city on one side only.
_DRAWN_PART = 0.9
# Places are drawn in batches of one size, so that more receivers leave the first ones where they were.
_BATCH = 256
_TRIES_PER_RECEIVER = 2000


def hover_receivers(
    spec: HoverReceivers,
    *,
    frame: LocalFrame,
    bbox: tuple[float, float, float, float],
    buildings: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> Receivers:
    """Return hovering UAVs, drawn over the scene or placed as given: one waypoint at time 0.

    Drawn ones are uniform over the middle 90% of the bbox at ``altitude_m``, at least ``clearance_m``
    from any building in three dimensions and ``separation_m`` from each other; for one ``rng`` the first
    ones are the same whatever the count. Given positions are taken as they are.

    Args:
        spec: How many, how high, or where.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.
        rng: Stream that the positions are drawn from.

    Raises:
        ReceiversError: A given position is inside a building, below the ground or over 100 km away, or
            there is no room for as many receivers as asked for.
    """
    if spec.positions is not None:
        position = _given(spec, frame, buildings)
        provenance = "positions given in the spec"
    else:
        position = _drawn(spec, frame, bbox, buildings, rng)
        provenance = (
            f"drawn uniformly over the middle of the scene at {spec.altitude_m:g} m, {spec.clearance_m:g} m "
            f"from buildings, {spec.separation_m:g} m from each other"
        )
    count = len(position)
    return Receivers(
        names=tuple(f"uav{i}" for i in range(count)),
        time_s=np.zeros(1),
        position_m=position[None],
        velocity_mps=np.zeros((1, count, 3)),
        provenance=provenance,
    )


def _given(
    spec: HoverReceivers, frame: LocalFrame, buildings: gpd.GeoDataFrame
) -> Float64[np.ndarray, "receiver 3"]:
    where = "receivers.positions"
    given = spec.positions or ()
    east, north = frame.to_local(
        np.array([place.longitude_deg for place in given], np.float64),
        np.array([place.latitude_deg for place in given], np.float64),
    )
    up = np.array([place.altitude_m for place in given], np.float64)
    position = np.stack([east, north, up], axis=-1)
    far = np.flatnonzero(~(np.hypot(east, north) <= REACH_M))
    if len(far):
        raise ReceiversError(
            f"uav{far[0]} is {np.hypot(east, north)[far[0]] / 1e3:.0f} km from the scene",
            where=where,
            accepted=f"at most {REACH_M / 1e3:g} km",
            remedy="see that longitude and latitude are not swapped",
        )
    low = np.flatnonzero(up <= 0)
    if len(low):
        raise ReceiversError(
            f"uav{low[0]} at {up[low[0]]:g} m is not above the ground",
            where=where,
            accepted="altitude_m above 0",
        )
    building = containing_building(buildings, position)
    buried = np.flatnonzero(building >= 0)
    if len(buried):
        i = int(buried[0])
        row = buildings.iloc[int(building[i])]
        raise ReceiversError(
            f"uav{i} at {up[i]:g} m is inside the building {row['osm_id']}",
            where=where,
            accepted=f"altitude_m above its roof at {row['top_height_m']:g} m",
            remedy="raise it or move it",
        )
    return position


def _drawn(
    spec: HoverReceivers,
    frame: LocalFrame,
    bbox: tuple[float, float, float, float],
    buildings: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "receiver 3"]:
    west, south, east, north = bbox
    middle = np.array([(west + east) / 2, (south + north) / 2])
    reach = np.array([east - west, north - south]) * (_DRAWN_PART / 2)
    found = np.empty((0, 3))
    clear_ones = 0
    tries = _TRIES_PER_RECEIVER * spec.count
    for _ in range(-(-tries // _BATCH)):
        place = middle + rng.uniform(-1.0, 1.0, (_BATCH, 2)) * reach
        east_m, north_m = frame.to_local(place[:, 0], place[:, 1])
        batch = np.stack([east_m, north_m, np.full(_BATCH, spec.altitude_m)], axis=-1)
        distance = building_distance_m(buildings, batch, limit_m=spec.clearance_m)
        # Inside a building is never clear, even where no distance is asked for.
        batch = batch[(distance >= spec.clearance_m) & (distance > 0)]
        clear_ones += len(batch)
        found = _spread(found, batch, spec.separation_m, spec.count)
        if len(found) == spec.count:
            return found
    raise ReceiversError(
        f"found room for {len(found)} of {spec.count} receivers {spec.separation_m:g} m apart; "
        f"{clear_ones} of {tries} places at {spec.altitude_m:g} m were {spec.clearance_m:g} m "
        "clear of buildings",
        where="receivers",
        remedy="lower count, separation_m or clearance_m, raise altitude_m, or widen scene.bbox",
    )


def _spread(
    found: Float64[np.ndarray, "old 3"],
    batch: Float64[np.ndarray, "place 3"],
    separation_m: float,
    count: int,
) -> Float64[np.ndarray, "new 3"]:
    """Add places to those found, in order, that keep the separation; stop at the count."""
    gap = np.linalg.norm(batch[:, None, :] - found[None, :, :], axis=-1)
    batch = batch[np.all(gap >= separation_m, axis=1)]
    added: list[np.ndarray] = []
    while len(batch) and len(found) + len(added) < count:
        newest, batch = batch[0], batch[1:]
        added.append(newest)
        batch = batch[np.linalg.norm(batch - newest, axis=1) >= separation_m]
    return np.concatenate([found, np.array(added).reshape(-1, 3)])
