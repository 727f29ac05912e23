"""Traced waypoints against bare PathSolver calls on the same links; memory and cache of a long flight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.timing import Comparison
from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing._sionna import trace_meshes
from iqatlas.raytracing._sionna_scene import sionna_rt, sionna_scene
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.mesh import Mesh, meshes_of
from iqatlas.scenes.scene import Receivers, Site

_WAYPOINTS = 20
_CARRIER_HZ = 1846.7e6
_INTERVAL_S = 0.1
_FEW = 30
"""Waypoints of the short flight whose memory that of the long one is compared with."""


def run(*, waypoints: int = _WAYPOINTS, rays: int = 100_000) -> list[Comparison]:
    """Compare waypoints x 3 receivers x 3 sites over the bundled city, in turns, a receiver at a time.

    Args:
        waypoints: Along a straight line, 2 m apart.
        rays: Of each site.
    """
    meshes, sites, receivers = _scene(waypoints)
    settings = SionnaRaytracing(rays_per_site=rays)
    links = waypoints * len(receivers.names) * len(sites)
    parts = [_one(receivers, index) for index in range(len(receivers.names))]
    peer = partial(_bare, meshes, sites, settings)
    peer(_first(parts[0]))
    bare = ours = 0.0
    for part in parts:
        begun = time.perf_counter()
        trace_meshes(meshes, sites, part, settings, frequency_hz=_CARRIER_HZ, seed=1)
        ours += time.perf_counter() - begun
        bare += peer(part)
    return [Comparison("links traced", "1/s", links / ours, links / bare, "bare PathSolver calls")]


def flight(*, waypoints: int, rays: int) -> Iterator[str]:
    """Give the lines on a long flight: rate, peak memory, and the second run, which is from the cache.

    Args:
        waypoints: Of three UAVs that fly over the bundled city.
        rays: Of each site.
    """
    for comparison in run(waypoints=waypoints, rays=rays):
        yield f"{comparison.line()}: {waypoints} waypoints x 3 x 3, {rays:,} rays"
    with tempfile.TemporaryDirectory() as folder:
        for count in (_FEW, waypoints):
            first = _traced_apart(count, rays, folder)
            yield (
                f"{count} waypoints, a process of its own: {first['traced']} UAVs traced in "
                f"{first['trace_s']:.1f} s, peak {first['peak_mb']:.0f} MB"
            )
        begun = time.perf_counter()
        again = _traced_apart(waypoints, rays, folder)
        whole = time.perf_counter() - begun
    yield (
        f"{waypoints} waypoints again: {again['cached']} UAVs from the cache in {again['trace_s']:.2f} s; "
        f"from the start of the process {whole:.2f} s, {again['scene_s']:.2f} s of it for the scene"
    )


def _scene(waypoints: int) -> tuple[list[Mesh], tuple[Site, ...], Receivers]:
    spec = CorpusSpec()
    scene = build_scene(
        spec.name, spec.scene, spec.sites, spec.receivers, seed=spec.seed, base_folder=Path.cwd()
    )
    along = np.arange(waypoints)[:, None, None] * np.array([2.0, 0.0, 0.0])
    position = scene.receivers.position_m + along
    receivers = Receivers(
        scene.receivers.names, np.arange(float(waypoints)), position, np.zeros_like(position), "a line"
    )
    return list(meshes_of(scene)), scene.sites, receivers


def _one(receivers: Receivers, index: int) -> Receivers:
    here = slice(index, index + 1)
    return Receivers(
        receivers.names[here],
        receivers.time_s,
        receivers.position_m[:, here],
        receivers.velocity_mps[:, here],
        receivers.provenance,
    )


def _first(receivers: Receivers) -> Receivers:
    return Receivers(
        receivers.names,
        np.zeros(1),
        receivers.position_m[:1],
        receivers.velocity_mps[:1],
        receivers.provenance,
    )


def _bare(
    meshes: list[Mesh], sites: tuple[Site, ...], settings: SionnaRaytracing, receivers: Receivers
) -> float:
    """Return the time of the solver's own calls, one a link, until their numbers are there."""
    rt = sionna_rt()  # our door: it loads the LLVM that works
    plain = sionna_scene(meshes, settings, frequency_hz=_CARRIER_HZ)
    site = rt.Transmitter(name="t", position=[0.0] * 3)
    receiver = rt.Receiver(name="r", position=[0.0] * 3)
    plain.add(site)
    plain.add(receiver)
    begun = time.perf_counter()
    for place in receivers.position_m.reshape(-1, 3):
        receiver.position = [float(x) for x in place]
        for other in sites:
            site.position = [float(x) for x in other.position_m]
            paths = rt.PathSolver(deterministic=True)(
                plain,
                max_depth=settings.max_reflections,
                samples_per_src=settings.rays_per_site,
                refraction=False,
                diffraction=True,
                seed=1,
            )
            for tensor in (*paths.a, paths.tau, paths.valid):
                tensor.numpy()
    return time.perf_counter() - begun


_APART = """
import json, resource, sys, time
from iqatlas.generators.scene import scene_of
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.tracing import paths_of
spec = CorpusSpec.from_tree(json.loads(sys.argv[1]))
begun = time.perf_counter()
scene = scene_of(spec)
built = time.perf_counter()
done = paths_of(spec, scene)
print(json.dumps({
    "scene_s": built - begun, "trace_s": time.perf_counter() - built, "traced": done.traced,
    "cached": done.cached, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def _traced_apart(waypoints: int, rays: int, cache: str) -> dict[str, float]:
    """Trace a flight in a process of its own, as ``iqatlas trace`` does, and return what it measured."""
    slots = round(waypoints * _INTERVAL_S / 1e-3)
    tree = {
        "receivers": {"kind": "trajectory", "pattern": "circle", "count": 3, "interval_s": _INTERVAL_S},
        "raytracing": {"kind": "sionna", "rays_per_site": rays},
        "capture": {"slots": slots},
    }
    done = subprocess.run(
        [sys.executable, "-c", _APART, json.dumps(tree)],
        env={**os.environ, "IQATLAS_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
