"""The ray tracer against closed forms: free space, two rays over ground, a wall, a sharp edge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, boxes, ground, make_receivers, make_sites, rectangle, ridge

from iqatlas.raytracing._sionna import trace_meshes
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Receivers, Site

WAVELENGTH_M = SPEED_OF_LIGHT_MPS / FREQUENCY_HZ
WAVENUMBER = 2 * np.pi / WAVELENGTH_M
VACUUM_PERMITTIVITY = 8.8541878128e-12
ONE_BOUNCE = SionnaRaytracing(max_reflections=1, diffraction=False, rays_per_site=10_000)
ONE_EDGE = SionnaRaytracing(max_reflections=1, diffraction=True, rays_per_site=100_000)


def trace(
    meshes: list[Mesh], sites: tuple[Site, ...], receivers: Receivers, spec: SionnaRaytracing
) -> PathSet:
    return trace_meshes(meshes, sites, receivers, spec, frequency_hz=FREQUENCY_HZ, seed=5)


def direct(distance_m: np.ndarray) -> np.ndarray:
    return WAVELENGTH_M / (4 * np.pi * distance_m) * np.exp(-1j * WAVENUMBER * distance_m)


def permittivity(material: str) -> complex:
    """Return the complex relative permittivity, for fields that turn as exp(+jωt)."""
    at = material_at(material, FREQUENCY_HZ)
    loss = at.conductivity_s_per_m / (2 * np.pi * FREQUENCY_HZ * VACUUM_PERMITTIVITY)
    return at.relative_permittivity - 1j * loss


def test_line_of_sight_is_free_space_in_magnitude_phase_and_delay(scattered_m: np.ndarray) -> None:
    sites = make_sites([0, 0, 25], [300, -120, 40])
    receivers = make_receivers(scattered_m, np.full_like(scattered_m, 7.0))
    spec = SionnaRaytracing(max_reflections=0, diffraction=False, rays_per_site=1000)
    traced = trace([], sites, receivers, spec)
    free = free_space_paths(sites, receivers, frequency_hz=FREQUENCY_HZ)
    # Fields are traced in float32 (1e-7); phases come from lengths in float64.
    np.testing.assert_allclose(traced.gain, free.gain, rtol=1e-5)
    np.testing.assert_allclose(traced.delay_s, free.delay_s, rtol=1e-12)
    # Directions and Doppler are single precision: 1e-5 of a radian, 1e-4 of f·v/c (74 Hz).
    for name in ("arrival_azimuth_deg", "departure_azimuth_deg"):
        turn = np.angle(np.exp(1j * np.deg2rad(getattr(traced, name) - getattr(free, name))))
        assert np.abs(turn).max() < 1e-5
    for name in ("arrival_zenith_deg", "departure_zenith_deg"):
        np.testing.assert_allclose(getattr(traced, name), getattr(free, name), atol=1e-3)
    np.testing.assert_allclose(traced.doppler_hz, free.doppler_hz, atol=0.01)
    assert check_paths(traced, sites, receivers).line_of_sight_links == 24


def test_two_rays_over_ground_follow_the_closed_form() -> None:
    """|direct + Γ·reflected| with Γ of P.2040's medium dry ground, from 20 m to 2.5 km."""
    distance, site_height, height = np.geomspace(20, 2500, 25), 10.0, 6.0
    receivers = make_receivers(np.column_stack([distance, 0 * distance, 0 * distance + height]))
    paths = trace([ground()], make_sites([0, 0, site_height]), receivers, ONE_BOUNCE)
    straight = np.hypot(distance, site_height - height)
    bounced = np.hypot(distance, site_height + height)
    sine, cosine2 = (site_height + height) / bounced, (distance / bounced) ** 2
    eta = permittivity("medium_dry_ground")
    root = np.sqrt(eta - cosine2)
    reflection = (eta * sine - root) / (eta * sine + root)
    expected = direct(straight) + reflection * direct(bounced)
    traced = paths.gain[0, :, 0].sum(axis=-1)
    # Relative to the direct ray, since the sum all but vanishes in the nulls. Float32 leaves 1e-5.
    assert np.abs(traced - expected).max() < 1e-4 * np.abs(direct(straight)).max()
    assert np.all(np.abs(traced - expected) < 1e-4 * np.abs(direct(straight)))
    # The case is a telling one: the reflection turns from positive to nearly −1, and cancels.
    assert reflection[0].real > 0.3 and reflection[-1].real < -0.9
    assert np.abs(expected / direct(straight)).min() < 0.25


