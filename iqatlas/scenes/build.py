"""A scene from its spec: buildings, sites and receivers put together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from iqatlas.errors import SpecError
from iqatlas.scenes import opencellid
from iqatlas.scenes.building_sources import read_building_source
from iqatlas.scenes.buildings import BuildingTable
from iqatlas.scenes.lifting import lift_receivers, lift_sites, lift_solids
from iqatlas.scenes.receivers import hover_receivers
from iqatlas.scenes.roofs import ROOF_COLUMNS
from iqatlas.scenes.scene import Scene, Site
from iqatlas.scenes.sites import bundled_sites, listed_sites, sites_from_opencellid
from iqatlas.scenes.spec import (
    BundledBuildings,
    BundledSites,
    ElevationTerrain,
    ListedSites,
    OpenCellIdSites,
    ReceiversSpec,
    SceneSpec,
    SitesSpec,
)
from iqatlas.scenes.surfaces import find_surfaces
from iqatlas.scenes.terrain import FLAT_GROUND, Ground, read_elevation
from iqatlas.scenes.vegetation import find_vegetation
from iqatlas.seeds import Stage, stream

CELL_MARGIN_M = 2000.0
"""How far around the scene cells are read, so that an eNodeB near the edge has its cells on both sides."""

Report = dict[str, int | float | str | list[str]]
BBox = tuple[float, float, float, float]

LAND_MARGIN_M = 500.0
"""How far around the scene the ground is read: the traced ground reaches less far."""
VEGETATION_MARGIN_M = 50.0


def build_scene(
    name: str,
    scene: SceneSpec,
    sites: SitesSpec,
    receivers: ReceiversSpec,
    *,
    seed: int,
    base_folder: Path,
) -> Scene:
    """Build the scene that a spec asks for.

    Args:
        name: Name of the scene, for pictures and reports.
        scene: Which city, and which part of it.
        sites: Where its transmitters come from.
        receivers: Where its UAVs hover.
        seed: The spec's seed; drawn receivers depend on it.
        base_folder: Folder of the spec, which relative paths start from.

    Raises:
        MissingFileError: A file that the spec names is not there.
        SceneError: The map can't be read or holds no buildings here.
        SitesError: The sites can't be placed as asked.
        ReceiversError: The receivers can't be placed as asked.
        SpecError: The bundled city's sites are asked for in another city.
        SetupError: An elevation file is named and rasterio is not installed.
    """
    is_bundled = isinstance(scene.buildings, BundledBuildings)
    if isinstance(sites, BundledSites) and not is_bundled:
        raise SpecError(
            "bundled sites stand in the bundled city only, and scene.buildings names another map",
            where="sites.kind",
            accepted="opencellid, list",
            remedy="name a cell database or list the sites, or set scene.buildings.kind to bundled",
        )
    source = read_building_source(scene, seed=seed, base_folder=base_folder)
    table = source.table
    attribution = [source.attribution]
    report: Report = dict(table.report) | source.report
    placed: tuple[Site, ...]
    if isinstance(sites, OpenCellIdSites):
        placed = _opencellid(sites, table, base_folder, report)
        attribution.append(opencellid.ATTRIBUTION)
    elif isinstance(sites, ListedSites):
        placed = listed_sites(sites, frame=table.frame, buildings=table.buildings)
    else:
        placed = bundled_sites(sites, frame=table.frame, buildings=table.buildings, masts=table.masts)
    hovering = hover_receivers(
        receivers,
        frame=table.frame,
        bbox=table.bbox,
        buildings=table.buildings,
        rng=stream(seed, Stage.RECEIVERS),
    )
    # Placed over a flat ground, where heights above the ground are heights; then all of it is lifted at once.
    ground = _ground(scene, table, base_folder, report)
    land = _Land.of(scene, table, ground, report)
    placed = lift_sites(placed, land.buildings, ground, where="sites")
    hovering = lift_receivers(hovering, land.buildings, ground, where="receivers")
    report["sites"] = [f"{site.name}: {site.provenance}" for site in placed]
    report["receivers"] = f"{len(hovering.names)} UAVs, {hovering.provenance}"
    return Scene(
        name=name,
        frame=table.frame,
        bbox=table.bbox,
        buildings=land.buildings,
        sites=placed,
        receivers=hovering,
        attribution=tuple(attribution),
        report=report,
        archive=source.archive,
        ground=ground,
        vegetation=land.vegetation,
        surfaces=land.surfaces,
    )


@dataclass(frozen=True, eq=False)
class _Land:
    """What stands and lies on the ground."""

    buildings: gpd.GeoDataFrame
    vegetation: gpd.GeoDataFrame | None
    surfaces: gpd.GeoDataFrame | None

    @classmethod
    def of(cls, scene: SceneSpec, table: BuildingTable, ground: Ground, report: Report) -> _Land:
        buildings, vegetation, surfaces = table.buildings, None, None
        if not scene.roofs:
            buildings = buildings.drop(columns=list(ROOF_COLUMNS), errors="ignore")
        if scene.surfaces:
            surfaces, tally = find_surfaces(table.land, table.frame, _bounds_m(table, LAND_MARGIN_M))
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


def _ground(scene: SceneSpec, table: BuildingTable, base_folder: Path, report: Report) -> Ground:
    if not isinstance(scene.terrain, ElevationTerrain):
        report["terrain"] = "flat"
        return FLAT_GROUND
    ground, tally = read_elevation(
        base_folder / scene.terrain.path.expanduser(),
        frame=table.frame,
        bounds_m=_bounds_m(table, LAND_MARGIN_M),
        step_m=scene.terrain.step_m,
        where="scene.terrain.path",
    )
    report.update(tally)
    return ground


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


def _opencellid(
    sites: OpenCellIdSites, table: BuildingTable, base_folder: Path, report: Report
) -> tuple[Site, ...]:
    cells = opencellid.read_cells(
        base_folder / sites.path.expanduser(), bbox=_widened(table.bbox, CELL_MARGIN_M), where="sites.path"
    )
    report["cell_rows_read"] = cells.rows
    report["cells_kept"] = len(cells.cells)
    report["cells_dropped"] = [f"{count}: {reason}" for reason, count in cells.dropped.items()]
    if not cells.has_radio:
        report["cell_radio"] = "the file tells no radio technology: all cells are taken for LTE"
    return sites_from_opencellid(
        sites, table=cells, frame=table.frame, bbox=table.bbox, buildings=table.buildings
    )


def _widened(bbox: BBox, margin_m: float) -> BBox:
    west, south, east, north = bbox
    # Metres in a degree of latitude; a few in a thousand don't matter for a margin.
    up = margin_m / 111_000.0
    aside = up / max(0.01, math.cos(math.radians(max(abs(south), abs(north)))))
    return west - aside, south - up, east + aside, north + up
