"""Everything that stands on or flies over the ground, put at its height; what ends under it is refused."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import shapely
from jaxtyping import Float64

from iqatlas.errors import ReceiversError, SitesError
from iqatlas.scenes.clearance import containing_building
from iqatlas.scenes.scene import GROUND_COLUMN, Receivers, Site
from iqatlas.scenes.terrain import Ground


def lift_solids(solids: gpd.GeoDataFrame, footing: np.ndarray, ground: Ground) -> gpd.GeoDataFrame:
    """Return buildings or vegetation standing on the ground, each on the lowest point of its outline.

    OpenStreetMap counts heights from where the lowest wall meets the ground, so on a slope the uphill
    walls are partly in the ground.

    Args:
        solids: Rows with ``base_height_m`` and ``top_height_m`` above a flat ground at 0.
        footing: Outline that the heights of each row count from.
        ground: The ground.

    Source: OpenStreetMap wiki, "Key:height".
    """
    low = lowest_ground_m(footing, ground)
    return solids.assign(
        base_height_m=solids["base_height_m"].to_numpy(np.float64) + low,
        top_height_m=solids["top_height_m"].to_numpy(np.float64) + low,
        **{GROUND_COLUMN: low},
    )


def lowest_ground_m(outline: np.ndarray, ground: Ground) -> Float64[np.ndarray, "outline"]:
    """Return the lowest height of the ground along each outline, sampled twice a step and at its corners.

    Args:
        outline: Polygons in local metres.
        ground: The ground.
    """
    if len(outline) == 0 or ground.is_flat:
        return np.zeros(len(outline))
    place, owner = shapely.get_coordinates(shapely.segmentize(outline, ground.step_m / 2), return_index=True)
    height = ground.height_m(np.ascontiguousarray(place[:, 0]), np.ascontiguousarray(place[:, 1]))
    return np.minimum.reduceat(height, np.searchsorted(owner, np.arange(len(outline))))


def lift_sites(
    sites: tuple[Site, ...], buildings: gpd.GeoDataFrame, ground: Ground, *, where: str
) -> tuple[Site, ...]:
    """Return the sites at their height over the ground: over that of the building they stand on.

    Args:
        sites: Sites with heights above a flat ground at 0.
        buildings: Buildings on the ground, as :func:`lift_solids` returns them.
        ground: The ground.
        where: What error messages name as the place of the fault.

    Raises:
        SitesError: A site is under the ground or, on the ground as it is, inside a building.
    """
    position = np.array([site.position_m for site in sites], np.float64).reshape(-1, 3)
    east, north = np.ascontiguousarray(position[:, 0]), np.ascontiguousarray(position[:, 1])
    here = ground.height_m(east, north)
    position[:, 2] += _ground_of_building(buildings, east, north, here)
    low = np.flatnonzero(position[:, 2] <= here)
    if len(low):
        site = int(low[0])
        raise SitesError(
            f"site {sites[site].name} is {here[site] - position[site, 2]:.1f} m under the ground",
            where=where,
            accepted="antennas above the ground",
            remedy="raise it, move it, or leave the terrain out",
        )
    building = containing_building(buildings, position)
    if not ground.is_flat and (building >= 0).any():
        site = int(np.flatnonzero(building >= 0)[0])
        raise SitesError(
            f"on this terrain site {sites[site].name} is inside the building "
            f"{buildings['osm_id'].iloc[int(building[site])]}",
            where=where,
            remedy="raise it or move it",
        )
    return tuple(
        replace(site, position_m=(float(place[0]), float(place[1]), float(place[2])))
        for site, place in zip(sites, position, strict=True)
    )


def _ground_of_building(
    buildings: gpd.GeoDataFrame,
    east_m: Float64[np.ndarray, "point"],
    north_m: Float64[np.ndarray, "point"],
    otherwise_m: Float64[np.ndarray, "point"],
) -> Float64[np.ndarray, "point"]:
    """Return the ground of the building below each point, of the highest where there are several."""
    if len(buildings) == 0 or GROUND_COLUMN not in buildings:
        return otherwise_m
    footprint = np.asarray(buildings.geometry.array, dtype=object)
    point, row = shapely.STRtree(footprint).query(shapely.points(east_m, north_m), predicate="intersects")
    order = np.argsort(buildings["top_height_m"].to_numpy(np.float64)[row], kind="stable")
    result = otherwise_m.copy()
    result[point[order]] = buildings[GROUND_COLUMN].to_numpy(np.float64)[row[order]]
    return result


def lift_receivers(
    receivers: Receivers, buildings: gpd.GeoDataFrame, ground: Ground, *, where: str
) -> Receivers:
    """Return the UAVs at their height over the ground below them: their way follows the ground.

    Args:
        receivers: UAVs with heights above a flat ground at 0.
        buildings: Buildings on the ground, as :func:`lift_solids` returns them.
        ground: The ground.
        where: What error messages name as the place of the fault.

    Raises:
        ReceiversError: A UAV is under the ground at a waypoint or on the straight way to the next, or inside
            a building on the ground as it is.
    """
    position = receivers.position_m.copy()
    velocity = receivers.velocity_mps.copy()
    east, north = np.ascontiguousarray(position[..., 0]), np.ascontiguousarray(position[..., 1])
    position[..., 2] += ground.height_m(east, north)
    eastwards, northwards = ground.slope(east, north)
    velocity[..., 2] += velocity[..., 0] * eastwards + velocity[..., 1] * northwards
    _refuse_underground(receivers.names, position, ground, where)
    if not ground.is_flat:
        building = containing_building(buildings, position.reshape(-1, 3)).reshape(position.shape[:2])
        if (building >= 0).any():
            waypoint, receiver = np.argwhere(building >= 0)[0]
            raise ReceiversError(
                f"on this terrain {receivers.names[receiver]} is inside the building "
                f"{buildings['osm_id'].iloc[int(building[waypoint, receiver])]} at waypoint {waypoint}",
                where=where,
                remedy="raise it or move it",
            )
    return replace(receivers, position_m=position, velocity_mps=velocity)


def _refuse_underground(
    names: tuple[str, ...], position: Float64[np.ndarray, "waypoint receiver 3"], ground: Ground, where: str
) -> None:
    """Look at every waypoint and, twice a step of the ground, at the straight ways between them."""
    waypoints = len(position)
    for waypoint in range(waypoints):
        part = np.zeros(1)
        after = position[min(waypoint + 1, waypoints - 1)]
        way = after - position[waypoint]
        if not ground.is_flat and waypoint + 1 < waypoints:
            longest = float(np.hypot(way[:, 0], way[:, 1]).max())
            part = np.linspace(0.0, 1.0, 1 + max(1, int(np.ceil(2 * longest / ground.step_m))))[:-1]
        place = position[waypoint] + part[:, None, None] * way
        above = place[..., 2] - ground.height_m(
            np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
        )
        if (above > 0).all():
            continue
        index, receiver = np.unravel_index(int(np.argmin(above)), above.shape)
        place_name = f"at waypoint {waypoint}" if index == 0 else f"on the way from waypoint {waypoint}"
        raise ReceiversError(
            f"{names[receiver]} is {-above[index, receiver]:.1f} m under the ground {place_name}",
            where=where,
            accepted="altitudes above the ground",
            remedy="raise it, or set waypoints closer together",
        )