@pytest.mark.parametrize("material", ["concrete", "glass", "metal"])
def test_a_wall_reflects_as_a_slab_of_its_thickness(material: str) -> None:
    """Horizontal incidence, field along the wall: slab of P.2040-3, equations (43) and (44)."""
    wall = rectangle(material, [[-500, 30, 0], [500, 30, 0], [500, 30, 100], [-500, 30, 100]])
    x = np.array([15.0, 60.0, 150.0, 300.0])
    paths = trace(
        [wall],
        make_sites([0, 0, 50]),
        make_receivers(np.column_stack([x, 0 * x, 0 * x + 50])),
        ONE_BOUNCE,
    )
    assert paths.valid.sum(axis=-1).ravel().tolist() == [2, 2, 2, 2]
    length = np.hypot(x, 60.0)
    reflected = slab(material, np.arcsin(60.0 / length)) * direct(length)
    np.testing.assert_allclose(paths.gain[0, :, 0, 1], reflected, rtol=1e-3)
    np.testing.assert_array_equal(paths.interaction[0, :, 0, :, 0], [[0, 1]] * 4)
    middle = np.column_stack([x / 2, 0 * x + 30, 0 * x + 50])
    np.testing.assert_allclose(paths.vertex_m[0, :, 0, 1, 0], middle, atol=1e-3)


def slab(material: str, grazing_rad: np.ndarray) -> np.ndarray:
    """Return P.2040-3's reflection, equation (43), of a field along the surface."""
    eta = permittivity(material)
    root = np.sqrt(eta - np.cos(grazing_rad) ** 2)
    face = (np.sin(grazing_rad) - root) / (np.sin(grazing_rad) + root)
    q = 2 * np.pi * material_at(material, FREQUENCY_HZ).thickness_m / WAVELENGTH_M * root
    through = np.exp(-2j * q)
    return np.asarray(face * (1 - through) / (1 - face**2 * through))


