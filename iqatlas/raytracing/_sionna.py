"""The one door to Sionna RT, Mitsuba and Dr.Jit.

Importing ``sionna.rt`` chooses the Mitsuba variant for the rest of the process, so it happens here
alone, on first use. Run as a module, this file probes the ray tracer and prints what it found as
one JSON object: the caller survives where a library aborts.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from jaxtyping import Float64

from iqatlas.errors import RaytracingError, SetupError
from iqatlas.raytracing.llvm import VARIABLE, cuda_driver_present, find_llvm
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import RadioMaterial, material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Receivers, Site

FIRST_PATH_CAP = 1_000_000
"""Candidate paths of a link that the solver gets room for at first."""
LARGEST_PATH_CAP = 16_000_000
"""Room beyond which it is given up; the tables of :data:`HASH_TABLE_SIZE` are larger."""
HASH_TABLE_SIZE = 1 << 25
"""Places in each of the solver's two tables of candidates already seen (4 bytes each).

Candidates whose hashes fall on one place displace each other in silence. With Sionna's own million
places and eight receivers in a call, 12% of the paths of a city were missing.
"""
_LIBRARIES = ("sionna-rt", "mitsuba", "drjit")


@cache
def _rt() -> Any:
    """Import Sionna RT once, with the LLVM that works."""
    if not cuda_driver_present():
        os.environ[VARIABLE] = find_llvm().path
    try:
        import sionna.rt
    except ImportError as failure:
        raise SetupError(
            f"Sionna RT can't be imported ({failure})",
            remedy="install it with `pip install 'sionna-rt>=2.1'`",
        ) from None
    from sionna.rt.path_solvers.sb_candidate_generator import SBCandidateGenerator

    if not hasattr(SBCandidateGenerator, "MIN_SPEC_COUNT_SIZE"):
        raise _unknown_version("how many candidates it can tell apart")
    SBCandidateGenerator.MIN_SPEC_COUNT_SIZE = HASH_TABLE_SIZE
    return sionna.rt


def _unknown_version(hidden: str) -> SetupError:
    return SetupError(
        f"sionna-rt {version('sionna-rt')} hides {hidden}",
        accepted="a sionna-rt version from 2.1 on that iqatlas knows",
        remedy="install an earlier one",
    )


def variant() -> str:
    """Return the Mitsuba variant in use, such as ``llvm_ad_mono_polarized``."""
    _rt()
    import mitsuba

    return str(mitsuba.variant())


def library_versions() -> dict[str, str]:
    """Return the versions of the ray-tracing libraries, without importing them."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


def _mitsuba_mesh(mesh: Mesh, name: str) -> Any:
    import mitsuba as mi

    mitsuba_mesh = mi.Mesh(name, vertex_count=len(mesh.vertex_m), face_count=len(mesh.face))
    parameters = mi.traverse(mitsuba_mesh)
    parameters["vertex_positions"] = np.ravel(mesh.vertex_m).astype(np.float32)
    parameters["faces"] = np.ravel(mesh.face).astype(np.uint32)
    parameters.update()
    return mitsuba_mesh


def _sionna_scene(meshes: Sequence[Mesh], frequency_hz: float) -> Any:
    """Return a Sionna scene with one transmitter, ``site``, and one receiver, ``receiver``."""
    rt = _rt()
    scene = rt.load_scene()
    scene.frequency = float(frequency_hz)
    objects = []
    for index, mesh in enumerate(meshes):
        material: RadioMaterial = material_at(mesh.material, frequency_hz)
        radio_material = rt.RadioMaterial(
            name=f"iqatlas_{index}_{material.name}",
            thickness=float(material.thickness_m),
            relative_permittivity=float(material.relative_permittivity),
            conductivity=float(material.conductivity_s_per_m),
        )
        name = f"mesh_{index}_{mesh.material}"
        objects.append(
            rt.SceneObject(mi_mesh=_mitsuba_mesh(mesh, name), name=name, radio_material=radio_material)
        )
    if objects:
        scene.edit(add=objects)
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.add(rt.Transmitter(name="site", position=[0.0, 0.0, 0.0]))
    scene.add(rt.Receiver(name="receiver", position=[0.0, 0.0, 0.0]))
    return scene


