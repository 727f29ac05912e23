"""Coverage maps: free space over open ground, shadow behind a building."""

from __future__ import annotations

import numpy as np
from raytracing_scenes import FREQUENCY_HZ, boxes, ground, make_sites

from iqatlas.raytracing._sionna_coverage import coverage_map
from iqatlas.raytracing.coverage import Coverage
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.mesh import Mesh

SITES = make_sites([0, 0, 30], [150, 60, 12])


def cover(meshes: list[Mesh], height_m: float, **options: object) -> Coverage:
    spec = SionnaRaytracing(
        **{"max_reflections": 0, "diffraction": False, "rays_per_site": 500_000, **options}
    )
    return coverage_map(
        meshes,
        SITES,
        spec,
        frequency_hz=FREQUENCY_HZ,
        seed=1,
        bounds_m=(-200.0, -100.0, 200.0, 140.0),
        height_m=height_m,
        cell_m=20.0,
    )


def test_over_open_ground_it_is_free_space() -> None:
    done = cover([ground(500)], 100.0)
    assert done.path_gain.shape == (2, 12, 20)
    np.testing.assert_allclose(done.east_m[[0, -1]], [-190, 190])
    np.testing.assert_allclose(done.north_m[[0, -1]], [-90, 130])
    east, north = np.meshgrid(done.east_m, done.north_m)
    for index, site in enumerate(SITES):
        x, y, z = site.position_m
        distance = np.sqrt((east - x) ** 2 + (north - y) ** 2 + (100 - z) ** 2)
        free = (SPEED_OF_LIGHT_MPS / FREQUENCY_HZ / (4 * np.pi * distance)) ** 2
        # A few dozen rays a cell at the rim, and cells that are wide for their distance.
        error = 10 * np.log10(done.path_gain[index] / free)
        assert np.abs(error).max() < 1.5 and abs(error.mean()) < 0.05


def test_behind_a_building_it_is_dark() -> None:
    done = cover([boxes(grid=1), ground(500)], 5.0)
    row = int(np.argmin(np.abs(done.north_m - 10)))  # a cell that holds the second site's shadow
    gain = done.path_gain[0]
    assert gain.max() > 0
    inside = gain[row][np.abs(done.east_m) < 10]
    assert np.all(inside < 0.2 * gain.max())


def test_antennas_and_bounces_count() -> None:
    plain = cover([ground(500)], 60.0).path_gain
    mirrored = cover([ground(500)], 60.0, max_reflections=1).path_gain
    # The ground adds its reflection everywhere, and never takes away: paths don't interfere here.
    assert np.all(mirrored >= plain * 0.999) and mirrored.sum() > 1.01 * plain.sum()
    sector = cover([ground(500)], 60.0, site_antenna="tr38901").path_gain[0]
    # Without an azimuth it looks north.
    assert sector[-1].sum() > 10 * sector[0].sum()
