"""The ground as a value: flat, or a grid of heights from an elevation file; the one door to rasterio."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from pyproj import Transformer
from pyproj.exceptions import ProjError
from scipy.ndimage import distance_transform_edt, map_coordinates

from iqatlas.errors import MissingFileError, SceneError, SetupError
from iqatlas.scenes.frame import LocalFrame

LARGEST_GRID = 100_000
"""Cells of the grid at most, two triangles each; the step grows until they are enough."""
LARGEST_WINDOW = 25_000_000
"""Pixels read from a file at most; a finer file is averaged while it is read."""
LEAST_COVERED = 0.9
"""The part of the scene that an elevation file must tell heights of; gaps take the nearest height."""
HEIGHT_RANGE_M = (-500.0, 9000.0)
"""Dry ground on Earth; other numbers mark gaps, whether a file says so or not."""
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ACCEPTED = "a GeoTIFF (.tif) or an SRTM tile (.hgt)"


@dataclass(frozen=True, eq=False)
class Ground:
    """Heights on a square grid, in triangles: each cell is divided from south-west to north-east.

    Beyond the grid the height of its nearest edge goes on.

    Args:
        west_m, south_m: Where the grid's first node is, in the local frame.
        step_m: Distance of two nodes.
        node_height_m: Height of each node above the ground at the frame's origin, from south to north and
            from west to east; two nodes each way at least.
    """

    west_m: float
    south_m: float
    step_m: float
    node_height_m: Float64[np.ndarray, "row column"]

    @property
    def is_flat(self) -> bool:
        """Whether the ground is at height 0 everywhere."""
        return not bool(self.node_height_m.any())

    def height_m(
        self, east_m: Float64[np.ndarray, "*n"], north_m: Float64[np.ndarray, "*n"]
    ) -> Float64[np.ndarray, "*n"]:
        """Return the height of the ground, exactly as its mesh has it.

        Args:
            east_m, north_m: Places in the local frame.
        """
        u, v, corner = self._cell(east_m, north_m)
        south_west, south_east, north_west, north_east = corner
        below = south_west + u * (south_east - south_west) + v * (north_east - south_east)
        above = south_west + v * (north_west - south_west) + u * (north_east - north_west)
        return np.asarray(np.where(u >= v, below, above), np.float64)

    def slope(
        self, east_m: Float64[np.ndarray, "*n"], north_m: Float64[np.ndarray, "*n"]
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        """Return the rise of the ground a metre eastwards and a metre northwards.

        Args:
            east_m, north_m: Places in the local frame.
        """
        u, v, corner = self._cell(east_m, north_m)
        south_west, south_east, north_west, north_east = corner
        eastwards = np.where(u >= v, south_east - south_west, north_east - north_west) / self.step_m
        northwards = np.where(u >= v, north_east - south_east, north_west - south_west) / self.step_m
        rows, columns = self.node_height_m.shape
        column, row = self._place(east_m, north_m)
        eastwards = np.where((column >= 0) & (column <= columns - 1), eastwards, 0.0)
        northwards = np.where((row >= 0) & (row <= rows - 1), northwards, 0.0)
        return eastwards, northwards

    def digest(self) -> bytes:
        """Return the SHA-256 of the grid."""
        place = np.array([self.west_m, self.south_m, self.step_m, *self.node_height_m.shape], "<f8")
        heights = np.ascontiguousarray(self.node_height_m, "<f8")
        return hashlib.sha256(place.tobytes() + heights.tobytes()).digest()

    def _place(
        self, east_m: Float64[np.ndarray, "*n"], north_m: Float64[np.ndarray, "*n"]
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        return (east_m - self.west_m) / self.step_m, (north_m - self.south_m) / self.step_m

    def _cell(
        self, east_m: Float64[np.ndarray, "*n"], north_m: Float64[np.ndarray, "*n"]
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"], tuple[np.ndarray, ...]]:
        """Return where in its cell each place is, 0 to 1, and the heights of the cell's corners."""
        rows, columns = self.node_height_m.shape
        column, row = self._place(east_m, north_m)
        column, row = np.clip(column, 0, columns - 1), np.clip(row, 0, rows - 1)
        j = np.minimum(column.astype(np.int64), columns - 2)
        i = np.minimum(row.astype(np.int64), rows - 2)
        height = self.node_height_m
        return column - j, row - i, (height[i, j], height[i, j + 1], height[i + 1, j], height[i + 1, j + 1])


FLAT_GROUND = Ground(0.0, 0.0, 1.0, np.zeros((2, 2)))


def read_elevation(
    path: Path,
    *,
    frame: LocalFrame,
    bounds_m: tuple[float, float, float, float],
    step_m: float,
    where: str,
) -> tuple[Ground, dict[str, int | float | str | list[str]]]:
    """Return the ground of a scene from an elevation file, and what was made of the file.

    Heights are interpolated linearly between pixels (their middles) at the nodes of a grid in the local
    frame. Datum and geoid are left as the file has them: only differences count, from the ground at the
    frame's origin.

    Args:
        path: A GeoTIFF or an SRTM tile (``.hgt``) in any coordinate system, heights in metres.
        frame: Local frame of the scene.
        bounds_m: West, south, east, north of the ground wanted, in the local frame.
        step_m: Distance of two nodes; it is made larger where the grid would pass :data:`LARGEST_GRID`.
        where: What error messages name as the place of the fault.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: It is no elevation file, or tells too few heights of the scene.
        SetupError: rasterio is not installed.
    """
    if not path.is_file():
        raise MissingFileError(f"no such file: {path}", where=where, remedy="check the path")
    west, south, east, north = bounds_m
    step = max(step_m, float(np.sqrt((east - west) * (north - south) / LARGEST_GRID)))
    first = np.floor(np.array([west, south]) / step) * step
    columns, rows = np.maximum(np.ceil((np.array([east, north]) - first) / step).astype(int), 1) + 1
    node_east, node_north = np.meshgrid(
        first[0] + step * np.arange(columns), first[1] + step * np.arange(rows)
    )
    # The origin too: heights count from there.
    asked_east = np.append(node_east.ravel(), 0.0)
    asked_north = np.append(node_north.ravel(), 0.0)
    longitude, latitude = frame.to_geodetic(asked_east, asked_north)
    height, is_known = _sampled(path, longitude, latitude, where)
    origin = height[-1]
    report: dict[str, int | float | str | list[str]] = {
        "terrain": path.name,
        "terrain_step_m": step,
        "terrain_nodes": int(height.size - 1),
        "terrain_nodes_filled": int(np.count_nonzero(~is_known[:-1])),
        "terrain_lowest_m": float(height[:-1].min() - origin),
        "terrain_highest_m": float(height[:-1].max() - origin),
    }
    # To the millimetre: a level file is then a flat ground, whatever the interpolation's last bits.
    heights = np.round(height[:-1] - origin, 3).reshape(node_east.shape)
    return Ground(float(first[0]), float(first[1]), step, heights), report


