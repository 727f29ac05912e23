"""Paths by Sionna's solver, link by link.

Run as a module, this file probes the ray tracer and prints what it found as one JSON object: the
caller survives where a library aborts.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from iqatlas.errors import RaytracingError, SetupError
from iqatlas.raytracing._sionna_scene import (
    ONE_AT_A_TIME,
    orientation_rad,
    sionna_rt,
    sionna_scene,
    unknown_version,
    variant,
)
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.versions import library_versions
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Receivers, Site

FIRST_PATH_CAP = 1 << 17
"""Candidate paths of a link that the solver gets room for at first.

A dense city of 2,000 buildings has 10,000 to 40,000. What the room holds doesn't depend on its size, but the
memory does: a million places take 300 MB and 0.2 s a link.
"""
LARGEST_PATH_CAP = 16_000_000
"""Room beyond which it is given up; Sionna's tables of candidates are made larger than that."""


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
    rt = sionna_rt()
    # With refraction, the deterministic solver gives wrong channels on the CPU: 6 dB off. Without it,
    # results are only repeatable when it is used.
    solver = rt.PathSolver(deterministic=not spec.refraction)
    if not hasattr(solver, "_candidate_generator"):
        raise unknown_version("whether it dropped paths")
    counting = _CountingGenerator(solver._candidate_generator)
    solver._candidate_generator = counting
    settings = {
        "max_depth": spec.max_reflections,
        "samples_per_src": spec.rays_per_site,
        "diffuse_reflection": spec.diffuse_scattering > 0,
        "refraction": spec.refraction,
        "diffraction": spec.diffraction,
        "edge_diffraction": spec.edge_diffraction,
        "seed": seed,
    }
    _refuse_unknown(solver, {"max_num_paths_per_src", *settings})
    while True:
        paths = solver(scene, max_num_paths_per_src=path_cap, **settings)
        if counting.candidates < path_cap:
            return paths, path_cap
        if path_cap >= LARGEST_PATH_CAP:
            raise RaytracingError(
                f"{path_cap:,} or more candidate paths between a site and a receiver",
                where="raytracing",
                remedy="lower raytracing.rays_per_site or raytracing.max_reflections",
            )
        path_cap *= 4


def _refuse_unknown(solver: Any, settings: set[str]) -> None:
    """See that the installed solver has every setting that it will be given."""
    accepted = inspect.signature(solver).parameters
    lacking = sorted(settings - set(accepted))
    if lacking:
        raise SetupError(
            f"the installed sionna-rt {library_versions()['sionna-rt']} has no solver setting "
            f"{', '.join(lacking)}",
            accepted="a sionna-rt version from 2.1 on that iqatlas knows",
            remedy="pip install 'sionna-rt>=2.1'",
        )


class LinkTracer:
    """Surfaces made ready for the solver once, and traced link by link.

    Args:
        meshes: The scene's surfaces in local metres.
        spec: Solver settings and antennas.
        frequency_hz: Carrier.

    Raises:
        SetupError: No usable ray tracer on this machine.
    """

    def __init__(self, meshes: Sequence[Mesh], spec: SionnaRaytracing, *, frequency_hz: float) -> None:
        self._spec = spec
        self._frequency_hz = frequency_hz
        self._path_cap = FIRST_PATH_CAP
        with ONE_AT_A_TIME:
            rt = sionna_rt()
            self._scene = sionna_scene(meshes, spec, frequency_hz=frequency_hz)
            self._site = rt.Transmitter(name="site", position=[0.0, 0.0, 0.0])
            self._receiver = rt.Receiver(name="receiver", position=[0.0, 0.0, 0.0])
            self._scene.add(self._site)
            self._scene.add(self._receiver)

    def trace(
        self,
        sites: Sequence[Site],
        receivers: Receivers,
        *,
        seed: int,
        traced: Callable[[], None] = lambda: None,
    ) -> PathSet:
        """Trace the paths from every site to every receiver at every waypoint.

        Link by link: the paths of a link then don't depend on who else is in the scene, and the solver's
        memory not on how many they are. It saves no time to do more at once.

        Args:
            sites: Transmitters, vertically polarised.
            receivers: Receivers, vertically polarised.
            seed: Seed of the solver's ray directions.
            traced: Called after each link.

        Raises:
            RaytracingError: More candidate paths than the solver can hold.
        """
        waypoints, receiver_count = receivers.position_m.shape[:2]
        parts: list[dict[str, np.ndarray]] = []
        for position, velocity in zip(
            receivers.position_m.reshape(-1, 3), receivers.velocity_mps.reshape(-1, 3), strict=True
        ):
            with ONE_AT_A_TIME:
                self._receiver.position = [float(x) for x in position]
                self._receiver.velocity = [float(x) for x in velocity]
                for place in sites:
                    self._site.position = [float(x) for x in place.position_m]
                    self._site.orientation = orientation_rad(place, self._spec)
                    paths, self._path_cap = _solve(self._scene, self._spec, seed, self._path_cap)
                    parts.append(_link(paths, self._frequency_hz, np.array(place.position_m), position))
                    traced()
        joined = {name: _join([part[name] for part in parts]) for name in parts[0]}
        shape = (waypoints, receiver_count, len(sites))
        shaped = {name: array.reshape(*shape, *array.shape[1:]) for name, array in joined.items()}
        model: dict[str, str | int | float | bool] = {
            **self._spec.model_dump(mode="json"),
            "variant": variant(),
            "path_cap": self._path_cap,
            **library_versions(),
        }
        return PathSet(frequency_hz=self._frequency_hz, model=model, **shaped)


def trace_meshes(
    meshes: Sequence[Mesh],
    sites: Sequence[Site],
    receivers: Receivers,
    spec: SionnaRaytracing,
    *,
    frequency_hz: float,
    seed: int,
) -> PathSet:
    """Trace the paths from every site to every receiver at every waypoint; see :class:`LinkTracer`.

    Args:
        meshes: The scene's surfaces in local metres.
        sites: Transmitters, vertically polarised.
        receivers: Receivers, vertically polarised.
        spec: Solver settings and antennas.
        frequency_hz: Carrier.
        seed: Seed of the solver's ray directions.

    Raises:
        SetupError: No usable ray tracer on this machine.
        RaytracingError: More candidate paths than the solver can hold.
    """
    return LinkTracer(meshes, spec, frequency_hz=frequency_hz).trace(sites, receivers, seed=seed)


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
