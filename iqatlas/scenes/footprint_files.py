"""Footprints from GeoJSON, GeoPackage and GeoParquet: polygons of any reference system, named columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Bool
from pyproj import CRS, Transformer

from iqatlas.errors import SceneError, nearest
from iqatlas.scenes._osmium import OsmFeatures
from iqatlas.scenes.footprint_tables import FootprintTable, read_footprint_table
from iqatlas.scenes.heights import parse_length_m

MAX_VERTICES = 10_000
"""Buildings have tens of vertices, palaces hundreds."""
_LARGEST_COORDINATE = 1e9
"""Beyond this a number is a coordinate in no reference system of the Earth."""

_TAG_OF_COLUMN = ("height", "building:levels", "building:material", "building")


def read_footprints(
    path: Path,
    *,
    where: str,
    layer: str | None = None,
    height_column: str | None = None,
    levels_column: str | None = None,
    material_column: str | None = None,
    kind_column: str | None = None,
) -> OsmFeatures:
    """Read building footprints as features with the tags that OpenStreetMap would give them.

    Geometries are reprojected to longitude and latitude. Rings that touch themselves are mended; what
    crosses itself, as a bow-tie does, is dropped.

    Args:
        path: A GeoJSON, GeoPackage or GeoParquet file, told apart by content.
        where: What error messages name as the place of the fault.
        layer: Layer of a GeoPackage; needed where it has several.
        height_column: Heights in metres, or text with units as
            :func:`~iqatlas.scenes.heights.parse_length_m` takes it.
        levels_column: Numbers of storeys.
        material_column: Materials of walls, in the words of ``building:material``.
        kind_column: Kinds of building, in the words of ``building``.

    Returns:
        Features named ``footprint/N`` after the row N of the file, from 0; ``notes`` tells how many heights
        are given but can't be read.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The file is damaged, too large, has no such layer or column, or no reference system.
    """
    named = (height_column, levels_column, material_column, kind_column)
    columns = [column for column in named if column is not None]
    table = read_footprint_table(path, columns=columns, layer=layer, where=where)
    for column in columns:
        if column not in table.names:
            guess = nearest(column, table.names)
            raise SceneError(
                f"{path.name} has no column {column!r}",
                where=where,
                accepted=", ".join(sorted(table.names)[:20]) or "no column at all",
                remedy=f"did you mean {guess}?" if guess else "name one of them, or leave the key out",
            )
    geometry, fault = _in_degrees(table, path, where)
    dropped = Counter(str(reason) for reason in fault[fault != ""])
    rows = np.flatnonzero(fault == "")
    given = {tag: column for tag, column in zip(_TAG_OF_COLUMN, named, strict=True) if column is not None}
    tags = [_tags(table.values, given, int(row)) for row in rows]
    unreadable = sum("height" in each and parse_length_m(each["height"]) is None for each in tags)
    return OsmFeatures(
        osm_id=tuple(f"footprint/{row}" for row in rows),
        tags=tuple(tags),
        geometry=geometry[rows],
        masts=(),
        read=len(geometry),
        dropped=dict(sorted(dropped.items())),
        notes={"heights_unreadable": unreadable},
    )


def _tags(values: Mapping[str, Sequence[Any]], given: Mapping[str, str], row: int) -> dict[str, str]:
    found = {tag: _text(values[column][row]) for tag, column in given.items()}
    return {"building": "yes"} | {tag: text for tag, text in found.items() if text}


def _text(value: Any) -> str:
    """Return a cell as a tag's value; empty where the cell is."""
    if value is None or isinstance(value, bool | np.bool_):
        return ""
    if isinstance(value, int | float | np.integer | np.floating):
        number = float(value)
        if abs(number) >= 1e6:
            return str(number)
        # Numbers that are stored in 32 bits come with more digits than they mean.
        return "" if np.isnan(number) else f"{number:.6f}".rstrip("0").rstrip(".")
    text = str(value).strip()
    return "" if text.lower() in {"nan", "none", "null", "<na>"} else text


def _in_degrees(table: FootprintTable, path: Path, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return geometries in longitude and latitude, and for each why it can't be used, empty where it can."""
    geometry = shapely.force_2d(table.geometry)
    fault = np.full(len(geometry), "", dtype=object)
    fault[np.asarray(table.unreadable, bool)] = "geometry_unreadable"

    def mark(is_bad: Bool[np.ndarray, "row"], reason: str) -> None:
        fault[is_bad & (fault == "")] = reason
        geometry[is_bad] = None

    mark(shapely.is_missing(geometry) | shapely.is_empty(geometry), "no_geometry")
    kind = shapely.get_type_id(geometry)
    polygons = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    mark(~np.isin(kind, polygons), "not_a_polygon")
    mark(shapely.get_num_coordinates(geometry) > MAX_VERTICES, "too_many_vertices")
    mark(_beyond(geometry, _LARGEST_COORDINATE, _LARGEST_COORDINATE), "coordinates_off_the_earth")
    geometry = _reprojected(geometry, table, path, where)
    mark(_beyond(geometry, 180.0, 90.0), "coordinates_off_the_earth")
    touches = np.array(
        [str(reason).startswith("Ring Self-intersection") for reason in _why_invalid(geometry)]
    )
    geometry[touches] = shapely.make_valid(geometry[touches])
    mark(~shapely.is_valid(geometry), "outline_broken")
    return geometry, fault


def _why_invalid(geometry: np.ndarray) -> np.ndarray:
    """Return GEOS's words: rings that touch themselves are told only where none crosses itself.

    Only those are mended. What a ring that crosses itself encloses is anyone's guess, and to work out all
    crossings of a few thousand vertices takes minutes.
    """
    return np.asarray(shapely.is_valid_reason(geometry), dtype=object)


def _beyond(geometry: np.ndarray, x: float, y: float) -> Bool[np.ndarray, "row"]:
    coordinates, row = shapely.get_coordinates(geometry, return_index=True)
    beyond = np.zeros(len(geometry), bool)
    # Written so that NaN counts as beyond.
    beyond[row[~((np.abs(coordinates[:, 0]) <= x) & (np.abs(coordinates[:, 1]) <= y))]] = True
    return beyond


def _reprojected(geometry: np.ndarray, table: FootprintTable, path: Path, where: str) -> np.ndarray:
    crs = CRS.from_user_input(table.crs)
    if not (crs.is_geographic or crs.is_projected or crs.is_bound or crs.is_compound):
        raise SceneError(
            f"the reference system of {path.name}, {crs.name!r}, is none of the Earth's surface",
            where=where,
            accepted="a geographic or projected one, such as EPSG:4326 or EPSG:3857",
            remedy="reproject the file, for example with ogr2ogr -t_srs EPSG:4326",
        )
    transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    coordinates = shapely.get_coordinates(geometry)
    x, y = transformer.transform(coordinates[:, 0], coordinates[:, 1])
    return np.asarray(shapely.set_coordinates(geometry.copy(), np.stack([x, y], axis=-1)), dtype=object)
