"""How high antennas stand: over the roof or mast below them, or what is usual on open ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
from jaxtyping import Bool, Float64

from iqatlas.errors import SitesError
from iqatlas.scenes.clearance import containing_building, roof_height_m
from iqatlas.scenes.heights import parse_length_m

NEAREST_ROOF_M = 30.0
"""How far the roof may be that tells the antenna height of a site on open ground."""
ABOVE_ROOF_M = 4.0
"""Usual height of an antenna over its roof."""
OPEN_GROUND_M = 25.0
"""Usual height of an antenna on a mast of its own (TR 38.901, table 7.4.1-1: urban macro, 25 m)."""
# On the very surface of a roof an antenna would be part of the wall that rays start from.
LEAST_ABOVE_ROOF_M = 0.1
# The parts of a tower are rounded otherwise than the tower.
_OWN_TOP_M = 0.5


def estimated_heights(
    buildings: gpd.GeoDataFrame,
    east_m: Float64[np.ndarray, "site"],
    north_m: Float64[np.ndarray, "site"],
    *,
    above_roof_m: float,
    default_m: float,
) -> tuple[Float64[np.ndarray, "site"], Bool[np.ndarray, "site"]]:
    """Return antenna heights over the ground in metres, and whether a roof tells them.

    The antenna is ``above_roof_m`` over the roof below it or, on open ground, over the nearest roof within
    30 m; else ``default_m`` over the ground.

    Args:
        buildings: Buildings in local metres.
        east_m, north_m: Where the antennas are.
        above_roof_m: Height over the roof.
        default_m: Height where no roof is near.
    """
    roof = roof_height_m(buildings, east_m, north_m, within_m=NEAREST_ROOF_M)
    on_roof = ~np.isnan(roof)
    return np.where(on_roof, roof + max(above_roof_m, LEAST_ABOVE_ROOF_M), default_m), on_roof


def mast_height(
    buildings: gpd.GeoDataFrame,
    east_m: float,
    north_m: float,
    tags: Mapping[str, str],
    *,
    osm_id: str = "",
    above_roof_m: float = ABOVE_ROOF_M,
    default_m: float = OPEN_GROUND_M,
) -> tuple[float, str]:
    """Return the antenna height of a mapped mast, and its source: ``tag``, ``roof`` or ``default``.

    A ``height`` tag tells the height over the ground or, where that is inside the building below, the
    mast's own length on its roof; ``ele`` is height over the sea and doesn't tell one. A mast that is drawn
    as an area is as high as its tag says; where it is a solid of the scene itself, just above that.

    Args:
        buildings: Buildings in local metres.
        east_m, north_m: Where the mast stands.
        tags: Its tags.
        osm_id: Its number on the map, such as ``way/25`` for an area.
        above_roof_m: Height over the roof below, without a tag.
        default_m: Height where there is neither a tag nor a roof.
    """
    tagged = parse_length_m(tags.get("height"))
    place = np.array([[east_m, north_m, tagged or 0.0]], np.float64)
    roof = float(roof_height_m(buildings, place[:, 0], place[:, 1])[0])
    if tagged and containing_building(buildings, place)[0] < 0:
        return tagged, "tag"
    is_drawn = osm_id.startswith(("way/", "relation/"))
    if tagged and is_drawn and (tagged >= roof - _OWN_TOP_M or _is_own_roof(buildings, place[0], osm_id)):
        return max(tagged, roof + LEAST_ABOVE_ROOF_M), "tag"
    if tagged:
        return roof + tagged, "tag"
    return (
        (default_m, "default") if np.isnan(roof) else (roof + max(above_roof_m, LEAST_ABOVE_ROOF_M), "roof")
    )


def _is_own_roof(buildings: gpd.GeoDataFrame, place_m: Float64[np.ndarray, "3"], osm_id: str) -> bool:
    """Tell whether the solid that holds a point is the one of a number on the map."""
    row = int(containing_building(buildings, place_m[None])[0])
    return row >= 0 and str(buildings["osm_id"].iloc[row]) == osm_id


def refuse_buried(
    names: Sequence[str],
    position_m: Float64[np.ndarray, "site 3"],
    buildings: gpd.GeoDataFrame,
    *,
    where: str,
) -> None:
    """Refuse antennas that are inside a building or not above the ground.

    Args:
        names: Name of each site.
        position_m: East, north and up.
        buildings: Buildings in local metres.
        where: What to name in an error.

    Raises:
        SitesError: One is; the site and the building are named.
    """
    low = np.flatnonzero(~(position_m[:, 2] > 0))
    if len(low):
        raise SitesError(
            f"site {names[low[0]]} at {position_m[low[0], 2]:g} m is not above the ground",
            where=where,
            accepted="height_m above 0",
            remedy="raise height_m",
        )
    building = containing_building(buildings, position_m)
    buried = np.flatnonzero(building >= 0)
    if len(buried):
        first = int(buried[0])
        row = buildings.iloc[int(building[first])]
        raise SitesError(
            f"site {names[first]} at {position_m[first, 2]:g} m is inside the building {row['osm_id']}",
            where=where,
            accepted=f"height_m above the roof at {row['top_height_m']:g} m",
            remedy="raise height_m or move the site",
        )