class _CountingGenerator:
    """Sionna's candidate generator, watched: it drops candidates silently once its buffer is full.

    The counter is kept as it is and read once the solver has evaluated it: evaluating it here
    would run the generator's side effects twice, and every path would be there several times.
    """

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        self._counter: Any = None

    def __call__(self, **settings: Any) -> Any:
        buffer = self._generator(**settings)
        self._counter = buffer.paths_counter
        return buffer

    @property
    def candidates(self) -> int:
        """Candidate paths of the last call."""
        return int(np.max(self._counter.numpy(), initial=0))


def _solve(scene: Any, spec: SionnaRaytracing, seed: int, path_cap: int) -> tuple[Any, int]:
    """Return the paths and the cap that held them; the cap is raised until nothing was dropped."""
    rt = _rt()
    solver = rt.PathSolver(deterministic=True)
    if not hasattr(solver, "_candidate_generator"):
        raise _unknown_version("whether it dropped paths")
    counting = _CountingGenerator(solver._candidate_generator)
    solver._candidate_generator = counting
    while True:
        paths = solver(
            scene,
            max_depth=spec.max_reflections,
            max_num_paths_per_src=path_cap,
            samples_per_src=spec.rays_per_site,
            refraction=False,  # with it on, the deterministic solver gives wrong channels on the CPU
            diffraction=spec.diffraction,
            seed=seed,
        )
        if counting.candidates < path_cap:
            return paths, path_cap
        if path_cap >= LARGEST_PATH_CAP:
            raise RaytracingError(
                f"{path_cap:,} or more candidate paths between a site and a receiver",
                where="raytracing",
                remedy="lower raytracing.rays_per_site or raytracing.max_reflections",
            )
        path_cap *= 4


def trace_meshes(
    meshes: Sequence[Mesh],
    sites: Sequence[Site],
    receivers: Receivers,
    spec: SionnaRaytracing,
    *,
    frequency_hz: float,
    seed: int,
) -> PathSet:
    """Trace the paths from every site to every receiver at every waypoint.

    Args:
        meshes: The scene's surfaces in local metres.
        sites: Transmitters; isotropic, vertically polarised.
        receivers: Receivers; isotropic, vertically polarised.
        spec: Solver settings.
        frequency_hz: Carrier.
        seed: Seed of the solver's ray directions.

    Raises:
        SetupError: No usable ray tracer on this machine.
        RaytracingError: More candidate paths than the solver can hold.
    """
    scene = _sionna_scene(meshes, frequency_hz)
    waypoints, receiver_count = receivers.position_m.shape[:2]
    site, receiver = scene.get("site"), scene.get("receiver")
    parts: list[dict[str, np.ndarray]] = []
    path_cap = FIRST_PATH_CAP
    # Link by link: the paths of a link then don't depend on who else is in the scene, and the
    # solver's memory on how many they are. It saves no time to do more at once.
    for position, velocity in zip(
        receivers.position_m.reshape(-1, 3), receivers.velocity_mps.reshape(-1, 3), strict=True
    ):
        receiver.position = [float(x) for x in position]
        receiver.velocity = [float(x) for x in velocity]
        for place in sites:
            site.position = [float(x) for x in place.position_m]
            paths, path_cap = _solve(scene, spec, seed, path_cap)
            parts.append(_link(paths, frequency_hz, np.array(place.position_m), position))
    joined = {name: _join([part[name] for part in parts]) for name in parts[0]}
    shape = (waypoints, receiver_count, len(sites))
    shaped = {name: array.reshape(*shape, *array.shape[1:]) for name, array in joined.items()}
    model: dict[str, str | int | float | bool] = {
        "kind": spec.kind,
        "variant": variant(),
        "max_reflections": spec.max_reflections,
        "diffraction": spec.diffraction,
        "rays_per_site": spec.rays_per_site,
        "path_cap": path_cap,
        "antennas": "isotropic, vertical polarisation",
        **library_versions(),
    }
    return PathSet(frequency_hz=frequency_hz, model=model, **shaped)


