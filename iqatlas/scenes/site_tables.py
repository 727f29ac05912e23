"""Files of sites as tables: CSV with a header, or the points of GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.site_choice import rows_inside
from iqatlas.scenes.site_columns import ANTENNAS, LIMITS, MOST_COLUMNS, NAMES, WORDS, known_columns
from iqatlas.scenes.site_row import SiteRow
from iqatlas.scenes.sites_spec import MOST_SITES

BBox = tuple[float, float, float, float]
MAX_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class SiteTable:
    """What a file of sites tells.

    Args:
        name: Name of the file.
        rows: One row a site.
        unused: Columns that nothing is made of.
    """

    name: str
    rows: pd.DataFrame
    unused: tuple[str, ...] = ()

    def inside(self, bbox: BBox | None) -> pd.DataFrame:
        """Return the rows that lie inside a bbox; all of them without one.

        Args:
            bbox: West, south, east, north in degrees.
        """
        if bbox is None:
            return self.rows
        longitude_deg = self.rows["longitude_deg"].to_numpy(np.float64)
        latitude_deg = self.rows["latitude_deg"].to_numpy(np.float64)
        return self.rows.iloc[rows_inside(longitude_deg, latitude_deg, bbox)].reset_index(drop=True)


def told_rows(rows: pd.DataFrame) -> tuple[SiteRow, ...]:
    """Return what rows tell of their sites' names, antennas and channels.

    Args:
        rows: Some rows of :class:`SiteTable`.
    """
    columns = ("name", "number", *SiteRow._fields[1:])
    return tuple(
        SiteRow(
            name or f"site{number}",
            None if np.isnan(azimuth) else float(azimuth),
            None if np.isnan(tilt) else float(tilt),
            antenna or ANTENNAS[0],
            None if np.isnan(earfcn) else int(earfcn),
            None if np.isnan(band) else int(band),
        )
        for name, number, azimuth, tilt, antenna, earfcn, band in zip(
            *(rows[column] for column in columns), strict=True
        )
    )


def too_few_sites(inside: int, rows: int, count: int, where: str, *, bbox: BBox) -> SitesError:
    """Return the error of a file with fewer sites in the scene than are asked for.

    Args:
        inside: How many lie inside the scene.
        rows: How many the file has.
        count: How many are asked for; 0 for all of them.
        where: The file.
        bbox: West, south, east, north of the scene in degrees.
    """
    asked = f"and sites.count is {count}" if count else "and one is needed"
    sides = ", ".join(f"{side:.4f}" for side in bbox)
    return SitesError(
        f"{inside} of {rows} sites are inside the scene, {asked}",
        where=where,
        accepted=f"sites.count: 1 to {inside}" if inside else None,
        remedy=f"see that they lie within {sides} (west, south, east, north), which scene.bbox sets, "
        "and that longitude and latitude are not swapped",
    )


def too_many_sites(count: int, where: str) -> SitesError:
    """Return the error of a file with more sites in the scene than a corpus has, all of which are asked for.

    Args:
        count: How many lie inside the scene.
        where: The file.
    """
    return SitesError(
        f"{count} sites, and sites.count is left out",
        where=where,
        accepted=f"sites.count: 1 to {MOST_SITES}",
    )


def read_site_file(path: Path, *, where: str = "sites.path", max_bytes: int = MAX_BYTES) -> SiteTable:
    """Read a CSV file with a header, or the points of a GeoJSON file, as a table of sites.

    Longitude and latitude are needed; ``name``, ``height_m``, ``power_dbm``, ``cell_id``, ``azimuth_deg``,
    ``tilt_deg``, ``antenna``, ``operator``, ``earfcn``, ``band`` and ``position_uncertainty_m`` may be
    there and may be empty. Other columns are not used, and named; one that seems to be meant for one of
    these is refused.

    Args:
        path: A ``.csv`` file, or a ``.geojson`` or ``.json`` file.
        where: What to name in an error.
        max_bytes: Most bytes of the file.

    Returns:
        One row a site with all of these columns and ``number``, its row from 1 on; NaN or an empty word where
        the file doesn't tell.

    Raises:
        MissingFileError: There is no such file.
        SitesError: The file is too large, no CSV or GeoJSON, lacks coordinates, has a bad value
            or a misnamed column.

    Source: RFC 4180 (CSV), RFC 7946 (GeoJSON: longitude before latitude).
    """
    if not path.is_file():
        raise MissingFileError(
            f"no file {path}", where=where, remedy="paths in a spec are relative to the spec's folder"
        )
    place = f"{where} ({path.name})"
    if path.stat().st_size > max_bytes:
        raise SitesError(
            f"the file has more than {max_bytes} bytes", where=place, remedy="cut it to the city"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SitesError(f"the file can't be read ({error})", where=place, accepted="UTF-8 text") from error
    suffix = path.suffix.lower()
    if suffix == ".csv":
        raw = _csv_rows(text, place)
    elif suffix in {".geojson", ".json"}:
        raw = _geojson_rows(text, place)
    else:
        raise SitesError(f"{path.name} is no file of sites", where=where, accepted=".csv, .geojson or .json")
    rows, unused = _checked(raw, place)
    return SiteTable(path.name, rows, unused)


def _csv_rows(text: str, where: str) -> pd.DataFrame:
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise SitesError(f"not a CSV file ({error})", where=where) from error
    rows = [row for row in rows if any(field.strip() for field in row)]
    if not rows:
        raise SitesError("the file is empty", where=where, accepted="a header and a row a site")
    header, body = rows[0], rows[1:]
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        shown = "tabs" if other == "\t" else f"{other!r}"
        raise SitesError(
            f"the header is separated by {shown}",
            where=where,
            accepted="commas between fields and points in decimals, as 24.9450,60.1720",
            remedy="save it with those, as spreadsheets do for English",
        )
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise SitesError(
                f"row {number} has {len(row)} fields, the header {len(header)}",
                where=where,
                accepted="commas between fields, points in decimals, fields that hold commas in quotes",
            )
    return pd.DataFrame(body, columns=pd.Index(header), dtype=object)


def _geojson_rows(text: str, where: str) -> pd.DataFrame:
    accepted = "a FeatureCollection of Points, longitude before latitude"
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SitesError(f"not JSON ({str(error)[:100]})", where=where, accepted=accepted) from None
    features = tree.get("features") if isinstance(tree, dict) else None
    if not isinstance(features, list):
        raise SitesError("no list of features", where=where, accepted=accepted)
    rows, columns = [], set[str]()
    for number, feature in enumerate(features, start=1):
        feature = feature if isinstance(feature, dict) else {}
        geometry, properties = feature.get("geometry"), feature.get("properties")
        at = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if not (isinstance(geometry, dict) and geometry.get("type") == "Point" and isinstance(at, list)):
            raise SitesError(f"feature {number} is no Point", where=where, accepted=accepted)
        told = properties if isinstance(properties, dict) else {}
        told = {key: value for key, value in told.items() if not isinstance(value, dict | list)}
        known = {
            key: value for key, value in told.items() if NAMES.get(key.lower(), "")[:2] not in {"lo", "la"}
        }
        columns |= known.keys()
        if len(columns) > MOST_COLUMNS:  # a table of as many columns as rows would fill the memory
            raise SitesError(f"over {MOST_COLUMNS} different properties", where=where, accepted=accepted)
        longitude, latitude = (*at[:2], None, None)[:2]
        rows.append({**known, "longitude_deg": longitude, "latitude_deg": latitude})
    return pd.DataFrame(rows, dtype=object)


def _checked(raw: pd.DataFrame, where: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    names, unused = known_columns([str(name) for name in raw.columns], where)
    table = pd.DataFrame(index=raw.index)
    for column, name in enumerate(names):
        if name:
            values = raw.iloc[:, column]
            words = values.where(values.notna(), "").astype(str).str.strip()
            table[name] = words if name in WORDS else _numbers(words, name, where)
    for name in (*WORDS, *LIMITS):
        if name not in table:
            table[name] = "" if name in WORDS else np.nan
    strange = np.flatnonzero(~table["antenna"].isin(("", *ANTENNAS)))
    if len(strange):
        raise SitesError(
            f"row {strange[0] + 1}: unknown antenna {table['antenna'].iloc[strange[0]][:40]!r}",
            where=where,
            accepted=", ".join(ANTENNAS),
        )
    table["number"] = np.arange(1, len(table) + 1)
    return table, unused


def _numbers(words: pd.Series, name: str, where: str) -> np.ndarray:
    low, high = LIMITS[name]
    values = np.asarray(pd.to_numeric(words, errors="coerce"), np.float64)
    fine = (values >= low) & (values <= high)
    if isinstance(low, int):
        fine &= values == np.floor(values)
    if name not in {"longitude_deg", "latitude_deg"}:
        fine |= (words == "").to_numpy()
    bad = np.flatnonzero(~fine)
    if len(bad):
        kind = "whole numbers" if isinstance(low, int) else "numbers"
        raise SitesError(
            f"row {bad[0] + 1}: {name} is {words.iloc[bad[0]][:40]!r}",
            where=where,
            accepted=f"{kind} from {low:g} to {high:g}",
        )
    return values
