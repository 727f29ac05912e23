"""The paths of a spec: traced, found in the cache, or read from another corpus."""

from __future__ import annotations

from collections.abc import Callable

from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing.cache import PathCache, cache_folder
from iqatlas.raytracing.elements import at_elements
from iqatlas.raytracing.spec import StoredPaths
from iqatlas.raytracing.trace import Trace, check, trace
from iqatlas.scenes.scene import Scene
from iqatlas.user_paths import user_path
from iqatlas.waveforms.carrier import carrier_frequency_hz


def paths_of(spec: CorpusSpec, scene: Scene, *, progress: Callable[[int, int], None] | None = None) -> Trace:
    """Return the checked paths that a spec asks for.

    Args:
        spec: What was asked.
        scene: The scene that it made.
        progress: Called with receivers done and receivers in all.

    Raises:
        SetupError: No usable ray tracer on this machine.
        RaytracingError: The paths break a law of physics, or don't fit the solver.
        CorpusError: Stored paths are not there, or are those of another scene.
    """
    frequency_hz = carrier_frequency_hz(spec.carrier)
    if isinstance(spec.raytracing, StoredPaths):
        # Stores take half a second to import; paths from the cache should not pay for it.
        from iqatlas.catalogs.path_store import read_stored_paths

        receivers = scene.receivers
        uavs = len(receivers.names) // receivers.elements
        paths = read_stored_paths(
            spec.folder / user_path(spec.raytracing.path),
            shape=(len(receivers.time_s), uavs, len(scene.sites)),
            frequency_hz=frequency_hz,
            where="raytracing.path",
            array=receivers.array,
        )
        if paths.gain.shape[1] == uavs:
            paths = at_elements(paths, receivers)
        return Trace(paths, check(paths, scene, spec.raytracing), traced=0, cached=uavs)
    return trace(
        scene,
        spec.raytracing,
        frequency_hz=frequency_hz,
        seed=spec.seed,
        cache=PathCache(cache_folder()),
        progress=progress,
    )
