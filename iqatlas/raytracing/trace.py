"""From a scene to its paths, by the model that the spec names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.aerial import aerial_paths
from iqatlas.raytracing.cache import PathCache, receiver_key, scene_key
from iqatlas.raytracing.elements import at_elements
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import GateReport, check_paths
from iqatlas.raytracing.join import join_receivers
from iqatlas.raytracing.llvm import cuda_driver_present, find_llvm
from iqatlas.raytracing.maritime import maritime_paths
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import (
    AerialUrbanMacro,
    FreeSpace,
    Maritime,
    SionnaRaytracing,
    StoredPaths,
    TwoRay,
)
from iqatlas.raytracing.tracing_speed import keep_speed, speed_of
from iqatlas.raytracing.two_ray import two_ray_paths
from iqatlas.scenes.scene import Receivers, Scene
from iqatlas.seeds import Stage, key, stream

Model = SionnaRaytracing | FreeSpace | TwoRay | Maritime | AerialUrbanMacro | StoredPaths


@dataclass(frozen=True, eq=False)
class Trace:
    """Paths, and how they came about.

    Args:
        paths: The paths of each receiver, checked.
        report: What the checks measured.
        traced: UAVs that were traced.
        cached: UAVs whose paths were found in the cache.
    """

    paths: PathSet
    report: GateReport
    traced: int
    cached: int


def require_tracer(spec: Model) -> None:
    """See, without loading it, that this machine has what the model needs.

    Args:
        spec: Which model.

    Raises:
        SetupError: No usable LLVM for a ray tracer on the CPU.
    """
    if isinstance(spec, SionnaRaytracing) and not cuda_driver_present():
        find_llvm()


def trace(
    scene: Scene,
    spec: Model,
    *,
    frequency_hz: float,
    seed: int,
    cache: PathCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Return the checked paths of a scene, and what the checks measured.

    UAVs are traced at their positions; the elements of arrays follow from that.

    Args:
        scene: Buildings, sites and receivers.
        spec: Which model, and its settings.
        frequency_hz: Carrier.
        seed: The spec's seed.
        cache: Where traced paths are kept and found again; without it, everything is traced.
        progress: Called with UAVs done and UAVs in all.

    Raises:
        SetupError: No usable ray tracer on this machine.
        RaytracingError: The paths break a law of physics, or don't fit the solver.
    """
    receivers = scene.receivers.uavs()
    count = len(receivers.names)
    cached = 0
    if isinstance(spec, SionnaRaytracing):
        paths, cached = _sionna(scene, spec, frequency_hz, seed, cache, progress)
    elif isinstance(spec, FreeSpace):
        paths = free_space_paths(scene.sites, receivers, frequency_hz=frequency_hz)
    elif isinstance(spec, TwoRay):
        paths = two_ray_paths(scene.sites, receivers, spec, frequency_hz=frequency_hz)
    elif isinstance(spec, Maritime):
        rng = stream(seed, Stage.RAYTRACING)
        paths = maritime_paths(scene.sites, receivers, spec, frequency_hz=frequency_hz, rng=rng)
    elif isinstance(spec, AerialUrbanMacro):
        rng = stream(seed, Stage.RAYTRACING)
        paths = aerial_paths(scene.sites, receivers, spec, frequency_hz=frequency_hz, rng=rng)
    else:
        raise RaytracingError("stored paths are read, not traced", where="raytracing.kind")
    paths = at_elements(paths, scene.receivers)
    return Trace(paths, check(paths, scene, spec), traced=count - cached, cached=cached)


def check(paths: PathSet, scene: Scene, spec: Model) -> GateReport:
    """Check paths against physics; see :func:`iqatlas.raytracing.gates.check_paths`."""
    return check_paths(
        paths, scene.sites, scene.receivers, line_of_sight_is_free_space=direct_is_free_space(spec)
    )


def direct_is_free_space(spec: Model) -> bool:
    """Return whether a model's direct path has to have the amplitude of free space."""
    if isinstance(spec, SionnaRaytracing):
        return spec.site_antenna == "isotropic" and spec.receiver_antenna == "isotropic"
    return isinstance(spec, FreeSpace | TwoRay | Maritime)


def _sionna(
    scene: Scene,
    spec: SionnaRaytracing,
    frequency_hz: float,
    seed: int,
    cache: PathCache | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[PathSet, int]:
    """Return the traced paths of the UAVs, and how many UAVs' were found in the cache."""
    from iqatlas.raytracing.versions import library_versions
    from iqatlas.scenes.materials import extrapolated_materials
    from iqatlas.scenes.mesh import meshes_of

    receivers = scene.receivers.uavs()
    solver_seed = int(key(seed, Stage.RAYTRACING)[0] % 2**31)
    meshes = meshes_of(scene)
    versions = {**library_versions(), "variant": "cuda" if cuda_driver_present() else "llvm"}
    scene_hash = scene_key(
        meshes, scene.sites, spec, frequency_hz=frequency_hz, seed=solver_seed, versions=versions
    )
    keys = [
        receiver_key(scene_hash, receivers.position_m[:, index], receivers.velocity_mps[:, index])
        for index in range(len(receivers.names))
    ]
    found: dict[int, Mapping[str, np.ndarray]] = {}
    for index, name in enumerate(keys):
        arrays = cache.get(name) if cache else None
        if arrays is not None:
            found[index] = arrays
    cached = len(found)
    missing = [index for index in range(len(keys)) if index not in found]
    marks_s = [time.monotonic()]
    if missing:
        # The ray tracer takes a second to import; paths from the cache should not pay for it.
        from iqatlas.raytracing._sionna import LinkTracer

        tracer = LinkTracer(meshes, spec, frequency_hz=frequency_hz)
        marks_s.append(time.monotonic())
    for done, index in enumerate(missing):
        if progress:
            progress(cached + done, len(keys))
        alone = tracer.trace(
            scene.sites,
            _one(receivers, index),
            seed=solver_seed,
            traced=lambda: marks_s.append(time.monotonic()),
        )
        arrays = {name: array[:, 0] for name, array in alone.arrays().items()}
        found[index] = arrays
        if cache:
            cache.put(keys[index], arrays)
    if cache and missing:
        start_s, *link_s = np.diff(marks_s).tolist()
        if (speed := speed_of(spec, start_s=start_s, link_s=link_s)) is not None:
            keep_speed(speed, cache.folder)
    extrapolated = extrapolated_materials((mesh.material for mesh in meshes), frequency_hz)
    model: dict[str, str | int | float | bool] = {
        **spec.model_dump(mode="json"),
        **versions,
        "extrapolated_materials": ", ".join(extrapolated) or "none",
        "polarisation": "vertical",
    }
    if spec.site_antenna == "tr38901":
        unpointed = [site.name for site in scene.sites if site.azimuth_deg is None]
        model["sites_that_point_north_for_want_of_an_azimuth"] = ", ".join(unpointed) or "none"
    parts: Sequence[Mapping[str, np.ndarray]] = [found[index] for index in range(len(keys))]
    return PathSet(frequency_hz=frequency_hz, model=model, **join_receivers(parts)), cached


def _one(receivers: Receivers, index: int) -> Receivers:
    return Receivers(
        names=(receivers.names[index],),
        time_s=receivers.time_s,
        position_m=receivers.position_m[:, index : index + 1],
        velocity_mps=receivers.velocity_mps[:, index : index + 1],
        provenance=receivers.provenance,
    )
