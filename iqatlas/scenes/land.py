"""The land of a scene: its ground, what lies on it, and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from iqatlas.scenes.buildings import BuildingTable
from iqatlas.scenes.lifting import lift_solids
from iqatlas.scenes.roofs import ROOF_COLUMNS
from iqatlas.scenes.spec import ElevationTerrain, SceneSpec
from iqatlas.scenes.surfaces import find_surfaces
from iqatlas.scenes.terrain import FLAT_GROUND, Ground, read_elevation
from iqatlas.scenes.vegetation import find_vegetation
from iqatlas.user_paths import user_path

LAND_MARGIN_M = 500.0
"""How far around the scene the ground is read: the traced ground reaches less far."""
VEGETATION_MARGIN_M = 50.0

Report = dict[str, int | float | str | list[str]]
BBox = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Land:
    """What stands and lies on the ground."""

    buildings: gpd.GeoDataFrame
    vegetation: gpd.GeoDataFrame | None
    surfaces: gpd.GeoDataFrame | None

    @classmethod
    def of(cls, scene: SceneSpec, table: BuildingTable, ground: Ground, report: Report) -> Land:
        """Return what a spec wants to stand and lie on a ground.

        Args:
            scene: What is asked for.
            table: Buildings, and what else the map tells of the land.
            ground: Height of the ground.
            report: Takes counts and reasons.
        """
        buildings, vegetation, surfaces = table.buildings, None, None
        if not scene.roofs:
            buildings = buildings.drop(columns=list(ROOF_COLUMNS), errors="ignore")
        if scene.surfaces:
            surfaces, tally = find_surfaces(
                table.land, table.frame, _bounds_m(table, LAND_MARGIN_M), _bbox_m(table)
            )
            report.update(tally)
        if scene.vegetation:
            vegetation, tally = find_vegetation(
                table.land, table.frame, _bounds_m(table, VEGETATION_MARGIN_M), buildings, ground
            )
            report.update(tally)
        if not ground.is_flat:
            footprint = np.asarray(buildings.geometry.array, dtype=object)
            buildings = lift_solids(buildings, footprint if table.footing is None else table.footing, ground)
            if vegetation is not None:
                vegetation = lift_solids(vegetation, np.asarray(vegetation.geometry.array), ground)
        return cls(buildings, vegetation, surfaces)


def read_ground(scene: SceneSpec, table: BuildingTable, base_folder: Path, report: Report) -> Ground:
    """Return the height of the ground that a spec asks for.

    Args:
        scene: Flat ground, or an elevation file.
        table: Buildings, whose extent has to be covered.
        base_folder: Folder of the spec, which relative paths start from.
        report: Takes what was read.

    Raises:
        MissingFileError: The elevation file is not there.
        SceneError: It can't be read, or doesn't cover the scene.
        SetupError: rasterio is not installed.
    """
    if not isinstance(scene.terrain, ElevationTerrain):
        report["terrain"] = "flat"
        return FLAT_GROUND
    ground, tally = read_elevation(
        base_folder / user_path(scene.terrain.path),
        frame=table.frame,
        bounds_m=_bounds_m(table, LAND_MARGIN_M),
        step_m=scene.terrain.step_m,
        where="scene.terrain.path",
    )
    report.update(tally)
    return ground


def _bbox_m(table: BuildingTable) -> BBox:
    """Return the largest upright rectangle of the local frame that lies in the bbox."""
    west, south, east, north = table.bbox
    x, y = table.frame.to_local(np.array([west, east, west, east]), np.array([south, south, north, north]))
    return float(x[::2].max()), float(y[:2].max()), float(x[1::2].min()), float(y[2:].min())


def _bounds_m(table: BuildingTable, margin_m: float) -> BBox:
    """Return west, south, east, north about the bbox and all buildings, in the local frame."""
    west, south, east, north = table.bbox
    x, y = table.frame.to_local(np.array([west, east, west, east]), np.array([south, south, north, north]))
    left, bottom, right, top = table.buildings.total_bounds.tolist()
    return (
        min(float(x.min()), left) - margin_m,
        min(float(y.min()), bottom) - margin_m,
        max(float(x.max()), right) + margin_m,
        max(float(y.max()), top) + margin_m,
    )
