"""Sites that are given one by one: in the spec, or in a file's table."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from jaxtyping import Float64

from iqatlas.errors import SitesError
from iqatlas.scenes.cell_identities import physical_cell_ids
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.geodetic import REACH_M
from iqatlas.scenes.scene import Site
from iqatlas.scenes.site_choice import choose_sites
from iqatlas.scenes.site_columns import ANTENNAS
from iqatlas.scenes.site_heights import estimated_heights, refuse_buried
from iqatlas.scenes.site_tables import SiteTable, too_few_sites, too_many_sites
from iqatlas.scenes.sites_spec import MOST_SITES, ListedSites, SiteFile

BBox = tuple[float, float, float, float]


def listed_sites(
    spec: ListedSites, *, frame: LocalFrame, buildings: gpd.GeoDataFrame, where: str = "sites.sites"
) -> tuple[Site, ...]:
    """Return the sites that a spec places by hand.

    Args:
        spec: The sites.
        frame: Local frame of the scene.
        buildings: Buildings in local metres.
        where: What to name in an error.

    Raises:
        SitesError: A site is inside a building or over 100 km away, or a name or cell identity comes twice.
    """
    names = [site.name for site in spec.sites]
    _refuse_twice(names, where)
    east, north = frame.to_local(
        np.array([site.longitude_deg for site in spec.sites], np.float64),
        np.array([site.latitude_deg for site in spec.sites], np.float64),
    )
    position = np.stack([east, north, np.array([site.height_m for site in spec.sites], np.float64)], axis=-1)
    far = np.flatnonzero(~(np.hypot(east, north) <= REACH_M))
    if len(far):
        raise SitesError(
            f"site {names[far[0]]} is {np.hypot(east, north)[far[0]] / 1e3:.0f} km from the scene",
            where=where,
            accepted=f"at most {REACH_M / 1e3:g} km",
            remedy="see that longitude and latitude are not swapped",
        )
    refuse_buried(names, position, buildings, where=where)
    given = [site.cell_id for site in spec.sites]
    identities = physical_cell_ids(names, range(len(names)), given)
    return tuple(
        Site(
            name=site.name,
            longitude_deg=site.longitude_deg,
            latitude_deg=site.latitude_deg,
            position_m=(float(position[i, 0]), float(position[i, 1]), site.height_m),
            power_dbm=site.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=None,
            height_source="spec",
            provenance="placed in the spec",
        )
        for i, site in enumerate(spec.sites)
    )


def file_sites(
    spec: SiteFile,
    read: SiteTable,
    *,
    frame: LocalFrame,
    bbox: BBox,
    buildings: gpd.GeoDataFrame,
    receivers_m: Float64[np.ndarray, "receiver 3"],
    where: str = "sites.path",
) -> tuple[Site, ...]:
    """Return sites of a CSV or GeoJSON file that lie inside the scene.

    Args:
        spec: How many, which, and what holds for rows that don't tell; without a count, all inside the scene.
        read: The file; see :func:`iqatlas.scenes.site_tables.read_site_file`.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.
        receivers_m: Where the receivers are, over all waypoints.
        where: What to name in an error.

    Raises:
        SitesError: The file has too few or too many sites in the scene, one of those chosen is inside a
            building, or two of them have one name or cell identity.
    """
    table, place = read.rows, f"{where} ({read.name})"
    inside = read.inside(bbox)
    if spec.count is None and len(inside) > MOST_SITES:
        raise too_many_sites(len(inside), place)
    east, north = frame.to_local(
        inside["longitude_deg"].to_numpy(np.float64), inside["latitude_deg"].to_numpy(np.float64)
    )
    estimated, on_roof = estimated_heights(
        buildings, east, north, above_roof_m=spec.height_above_roof_m, default_m=spec.default_height_m
    )
    told = inside["height_m"].to_numpy(np.float64)
    position = np.stack([east, north, np.where(np.isnan(told), estimated, told)], axis=-1)
    # Sectors of one mast are rows at one place, so nothing keeps rows apart.
    count = len(inside) if spec.count is None else spec.count
    chosen = choose_sites(position, count, rule=spec.choose, separation_m=0.0, receivers_m=receivers_m)
    if len(chosen) < max(1, count):
        raise too_few_sites(len(inside), len(table), count, place, bbox=bbox)
    rows = inside.iloc[chosen].reset_index(drop=True)
    position = position[chosen]
    source = np.where(~np.isnan(told), "file", np.where(on_roof, "roof", "default"))[chosen]
    names = [name or f"site{int(number)}" for name, number in zip(rows["name"], rows["number"], strict=True)]
    _refuse_twice(names, place)
    refuse_buried(names, position, buildings, where=place)
    given = [_whole(value) for value in rows["cell_id"]]
    identities = physical_cell_ids(names, [int(number) for number in rows["number"]], given)
    power = rows["power_dbm"].fillna(spec.power_dbm).to_numpy(np.float64)
    return tuple(
        Site(
            name=names[i],
            longitude_deg=float(rows["longitude_deg"][i]),
            latitude_deg=float(rows["latitude_deg"][i]),
            position_m=(float(position[i, 0]), float(position[i, 1]), float(position[i, 2])),
            power_dbm=float(power[i]),
            cell_id=identities[i],
            position_uncertainty_m=_real(rows["position_uncertainty_m"][i]),
            height_source=str(source[i]),
            provenance=f"{read.name}, row {int(rows['number'][i])}",
            operator=rows["operator"][i] or None,
            azimuth_deg=_azimuth(rows["azimuth_deg"][i]),
            azimuth_source=None if np.isnan(rows["azimuth_deg"][i]) else "file",
            tilt_deg=_real(rows["tilt_deg"][i]),
            antenna=rows["antenna"][i] or ANTENNAS[0],
            earfcn=_whole(rows["earfcn"][i]),
            band=_whole(rows["band"][i]),
        )
        for i in range(len(rows))
    )


def _refuse_twice(names: Sequence[str], where: str) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SitesError(
            f"the name {twice[0]!r} comes twice", where=where, remedy="give each site a name of its own"
        )


def _real(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _azimuth(value: float) -> float | None:
    return None if np.isnan(value) else float(value % 360)
