"""Scene tables: buildings, sites and receivers as GeoParquet in WGS 84."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from iqatlas.errors import StorageError
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import Scene

WGS84 = "EPSG:4326"
TABLE_FILES = ("buildings.parquet", "sites.parquet", "receivers.parquet")
"""Files that :func:`write_scene_tables` writes."""


def buildings_table(scene: Scene) -> gpd.GeoDataFrame:
    """Return the buildings with footprints in longitude and latitude (WGS 84) and heights in metres.

    Args:
        scene: The scene.
    """
    columns = scene.buildings.drop(columns="geometry")
    footprint = shapely.transform(
        np.asarray(scene.buildings.geometry.array, dtype=object), _geodetic(scene.frame)
    )
    return gpd.GeoDataFrame(pd.DataFrame(columns).reset_index(drop=True), geometry=footprint, crs=WGS84)


def sites_table(scene: Scene) -> gpd.GeoDataFrame:
    """Return the sites as points (WGS 84) with all their attributes as columns.

    ``east_m``, ``north_m`` and ``height_m`` are the antenna's position in the local frame.

    Args:
        scene: The scene.
    """
    table = pd.DataFrame([asdict(site) for site in scene.sites])
    position = np.array([site.position_m for site in scene.sites], np.float64)
    table = table.drop(columns="position_m")
    table["east_m"], table["north_m"], table["height_m"] = position.T
    # A column of None alone would be stored without a type.
    for name in ("position_uncertainty_m", "azimuth_deg", "tilt_deg"):
        table[name] = table[name].astype(np.float64)
    for name in ("operator", "azimuth_source"):
        table[name] = pd.array([getattr(site, name) for site in scene.sites], dtype="string")
    for name in ("earfcn", "band"):
        table[name] = pd.array([getattr(site, name) for site in scene.sites], dtype="Int64")
    points = shapely.points(table["longitude_deg"].to_numpy(), table["latitude_deg"].to_numpy())
    return gpd.GeoDataFrame(table, geometry=points, crs=WGS84)


def receivers_table(scene: Scene) -> gpd.GeoDataFrame:
    """Return one point (WGS 84) a waypoint and receiver, with times, positions and velocities as columns.

    Where UAVs carry arrays, ``uav`` tells whose antenna a row is of, and ``element_east_m`` and so on
    where it is from the UAV's position.

    Args:
        scene: The scene.
    """
    receivers = scene.receivers
    waypoints, count = receivers.position_m.shape[:2]
    position = receivers.position_m.reshape(-1, 3)
    velocity = receivers.velocity_mps.reshape(-1, 3)
    longitude, latitude = scene.frame.to_geodetic(
        np.ascontiguousarray(position[:, 0]), np.ascontiguousarray(position[:, 1])
    )
    table = pd.DataFrame(
        {
            "name": np.tile(np.array(receivers.names, dtype=object), waypoints),
            "waypoint": np.repeat(np.arange(waypoints), count),
            "time_s": np.repeat(receivers.time_s, count),
            "longitude_deg": longitude,
            "latitude_deg": latitude,
            "east_m": position[:, 0],
            "north_m": position[:, 1],
            "altitude_m": position[:, 2],
            "velocity_east_mps": velocity[:, 0],
            "velocity_north_mps": velocity[:, 1],
            "velocity_up_mps": velocity[:, 2],
            "provenance": receivers.provenance,
        }
    )
    if receivers.array is not None:
        element = np.tile(receivers.element_m, (waypoints, 1))
        table["uav"] = np.tile(np.array(receivers.uav, dtype=object), waypoints)
        table["element_east_m"], table["element_north_m"], table["element_up_m"] = element.T
    return gpd.GeoDataFrame(table, geometry=shapely.points(longitude, latitude), crs=WGS84)


def write_scene_tables(scene: Scene, folder: Path) -> tuple[Path, ...]:
    """Write the scene's tables as GeoParquet; the same scene gives the same bytes.

    Args:
        scene: The scene.
        folder: Where to write :data:`TABLE_FILES`; it is made where it is missing.

    Returns:
        Paths of the files.

    Raises:
        StorageError: The folder can't be written to.

    Source: GeoParquet 1.1.0.
    """
    tables = (buildings_table(scene), sites_table(scene), receivers_table(scene))
    paths = tuple(folder / name for name in TABLE_FILES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, path in zip(tables, paths, strict=True):
            table.to_parquet(path, index=False, compression="zstd", schema_version="1.1.0")
    except OSError as error:
        raise StorageError(
            f"the scene's tables can't be written ({error.strerror or error})",
            where=str(folder),
            remedy="choose a folder that may be written to and has room",
        ) from error
    return paths


def _geodetic(frame: LocalFrame) -> Callable[[np.ndarray], np.ndarray]:
    def convert(place: np.ndarray) -> np.ndarray:
        longitude, latitude = frame.to_geodetic(
            np.ascontiguousarray(place[:, 0]), np.ascontiguousarray(place[:, 1])
        )
        return np.stack([longitude, latitude], axis=-1)

    return convert
