"""Elements of an array: the phases of a plane wave, those that Sionna gives, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raytracing_scenes import FREQUENCY_HZ, block_scene, ground, make_receivers, make_sites, rectangle

from iqatlas.errors import RaytracingError
from iqatlas.raytracing import _sionna
from iqatlas.raytracing._sionna_scene import sionna_rt, sionna_scene
from iqatlas.raytracing.cache import PathCache
from iqatlas.raytracing.elements import ARRAY_KEY, at_elements, of_each_uav
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import AerialUrbanMacro, FreeSpace, Maritime, SionnaRaytracing, TwoRay
from iqatlas.raytracing.trace import Model, trace
from iqatlas.scenes.antenna_array import AntennaArray, antenna_array
from iqatlas.scenes.scene import Receivers, Scene
from iqatlas.scenes.spec import PlanarArray

WAVELENGTH_M = SPEED_OF_LIGHT_MPS / FREQUENCY_HZ
UPRIGHT = PlanarArray(rows=2, columns=3, spacing_wavelengths=0.7, azimuth_deg=90, tilt_deg=0)
PEER = {"num_rows": 2, "num_cols": 3, "vertical_spacing": 0.7, "horizontal_spacing": 0.7, "pattern": "iso"}
PEER["polarization"] = "V"
FAST = SionnaRaytracing(max_reflections=2, diffraction=False, rays_per_site=20_000)


def array_of(spec: PlanarArray) -> AntennaArray:
    return antenna_array(spec, wavelength_m=WAVELENGTH_M)


def carrying(receivers: Receivers, spec: PlanarArray) -> Receivers:
    return receivers.with_array(array_of(spec))


def scene_with(spec: PlanarArray | None, velocity_mps: float = 0.0) -> Scene:
    place = np.array([[60.0, 5, 32], [300, 200, 100], [-400, 0, 50]])
    receivers = make_receivers(place, np.full_like(place, velocity_mps))
    return block_scene(receivers if spec is None else carrying(receivers, spec))


def test_elements_are_where_sionna_s_are() -> None:
    """Numbering, axes and rotation, for faces that look along and across all axes."""
    rt = sionna_rt()
    import mitsuba as mi

    for azimuth, tilt in ((90.0, 0.0), (0.0, 0.0), (0.0, 90.0), (217.0, 33.0), (-60.0, -10.0)):
        spec = UPRIGHT.model_copy(update={"azimuth_deg": azimuth, "tilt_deg": tilt})
        peer = rt.PlanarArray(
            num_rows=2,
            num_cols=3,
            vertical_spacing=0.7,
            horizontal_spacing=0.7,
            pattern="iso",
            polarization="V",
        )
        turned = peer.rotate(WAVELENGTH_M, mi.Point3f(*map(float, np.deg2rad([90 - azimuth, tilt, 0]))))
        # Float32 of 0.1 m.
        np.testing.assert_allclose(array_of(spec).element_m, turned.numpy().T, atol=1e-7)


@pytest.mark.parametrize("azimuth_deg", [90.0, 25.0])
def test_gains_are_those_of_sionna_s_synthetic_array(azimuth_deg: float) -> None:
    """One call of the public solver with a planar array at the receiver, between walls."""
    spec = UPRIGHT.model_copy(update={"azimuth_deg": azimuth_deg})
    place, sites = [70.0, 40.0, 35.0], make_sites([-60, -50, 22])
    meshes = [
        ground(500),
        rectangle("concrete", [[-300, 120, 0], [300, 120, 0], [300, 120, 200], [-300, 120, 200]]),
        rectangle("glass", [[150, -300, 0], [150, 300, 0], [150, 300, 200], [150, -300, 200]]),
    ]
    rt = sionna_rt()
    scene = sionna_scene(meshes, FAST, frequency_hz=FREQUENCY_HZ)
    scene.rx_array = rt.PlanarArray(**PEER)
    scene.add(rt.Transmitter(name="t", position=list(sites[0].position_m)))
    yaw = float(np.deg2rad(90 - azimuth_deg))
    scene.add(rt.Receiver(name="r", position=place, orientation=[yaw, 0.0, 0.0]))
    peer = rt.PathSolver(deterministic=True)(
        scene, max_depth=2, samples_per_src=20_000, synthetic_array=True, refraction=False, seed=5
    )
    real, imaginary = (part.numpy()[0, :, 0, 0] for part in peer.a)
    valid, delay = peer.valid.numpy()[0, 0], peer.tau.numpy()[0, 0]
    theirs = (real + 1j * imaginary)[:, valid][:, np.argsort(delay[valid], kind="stable")]
    receivers = carrying(make_receivers([place]), spec)
    alone = _sionna.trace_meshes(meshes, sites, receivers.uavs(), FAST, frequency_hz=FREQUENCY_HZ, seed=5)
    ours = at_elements(alone, receivers)
    assert ours.gain.shape == (1, 6, 1, theirs.shape[1]) and theirs.shape[1] > 4
    # Sionna leaves the phase of the delay to its cir(); relative to the first element, none is left.
    carrier = np.exp(2j * np.pi * FREQUENCY_HZ * ours.delay_s[0, :, 0])
    np.testing.assert_allclose(ours.gain[0, :, 0] * carrier, theirs, rtol=1e-4)
    turn = np.angle(theirs[1:] / theirs[:1] / (ours.gain[0, 1:, 0] / ours.gain[0, :1, 0]))
    # Directions in float32 over 1.4 wavelengths: 2π · 1.4 · 1e-6, and as much again of the fields.
    assert np.abs(turn).max() < 5e-5
    # The case is a telling one: elements differ, and by path.
    assert np.ptp(np.angle(theirs[5] / theirs[0])) > 0.5


@given(
    azimuth=st.floats(-180, 180),
    elevation=st.floats(-80, 80),
    facing=st.floats(-180, 180),
    tilt=st.floats(-90, 90),
)
def test_a_far_site_is_heard_as_the_distances_say(
    azimuth: float, elevation: float, facing: float, tilt: float
) -> None:
    """Free space: each element's own distance to a site 300 km away, in closed form."""
    bearing, up = np.deg2rad([azimuth, elevation])
    far = 3e5 * np.array([np.cos(up) * np.cos(bearing), np.cos(up) * np.sin(bearing), np.sin(up)])
    sites = make_sites(far)
    receivers = carrying(
        make_receivers([[0.0, 0, 0]]), PlanarArray(rows=3, columns=2, azimuth_deg=facing, tilt_deg=tilt)
    )
    ours = at_elements(free_space_paths(sites, receivers.uavs(), frequency_hz=FREQUENCY_HZ), receivers)
    exact = make_receivers(receivers.element_m)
    true = free_space_paths(sites, exact, frequency_hz=FREQUENCY_HZ)
    turn = np.angle(ours.gain[0, :, 0, 0] / true.gain[0, :, 0, 0])
    # A wave from 300 km is curved by e²/2d = 1e-8 m over 0.1 m; 1.8e6 turns in float64 leave 1e-9.
    assert np.abs(turn).max() < 1e-6


