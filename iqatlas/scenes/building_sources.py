"""Where the buildings of a scene come from: bundled, a map file, Overpass, or a file of footprints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import shapely

from iqatlas.scenes import bundled
from iqatlas.scenes._osmium import OsmFeatures, read_osm
from iqatlas.scenes.buildings import Bbox, BuildingTable, assemble_buildings
from iqatlas.scenes.spec import BundledBuildings, FootprintBuildings, OverpassBuildings, SceneSpec
from iqatlas.user_paths import user_path

_PATH = "scene.buildings.path"


@dataclass(frozen=True, eq=False)
class SourcedBuildings:
    """Buildings, and what is to be said of where they come from.

    Args:
        table: The buildings.
        attribution: The line of credit that their licence asks for.
        report: What the scene's report says of the source.
        archive: Files to keep with the scene, by name.
    """

    table: BuildingTable
    attribution: str
    report: dict[str, int | float | str | list[str]] = field(default_factory=dict)
    archive: dict[str, bytes] = field(default_factory=dict)


def read_building_source(scene: SceneSpec, *, seed: int, base_folder: Path) -> SourcedBuildings:
    """Read the buildings that a spec asks for.

    Args:
        scene: Which city, and which part of it.
        seed: The spec's seed; imputed heights depend on it where they are drawn.
        base_folder: Folder of the spec, which relative paths start from.

    Raises:
        MissingFileError: A file that the spec names is not there.
        SceneError: The map can't be read or had, or holds no buildings here.
    """
    buildings = scene.buildings
    if isinstance(buildings, OverpassBuildings):
        return _from_overpass(scene, seed, base_folder)
    if isinstance(buildings, BundledBuildings):
        path = bundled.bundled_city_path(buildings.city)
        features = read_osm(path, where="scene.buildings.city")
        bbox = scene.bbox or bundled.BUNDLED_BBOX
        return SourcedBuildings(_assembled(features, path.name, scene, seed, bbox), bundled.ATTRIBUTION)
    path = base_folder / user_path(buildings.path)
    if isinstance(buildings, FootprintBuildings):
        # GDAL and Parquet take a while to import, and maps don't need them.
        from iqatlas.scenes.footprint_files import read_footprints

        features = read_footprints(
            path,
            where=_PATH,
            layer=buildings.layer,
            height_column=buildings.height_column,
            levels_column=buildings.levels_column,
            material_column=buildings.material_column,
            kind_column=buildings.kind_column,
        )
        credit = f"Footprints: {path.name}, credit {buildings.attribution}, licence {buildings.licence}"
        return SourcedBuildings(_assembled(features, path.name, scene, seed, scene.bbox), credit)
    features = read_osm(path, where=_PATH)
    return SourcedBuildings(_assembled(features, path.name, scene, seed, scene.bbox), bundled.ATTRIBUTION)


def _from_overpass(scene: SceneSpec, seed: int, base_folder: Path) -> SourcedBuildings:
    from iqatlas.scenes.overpass_maps import fetch_overpass_map

    fetched = fetch_overpass_map(scene, base_folder=base_folder)
    features = read_osm(fetched.map.path, where="scene.buildings")
    outline = fetched.outline()
    bbox = scene.bbox
    if bbox is None and outline is not None:
        west, south, east, north = shapely.bounds(outline).tolist()
        bbox = (west, south, east, north)
    table = _assembled(features, fetched.map.path.name, scene, seed, bbox, outline)
    return SourcedBuildings(
        table,
        bundled.ATTRIBUTION,
        report={
            "overpass_retrieved": str(fetched.map.request["retrieved"]),
            "overpass_sha256": str(fetched.map.request["sha256"]),
        },
        archive=fetched.archive(),
    )


def _assembled(
    features: OsmFeatures,
    name: str,
    scene: SceneSpec,
    seed: int,
    bbox: Bbox | None,
    outline: shapely.Geometry | None = None,
) -> BuildingTable:
    return assemble_buildings(
        features,
        name=name,
        frame=None,
        bbox=bbox,
        default_height_m=scene.default_height_m,
        level_height_m=scene.level_height_m,
        where=_PATH if hasattr(scene.buildings, "path") else "scene.buildings",
        imputation_seed=seed if scene.imputation == "sampled" else None,
        outline=outline,
    )
