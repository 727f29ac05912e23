"""From a scene to its paths, by the model that the spec names."""

from __future__ import annotations

from dataclasses import replace

from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import GateReport, check_paths
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import FreeSpace, SionnaRaytracing
from iqatlas.scenes.scene import Scene
from iqatlas.seeds import Stage, key


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
        from iqatlas.scenes.materials import extrapolated_materials
        from iqatlas.scenes.mesh import meshes_of

        solver_seed = int(key(seed, Stage.RAYTRACING)[0] % 2**31)
        meshes = meshes_of(scene)
        paths = trace_meshes(
            meshes, scene.sites, scene.receivers, spec, frequency_hz=frequency_hz, seed=solver_seed
        )
        extrapolated = extrapolated_materials((mesh.material for mesh in meshes), frequency_hz)
        paths = replace(
            paths, model={**paths.model, "extrapolated_materials": ", ".join(extrapolated) or "none"}
        )
    return paths, check_paths(paths, scene.sites, scene.receivers)
