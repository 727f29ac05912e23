"""Scenes grow linearly: meshes of 50,000 buildings against those of 10,000, a building."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.timing import Comparison
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.mesh import scene_meshes

_SMALL, _LARGE = 10_000, 50_000


def synthetic_city(count: int) -> gpd.GeoDataFrame:
    """Return synthetic houses on a grid of streets, a fifth of them touching a neighbour of equal height."""
    rng = np.random.default_rng(1)
    columns = int(np.ceil(np.sqrt(count)))
    east, north = (
        axis.ravel()[:count] * 25.0 for axis in np.meshgrid(np.arange(columns), np.arange(columns))
    )
    width = np.where(rng.uniform(size=count) < 0.2, 25.0, 14.0)
    height = rng.choice([9.0, 12.0, 15.0, 21.0], count)
    frame = LocalFrame(25.0, 60.0)
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{index}" for index in range(count)],
            "kind": "house",
            "base_height_m": 0.0,
            "top_height_m": height,
            "height_source": "tag",
            "material": "concrete",
        },
        geometry=shapely.box(east, north, east + width, north + 12.0),
        crs=frame.definition,
    )


def _rate(count: int) -> float:
    city = synthetic_city(count)
    west, south, east, north = city.total_bounds.tolist()
    begun = time.perf_counter()
    scene_meshes(city, 50.0, (west, south, east, north))
    return count / (time.perf_counter() - begun) / 1e3


def run() -> list[Comparison]:
    """Compare the meshing rate of a large synthetic city with that of a small one."""
    _rate(1000)
    small = _rate(_SMALL)
    return [Comparison("50,000 buildings to meshes", "k/s", _rate(_LARGE), small, "the rate at 10,000")]