def _link(
    paths: Any,
    frequency_hz: float,
    site_m: Float64[np.ndarray, "3"],
    receiver_m: Float64[np.ndarray, "3"],
) -> dict[str, np.ndarray]:
    """Return the paths of Sionna's one link as arrays on [path, …], sorted by delay."""
    valid = _numpy(paths.valid, bool)[0, 0]
    real, imaginary = (_numpy(part, np.float64)[0, 0, 0, 0][valid] for part in paths.a)
    if len(valid):
        interaction = _numpy(paths.interactions, np.int64)[:, 0, 0, valid].T
        vertex = np.moveaxis(_numpy(paths.vertices, np.float64)[:, 0, 0, valid], 0, 1)
    else:
        interaction, vertex = np.zeros((0, 1), np.int64), np.zeros((0, 1, 3))
    # Sionna counts kinds in powers of two: 1, 2, 4, 8 become 1, 2, 3, 4.
    kind = np.where(interaction > 0, np.log2(np.maximum(interaction, 1)).astype(np.int8) + 1, 0)
    vertex = np.where((kind > 0)[..., None], vertex, np.nan)
    delay = _length_m(vertex, site_m, receiver_m) / SPEED_OF_LIGHT_MPS
    # Sionna leaves the carrier phase of the delay to its cir(); here it belongs to the gain.
    gain = (real + 1j * imaginary) * np.exp(-2j * np.pi * frequency_hz * delay)
    arrays: dict[str, np.ndarray] = {
        "gain": gain,
        "delay_s": delay,
        "doppler_hz": _numpy(paths.doppler, np.float64)[0, 0, valid],
        "departure_azimuth_deg": np.rad2deg(_numpy(paths.phi_t, np.float64)[0, 0, valid]),
        "departure_zenith_deg": np.rad2deg(_numpy(paths.theta_t, np.float64)[0, 0, valid]),
        "arrival_azimuth_deg": np.rad2deg(_numpy(paths.phi_r, np.float64)[0, 0, valid]),
        "arrival_zenith_deg": np.rad2deg(_numpy(paths.theta_r, np.float64)[0, 0, valid]),
        "interaction": kind.astype(np.int8),
        "vertex_m": vertex,
        "valid": np.ones(len(delay), bool),
    }
    order = np.lexsort((-np.abs(gain), delay))
    return {name: array[order] for name, array in arrays.items()}


def _length_m(
    vertex_m: Float64[np.ndarray, "path depth 3"],
    site_m: Float64[np.ndarray, "3"],
    receiver_m: Float64[np.ndarray, "3"],
) -> Float64[np.ndarray, "path"]:
    """Return the length of each path from site to receiver by way of its vertices.

    Sionna's own delays are single precision: at 3 km and 2 GHz their last digit is a fiftieth of a
    turn of the carrier. Errors of a vertex along its surface cancel here, since a path is shortest.
    """
    before = np.broadcast_to(site_m, (len(vertex_m), 3))
    length = np.zeros(len(vertex_m))
    for vertex in np.moveaxis(vertex_m, 1, 0):
        here = np.where(np.isnan(vertex), before, vertex)
        length += np.linalg.norm(here - before, axis=-1)
        before = here
    return np.asarray(length + np.linalg.norm(receiver_m - before, axis=-1), np.float64)


def _numpy(tensor: Any, dtype: Any) -> np.ndarray:
    return np.asarray(tensor.numpy()).astype(dtype)


def _join(links: list[np.ndarray]) -> np.ndarray:
    """Stack links, padded to the most paths and the deepest path."""
    longest = np.max([link.shape for link in links], axis=0)
    filler = np.nan if links[0].ndim == 3 else 0
    padded = [
        np.pad(
            link,
            [(0, most - have) for have, most in zip(link.shape, longest, strict=True)],
            constant_values=filler,
        )
        for link in links
    ]
    return np.stack(padded)


def _probe() -> dict[str, str | int]:
    """Trace one line of sight over a ground plane: the whole tool chain has to work for that."""
    ground = Mesh(
        material="medium_dry_ground",
        vertex_m=np.array([[-50, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 50, 0]], np.float32),
        face=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        building=np.full(2, -1, np.int32),
    )
    site = Site("probe", 0.0, 0.0, (-20.0, 0.0, 10.0), 0.0, 0, None, "spec", "probe")
    receivers = Receivers(
        ("probe",), np.zeros(1), np.array([[[20.0, 0.0, 10.0]]]), np.zeros((1, 1, 3)), "probe"
    )
    spec = SionnaRaytracing(max_reflections=1, diffraction=False, rays_per_site=1000)
    paths = trace_meshes([ground], [site], receivers, spec, frequency_hz=2e9, seed=1)
    return {"paths": int(paths.valid.sum()), "variant": variant()}


if __name__ == "__main__":
    json.dump(_probe(), sys.stdout)