def _sampled(
    path: Path, longitude: Float64[np.ndarray, "node"], latitude: Float64[np.ndarray, "node"], where: str
) -> tuple[Float64[np.ndarray, "node"], np.ndarray]:
    """Return the height of each place, and whether the file tells it; gaps take the nearest height."""
    try:
        import rasterio
    except ImportError:
        raise SetupError(
            "elevation files need rasterio", where=where, remedy="pip install 'iqatlas[terrain]'"
        ) from None
    try:
        with rasterio.open(path, driver=_driver(path, where)) as file:
            if file.crs is None:
                raise _refused(path, where, "it names no coordinate system")
            to_file = Transformer.from_crs("EPSG:4326", file.crs.to_wkt(), always_xy=True)
            x, y = to_file.transform(longitude, latitude)
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                raise _refused(path, where, "its coordinate system does not reach the scene")
            to_pixel = ~file.transform
            column = to_pixel.a * np.asarray(x) + to_pixel.b * np.asarray(y) + to_pixel.c
            row = to_pixel.d * np.asarray(x) + to_pixel.e * np.asarray(y) + to_pixel.f
            inside = (column >= 0) & (row >= 0) & (column <= file.width) & (row <= file.height)
            if not inside.any():
                raise _outside(path, where, 0.0)
            heights, column, row = _window(file, column - 0.5, row - 0.5)
    except (rasterio.errors.RasterioError, ProjError) as error:
        text = " ".join(str(error).split())[:160]
        raise _refused(path, where, text or "unreadable") from error
    valid = np.isfinite(heights) & (heights >= HEIGHT_RANGE_M[0]) & (heights <= HEIGHT_RANGE_M[1])
    near = np.clip(np.rint([row, column]), 0, np.array(heights.shape)[:, None] - 1).astype(np.int64)
    known = inside & valid[near[0], near[1]]
    if known.mean() < LEAST_COVERED:
        raise _outside(path, where, float(known.mean()))
    if not valid.all():
        nearest = distance_transform_edt(~valid, return_distances=False, return_indices=True)
        heights = heights[tuple(nearest)]
    sampled = map_coordinates(heights, np.stack([row, column]), order=1, mode="nearest")
    return np.asarray(sampled, np.float64), known


def _driver(path: Path, where: str) -> str:
    """Return GDAL's name of the format: one that names other files, or fetches them, is not opened."""
    with path.open("rb") as stream:
        start = stream.read(4)
    if start in _TIFF_STARTS:
        return "GTiff"
    if path.suffix.lower() == ".hgt":
        return "SRTMHGT"
    raise _refused(path, where, "neither its name nor its first bytes are those of one")


def _window(
    file: Any, column: Float64[np.ndarray, "node"], row: Float64[np.ndarray, "node"]
) -> tuple[Float64[np.ndarray, "height width"], Float64[np.ndarray, "node"], Float64[np.ndarray, "node"]]:
    """Return the pixels about the places, averaged where there are too many, and the places among them."""
    from rasterio.enums import Resampling
    from rasterio.windows import Window

    last = np.array([file.width, file.height])
    low = np.clip(np.floor([column.min(), row.min()]).astype(np.int64) - 2, 0, last - 1)
    high = np.clip(np.ceil([column.max(), row.max()]).astype(np.int64) + 3, low + 1, last)
    size = high - low
    coarser = max(1.0, float(np.sqrt(size[0] / LARGEST_WINDOW * size[1])))
    shape = np.maximum((size / coarser).astype(np.int64), 1)
    read = file.read(
        1,
        window=Window(int(low[0]), int(low[1]), int(size[0]), int(size[1])),
        out_shape=(int(shape[1]), int(shape[0])),
        resampling=Resampling.nearest if coarser == 1.0 else Resampling.average,
        masked=True,
    )
    heights = np.ma.filled(read.astype(np.float64), np.nan)
    scale = shape / size
    return heights, (column + 0.5 - low[0]) * scale[0] - 0.5, (row + 0.5 - low[1]) * scale[1] - 0.5


def _refused(path: Path, where: str, why: str) -> SceneError:
    return SceneError(
        f"{path.name} is no elevation file that can be read ({why})", where=where, accepted=_ACCEPTED
    )


def _outside(path: Path, where: str, part: float) -> SceneError:
    return SceneError(
        f"{path.name} tells heights of {part:.0%} of the scene's ground",
        where=where,
        accepted=f"at least {LEAST_COVERED:.0%}",
        remedy="take an elevation file that covers the scene and 500 m around it, or a smaller bbox",
    )
