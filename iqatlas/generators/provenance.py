"""Where a corpus comes from: hashes of its inputs, versions of what made it, and the words of credit."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.manifest import InputEntry
from iqatlas.errors import MissingFileError, StorageError
from iqatlas.generators.spec import CorpusSpec
from iqatlas.occupancy.spec import TraceOccupancy
from iqatlas.raytracing.spec import StoredPaths
from iqatlas.scenes.spec import (
    BundledBuildings,
    CellMapperSites,
    ElevationTerrain,
    FootprintBuildings,
    OpenCellIdSites,
    OsmFileBuildings,
    OverpassBuildings,
    SceneSpec,
    SiteFile,
)
from iqatlas.user_paths import user_path
from iqatlas.version import __version__

_LIBRARIES = (
    "numpy",
    "scipy",
    "xarray",
    "zarr",
    "shapely",
    "pyproj",
    "osmium",
    "osmnx",
    "geopandas",
    "pyogrio",
    "pyarrow",
    "sionna-rt",
    "mitsuba",
    "drjit",
)
DECISIVE = ("numpy", "scipy")
"""Libraries that decide the bytes of records: drawn numbers and transforms may differ between versions."""
_OPENSTREETMAP = ("ODbL-1.0", "© OpenStreetMap contributors")


def gather_inputs(spec: CorpusSpec) -> tuple[InputEntry, ...]:
    """Return the files that a spec names or that map servers gave for it, with hashes and licences.

    Raises:
        MissingFileError: One of them is not there.
        SceneError: A map server gives no answer.
        StorageError: One of them can't be read.
    """
    inputs: list[InputEntry] = []
    inputs += _building_inputs(spec.scene, spec.folder)
    if isinstance(spec.sites, OpenCellIdSites):
        path = _existing(spec.folder, spec.sites.path, "sites.path")
        inputs.append(_entry("sites", path, "sites.path", "CC-BY-SA-4.0", "OpenCelliD Project"))
    elif isinstance(spec.sites, CellMapperSites):
        path = _existing(spec.folder, spec.sites.path, "sites.path")
        inputs.append(_entry("sites", path, "sites.path", "of who recorded it", "recorded with CellMapper"))
    elif isinstance(spec.sites, SiteFile):
        path = _existing(spec.folder, spec.sites.path, "sites.path")
        inputs.append(_entry("sites", path, "sites.path", "of who made it", path.name))
    if isinstance(spec.scene.terrain, ElevationTerrain):
        path = _existing(spec.folder, spec.scene.terrain.path, "scene.terrain.path")
        inputs.append(
            _entry(
                "terrain", path, "scene.terrain.path", "unknown", "see where the elevation file comes from"
            )
        )
    if isinstance(spec.occupancy, TraceOccupancy):
        path = _existing(spec.folder, spec.occupancy.path, "occupancy.path")
        inputs.append(_entry("occupancy", path, "occupancy.path", "of who made it", path.name))
    return tuple(inputs)


def _building_inputs(scene: SceneSpec, folder: Path) -> list[InputEntry]:
    buildings = scene.buildings
    if isinstance(buildings, OverpassBuildings):
        from iqatlas.scenes.overpass_maps import fetch_overpass_map

        fetched = fetch_overpass_map(scene, base_folder=folder)
        return [
            _entry("buildings", answer.path, "scene.buildings", *_OPENSTREETMAP)
            for answer in fetched.answers()
        ]
    if isinstance(buildings, BundledBuildings):
        from iqatlas.scenes.bundled import bundled_city_path

        return [
            _entry("buildings", bundled_city_path(buildings.city), "scene.buildings.city", *_OPENSTREETMAP)
        ]
    path = _existing(folder, buildings.path, "scene.buildings.path")
    if isinstance(buildings, FootprintBuildings):
        return [_entry("buildings", path, "scene.buildings.path", buildings.licence, buildings.attribution)]
    return [_entry("buildings", path, "scene.buildings.path", *_OPENSTREETMAP)]


def require_inputs(spec: CorpusSpec) -> None:
    """See that the files which a spec names are there, without reading them.

    Args:
        spec: What was asked.

    Raises:
        MissingFileError: One of them is not there.
    """
    named: list[tuple[Path, str]] = []
    if isinstance(spec.scene.buildings, OsmFileBuildings | FootprintBuildings):
        named.append((spec.scene.buildings.path, "scene.buildings.path"))
    if isinstance(spec.sites, OpenCellIdSites | CellMapperSites | SiteFile):
        named.append((spec.sites.path, "sites.path"))
    if isinstance(spec.scene.terrain, ElevationTerrain):
        named.append((spec.scene.terrain.path, "scene.terrain.path"))
    if isinstance(spec.occupancy, TraceOccupancy):
        named.append((spec.occupancy.path, "occupancy.path"))
    for path, where in named:
        _existing(spec.folder, path, where)
    if isinstance(spec.raytracing, StoredPaths):
        stored = spec.folder / user_path(spec.raytracing.path)
        if not stored.exists():
            raise MissingFileError(
                f"no corpus or folder of paths: {stored}",
                where="raytracing.path",
                remedy="relative paths start at the spec's folder",
            )


def _existing(folder: Path, asked: Path, where: str) -> Path:
    try:
        path = folder / user_path(asked)
    except RuntimeError:  # ~name of a user whom this machine doesn't know
        path = folder / asked
    if not path.is_file():
        raise MissingFileError(
            f"no such file: {path}", where=where, remedy="relative paths start at the spec's folder"
        )
    return path


def _entry(role: str, path: Path, where: str, licence: str, attribution: str) -> InputEntry:
    try:
        digest = sha256_file(path)
    except OSError as failure:
        raise StorageError(
            f"can't read {path} ({failure.strerror})", where=where, remedy="see that you may read it"
        ) from None
    return InputEntry(
        role=role,
        name=path.name,
        bytes=path.stat().st_size,
        sha256=digest,
        licence=licence,
        attribution=attribution,
    )


def library_versions() -> dict[str, str]:
    """Return the versions of Python, iqatlas and the libraries that decide a corpus's bytes."""
    versions = {"python": platform.python_version(), "iqatlas": __version__}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions
