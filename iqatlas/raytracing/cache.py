"""Traced paths, kept by content: what was traced once is not traced again.

An entry holds the paths of one UAV. Its key is the hash of everything that they follow from, and of
nothing else: surfaces, where sites stand and look, settings, carrier, seed, library versions, and the
UAV's own track. So a changed UAV traces only itself, a changed power or name nothing, and nothing stale
is ever found.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from iqatlas.raytracing._sionna_scene import orientation_rad
from iqatlas.raytracing.paths import ARRAYS
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.cache_root import cache_root
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Site

_LARGEST_BYTES = 2 << 30
_FORMAT = 1


def cache_folder() -> Path:
    """Return where paths are kept: ``paths`` in :func:`~iqatlas.scenes.cache_root.cache_root`."""
    return cache_root() / "paths"


def scene_key(
    meshes: Sequence[Mesh],
    sites: Sequence[Site],
    spec: SionnaRaytracing,
    *,
    frequency_hz: float,
    seed: int,
    versions: Mapping[str, str],
) -> str:
    """Return the hash of all that paths follow from, the receiver left out.

    Args:
        meshes: Surfaces.
        sites: Transmitters.
        spec: Solver settings.
        frequency_hz: Carrier.
        seed: Seed of the solver.
        versions: Versions of the ray-tracing libraries, and the variant.
    """
    digest = hashlib.sha256()
    for mesh in meshes:
        digest.update(json.dumps(asdict(material_at(mesh.material, frequency_hz)), sort_keys=True).encode())
        for array in (mesh.vertex_m, mesh.face):
            digest.update(json.dumps(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    rest = {
        "format": _FORMAT,
        # Where they stand and look, and nothing else of them: power and name don't bend a path.
        "sites": [[*site.position_m, *orientation_rad(site, spec)] for site in sites],
        "spec": spec.model_dump(mode="json"),
        "frequency_hz": frequency_hz,
        "seed": seed,
        "versions": dict(versions),
    }
    digest.update(json.dumps(rest, sort_keys=True).encode())
    return digest.hexdigest()


def receiver_key(
    scene: str,
    position_m: Float64[np.ndarray, "waypoint 3"],
    velocity_mps: Float64[np.ndarray, "waypoint 3"],
) -> str:
    """Return the hash of one receiver's track in a scene."""
    digest = hashlib.sha256(scene.encode())
    for array in (position_m, velocity_mps):
        digest.update(json.dumps(array.shape).encode())
        digest.update(np.ascontiguousarray(array, "<f8").tobytes())
    return digest.hexdigest()


class PathCache:
    """Paths of receivers on disk, the oldest dropped when the folder grows too large.

    Args:
        folder: Where the entries are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the entries are."""
        return self._folder

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npz"

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """Return the paths of a receiver on [waypoint, site, path, …], or None.

        An entry that can't be read counts as none: it is traced anew and replaced.
        """
        file = self._file(key)
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in ARRAYS}
            os.utime(file)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        shape = arrays["gain"].shape
        return arrays if all(array.shape[:3] == shape for array in arrays.values()) else None

    def put(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep the paths of a receiver; a folder that can't be written is left as it is."""
        file = self._file(key)
        temporary = file.with_name(f".{file.stem}.{os.getpid()}.npz")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as target:
                np.savez(target, allow_pickle=False, **{name: arrays[name] for name in ARRAYS})
            temporary.replace(file)
            self._trim()
        except OSError:
            # A cache saves time; for want of it nothing is wrong.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _trim(self) -> None:
        entries = [(file, file.stat()) for file in self._folder.glob("*/*.npz")]
        entries.sort(key=lambda entry: entry[1].st_mtime, reverse=True)
        kept = 0
        for file, status in entries:
            kept += status.st_size
            if kept > _LARGEST_BYTES:
                file.unlink(missing_ok=True)