@pytest.mark.parametrize(("first", "second"), [("metal", "metal"), ("concrete", "glass")])
def test_a_corner_sends_back_what_both_walls_leave(first: str, second: str) -> None:
    """Two walls at 90°: the image in both is the site turned about the corner, whatever the order.

    Lengths, angles, vertices and gains of both single bounces and of the double one.
    """
    along_x = rectangle(first, [[0, 0, 0], [400, 0, 0], [400, 0, 100], [0, 0, 100]])
    along_y = rectangle(second, [[0, 0, 0], [0, 400, 0], [0, 400, 100], [0, 0, 100]])
    site = np.array([80.0, 30.0, 50.0])
    place = np.array([[35.0, 90.0, 50], [120.0, 150.0, 50], [20.0, 200, 50]])
    spec = ONE_BOUNCE.model_copy(update={"max_reflections": 2, "rays_per_site": 200_000})
    paths = trace([along_x, along_y], make_sites(site), make_receivers(place), spec)
    assert paths.valid.sum(axis=-1).ravel().tolist() == [4, 4, 4]
    image = place * [-1, -1, 1]
    length = np.linalg.norm(image - site, axis=-1)
    depth = (paths.interaction[0, :, 0] == 1).sum(axis=-1)
    double = [int(np.flatnonzero(row == 2)[0]) for row in depth]

    def of_double(name: str) -> np.ndarray:
        return np.asarray([getattr(paths, name)[0, index, 0, path] for index, path in enumerate(double)])

    # Vertices in float32, along a shortest path: they don't lengthen it.
    np.testing.assert_allclose(of_double("delay_s"), length / SPEED_OF_LIGHT_MPS, rtol=1e-9)
    leaves = np.arctan2(image[:, 1] - site[1], image[:, 0] - site[0])
    np.testing.assert_allclose(of_double("departure_azimuth_deg"), np.rad2deg(leaves), atol=1e-3)
    # It comes back parallel to how it left: from the direction in which it went.
    np.testing.assert_allclose(of_double("arrival_azimuth_deg"), np.rad2deg(leaves), atol=1e-3)
    np.testing.assert_allclose(of_double("arrival_zenith_deg"), 90.0, atol=1e-3)
    grazing = np.arctan2(np.abs(image[:, 1] - site[1]), np.abs(image[:, 0] - site[0]))
    expected = slab(first, grazing) * slab(second, np.pi / 2 - grazing) * direct(length)
    np.testing.assert_allclose(of_double("gain"), expected, rtol=1e-3)
    # The unfolded path crosses both walls on a straight line.
    vertex = of_double("vertex_m")
    assert np.allclose(np.abs(vertex[..., :2]).min(axis=-1), 0, atol=1e-3)
    turned = np.linalg.norm(np.diff(vertex, axis=1)[:, 0], axis=-1)
    assert np.all(turned > 1.0)
    for wall, mirror in ((first, [1, -1, 1]), (second, [-1, 1, 1])):
        way = place * mirror - site
        once = np.linalg.norm(way, axis=-1)
        angle = np.arcsin(np.abs(way[:, 1 if mirror[1] < 0 else 0]) / once)
        single = [
            paths.gain[
                0, index, 0, int(np.argmin(np.abs(paths.delay_s[0, index, 0] - x / SPEED_OF_LIGHT_MPS)))
            ]
            for index, x in enumerate(once)
        ]
        np.testing.assert_allclose(single, slab(wall, angle) * direct(once), rtol=1e-3)


def knife_edge_loss_db(nu: np.ndarray) -> np.ndarray:
    """Return J(ν) of ITU-R P.526, section 4.1."""
    return 6.9 + 20 * np.log10(np.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1)


def over_the_edge(height_m: np.ndarray) -> tuple[PathSet, np.ndarray, np.ndarray]:
    """Trace over a sharp metal edge 40 m high, 100 m from the site and 150 m from the receivers.

    Returns:
        Paths, and for each receiver the direct distance in metres and ν.
    """
    receivers = make_receivers(np.column_stack([0 * height_m + 150, 0 * height_m, height_m]))
    paths = trace([ridge(40.0, 1.0, 200.0)], make_sites([-100, 0, 20]), receivers, ONE_EDGE)
    distance = np.hypot(250.0, height_m - 20)
    above_line = 40 - (20 + (height_m - 20) * 100 / 250)
    return paths, distance, above_line * np.sqrt(2 / WAVELENGTH_M * (1 / 100 + 1 / 150))


def test_a_sharp_edge_shadows_as_a_knife_edge() -> None:
    """From 15 to 35 degrees into the shadow, within 3 dB.

    A knife edge knows small angles only and no polarisation. Sionna's coefficients (a heuristic for
    lossy wedges) are exact at the borders of light, reflection and shadow alone: for a field across
    a metal edge they lie 1.8 to 4.1 dB below the exact ones here, and P.526 lies between the two.
    """
    height = np.array([40.0, 30.0, 20.0, 10.0, 0.0])
    paths, distance, nu = over_the_edge(height)
    np.testing.assert_array_equal(paths.interaction[0, :, 0, :, 0], [[4]] * 5)
    loss = -20 * np.log10(np.abs(paths.gain[0, :, 0].sum(axis=-1) / direct(distance)))
    np.testing.assert_allclose(loss, knife_edge_loss_db(nu), atol=3.0)
    assert np.all(np.diff(loss) > 1.0)  # the deeper, the darker
    np.testing.assert_allclose(paths.vertex_m[0, :, 0, 0, 0], [[0, 0, 40]] * 5, atol=0.01)


