"""Where a corpus comes from: hashes of its inputs, versions of what made it, and the words of credit."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.manifest import InputEntry
from iqatlas.errors import MissingFileError, StorageError
from iqatlas.generators.spec import CorpusSpec
from iqatlas.scenes.spec import OpenCellIdSites, OsmFileBuildings
from iqatlas.version import __version__

_LIBRARIES = (
    "numpy",
    "scipy",
    "xarray",
    "zarr",
    "shapely",
    "pyproj",
    "osmium",
    "sionna-rt",
    "mitsuba",
    "drjit",
)


def gather_inputs(spec: CorpusSpec) -> tuple[InputEntry, ...]:
    """Return the files that a spec names, with their hashes and licences.

    Raises:
        MissingFileError: One of them is not there.
        StorageError: One of them can't be read.
    """
    inputs = []
    if isinstance(spec.scene.buildings, OsmFileBuildings):
        path = _existing(spec.folder, spec.scene.buildings.path, "scene.buildings.path")
        inputs.append(
            _entry("buildings", path, "scene.buildings.path", "ODbL-1.0", "© OpenStreetMap contributors")
        )
    else:
        from iqatlas.scenes.bundled import bundled_city_path

        path = bundled_city_path(spec.scene.buildings.city)
        inputs.append(
            _entry("buildings", path, "scene.buildings.city", "ODbL-1.0", "© OpenStreetMap contributors")
        )
    if isinstance(spec.sites, OpenCellIdSites):
        path = _existing(spec.folder, spec.sites.path, "sites.path")
        inputs.append(_entry("sites", path, "sites.path", "CC-BY-SA-4.0", "OpenCelliD Project"))
    return tuple(inputs)


def _existing(folder: Path, asked: Path, where: str) -> Path:
    try:
        path = folder / asked.expanduser()
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