def test_neighbours_across_the_wave_turn_by_half_a_turn() -> None:
    """Half a wavelength apart and in line with the site: π; abreast of it: 0; at 60° from the line: π/2."""
    receivers = carrying(make_receivers([[0.0, 0, 50]]), PlanarArray(rows=2, columns=1, tilt_deg=90))
    # Looking down and north, the rows lie from north to south, the first in the north.
    np.testing.assert_allclose(receivers.element_m[0], [0, WAVELENGTH_M / 4, 0], atol=1e-12)
    ahead = [1e6 * np.cos(np.deg2rad(angle)) for angle in (0, 90, 60)]
    aside = [1e6 * np.sin(np.deg2rad(angle)) for angle in (0, 90, 60)]
    sites = make_sites(*[[x, y, 50] for x, y in zip(aside, ahead, strict=True)])
    paths = at_elements(free_space_paths(sites, receivers.uavs(), frequency_hz=FREQUENCY_HZ), receivers)
    first, second = paths.gain[0, :, :, 0]
    # Angles in float64.
    np.testing.assert_allclose(first / second, np.exp(1j * np.pi * np.array([1, 0, 0.5])), atol=1e-9)


@pytest.mark.parametrize(
    "model", [FreeSpace(), TwoRay(), Maritime(), AerialUrbanMacro(), FAST], ids=lambda m: m.kind
)
def test_every_model_gives_elements_that_differ_in_phase_alone(model: Model) -> None:
    arguments = {"frequency_hz": FREQUENCY_HZ, "seed": 3}
    single = trace(scene_with(None, 5.0), model, **arguments)
    done = trace(scene_with(UPRIGHT, 5.0), model, **arguments)
    assert done.paths.gain.shape[1] == 18 and (done.traced, done.cached) == (3, 0)
    assert done.paths.model == {**single.paths.model, ARRAY_KEY: array_of(UPRIGHT).name}
    for name, array in single.paths.arrays().items():
        same = np.repeat(array, 6, axis=1)
        if name == "gain":
            np.testing.assert_allclose(np.abs(done.paths.gain), np.abs(same), rtol=1e-12)
            assert not np.allclose(done.paths.gain, same, rtol=1e-3)
        else:
            assert np.array_equal(getattr(done.paths, name), same, equal_nan=name == "vertex_m")
    # The gates hold the elements' lines of sight against plane waves.
    assert done.report.line_of_sight_links == 6 * single.report.line_of_sight_links
    assert done.report.line_of_sight_error == pytest.approx(single.report.line_of_sight_error, abs=1e-5)


