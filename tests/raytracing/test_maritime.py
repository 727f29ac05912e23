"""Paths over the sea: nulls, slope, the Rician factor, and what waves do."""

from __future__ import annotations

import numpy as np
import pytest
from raytracing_scenes import make_receivers, make_sites

from iqatlas.errors import RaytracingError
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.maritime import maritime_paths, rician_k_db, sea_permittivity
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import Maritime

FREQUENCY_HZ = 1.8e9
WAVELENGTH_M = SPEED_OF_LIGHT_MPS / FREQUENCY_HZ
GLASSY = {"wave_height_deviation_m": 0.0, "rician_k_db": 60.0}


def at_sea(height_m: float, distance_m: np.ndarray, *, seed: int = 4, **state: object) -> PathSet:
    receivers = make_receivers(np.column_stack([distance_m, 0 * distance_m, 0 * distance_m + height_m]))
    rng = np.random.default_rng(seed)
    spec = Maritime(**state)
    return maritime_paths(make_sites([0, 0, height_m]), receivers, spec, frequency_hz=FREQUENCY_HZ, rng=rng)


def coherent(paths: PathSet) -> np.ndarray:
    """Return |direct + specular| of each receiver, the diffuse paths left out."""
    kind = paths.interaction[0, :, 0, :, 0]
    return np.abs(np.sum(paths.gain[0, :, 0], axis=-1, where=kind < 2))


def test_nulls_lie_at_the_predicted_distances() -> None:
    """d = 2h²/(nλ): the heights of 100 m give the first at 120 km."""
    height = 100.0
    distance = np.geomspace(12_000, 200_000, 20_001)
    level = coherent(at_sea(height, distance, **GLASSY)) * distance
    inner = level[1:-1]
    null = distance[1:-1][(inner < level[:-2]) & (inner < level[2:])]
    order = np.arange(len(null), 0, -1)
    assert len(null) == 9
    # At 2h/d of up to 0.017 rad the phase of the sea's reflection is off −1 by 2% of a turn at most.
    np.testing.assert_allclose(null, 2 * height**2 / (order * WAVELENGTH_M), rtol=0.02)


def test_forty_decibels_a_decade_beyond_the_break() -> None:
    height = 4.0
    break_m = 4 * np.pi * height**2 / WAVELENGTH_M
    level = 20 * np.log10(coherent(at_sea(height, break_m * np.array([10.0, 100.0]), **GLASSY)))
    # The sea conducts: its reflection reaches −1 at smaller angles than the ground's, so 1.5 dB.
    assert level[0] - level[1] == pytest.approx(40, abs=1.5)


@pytest.mark.parametrize("k_db", [0.0, 6.0, 12.0])
def test_the_rician_factor_is_recovered(k_db: float) -> None:
    """From 10⁴ draws of a link whose specular path the waves have taken away."""
    state = {"wave_height_deviation_m": 20.0, "roughness": "ament", "rician_k_db": k_db}
    paths = at_sea(60.0, np.full(10_000, 900.0), **state)
    amplitude = np.abs(paths.gain.sum(axis=-1)).ravel()
    # The estimator's deviation is 0.1 dB at 12 dB and 0.15 dB at 0 dB for 10⁴ draws.
    assert rician_k_db(amplitude) == pytest.approx(k_db, abs=0.5)


def test_draws_are_new_for_each_waypoint_and_repeatable() -> None:
    first, again, other = (at_sea(30.0, np.array([800.0, 800.0]), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.gain, again.gain)
    assert not np.array_equal(first.gain, other.gain)
    assert not np.array_equal(first.gain[0, 0], first.gain[0, 1])


@pytest.mark.parametrize("roughness", ["ament", "miller_brown"])
def test_waves_take_the_specular_path_away(roughness: str) -> None:
    specular = []
    for deviation in (0.0, 0.2, 1.0, 5.0):
        paths = at_sea(40.0, np.array([500.0]), wave_height_deviation_m=deviation, roughness=roughness)
        chosen = paths.interaction[..., 0] == 1
        specular.append(float(np.abs(paths.gain[chosen]).sum()))
    assert specular[0] > specular[1] > specular[2] > specular[3]
    assert specular[3] < 0.05 * specular[0]
    grazing = np.arcsin(80 / np.hypot(500, 80))
    bounced = np.hypot(500, 80)
    eta = sea_permittivity(Maritime(), FREQUENCY_HZ)
    root = np.sqrt(eta - np.cos(grazing) ** 2)
    glassy = abs((eta * np.sin(grazing) - root) / (eta * np.sin(grazing) + root))
    assert specular[0] == pytest.approx(glassy * WAVELENGTH_M / (4 * np.pi * bounced), rel=1e-9)


def test_every_parameter_of_the_sea_counts() -> None:
    base = at_sea(40.0, np.array([500.0])).gain
    for change in (
        {"wave_height_deviation_m": 0.1},
        {"roughness": "ament"},
        {"rician_k_db": 3.0},
        {"diffuse_excess_m": 40.0},
        {"relative_permittivity": 80.0},
        {"conductivity_s_per_m": 3.0},
    ):
        assert not np.array_equal(at_sea(40.0, np.array([500.0]), **change).gain, base), change


def test_paths_pass_the_gates() -> None:
    places = make_receivers([[500.0, 30, 20], [9000, -400, 5], [70, 0, 120]], np.full((3, 3), 9.0))
    sites = make_sites([0, 0, 12], [200, 0, 6])
    rng = np.random.default_rng(2)
    paths = maritime_paths(sites, places, Maritime(), frequency_hz=156.8e6, rng=rng)
    report = check_paths(paths, sites, places)
    assert report.line_of_sight_links == 6 and report.line_of_sight_error < 1e-10
    # The longest of 72 exponential excesses of 15 m is hardly beyond 15 of them.
    assert report.delay_spread_s < 15 * 15 / SPEED_OF_LIGHT_MPS + 1e-6


def test_a_submarine_is_one_line() -> None:
    with pytest.raises(RaytracingError, match="not above the plane"):
        at_sea(-1.0, np.array([500.0]))
