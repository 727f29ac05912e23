"""Coverage maps by Sionna's radio-map solver."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iqatlas.raytracing._sionna_scene import ONE_AT_A_TIME, orientation_rad, sionna_rt, sionna_scene
from iqatlas.raytracing.coverage import Coverage
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Site

_HITS_A_CELL = 4.0
_LEAST_RISE_M = 20.0
_MOST_RAYS = 10_000_000


def coverage_map(
    meshes: Sequence[Mesh],
    sites: Sequence[Site],
    spec: SionnaRaytracing,
    *,
    frequency_hz: float,
    seed: int,
    bounds_m: tuple[float, float, float, float],
    height_m: float,
    cell_m: float,
) -> Coverage:
    """Return the path gain from every site to every cell of a horizontal grid, receivers isotropic.

    Args:
        meshes: The scene's surfaces in local metres.
        sites: Transmitters.
        spec: Solver settings and the sites' antennas.
        frequency_hz: Carrier.
        seed: Seed of the solver's rays.
        bounds_m: West, south, east and north of the grid.
        height_m: Height of the grid in the local frame.
        cell_m: Side of a cell.

    Raises:
        SetupError: No usable ray tracer on this machine.
    """
    with ONE_AT_A_TIME:
        rt = sionna_rt()
        scene = sionna_scene(meshes, spec, frequency_hz=frequency_hz)
        transmitter = rt.Transmitter(name="site", position=[0.0, 0.0, 0.0])
        scene.add(transmitter)
        west, south, east, north = bounds_m
        columns = max(1, int(np.ceil((east - west) / cell_m)))
        rows = max(1, int(np.ceil((north - south) / cell_m)))
        solver = rt.RadioMapSolver()
        maps = []
        # Site by site: memory is then that of one site's rays.
        for site in sites:
            transmitter.position = [float(x) for x in site.position_m]
            transmitter.orientation = orientation_rad(site, spec)
            radio_map = solver(
                scene,
                center=[(west + east) / 2, (south + north) / 2, float(height_m)],
                orientation=[0.0, 0.0, 0.0],
                size=[columns * float(cell_m), rows * float(cell_m)],
                cell_size=[float(cell_m), float(cell_m)],
                samples_per_tx=max(spec.rays_per_site, _rays(site, bounds_m, height_m, cell_m)),
                max_depth=spec.max_reflections,
                diffuse_reflection=spec.diffuse_scattering > 0,
                refraction=spec.refraction,
                diffraction=spec.diffraction,
                edge_diffraction=spec.edge_diffraction,
                seed=seed,
            )
            maps.append(np.asarray(radio_map.path_gain.numpy(), np.float64)[0])
    gain = np.stack(maps)
    return Coverage(
        path_gain=gain,
        east_m=(west + east) / 2 + (np.arange(gain.shape[2]) - (gain.shape[2] - 1) / 2) * cell_m,
        north_m=(south + north) / 2 + (np.arange(gain.shape[1]) - (gain.shape[1] - 1) / 2) * cell_m,
        height_m=float(height_m),
    )


def _rays(site: Site, bounds_m: tuple[float, float, float, float], height_m: float, cell_m: float) -> int:
    """Return how many rays it takes for the farthest cell in sight to be hit by a few.

    A cell of area A at distance d, seen from a height difference h, fills a solid angle of A h / d³.
    """
    west, south, east, north = bounds_m
    x, y, z = site.position_m
    across = np.hypot(max(abs(x - west), abs(x - east)), max(abs(y - south), abs(y - north)))
    rise = max(abs(height_m - z), _LEAST_RISE_M)
    distance = np.hypot(across, rise)
    return int(min(_HITS_A_CELL * 4 * np.pi * distance**3 / (cell_m**2 * rise), _MOST_RAYS))