def test_one_element_is_what_it_was() -> None:
    """Bit by bit, by every model and through the gates."""
    for model in (FreeSpace(), Maritime(), FAST):
        single = trace(scene_with(None), model, frequency_hz=FREQUENCY_HZ, seed=3).paths
        one = trace(
            scene_with(PlanarArray(rows=1, columns=1)), model, frequency_hz=FREQUENCY_HZ, seed=3
        ).paths
        for name, array in single.arrays().items():
            assert np.array_equal(getattr(one, name), array, equal_nan=name == "vertex_m")


def test_the_mean_over_elements_opposite_each_other_is_real() -> None:
    """Elements lie evenly about the UAV's position: opposite ones turn by opposite angles."""
    done = trace(scene_with(UPRIGHT), FreeSpace(), frequency_hz=FREQUENCY_HZ, seed=3).paths
    single = trace(scene_with(None), FreeSpace(), frequency_hz=FREQUENCY_HZ, seed=3).paths
    turn = done.gain.reshape(1, 3, 6, 2, 1) / single.gain[:, :, None]
    np.testing.assert_allclose(turn[:, :, ::-1], np.conj(turn), atol=1e-12)


def test_reciprocity_holds_for_each_element() -> None:
    """From an element to a far site is as from the site to the element: the phase of one distance."""
    here, there = np.array([[0.0, 0, 60]]), np.array([[4000.0, 2500, 90]])
    receivers = carrying(make_receivers(here), UPRIGHT)
    forth = at_elements(
        free_space_paths(make_sites(there[0]), receivers.uavs(), frequency_hz=FREQUENCY_HZ), receivers
    )
    elements = make_sites(*(here + receivers.element_m))
    back = free_space_paths(elements, make_receivers(there), frequency_hz=FREQUENCY_HZ)
    ratio = forth.gain[0, :, 0, 0] / back.gain[0, 0, :, 0]
    # 0.13 m aside at 4.7 km: 2 µm of curvature (7e-5 rad), and 3e-5 of the amplitude.
    assert np.abs(ratio - 1).max() < 2e-4


def test_an_array_is_traced_once_a_uav_and_found_by_any_other_array(tmp_path: object) -> None:
    cache = PathCache(tmp_path)  # type: ignore[arg-type]
    arguments = {"frequency_hz": FREQUENCY_HZ, "seed": 3, "cache": cache}
    assert trace(scene_with(UPRIGHT), FAST, **arguments).traced == 3
    assert trace(scene_with(None), FAST, **arguments).cached == 3
    assert trace(scene_with(PlanarArray(rows=4)), FAST, **arguments).cached == 3


def test_the_gate_finds_an_element_with_the_phase_of_another() -> None:
    scene = scene_with(UPRIGHT)
    paths = trace(scene, FreeSpace(), frequency_hz=FREQUENCY_HZ, seed=3).paths
    swapped = paths.gain.copy()
    swapped[:, [0, 5]] = swapped[:, [5, 0]]
    with pytest.raises(RaytracingError, match="line of sight differs from free space"):
        check_paths(replace(paths, gain=swapped), scene.sites, scene.receivers)


def test_uavs_and_elements_are_told_from_each_other() -> None:
    plain = make_receivers([[0.0, 0, 50], [10, 0, 50]])
    receivers = carrying(plain, PlanarArray(rows=1, columns=2))
    assert receivers.names == ("u0/0", "u0/1", "u1/0", "u1/1") and receivers.uav == ("u0", "u0", "u1", "u1")
    assert receivers.elements == 2 and plain.elements == 1 and plain.uav == plain.names
    np.testing.assert_array_equal(receivers.element_m[:2], receivers.element_m[2:])
    np.testing.assert_array_equal(plain.element_m, 0)
    back = receivers.uavs()
    assert back.names == plain.names and back.array is None and plain.uavs() is plain
    np.testing.assert_array_equal(back.position_m, plain.position_m)
    paths = free_space_paths(make_sites([0, 9, 9]), back, frequency_hz=FREQUENCY_HZ)
    drawn: PathSet = of_each_uav(at_elements(paths, receivers), receivers)
    np.testing.assert_allclose(np.abs(drawn.gain), np.abs(paths.gain), rtol=1e-12)
    assert of_each_uav(paths, back) is paths and at_elements(paths, back) is paths
