"""From a scene to its paths, by the model that the spec names."""

from __future__ import annotations

import numpy as np

from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import GateReport, check_paths
from iqatlas.raytracing.llvm import cuda_driver_present, find_llvm
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import FreeSpace, SionnaRaytracing
from iqatlas.scenes.scene import Scene
from iqatlas.seeds import Stage, key

GROUND_MARGIN_M = 200.0
"""How far the ground reaches beyond buildings, sites and receivers, for its reflections."""


def require_tracer(spec: SionnaRaytracing | FreeSpace) -> None:
    """See, without loading it, that this machine has what the model needs.

    Args:
        spec: Which model.

    Raises:
        SetupError: No usable LLVM for a ray tracer on the CPU.
    """
    if isinstance(spec, SionnaRaytracing) and not cuda_driver_present():
        find_llvm()


def trace(
    scene: Scene, spec: SionnaRaytracing | FreeSpace, *, frequency_hz: float, seed: int
) -> tuple[PathSet, GateReport]:
    """Return the checked paths of a scene, and what the checks measured.

    Args:
        scene: Buildings, sites and receivers.
        spec: Which model, and its settings.
        frequency_hz: Carrier.
        seed: The spec's seed.

    Raises:
        SetupError: No usable ray tracer on this machine.
        RaytracingError: The paths break a law of physics, or don't fit the solver.
    """
    if isinstance(spec, FreeSpace):
        paths = free_space_paths(scene.sites, scene.receivers, frequency_hz=frequency_hz)
    else:
        # The ray tracer takes a second to import; free space should not pay for it.
        from iqatlas.raytracing._sionna import trace_meshes
        from iqatlas.scenes.mesh import scene_meshes

        solver_seed = int(key(seed, Stage.RAYTRACING)[0] % 2**31)
        meshes = scene_meshes(scene.buildings, GROUND_MARGIN_M, _extent(scene))
        paths = trace_meshes(
            meshes, scene.sites, scene.receivers, spec, frequency_hz=frequency_hz, seed=solver_seed
        )
    return paths, check_paths(paths, scene.sites, scene.receivers)


def _extent(scene: Scene) -> tuple[float, float, float, float]:
    """Return west, south, east and north of the sites and receivers in local metres."""
    places = np.concatenate(
        [np.array([site.position_m for site in scene.sites]), scene.receivers.position_m.reshape(-1, 3)]
    )
    west, south = places[:, :2].min(axis=0)
    east, north = places[:, :2].max(axis=0)
    return float(west), float(south), float(east), float(north)
