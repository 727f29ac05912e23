"""The one door to Sionna RT, Mitsuba and Dr.Jit.

Importing ``sionna.rt`` chooses the Mitsuba variant for the rest of the process, so it happens here
alone, on first use. Run as a module, this file probes the ray tracer and prints what it found as
one JSON object: the caller survives where a library aborts.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from iqatlas.errors import RaytracingError, SetupError
from iqatlas.raytracing.llvm import VARIABLE, cuda_driver_present, find_llvm
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import RadioMaterial, material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Receivers, Site

RECEIVERS_PER_CALL = 32
"""Receivers traced at once: bounds the solver's memory for any number of waypoints."""
FIRST_PATH_CAP = 1_000_000
LARGEST_PATH_CAP = 64_000_000
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
    return sionna.rt


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


def _sionna_scene(meshes: Sequence[Mesh], sites: Sequence[Site], frequency_hz: float) -> Any:
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
    for index, site in enumerate(sites):
        scene.add(rt.Transmitter(name=f"site_{index}", position=[float(x) for x in site.position_m]))
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
        """Candidate paths of the last call, over all sites and receivers."""
        return int(np.max(self._counter.numpy(), initial=0))


def _solve(scene: Any, spec: SionnaRaytracing, seed: int, path_cap: int) -> tuple[Any, int]:
    """Return the paths and the cap that held them; the cap is raised until nothing was dropped."""
    rt = _rt()
    solver = rt.PathSolver(deterministic=True)
    if not hasattr(solver, "_candidate_generator"):
        raise SetupError(
            f"sionna-rt {version('sionna-rt')} hides whether it dropped paths",
            accepted="a sionna-rt version from 2.1 on that iqatlas knows",
        )
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
        # The counter runs over all sites and the cap is for each, so below it no site was cut.
        if counting.candidates < path_cap:
            return paths, path_cap
        if path_cap >= LARGEST_PATH_CAP:
            raise RaytracingError(
                f"more than {path_cap:,} candidate paths a site",
                where="raytracing",
                remedy="lower raytracing.rays_per_site or raytracing.max_reflections",
            )
        path_cap *= 4


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, RECEIVERS_PER_CALL):
        yield slice(start, min(start + RECEIVERS_PER_CALL, count))


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
    rt = _rt()
    scene = _sionna_scene(meshes, sites, frequency_hz)
    waypoints, receiver_count = receivers.position_m.shape[:2]
    positions = receivers.position_m.reshape(-1, 3)
    velocities = receivers.velocity_mps.reshape(-1, 3)
    parts: list[dict[str, np.ndarray]] = []
    path_cap = FIRST_PATH_CAP
    for batch in _batches(len(positions)):
        for index, (position, velocity) in enumerate(zip(positions[batch], velocities[batch], strict=True)):
            scene.add(
                rt.Receiver(
                    name=f"receiver_{index}",
                    position=[float(x) for x in position],
                    velocity=[float(x) for x in velocity],
                )
            )
        paths, path_cap = _solve(scene, spec, seed, path_cap)
        parts.append(_arrays(paths, frequency_hz))
        for index in range(len(positions[batch])):
            scene.remove(f"receiver_{index}")
    joined = {name: _join([part[name] for part in parts]) for name in parts[0]}
    shaped = {
        name: array.reshape(waypoints, receiver_count, *array.shape[1:]) for name, array in joined.items()
    }
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


def _arrays(paths: Any, frequency_hz: float) -> dict[str, np.ndarray]:
    """Return Sionna's tensors as arrays on [receiver, site, path, …], each link sorted by delay."""
    valid = _numpy(paths.valid, bool)
    receiver_count, site_count = valid.shape[:2]
    real, imaginary = (_numpy(part, np.float64)[:, 0, :, 0] for part in paths.a)
    delay = np.where(valid, _numpy(paths.tau, np.float64), 0.0)
    # Sionna leaves the carrier phase of the delay to its cir(); here it belongs to the gain.
    gain = (real + 1j * imaginary) * np.exp(-2j * np.pi * frequency_hz * delay)
    if valid.shape[-1]:
        interaction = np.moveaxis(_numpy(paths.interactions, np.int64), 0, -1)
        vertex = np.moveaxis(_numpy(paths.vertices, np.float64), 0, -2)
    else:
        interaction = np.zeros((receiver_count, site_count, 0, 1), np.int64)
        vertex = np.zeros((receiver_count, site_count, 0, 1, 3))
    # Sionna counts kinds in powers of two: 1, 2, 4, 8 become 1, 2, 3, 4.
    kind = np.where(interaction > 0, np.log2(np.maximum(interaction, 1)).astype(np.int8) + 1, 0).astype(
        np.int8
    )
    arrays: dict[str, np.ndarray] = {
        "gain": np.where(valid, gain, 0.0),
        "delay_s": delay,
        "doppler_hz": np.where(valid, _numpy(paths.doppler, np.float64), 0.0),
        "departure_azimuth_deg": np.rad2deg(np.where(valid, _numpy(paths.phi_t, np.float64), 0.0)),
        "departure_zenith_deg": np.rad2deg(np.where(valid, _numpy(paths.theta_t, np.float64), 0.0)),
        "arrival_azimuth_deg": np.rad2deg(np.where(valid, _numpy(paths.phi_r, np.float64), 0.0)),
        "arrival_zenith_deg": np.rad2deg(np.where(valid, _numpy(paths.theta_r, np.float64), 0.0)),
        "interaction": np.where(valid[..., None], kind, np.int8(0)),
        "vertex_m": np.where((valid[..., None] & (kind > 0))[..., None], vertex, np.nan),
        "valid": valid,
    }
    order = np.lexsort((-np.abs(arrays["gain"]), np.where(valid, delay, np.inf)), axis=-1)
    return {
        name: np.take_along_axis(array, order.reshape(*order.shape, *(1,) * (array.ndim - 3)), axis=2)
        for name, array in arrays.items()
    }


def _numpy(tensor: Any, dtype: Any) -> np.ndarray:
    return np.asarray(tensor.numpy()).astype(dtype)


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    """Concatenate batches along the receivers, padded to the most paths and the deepest path."""
    longest = [max(a.shape[axis] for a in arrays) for axis in range(2, arrays[0].ndim)]
    padded = []
    for array in arrays:
        missing = [target - have for target, have in zip(longest, array.shape[2:], strict=True)]
        filler = np.nan if array.ndim == 5 else 0
        padded.append(np.pad(array, [(0, 0), (0, 0), *((0, m) for m in missing)], constant_values=filler))
    return np.concatenate(padded, axis=0)


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
