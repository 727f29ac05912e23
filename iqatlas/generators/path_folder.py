"""A folder of paths: stored paths, scene tables, report and pictures of what a spec's scene traces to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iqatlas.catalogs._zarr import refuse_optimised_python, write_group
from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.catalogs.path_store import paths_dataset
from iqatlas.generators.continuity import between_waypoints
from iqatlas.generators.provenance import library_versions
from iqatlas.generators.scene import notes_of, scene_of
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.tracing import paths_of
from iqatlas.raytracing.coverage import Coverage
from iqatlas.raytracing.elements import of_each_uav
from iqatlas.raytracing.report import trace_report
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.trace import require_tracer
from iqatlas.scenes.scene import Scene
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.carrier import carrier_frequency_hz

STORE, SCENE, REPORT = "paths.zarr", "scene", "report.json"
PICTURES = ("paths.png", "delays.png", "coverage.png")
CONTENTS = (STORE, SCENE, REPORT, *PICTURES)
"""All that a folder of paths may hold."""
_CELLS_ACROSS = 90
_LEAST_CELL_M = 2.0


@dataclass(frozen=True, eq=False)
class PathFolder:
    """What was written.

    Args:
        folder: Where.
        files: Files and stores, in the order of writing.
        report: Content of the report.
    """

    folder: Path
    files: tuple[Path, ...]
    report: dict[str, Any]


def write_path_folder(
    spec: CorpusSpec,
    folder: Path,
    *,
    coverage: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> PathFolder:
    """Build the scene of a spec, trace it, and write paths, tables, report and pictures.

    The folder can be named by ``raytracing: {kind: stored, path: …}`` then. What an earlier call left
    there is replaced.

    Args:
        spec: What was asked.
        folder: Where to write.
        coverage: Whether a coverage map is drawn; only the ray tracer knows of one.
        progress: Called with receivers done and receivers in all.

    Raises:
        StorageError: The folder can't be written.
        SetupError: No usable ray tracer on this machine, or a Python that can't write the paths.
        RaytracingError: The paths break a law of physics, or don't fit the solver.
    """
    require_tracer(spec.raytracing)
    refuse_optimised_python()
    # Maps, geometry and pictures take seconds to import; a refusal should not pay for them.
    from iqatlas.plotting.coverage import draw_coverage
    from iqatlas.plotting.links import draw_power_delay
    from iqatlas.plotting.path_map import draw_paths
    from iqatlas.scenes.tables import write_scene_tables

    scene = scene_of(spec)
    begun = time.monotonic()
    traced = paths_of(spec, scene, progress=progress)
    seconds = time.monotonic() - begun
    sites = tuple(site.name for site in scene.sites)
    receivers = scene.receivers.names
    files = [folder / STORE]
    with storage_errors(folder, resumes=False):
        folder.mkdir(parents=True, exist_ok=True)
        # The report comes last: where there is one, all that it tells of is there.
        (folder / REPORT).unlink(missing_ok=True)
        write_group(folder / STORE, "paths", paths_dataset(traced.paths, sites=sites, receivers=receivers))
        files += write_scene_tables(scene, folder / SCENE)
        paths_png, delays_png, coverage_png = (folder / name for name in PICTURES)
        # Pictures show UAVs: the elements of an array differ in phase alone.
        uavs, drawn = scene.of_uavs(), of_each_uav(traced.paths, scene.receivers)
        draw_paths(uavs, drawn, paths_png, title=spec.name)
        title = f"{spec.name}: power-delay profiles"
        draw_power_delay(drawn, delays_png, sites=sites, receivers=uavs.receivers.names, title=title)
        files += [paths_png, delays_png]
        coverage_png.unlink(missing_ok=True)
        if coverage and isinstance(spec.raytracing, SionnaRaytracing):
            draw_coverage(uavs, scene_coverage(spec, uavs, spec.raytracing), coverage_png, title=spec.name)
            files.append(coverage_png)
        report = {
            **trace_report(scene, traced),
            "between_waypoints": between_waypoints(scene, traced.paths),
            "notes": list(notes_of(scene)),
            "spec": spec.tree(),
            "seconds": round(seconds, 3),
            "versions": library_versions(),
        }
        write_file(folder / REPORT, json.dumps(report, indent=2, ensure_ascii=False).encode())
    return PathFolder(folder, (*files, folder / REPORT), report)


def scene_coverage(spec: CorpusSpec, scene: Scene, solver: SionnaRaytracing) -> Coverage:
    """Return the coverage of a scene's sites over its buildings, at the middle height of its receivers.

    Args:
        spec: Carrier and seed.
        scene: The scene.
        solver: Solver settings and antennas.

    Raises:
        SetupError: No usable ray tracer on this machine.
    """
    from iqatlas.raytracing._sionna_coverage import coverage_map
    from iqatlas.scenes.mesh import meshes_of

    west, south, east, north = scene.buildings.total_bounds.tolist()
    return coverage_map(
        meshes_of(scene),
        scene.sites,
        solver,
        frequency_hz=carrier_frequency_hz(spec.carrier),
        seed=int(key(spec.seed, Stage.RAYTRACING)[0] % 2**31),
        bounds_m=(west, south, east, north),
        height_m=float(np.median(scene.receivers.position_m[..., 2])),
        cell_m=max(_LEAST_CELL_M, max(east - west, north - south) / _CELLS_ACROSS),
    )
