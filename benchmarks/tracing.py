"""Traced waypoints against bare PathSolver calls on the same links."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.timing import Comparison
from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing._sionna import trace_meshes
from iqatlas.raytracing._sionna_scene import sionna_rt, sionna_scene
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.mesh import meshes_of
from iqatlas.scenes.scene import Receivers

_WAYPOINTS = 20
_CARRIER_HZ = 1846.7e6


def run() -> list[Comparison]:
    """Compare 20 waypoints x 3 receivers x 3 sites over the bundled city."""
    spec = CorpusSpec()
    scene = build_scene(
        spec.name, spec.scene, spec.sites, spec.receivers, seed=spec.seed, base_folder=Path.cwd()
    )
    meshes, settings = meshes_of(scene), SionnaRaytracing(rays_per_site=100_000)
    along = np.arange(_WAYPOINTS)[:, None, None] * np.array([2.0, 0.0, 0.0])
    position = scene.receivers.position_m + along
    receivers = Receivers(
        scene.receivers.names, np.arange(float(_WAYPOINTS)), position, np.zeros_like(position), "a line"
    )
    links = position.shape[0] * position.shape[1] * len(scene.sites)

    rt = sionna_rt()  # our door: it loads the LLVM that works

    def bare() -> float:
        plain = sionna_scene(meshes, settings, frequency_hz=_CARRIER_HZ)
        site = rt.Transmitter(name="t", position=[0.0] * 3)
        receiver = rt.Receiver(name="r", position=[0.0] * 3)
        plain.add(site)
        plain.add(receiver)
        begun = time.perf_counter()
        for place in position.reshape(-1, 3):
            receiver.position = [float(x) for x in place]
            for other in scene.sites:
                site.position = [float(x) for x in other.position_m]
                paths = rt.PathSolver(deterministic=True)(
                    plain, max_depth=5, samples_per_src=100_000, refraction=False, diffraction=True, seed=1
                )
                for tensor in (*paths.a, paths.tau, paths.valid):
                    tensor.numpy()
        return links / (time.perf_counter() - begun)

    def ours() -> float:
        begun = time.perf_counter()
        trace_meshes(meshes, scene.sites, receivers, settings, frequency_hz=_CARRIER_HZ, seed=1)
        return links / (time.perf_counter() - begun)

    bare()
    return [Comparison("links traced", "1/s", ours(), bare(), "bare PathSolver calls")]
