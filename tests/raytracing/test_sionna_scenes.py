"""Scenes that Sionna ships, through ours and by plain Sionna: the same powers and delays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, make_receivers, make_sites

from iqatlas.raytracing import _sionna
from iqatlas.raytracing._sionna_scene import sionna_rt
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.mesh import Mesh

PLACES = {
    "simple_street_canyon": ([-33.0, 0, 32], [[20.0, 0, 2], [45, 3, 10]]),
    "munich": ([8.5, 21, 27], [[45.0, 90, 2], [-80, 100, 30]]),
}


def meshes_of_sionna(scene: Any) -> list[Mesh]:
    """Return the surfaces of a Sionna scene as ours."""
    meshes = []
    for thing in scene.objects.values():
        vertex = np.asarray(thing.mi_mesh.vertex_positions_buffer().numpy(), np.float32).reshape(-1, 3)
        face = np.asarray(thing.mi_mesh.faces_buffer().numpy(), np.int32).reshape(-1, 3)
        meshes.append(Mesh(material(thing), vertex, face, np.full(len(face), -1, np.int32)))
    return meshes


def material(thing: Any) -> str:
    """Return the name of an object's material, which is ITU's in both."""
    name: str = thing.radio_material.name
    return name.removeprefix("slab_").removeprefix("itu_")


def with_our_slabs(rt: Any, scene: Any) -> None:
    """Give a Sionna scene's materials the electrical values and thickness of ours."""
    for name in {material(thing) for thing in scene.objects.values()}:
        at = material_at(name, FREQUENCY_HZ)
        own = rt.RadioMaterial(
            f"slab_{at.name}",
            thickness=at.thickness_m,
            relative_permittivity=at.relative_permittivity,
            conductivity=at.conductivity_s_per_m,
        )
        for thing in scene.objects.values():
            if material(thing) == name:
                thing.radio_material = own


@pytest.mark.parametrize("city", ["simple_street_canyon", pytest.param("munich", marks=pytest.mark.slow)])
def test_ours_is_plain_sionna_path_by_path(city: str) -> None:
    """Reflections up to the second order; edges are drawn anew in every call of the public solver."""
    rt = sionna_rt()
    site, places = PLACES[city]
    theirs = rt.load_scene(getattr(rt.scene, city))
    theirs.frequency = FREQUENCY_HZ
    meshes = meshes_of_sionna(theirs)
    with_our_slabs(rt, theirs)
    theirs.tx_array = theirs.rx_array = rt.PlanarArray(
        num_rows=1, num_cols=1, pattern="iso", polarization="V"
    )
    theirs.add(rt.Transmitter("t", position=site))
    for index, place in enumerate(places):
        theirs.add(rt.Receiver(f"r{index}", position=place))
    peer = rt.PathSolver()(theirs, max_depth=2, samples_per_src=100_000, refraction=False, diffraction=False)
    response, delay = peer.cir(normalize_delays=False, out_type="numpy")
    spec = SionnaRaytracing(max_reflections=2, diffraction=False, rays_per_site=100_000)
    ours = _sionna.trace_meshes(
        meshes, make_sites(site), make_receivers(places), spec, frequency_hz=FREQUENCY_HZ, seed=5
    )
    total = 0
    for receiver in range(len(places)):
        there = delay[receiver, 0] >= 0
        power = np.abs(response[receiver, 0, 0, 0, :, 0][there]) ** 2
        ours_power = np.abs(ours.gain[0, receiver, 0][ours.valid[0, receiver, 0]]) ** 2
        ours_delay = ours.delay_s[0, receiver, 0][ours.valid[0, receiver, 0]]
        order = np.argsort(delay[receiver, 0][there], kind="stable")
        assert len(ours_power) == len(power)
        np.testing.assert_allclose(ours_delay, delay[receiver, 0][there][order], rtol=2e-6)
        # Fields in float32; walls that meet at a seam may be hit on either side of it.
        np.testing.assert_allclose(10 * np.log10(ours_power.sum() / power.sum()), 0, atol=0.02)
        total += len(power)
    assert total > 6
