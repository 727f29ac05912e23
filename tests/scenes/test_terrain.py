"""Terrain: a hill in a GeoTIFF, heights between the pixels, and files that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from iqatlas.errors import MissingFileError, SceneError
from iqatlas.scenes import terrain
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.terrain import FLAT_GROUND, Ground, read_elevation

FRAME = LocalFrame(24.94, 60.165)
BOUNDS = (-400.0, -300.0, 400.0, 300.0)


def hill_m(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """A hill of 40 m, 200 m east of the origin, on ground 12 m above the sea."""
    return 12.0 + 40.0 * np.exp(-((east - 200.0) ** 2 + north**2) / (2 * 150.0**2))


def write_raster(
    path: Path,
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    reach_deg: tuple[float, float] = (0.02, 0.01),
    pixel_deg: float = 1e-4,
    **profile: object,
) -> Path:
    width, height = (round(2 * reach / pixel_deg) for reach in reach_deg)
    west, north = FRAME.longitude_deg - reach_deg[0], FRAME.latitude_deg + reach_deg[1]
    longitude, latitude = np.meshgrid(
        west + pixel_deg * (np.arange(width) + 0.5), north - pixel_deg * (np.arange(height) + 0.5)
    )
    x, y = FRAME.to_local(longitude.ravel(), latitude.ravel())
    pixels = surface(x, y).reshape(height, width).astype("float32")
    settings = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": from_origin(west, north, pixel_deg, pixel_deg),
    } | profile
    with rasterio.open(path, "w", **settings) as file:
        file.write(pixels.astype(settings["dtype"]), 1)
    return path


def _read(path: Path, step_m: float = 10.0, bounds: tuple[float, float, float, float] = BOUNDS) -> Ground:
    return read_elevation(path, frame=FRAME, bounds_m=bounds, step_m=step_m, where="scene.terrain")[0]


def test_a_hill_is_where_it_was_drawn(tmp_path: Path) -> None:
    ground = _read(write_raster(tmp_path / "hill.tif", hill_m))
    east, north = np.meshgrid(np.linspace(-390, 390, 41), np.linspace(-290, 290, 31))
    expected = hill_m(east, north) - hill_m(np.zeros(1), np.zeros(1))
    # Pixels of 5.6 m by 11 m and a step of 10 m on a hill 150 m wide: h² / (8 · 150²) · 40 m is 2 cm, twice.
    np.testing.assert_allclose(ground.height_m(east, north), expected, atol=0.06)
    assert ground.height_m(np.zeros(1), np.zeros(1))[0] == pytest.approx(0.0, abs=0.02)


def test_the_coordinate_system_of_the_file_does_not_matter(tmp_path: Path) -> None:
    metres = tmp_path / "metres.tif"
    x0, y0, pixel, size = 385_000.0, 6_672_500.0, 5.0, 400
    to_degrees = terrain.Transformer.from_crs("EPSG:32635", "EPSG:4326", always_xy=True)
    x, y = np.meshgrid(x0 + pixel * (np.arange(size) + 0.5), y0 - pixel * (np.arange(size) + 0.5))
    east, north = FRAME.to_local(*to_degrees.transform(x.ravel(), y.ravel()))
    with rasterio.open(
        metres,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=1,
        dtype="float64",
        crs="EPSG:32635",
        transform=from_origin(x0, y0, pixel, pixel),
    ) as file:
        file.write(hill_m(east, north).reshape(size, size), 1)
    one, other = _read(metres), _read(write_raster(tmp_path / "degrees.tif", hill_m))
    # Both within the 6 cm of the test above.
    np.testing.assert_allclose(one.node_height_m, other.node_height_m, atol=0.1)


def test_an_srtm_tile_is_read(tmp_path: Path) -> None:
    tile = tmp_path / "N60E024.hgt"
    row, column = np.meshgrid(np.arange(1201), np.arange(1201), indexing="ij")
    (row * 0.5).astype(">i2").tofile(tile)
    ground = _read(tile, step_m=50.0)
    assert column.shape == row.shape
    # Rows of 1/1200° (92.8 m) fall to the south... half a metre up each: 0.0054 m a metre southwards.
    slope = np.polyfit(np.arange(len(ground.node_height_m)) * 50.0, ground.node_height_m.mean(axis=1), 1)[0]
    # Heights are whole metres: over 600 m that is known to 15%.
    assert slope == pytest.approx(-0.5 / 92.85, rel=0.2)


def test_the_grid_is_as_fine_as_asked_for_and_never_too_large(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "hill.tif", hill_m)
    assert _read(path, step_m=25.0).step_m == 25.0
    fine, report = read_elevation(
        path, frame=FRAME, bounds_m=(-900.0, -900.0, 900.0, 900.0), step_m=1.0, where="here"
    )
    assert fine.step_m > 1.0
    assert fine.node_height_m.size < 1.05 * terrain.LARGEST_GRID
    assert report["terrain_step_m"] == fine.step_m


def test_a_fine_file_is_averaged_while_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "hill.tif", hill_m)
    whole = _read(path)
    monkeypatch.setattr(terrain, "LARGEST_WINDOW", 2_000)
    # 2,000 pixels over 800 m by 600 m: 15 m each, on slopes of 16% and their bends.
    np.testing.assert_allclose(_read(path).node_height_m, whole.node_height_m, atol=1.0)


def test_gaps_take_the_nearest_height_and_are_counted(tmp_path: Path) -> None:
    def holed(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return np.where(np.hypot(east + 200, north) < 50, -32768.0, 20.0)

    for profile in ({"nodata": -32768.0}, {}):
        path = write_raster(tmp_path / "holed.tif", holed, **profile)
        ground, report = read_elevation(path, frame=FRAME, bounds_m=BOUNDS, step_m=10.0, where="here")
        assert ground.is_flat
        # π 50² of 800 m by 600 m is 1.6% of 4,941 nodes.
        assert 60 < int(str(report["terrain_nodes_filled"])) < 110


def test_a_file_of_another_place_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "hill.tif", hill_m, reach_deg=(0.004, 0.002))
    with pytest.raises(SceneError, match=r"hill\.tif tells heights of \d+% of the scene's ground"):
        _read(path)
    with pytest.raises(SceneError, match="tells heights of 0%"):
        read_elevation(path, frame=LocalFrame(0.0, 0.0), bounds_m=BOUNDS, step_m=10.0, where="here")


def test_what_is_no_elevation_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"scene\.terrain: no such file"):
        _read(tmp_path / "none.tif")
    garbage = tmp_path / "garbage.tif"
    garbage.write_bytes(b"II*\0" + b"\xff" * 400)
    with pytest.raises(SceneError, match=r"garbage\.tif is no elevation file that can be read"):
        _read(garbage)
    vrt = tmp_path / "remote.tif"
    vrt.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>")
    with pytest.raises(SceneError, match="is no elevation file"):
        _read(vrt)
    whole = write_raster(tmp_path / "whole.tif", hill_m).read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SceneError, match="is no elevation file"):
        _read(tmp_path / "cut.tif")


def test_a_file_without_a_coordinate_system_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "hill.tif", hill_m, crs=None)
    with pytest.raises(SceneError, match="names no coordinate system"):
        _read(path)


RAMP = Ground(-50.0, -20.0, 10.0, np.add.outer(0.5 * np.arange(6), 2.0 * np.arange(11)))


@given(st.floats(-50, 50), st.floats(-20, 30))
def test_a_plane_is_a_plane_between_the_nodes(east: float, north: float) -> None:
    height = RAMP.height_m(np.array([east]), np.array([north]))[0]
    assert height == pytest.approx(0.2 * (east + 50) + 0.05 * (north + 20), abs=1e-9)  # linear: exact
    eastwards, northwards = RAMP.slope(np.array([east]), np.array([north]))
    assert (eastwards[0], northwards[0]) == pytest.approx((0.2, 0.05))


def test_beyond_the_grid_its_edge_goes_on() -> None:
    height = RAMP.height_m(np.array([-500.0, 500.0]), np.array([0.0, 0.0]))
    assert height.tolist() == [1.0, 21.0]
    eastwards, northwards = RAMP.slope(np.array([500.0]), np.array([0.0]))
    assert (eastwards[0], northwards[0]) == pytest.approx((0.0, 0.05))


def test_flat_ground_is_flat_and_its_digest_its_own() -> None:
    assert FLAT_GROUND.is_flat and not RAMP.is_flat
    assert FLAT_GROUND.height_m(np.array([1e4]), np.array([-1e4])).tolist() == [0.0]
    other = Ground(RAMP.west_m, RAMP.south_m, RAMP.step_m, RAMP.node_height_m + 1e-3)
    assert len({ground.digest() for ground in (FLAT_GROUND, RAMP, other)}) == 3
