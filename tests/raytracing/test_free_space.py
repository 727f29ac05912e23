"""Friis, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from raytracing_scenes import block_scene, make_receivers, make_sites

from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS
from iqatlas.raytracing.spec import FreeSpace, SionnaRaytracing
from iqatlas.raytracing.trace import trace


def test_one_kilometre_at_one_gigahertz() -> None:
    receivers = make_receivers([[600.0, 800.0, 0.0]], [[-30.0, -40.0, 0.0]])
    paths = free_space_paths(make_sites([0, 0, 0]), receivers, frequency_hz=1e9)
    # 92.45 + 20 log10(GHz · km) dB, the engineer's form of Friis, to its two decimals.
    assert -20 * np.log10(abs(paths.gain.item())) == pytest.approx(92.45, abs=0.005)
    assert paths.delay_s.item() == pytest.approx(1000 / SPEED_OF_LIGHT_MPS)
    assert paths.doppler_hz.item() == pytest.approx(1e9 * 50 / SPEED_OF_LIGHT_MPS)
    # Azimuth from east towards north, zenith from up; it arrives from where the site is.
    assert paths.departure_azimuth_deg.item() == pytest.approx(53.130102)
    assert paths.arrival_azimuth_deg.item() == pytest.approx(53.130102 - 180)
    assert paths.departure_zenith_deg.item() == paths.arrival_zenith_deg.item() == pytest.approx(90)


def test_the_phase_turns_once_a_wavelength() -> None:
    wavelength = SPEED_OF_LIGHT_MPS / 2e9
    distance = 100 + wavelength * np.arange(5) / 4
    receivers = make_receivers(np.column_stack([distance, 0 * distance, 0 * distance]))
    gain = free_space_paths(make_sites([0, 0, 0]), receivers, frequency_hz=2e9).gain.ravel()
    # A quarter of a wavelength further is a quarter of a turn later.
    np.testing.assert_allclose(np.angle(gain[1:] / gain[:-1]), -np.pi / 2, atol=1e-9)


def test_free_space_looks_through_buildings() -> None:
    traced = trace(block_scene(), FreeSpace(), frequency_hz=1.8e9, seed=3)
    paths, report = traced.paths, traced.report
    assert paths.gain.shape == (1, 3, 2, 1)
    assert paths.model["kind"] == "free_space"
    assert report.line_of_sight_links == 6
    np.testing.assert_array_equal(paths.link_power(), np.abs(paths.gain[..., 0]) ** 2)
    assert paths.max_delay_s == paths.delay_s.max()


def test_the_ray_tracer_does_not() -> None:
    spec = SionnaRaytracing(max_reflections=1, rays_per_site=50_000)
    traced = trace(block_scene(), spec, frequency_hz=1.8e9, seed=3)
    paths, report = traced.paths, traced.report
    assert paths.model["kind"] == "sionna"
    # The building stands between the first site and the first receiver, and nowhere else in the way.
    direct = np.any(paths.valid & np.all(paths.interaction == 0, axis=-1), axis=-1)
    assert direct[0].tolist() == [[False, True], [True, True], [True, True]]
    assert report.line_of_sight_links == 5
    # The ground reaches 200 m beyond everything: each open link has its reflection in it.
    in_ground = np.any((paths.interaction[..., 0] == 1) & (np.abs(paths.vertex_m[..., 0, 2]) < 1e-3), axis=-1)
    assert np.all(in_ground[direct])
