"""Tables of polygons: the rows of GeoJSON, GeoPackage and GeoParquet files, within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from jaxtyping import Bool
from pyproj import CRS
from pyproj.exceptions import CRSError

from iqatlas.errors import IqAtlasError, MissingFileError, SceneError

MAX_FILE_BYTES = 1 << 29
MAX_GEOJSON_BYTES = 1 << 28
"""JSON is held in memory whole, at several times its size."""
MAX_UNPACKED_BYTES = 1 << 30
"""A Parquet file may say a value once and repeat it a million times."""
MAX_ROWS = 2_000_000
_BATCH_ROWS = 256
_ACCEPTED = "a GeoJSON, GeoPackage or GeoParquet file"
# GDAL, Arrow, GEOS and PROJ report what they can't read through these, and Python's JSON by recursion.
_READ_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    pa.ArrowException,
    CRSError,
)


@dataclass(frozen=True, eq=False)
class FootprintTable:
    """Rows of a file of polygons.

    Args:
        geometry: Shapely geometries, None where a row has none.
        unreadable: Rows whose geometry is there but can't be read.
        values: The columns that were asked for and are there.
        names: Names of all columns.
        crs: The reference system of the geometries.
    """

    geometry: np.ndarray
    unreadable: Bool[np.ndarray, "row"]
    values: Mapping[str, Sequence[Any]]
    names: tuple[str, ...]
    crs: CRS


def read_footprint_table(
    path: Path, *, columns: Sequence[str], layer: str | None, where: str
) -> FootprintTable:
    """Read the geometries and some columns of a file, told by its content.

    Args:
        path: GeoJSON (RFC 7946, or with the older ``crs`` member), GeoPackage, or GeoParquet (WKB).
        columns: Names of the columns to read; those that the file lacks are left out.
        layer: Layer of a GeoPackage; needed where it has several.
        where: What error messages name as the place of the fault.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The file is damaged, too large, of another kind, or lacks the layer or a reference system.

    Source:
        RFC 7946; OGC 12-128r19 (GeoPackage); GeoParquet 1.1.0.
    """
    if not path.exists():
        raise MissingFileError(f"no such file: {path}", where=where, remedy="check the path")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(64)
        if size > MAX_FILE_BYTES:
            raise _too_large(path, where)
        if head.startswith(b"SQLite format 3\0"):
            return _geopackage(path, columns, layer, where)
        if layer is not None:
            raise SceneError(
                f"{path.name} has no layers",
                where=where,
                accepted="layer with a GeoPackage",
                remedy="leave it out",
            )
        if head.startswith(b"PAR1"):
            return _geoparquet(path, columns, where)
        # GDAL would open more than these, virtual files that name others among it.
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
            raise SceneError(f"{path.name} is not a file of footprints", where=where, accepted=_ACCEPTED)
        if size > MAX_GEOJSON_BYTES:
            raise _too_large(path, where)
        return _geojson(path, columns, where)
    except (*_READ_ERRORS, RecursionError) as error:
        if isinstance(error, IqAtlasError):
            raise
        raise _damaged(
            path, where, "nested too deep" if isinstance(error, RecursionError) else str(error)
        ) from error


def _damaged(path: Path, where: str, why: str) -> SceneError:
    short = " ".join(why.split())[:160]
    return SceneError(
        f"{path.name} is damaged ({short})", where=where, accepted=_ACCEPTED, remedy="fetch or write it again"
    )


def _too_large(path: Path, where: str) -> SceneError:
    return SceneError(
        f"{path.name} holds more than a scene can take",
        where=where,
        accepted=f"up to {MAX_FILE_BYTES >> 20} MiB ({MAX_GEOJSON_BYTES >> 20} MiB of GeoJSON, "
        f"{MAX_UNPACKED_BYTES >> 20} MiB once unpacked) and {MAX_ROWS:,} rows",
        remedy="cut it to the scene's area, for example with ogr2ogr -spat",
    )


def _without_crs(path: Path, where: str) -> SceneError:
    return SceneError(
        f"{path.name} names no coordinate reference system",
        where=where,
        remedy="set it, for example with ogr2ogr -a_srs EPSG:4326",
    )


def _geojson(path: Path, columns: Sequence[str], where: str) -> FootprintTable:
    tree = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), parse_constant=_refuse_constant)
    features = tree.get("features") if tree.get("type") == "FeatureCollection" else None
    if not isinstance(features, list):
        remedy = "read an answer of Overpass with kind: osm_file" if "elements" in tree else None
        raise SceneError(
            f"{path.name} is no FeatureCollection", where=where, accepted=_ACCEPTED, remedy=remedy
        )
    if len(features) > MAX_ROWS:
        raise _too_large(path, where)
    geometries = [feature.get("geometry") for feature in features]
    text = np.array([None if each is None else json.dumps(each) for each in geometries], dtype=object)
    geometry = np.asarray(shapely.from_geojson(text, on_invalid="ignore"), dtype=object).reshape(-1)
    properties = [feature.get("properties") or {} for feature in features]
    names = sorted({name for each in properties for name in each})
    return FootprintTable(
        geometry=geometry,
        unreadable=np.array([each is not None for each in geometries], bool) & shapely.is_missing(geometry),
        values={name: [each.get(name) for each in properties] for name in columns if name in names},
        names=tuple(names),
        crs=_geojson_crs(tree.get("crs"), path, where),
    )


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _geojson_crs(member: Any, path: Path, where: str) -> CRS:
    if member is None:
        return CRS.from_user_input("OGC:CRS84")
    name = member.get("properties", {}).get("name") if isinstance(member, dict) else None
    if not isinstance(name, str):
        raise _without_crs(path, where)
    return CRS.from_user_input(name)


def _geopackage(path: Path, columns: Sequence[str], layer: str | None, where: str) -> FootprintTable:
    layers = gpd.list_layers(path)
    spatial = [str(name) for name in layers["name"][layers["geometry_type"].notna()]]
    chosen = layer if layer is not None else (spatial[0] if len(spatial) == 1 else None)
    if chosen is None or chosen not in spatial:
        raise SceneError(
            f"{path.name} has no layer {layer!r}" if layer else f"{path.name} has {len(spatial)} layers",
            where=where,
            accepted=", ".join(spatial) or "a GeoPackage with a layer of polygons",
            remedy="name one of them as layer" if spatial else None,
        )
    head = gpd.read_file(path, layer=chosen, rows=0)
    names = tuple(str(name) for name in head.columns if name != head.geometry.name)
    wanted = [name for name in columns if name in names]
    with np.errstate(invalid="ignore"):  # coordinates that are no numbers are dropped by name later
        frame = gpd.read_file(path, layer=chosen, rows=MAX_ROWS + 1, columns=wanted)
    if len(frame) > MAX_ROWS:
        raise _too_large(path, where)
    if head.crs is None:
        raise _without_crs(path, where)
    return FootprintTable(
        geometry=np.asarray(frame.geometry.to_numpy(), dtype=object),
        unreadable=np.zeros(len(frame), bool),
        values={name: frame[name].tolist() for name in wanted},
        names=names,
        crs=CRS.from_user_input(head.crs),
    )


def _geoparquet(path: Path, columns: Sequence[str], where: str) -> FootprintTable:
    with pq.ParquetFile(path) as file:
        description = json.loads((file.metadata.metadata or {}).get(b"geo", b"null"))
        if description is None:
            raise SceneError(
                f"{path.name} is Parquet without the metadata of GeoParquet",
                where=where,
                accepted="a GeoParquet file",
                remedy="write it with geopandas.GeoDataFrame.to_parquet",
            )
        primary = description["primary_column"]
        column = description["columns"][primary]
        if column.get("encoding") != "WKB":
            raise SceneError(
                f"the geometries of {path.name} are encoded as {str(column.get('encoding'))[:40]!r}",
                where=where,
                accepted="WKB",
                remedy="write it with geopandas.GeoDataFrame.to_parquet",
            )
        names = tuple(name for name in file.schema_arrow.names if name != primary)
        wanted = [name for name in columns if name in names]
        if file.metadata.num_rows > MAX_ROWS:
            raise _too_large(path, where)
        batches, unpacked = [], 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[primary, *wanted]):
            unpacked += batch.nbytes
            if unpacked > MAX_UNPACKED_BYTES:
                raise _too_large(path, where)
            batches.append(batch)
        schema = pa.schema([file.schema_arrow.field(name) for name in (primary, *wanted)])
        table = pa.Table.from_batches(batches, schema=batches[0].schema if batches else schema)
    wkb = np.array(
        [bytes(each) if each is not None else None for each in table[primary].to_pylist()], dtype=object
    )
    with np.errstate(invalid="ignore"):  # coordinates that are no numbers are dropped by name later
        geometry = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object).reshape(-1)
    return FootprintTable(
        geometry=geometry,
        unreadable=np.array([each is not None for each in wkb], bool) & shapely.is_missing(geometry),
        values={name: table[name].to_pylist() for name in wanted},
        names=names,
        crs=_geoparquet_crs(column, path, where),
    )


def _geoparquet_crs(column: Mapping[str, Any], path: Path, where: str) -> CRS:
    # The key's absence means longitude and latitude, null that nobody knows (GeoParquet 1.1.0, "crs").
    if "crs" not in column:
        return CRS.from_user_input("OGC:CRS84")
    if column["crs"] is None:
        raise _without_crs(path, where)
    return CRS.from_user_input(column["crs"])
