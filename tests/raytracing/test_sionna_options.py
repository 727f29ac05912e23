"""Every option of the solver does what physics says: antennas, screens' edges, rough walls, thin walls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, boxes, ground, make_receivers, make_sites, rectangle

from iqatlas.raytracing import _sionna
from iqatlas.raytracing.fresnel import VACUUM_PERMITTIVITY_F_PER_M
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.mesh import Mesh
from iqatlas.scenes.scene import Receivers, Site

SITE = make_sites([0, 0, 50])[0]
LINE_OF_SIGHT = {"max_reflections": 0, "diffraction": False, "rays_per_site": 1000}
CITY = [boxes(grid=3), ground(500)]
CITY_SITE = make_sites([-60, -50, 22])
# The first sees the site, the second is in shadow.
CITY_PLACES = make_receivers([[70.0, 40, 35], [20, 0, 8]])


def trace(
    meshes: list[Mesh], sites: tuple[Site, ...], receivers: Receivers, *, seed: int = 5, **options: Any
) -> PathSet:
    spec = SionnaRaytracing(**options)
    return _sionna.trace_meshes(meshes, sites, receivers, spec, frequency_hz=FREQUENCY_HZ, seed=seed)


def around(azimuth_deg: float, elevation_deg: float) -> list[float]:
    """Return a place 100 m from the site; azimuth clockwise from north."""
    azimuth, elevation = np.deg2rad([azimuth_deg, elevation_deg])
    flat = 100 * np.cos(elevation)
    return [flat * np.sin(azimuth), flat * np.cos(azimuth), 50 + 100 * np.sin(elevation)]


def gain_dbi(directions: list[tuple[float, float]], site: Site = SITE, **options: Any) -> np.ndarray:
    """Return what antennas add to isotropic ones in directions (azimuth, elevation) from the site."""
    receivers = make_receivers([around(*direction) for direction in directions])
    plain = trace([], (site,), receivers, **LINE_OF_SIGHT).link_power()
    shaped = trace([], (site,), receivers, **LINE_OF_SIGHT, **options).link_power()
    return np.asarray(10 * np.log10(np.maximum(shaped / plain, 1e-20))[0, :, 0])


@pytest.mark.parametrize("end", ["site_antenna", "receiver_antenna"])
def test_a_dipole_is_a_doughnut(end: str) -> None:
    gain = gain_dbi([(0, 0), (123, 0), (40, 30), (40, -60), (0, 89.9)], **{end: "dipole"})
    # A short dipole: 1.5 cos² of the elevation. Float32 leaves 1e-3 dB.
    expected = 10 * np.log10(1.5 * np.cos(np.deg2rad([0, 0, 30, 60])) ** 2)
    np.testing.assert_allclose(gain[:4], expected, atol=1e-3)
    assert gain[4] < -50  # nothing upwards


def test_a_sector_has_its_gain_ahead_and_thirty_decibels_less_behind() -> None:
    """TR 38.901, table 7.3-1: 8 dBi, 12 (φ/65°)² down, at most 30 dB."""
    site = replace(SITE, azimuth_deg=70.0)
    gain = gain_dbi([(70, 0), (102.5, 0), (37.5, 0), (250, 0), (70, -32.5)], site, site_antenna="tr38901")
    # 3 dB less at the half-power points, in azimuth as in elevation; angles are single precision.
    np.testing.assert_allclose(gain, [8, 5, 5, 8 - 30, 5], atol=1e-2)


def test_a_sector_looks_where_azimuth_and_tilt_say() -> None:
    sector = {"site_antenna": "tr38901"}
    east = replace(SITE, azimuth_deg=90.0)
    np.testing.assert_allclose(gain_dbi([(90, 0)], east, **sector), 8, atol=1e-2)
    np.testing.assert_allclose(gain_dbi([(0, 0)], SITE, **sector), 8, atol=1e-2)  # unknown: north
    down = gain_dbi([(90, -12), (90, 0)], east, downtilt_deg=12.0, **sector)
    np.testing.assert_allclose(down, [8, 8 - 12 * (12 / 65) ** 2], atol=1e-2)
    # A tilt of the site's own goes before the spec's.
    own = gain_dbi([(90, -4)], replace(east, tilt_deg=4.0), downtilt_deg=12.0, **sector)
    np.testing.assert_allclose(own, 8, atol=1e-2)


def test_free_edges_diffract_only_when_asked() -> None:
    """Behind a screen that stands in the air there is nothing but what bends around its edges."""
    screen = rectangle("metal", [[50, -20, 30], [50, 20, 30], [50, 20, 70], [50, -20, 70]])
    receivers = make_receivers([[100.0, 0, 50]])
    options = {"max_reflections": 1, "rays_per_site": 100_000}
    dark = trace([screen], (SITE,), receivers, **options)
    lit = trace([screen], (SITE,), receivers, edge_diffraction=True, **options)
    assert dark.valid.sum() == 0
    # One path by each of the four edges; the screen is symmetric to the line between the antennas.
    assert lit.valid.sum() == 4 and set(lit.interaction[lit.valid].ravel().tolist()) == {4}
    np.testing.assert_allclose(np.abs(lit.vertex_m[0, 0, 0, :, 0, 1:] - [0, 50]).max(axis=-1), 20, atol=0.01)
    free_db = 20 * np.log10(SPEED_OF_LIGHT_MPS / FREQUENCY_HZ / (4 * np.pi * 100))
    # P.526's knife edge of 20 m, 50 m from both: ν = 9.9, 33 dB; the sum of coherent edges is within 15.
    assert 20 < free_db - 10 * np.log10(lit.link_power().item()) < 45


def test_rough_walls_scatter_more_and_mirror_less() -> None:
    options = {"max_reflections": 3, "rays_per_site": 20_000}
    smooth, rough, rougher = (
        trace(CITY, CITY_SITE, CITY_PLACES, diffuse_scattering=share, **options) for share in (0, 0.3, 0.6)
    )
    assert 2 not in smooth.interaction and 2 in rough.interaction
    scattered = [power_of_kind(paths, 2) for paths in (smooth, rough, rougher)]
    # Scattered power goes with S²: 6 dB for twice the share, to the spread of so few rays.
    assert np.all(scattered[0] == 0)
    np.testing.assert_allclose(10 * np.log10(scattered[2] / scattered[1]), 6.0, atol=3.0)
    # In the shadow a single reflection leads: what is scattered is missing from it, 1 − S² of the power.
    mirrored = [power_of_kind(paths, 1)[1] for paths in (smooth, rougher)]
    assert mirrored[1] / mirrored[0] < 1.001 * (1 - 0.6**2)
    direct = [paths.gain[0, 0, 0, 0] for paths in (smooth, rougher)]
    assert direct[0] == direct[1]  # and nothing from the line of sight
    check_paths(rougher, CITY_SITE, CITY_PLACES)


def power_of_kind(paths: PathSet, kind: int) -> np.ndarray:
    """Return the power [receiver] of paths whose highest kind of interaction is the given one."""
    chosen = paths.valid & (paths.interaction.max(axis=-1) == kind)
    return np.asarray(np.sum(np.abs(paths.gain) ** 2, axis=-1, where=chosen)[0, :, 0])


@pytest.mark.parametrize("material", ["concrete", "glass"])
def test_a_wave_passes_a_wall_as_a_slab(material: str) -> None:
    """Normal incidence, P.2040-3, equation (44); without refraction nothing gets through."""
    wall = rectangle(material, [[40, -500, -400], [40, 500, -400], [40, 500, 500], [40, -500, 500]])
    receivers = make_receivers([[100.0, 0, 50]])
    options = {"max_reflections": 2, "diffraction": False, "rays_per_site": 10_000}
    assert trace([wall], (SITE,), receivers, **options).valid.sum() == 0
    through = trace([wall], (SITE,), receivers, refraction=True, **options)
    assert through.valid.sum() == 1 and through.interaction[0, 0, 0, 0].tolist()[0] == 3
    at = material_at(material, FREQUENCY_HZ)
    loss = at.conductivity_s_per_m / (2 * np.pi * FREQUENCY_HZ * VACUUM_PERMITTIVITY_F_PER_M)
    index = np.sqrt(at.relative_permittivity - 1j * loss)
    wavelength = SPEED_OF_LIGHT_MPS / FREQUENCY_HZ
    face = (1 - index) / (1 + index)
    q = 2 * np.pi * at.thickness_m / wavelength * index
    slab = (1 - face**2) * np.exp(-1j * q) / (1 - face**2 * np.exp(-2j * q))
    # Float32 fields, and a slab of many wavelengths: 1e-3.
    np.testing.assert_allclose(
        np.abs(through.gain[0, 0, 0, 0]), np.abs(slab) * wavelength / (4 * np.pi * 100), rtol=1e-3
    )


def test_refraction_adds_to_what_is_there_without_it() -> None:
    """The solver is another one then, since the repeatable one gets refraction wrong: same paths else."""
    options = {"max_reflections": 3, "rays_per_site": 100_000, "diffraction": False}
    without = trace(CITY, CITY_SITE, CITY_PLACES, **options)
    with_it = trace(CITY, CITY_SITE, CITY_PLACES, refraction=True, **options)
    check_paths(with_it, CITY_SITE, CITY_PLACES)
    assert np.any(with_it.interaction == 3) and not np.any(without.interaction == 3)
    np.testing.assert_allclose(power_of_kind(with_it, 1), power_of_kind(without, 1), rtol=1e-3)
    assert np.all(with_it.link_power() >= without.link_power() * (1 - 1e-3))


def test_room_grows_with_refraction_too(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"max_reflections": 2, "rays_per_site": 20_000, "diffraction": False, "refraction": True}
    enough = trace(CITY, CITY_SITE, CITY_PLACES, **options)
    monkeypatch.setattr(_sionna, "FIRST_PATH_CAP", 1)
    grown = trace(CITY, CITY_SITE, CITY_PLACES, **options)
    assert int(grown.model["path_cap"]) > 1
    np.testing.assert_allclose(grown.link_power(), enough.link_power(), rtol=1e-2)


def test_the_model_tells_every_option() -> None:
    spec = SionnaRaytracing(site_antenna="tr38901", downtilt_deg=6, **LINE_OF_SIGHT)
    paths = _sionna.trace_meshes([], (SITE,), CITY_PLACES, spec, frequency_hz=FREQUENCY_HZ, seed=1)
    assert {name: paths.model[name] for name in spec.model_dump()} == spec.model_dump(mode="json")
