"""A scene from its spec: buildings, sites and receivers put together."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from iqatlas.errors import SpecError
from iqatlas.scenes import cellmapper, opencellid
from iqatlas.scenes.building_sources import read_building_source
from iqatlas.scenes.buildings import BuildingTable
from iqatlas.scenes.land import Land, read_ground
from iqatlas.scenes.lifting import lift_receivers, lift_sites
from iqatlas.scenes.mast_sites import bundled_sites, osm_mast_sites, placed_sites
from iqatlas.scenes.receivers import hover_receivers
from iqatlas.scenes.scene import Receivers, Scene, Site
from iqatlas.scenes.site_files import file_sites, listed_sites
from iqatlas.scenes.site_tables import read_site_file
from iqatlas.scenes.sites import sites_from_cells
from iqatlas.scenes.spec import (
    BundledBuildings,
    BundledSites,
    CellMapperSites,
    HoverReceivers,
    ListedSites,
    OpenCellIdSites,
    OsmMastSites,
    PlacedSites,
    ReceiversSpec,
    SceneSpec,
    SiteFile,
    SitesSpec,
)
from iqatlas.scenes.trajectories import fly
from iqatlas.seeds import Stage, stream
from iqatlas.user_paths import user_path

CELL_MARGIN_M = 2000.0
"""How far around the scene cells are read, so that an eNodeB near the edge has its cells on both sides."""

Report = dict[str, int | float | str | list[str]]
BBox = tuple[float, float, float, float]


def build_scene(
    name: str,
    scene: SceneSpec,
    sites: SitesSpec,
    receivers: ReceiversSpec,
    *,
    seed: int,
    base_folder: Path,
    duration_s: float = 0.0,
) -> Scene:
    """Build the scene that a spec asks for.

    Args:
        name: Name of the scene, for pictures and reports.
        scene: Which city, and which part of it.
        sites: Where its transmitters come from.
        receivers: Where its UAVs hover or fly.
        seed: The spec's seed; drawn receivers depend on it.
        base_folder: Folder of the spec, which relative paths start from.
        duration_s: Length of a draw, for which receivers that move fly.

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
            accepted="opencellid, cellmapper, osm_masts, file, list, placed",
            remedy="name a cell database or list the sites, or set scene.buildings.kind to bundled",
        )
    source = read_building_source(scene, seed=seed, base_folder=base_folder)
    table = source.table
    attribution = [source.attribution]
    report: Report = dict(table.report) | source.report
    # Receivers first: sites may be chosen by how near to them they are.
    placed_receivers = _receivers(receivers, table, seed=seed, duration_s=duration_s)
    placed, credit = _sites(sites, table, placed_receivers, base_folder, report)
    attribution += credit
    # Placed over a flat ground, where heights above the ground are heights; then all of it is lifted at once.
    ground = read_ground(scene, table, base_folder, report)
    land = Land.of(scene, table, ground, report)
    placed = lift_sites(placed, land.buildings, ground, where="sites")
    placed_receivers = lift_receivers(placed_receivers, land.buildings, ground, where="receivers")
    report["sites"] = [f"{site.name}: {site.provenance}" for site in placed]
    report["receivers"] = f"{len(placed_receivers.names)} UAVs, {placed_receivers.provenance}"
    return Scene(
        name=name,
        frame=table.frame,
        bbox=table.bbox,
        buildings=land.buildings,
        sites=placed,
        receivers=placed_receivers,
        attribution=tuple(attribution),
        report=report,
        archive=source.archive,
        ground=ground,
        vegetation=land.vegetation,
        surfaces=land.surfaces,
    )


def _receivers(spec: ReceiversSpec, table: BuildingTable, *, seed: int, duration_s: float) -> Receivers:
    rng = stream(seed, Stage.RECEIVERS)
    if isinstance(spec, HoverReceivers):
        return hover_receivers(spec, frame=table.frame, bbox=table.bbox, buildings=table.buildings, rng=rng)
    return fly(
        spec, frame=table.frame, bbox=table.bbox, buildings=table.buildings, duration_s=duration_s, rng=rng
    )


def _sites(
    spec: SitesSpec, table: BuildingTable, receivers: Receivers, base_folder: Path, report: Report
) -> tuple[tuple[Site, ...], list[str]]:
    """Return the sites, and the credit that their source asks for."""
    frame, buildings = table.frame, table.buildings
    receivers_m = receivers.position_m.reshape(-1, 3)
    if isinstance(spec, OpenCellIdSites | CellMapperSites):
        return _cell_sites(spec, table, receivers_m, base_folder, report)
    if isinstance(spec, SiteFile):
        read = read_site_file(base_folder / user_path(spec.path))
        if read.unused:
            report["site_columns_without_use"] = list(read.unused)
        placed = file_sites(
            spec, read, frame=frame, bbox=table.bbox, buildings=buildings, receivers_m=receivers_m
        )
        return placed, [f"Sites: {read.name}, under the terms of who made it"]
    if isinstance(spec, OsmMastSites):
        masts = table.masts
        return osm_mast_sites(
            spec, frame=frame, buildings=buildings, masts=masts, receivers_m=receivers_m
        ), []
    if isinstance(spec, PlacedSites):
        return placed_sites(spec, frame=frame, bbox=table.bbox, buildings=buildings), []
    if isinstance(spec, ListedSites):
        return listed_sites(spec, frame=frame, buildings=buildings), []
    return bundled_sites(spec, frame=frame, buildings=buildings, masts=table.masts), []


def _cell_sites(
    spec: OpenCellIdSites | CellMapperSites,
    table: BuildingTable,
    receivers_m: Float64[np.ndarray, "receiver 3"],
    base_folder: Path,
    report: Report,
) -> tuple[tuple[Site, ...], list[str]]:
    path, bbox = base_folder / user_path(spec.path), _widened(table.bbox, CELL_MARGIN_M)
    if isinstance(spec, OpenCellIdSites):
        cells = opencellid.read_cells(path, bbox=bbox, where="sites.path")
        credit = opencellid.ATTRIBUTION
    else:
        cells = cellmapper.read_measurements(path, bbox=bbox, where="sites.path")
        credit = cellmapper.ATTRIBUTION
    report["cell_rows_read"] = cells.rows
    report["cells_kept"] = len(cells.cells)
    report["cells_dropped"] = [f"{count}: {reason}" for reason, count in cells.dropped.items()]
    if not cells.has_radio:
        report["cell_radio"] = "the file tells no radio technology: all cells are taken for LTE"
    placed = sites_from_cells(
        spec,
        table=cells,
        frame=table.frame,
        bbox=table.bbox,
        buildings=table.buildings,
        receivers_m=receivers_m,
    )
    return placed, [credit]


def _widened(bbox: BBox, margin_m: float) -> BBox:
    west, south, east, north = bbox
    # Metres in a degree of latitude; a few in a thousand don't matter for a margin.
    up = margin_m / 111_000.0
    aside = up / max(0.01, math.cos(math.radians(max(abs(south), abs(north)))))
    return west - aside, south - up, east + aside, north + up
