"""A scene from its spec: buildings, sites and receivers put together."""

from __future__ import annotations

import math
from pathlib import Path

from iqatlas.errors import SpecError
from iqatlas.scenes import opencellid
from iqatlas.scenes.building_sources import read_building_source
from iqatlas.scenes.buildings import BuildingTable
from iqatlas.scenes.receivers import hover_receivers
from iqatlas.scenes.scene import Scene, Site
from iqatlas.scenes.sites import bundled_sites, listed_sites, sites_from_opencellid
from iqatlas.scenes.spec import (
    BundledBuildings,
    BundledSites,
    ListedSites,
    OpenCellIdSites,
    ReceiversSpec,
    SceneSpec,
    SitesSpec,
)
from iqatlas.seeds import Stage, stream

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
    report["sites"] = [f"{site.name}: {site.provenance}" for site in placed]
    report["receivers"] = f"{len(hovering.names)} UAVs, {hovering.provenance}"
    return Scene(
        name=name,
        frame=table.frame,
        bbox=table.bbox,
        buildings=table.buildings,
        sites=placed,
        receivers=hovering,
        attribution=tuple(attribution),
        report=report,
        archive=source.archive,
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