def test_threads_trace_what_one_does() -> None:
    """Dr.Jit and Mitsuba keep state of the process: calls wait for each other."""
    sites = make_sites([0, 0, 25])
    places = [make_receivers(np.array([[80.0 + 30 * turn, 40, 1.5]])) for turn in range(4)]
    meshes = [ground(500)]
    alone = [trace(meshes, sites, receivers, ONE_BOUNCE) for receivers in places]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda receivers: trace(meshes, sites, receivers, ONE_BOUNCE), places))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(other.gain, one.gain)


def test_light_fades_into_shadow_without_a_step() -> None:
    height = np.linspace(66.0, 74.1, 21)  # the shadow boundary is at 70 m
    paths, distance, nu = over_the_edge(height)
    total = paths.gain[0, :, 0].sum(axis=-1) / direct(distance)
    lit = np.any(paths.valid & np.all(paths.interaction == 0, axis=-1), axis=-1)[0, :, 0]
    assert 8 < lit.sum() < 13
    # P.526 is within 0.1 dB of Fresnel's integral down to ν = −0.7; polarisation adds what is left.
    near = nu > -0.7
    np.testing.assert_allclose(-20 * np.log10(np.abs(total[near])), knife_edge_loss_db(nu[near]), atol=0.5)
    # 0.4 m change the level by 0.6 dB; a wrong sign on either side would be a step of 6 dB or more.
    assert np.abs(np.diff(20 * np.log10(np.abs(total)))).max() < 1.0


def test_doppler_is_the_closing_speed_over_the_wavelength() -> None:
    receivers = make_receivers([[400.0, 0, 30], [400.0, 0, 30], [0, 300, 30]])
    velocity = np.array([[-20.0, 0, 0], [20.0, 0, 0], [15.0, 0, 0]])
    receivers = replace(receivers, velocity_mps=velocity[None])
    paths = trace([], make_sites([0, 0, 30]), receivers, ONE_BOUNCE)
    expected = 20 * FREQUENCY_HZ / SPEED_OF_LIGHT_MPS
    # Across the line of sight there is none; 1e-3 of the largest is 0.12 Hz.
    np.testing.assert_allclose(paths.doppler_hz.ravel(), [expected, -expected, 0], atol=1e-3 * expected)


def test_both_ways_carry_the_same_power() -> None:
    """Reciprocity: every path turns back, though rays are shot from the site only."""
    here, there = [-60.0, -50.0, 22.0], [70.0, 40.0, 35.0]
    spec = SionnaRaytracing(max_reflections=2, diffraction=True, rays_per_site=300_000)
    meshes = [boxes(), ground(500)]
    forth = trace(meshes, make_sites(here), make_receivers([there]), spec)
    back = trace(meshes, make_sites(there), make_receivers([here]), spec)
    forth_db, back_db = (10 * np.log10(p.link_power().item()) for p in (forth, back))
    # Sionna's coefficients of lossy wedges are not reciprocal (single edges differ by decibels
    # here), but edges carry little where there is light: a tenth of a decibel.
    assert abs(forth_db - back_db) < 0.1
    undiffracted = [np.all(p.interaction < 4, axis=-1) & p.valid for p in (forth, back)]
    assert undiffracted[0].sum() >= 2
    for name in ("gain", "delay_s"):
        there_and_back = [getattr(p, name)[own] for p, own in zip((forth, back), undiffracted, strict=True)]
        # What was only reflected is the same to float32, phases included.
        np.testing.assert_allclose(*there_and_back, rtol=1e-4)
