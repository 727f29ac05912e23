"""What scenes cost: seconds and memory of whole processes, from a map to its traced paths.

Each cost is a process of its own, from its start to its end, imports included; its memory is the most that it
held. ``python -m benchmarks.scene_cost WHAT`` is such a process: WHAT is a map file, ``bundled``, or a number
of synthetic buildings, which are made into meshes and not traced.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

COUNTS = ("1000", "10000", "50000")
"""Synthetic buildings that are always told of."""


def print_costs(maps: Iterable[str]) -> None:
    """Print one line a scene: the maps named, or the bundled city without any; then synthetic ones.

    Args:
        maps: Map files.
    """
    print(f"{'scene':<32} {'seconds':>8} {'MB':>6}  what it is", flush=True)
    for what in (*(list(maps) or ["bundled"]), *COUNTS):
        seconds, megabytes, told = _cost(what)
        name = f"{int(what):,} synthetic buildings" if what.isdecimal() else Path(what).name
        print(f"{name:<32} {seconds:8.1f} {megabytes:6.0f}  {told}", flush=True)


def _cost(what: str) -> tuple[float, float, str]:
    """Return seconds, megabytes and last line of a process."""
    read, write = os.pipe()
    begun = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "benchmarks.scene_cost", what],
        {**os.environ, "PYTHONWARNINGS": "ignore"},
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as said:
        lines = said.read().strip().splitlines()
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{what}: the process failed with code {os.waitstatus_to_exitcode(status)}")
    return seconds, used.ru_maxrss * 1024 / 1e6, lines[-1]


def _mesh_synthetic(count: int) -> str:
    from benchmarks.scenes import synthetic_city
    from iqatlas.scenes.mesh import scene_meshes

    city = synthetic_city(count)
    west, south, east, north = city.total_bounds.tolist()
    begun = time.perf_counter()
    meshes = scene_meshes(city, 50.0, (west, south, east, north))
    seconds = time.perf_counter() - begun
    triangles = sum(len(mesh.face) for mesh in meshes)
    return f"{triangles:,} triangles in {seconds:.2f} s, {1e6 * seconds / count:.0f} µs a building"


def _trace_map(what: str) -> str:
    from iqatlas.generators.spec import CorpusSpec
    from iqatlas.raytracing.trace import trace
    from iqatlas.scenes.build import build_scene
    from iqatlas.waveforms.carrier import carrier_frequency_hz

    buildings = (
        {"kind": "bundled"} if what == "bundled" else {"kind": "osm_file", "path": str(Path(what).resolve())}
    )
    spec = CorpusSpec.from_tree(
        {
            "scene": {"buildings": buildings},
            "sites": {"kind": "placed", "count": 3},
            "receivers": {"kind": "hover", "count": 3, "altitude_m": 120},
        }
    )
    scene = build_scene(
        spec.name, spec.scene, spec.sites, spec.receivers, seed=spec.seed, base_folder=Path.cwd()
    )
    traced = trace(scene, spec.raytracing, frequency_hz=carrier_frequency_hz(spec.carrier), seed=spec.seed)
    links = len(scene.sites) * len(scene.receivers.names)
    return (
        f"{scene.report['features_read']:,} buildings and parts, {len(scene.buildings):,} solids, "
        f"{links} links, {int(traced.paths.valid.sum()):,} paths"
    )


if __name__ == "__main__":
    asked = sys.argv[1]
    print(_mesh_synthetic(int(asked)) if asked.isdecimal() else _trace_map(asked))
