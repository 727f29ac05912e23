"""Two rays over flat ground: nulls, slope, and the ray tracer's own."""

from __future__ import annotations

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, ground, make_receivers, make_sites

from iqatlas.errors import RaytracingError
from iqatlas.raytracing._sionna import trace_meshes
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import SionnaRaytracing, TwoRay
from iqatlas.raytracing.two_ray import two_ray_paths
from iqatlas.scenes.scene import Receivers

WAVELENGTH_M = SPEED_OF_LIGHT_MPS / FREQUENCY_HZ


def over_ground(height_m: float, distance_m: np.ndarray, ground_kind: str = "wet_ground") -> PathSet:
    receivers = make_receivers(np.column_stack([distance_m, 0 * distance_m, 0 * distance_m + height_m]))
    spec = TwoRay(ground=ground_kind)
    return two_ray_paths(make_sites([0, 0, height_m]), receivers, spec, frequency_hz=FREQUENCY_HZ)


def test_nulls_lie_where_the_paths_differ_by_whole_wavelengths() -> None:
    height = 60.0
    distance = np.geomspace(5_000, 60_000, 20_001)
    level = np.abs(over_ground(height, distance).gain.sum(axis=-1)[0, :, 0]) * distance
    inner = level[1:-1]
    null = distance[1:-1][(inner < level[:-2]) & (inner < level[2:])]
    order = np.arange(len(null), 0, -1)
    # √(d²+(2h)²) − d = nλ. The reflection is not quite −1: its phase is off by up to a hundredth of a turn.
    expected = ((2 * height) ** 2 - (order * WAVELENGTH_M) ** 2) / (2 * order * WAVELENGTH_M)
    assert len(null) == 8
    np.testing.assert_allclose(null, expected, rtol=0.01)


def test_forty_decibels_a_decade_beyond_the_break() -> None:
    height = 4.0
    break_m = 4 * np.pi * height**2 / WAVELENGTH_M
    distance = break_m * np.array([5.0, 50.0])
    level = 20 * np.log10(np.abs(over_ground(height, distance).gain.sum(axis=-1)[0, :, 0]))
    # What the ground's own reflection adds to −1 falls off likewise; 1 dB is for the nearer end.
    assert level[0] - level[1] == pytest.approx(40, abs=1.0)
    near = over_ground(height, break_m * np.array([0.001, 0.01]))
    free = np.abs(near.gain[0, :, 0, 0])
    assert 20 * np.log10(free[0] / free[1]) == pytest.approx(20, abs=0.7)  # the direct ray alone: 20


def receivers_all_about() -> Receivers:
    rng = np.random.default_rng(5)
    place = np.column_stack([rng.uniform(-900, 900, (10, 2)), rng.uniform(2, 150, 10)])
    return make_receivers(place, rng.uniform(-20, 20, (10, 3)))


def test_the_ray_tracer_gives_the_same() -> None:
    """Over a plane of the ground's material, in every quantity of every path."""
    receivers, sites = receivers_all_about(), make_sites([10, -20, 30], [400, 300, 12])
    ours = two_ray_paths(sites, receivers, TwoRay(), frequency_hz=FREQUENCY_HZ)
    plane = ground()
    assert plane.material == TwoRay().ground
    spec = SionnaRaytracing(max_reflections=1, diffraction=False, rays_per_site=10_000)
    traced = trace_meshes([plane], sites, receivers, spec, frequency_hz=FREQUENCY_HZ, seed=1)
    assert np.array_equal(ours.interaction, traced.interaction) and ours.valid.all()
    # Fields in float32; where a path bends is found to centimetres, which doesn't lengthen it.
    direct = np.abs(ours.gain[..., :1])
    assert np.abs((ours.gain - traced.gain) / direct).max() < 2e-4
    np.testing.assert_allclose(ours.delay_s, traced.delay_s, rtol=1e-9)
    np.testing.assert_allclose(ours.doppler_hz, traced.doppler_hz, atol=0.02)
    np.testing.assert_allclose(ours.vertex_m, traced.vertex_m, atol=0.1)
    for name in ("departure_zenith_deg", "arrival_zenith_deg"):
        np.testing.assert_allclose(getattr(ours, name), getattr(traced, name), atol=1e-2)
    for name in ("departure_azimuth_deg", "arrival_azimuth_deg"):
        turn = np.exp(1j * np.deg2rad(getattr(ours, name) - getattr(traced, name)))
        np.testing.assert_allclose(turn, 1, atol=1e-4)


def test_paths_pass_the_gates_and_the_direct_one_is_free_space() -> None:
    receivers, sites = receivers_all_about(), make_sites([10, -20, 30])
    paths = two_ray_paths(sites, receivers, TwoRay(), frequency_hz=FREQUENCY_HZ)
    assert check_paths(paths, sites, receivers).line_of_sight_links == 10
    free = free_space_paths(sites, receivers, frequency_hz=FREQUENCY_HZ)
    np.testing.assert_array_equal(paths.gain[..., :1], free.gain)
    wet = two_ray_paths(sites, receivers, TwoRay(ground="wet_ground"), frequency_hz=FREQUENCY_HZ)
    assert not np.array_equal(wet.gain, paths.gain)


@pytest.mark.parametrize("height", [0.0, -3.0])
def test_an_antenna_in_the_ground_is_one_line(height: float) -> None:
    receivers = make_receivers([[100.0, 0, height]])
    with pytest.raises(RaytracingError, match=r"not above the plane.*accepted: heights over 0 m"):
        two_ray_paths(make_sites([0, 0, 10]), receivers, TwoRay(), frequency_hz=FREQUENCY_HZ)
    with pytest.raises(RaytracingError, match="not above the plane"):
        two_ray_paths(make_sites([0, 0, height]), make_receivers([[9.0, 0, 9]]), TwoRay(), frequency_hz=1e9)
