"""Sites that are given one by one: in the spec, or in a CSV or GeoJSON file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from jaxtyping import Float64

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.cell_identities import physical_cell_ids
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.geodetic import REACH_M
from iqatlas.scenes.scene import Site
from iqatlas.scenes.site_choice import choose_sites, rows_inside
from iqatlas.scenes.site_heights import estimated_heights, refuse_buried
from iqatlas.scenes.sites_spec import ListedSites, SiteFile

BBox = tuple[float, float, float, float]

MAX_BYTES = 64 << 20
ANTENNAS = ("isotropic", "tr38901")
"""Names of antenna patterns that a file may tell."""

_NAMES = {
    "name": "name",
    "id": "name",
    "lon": "longitude_deg",
    "lng": "longitude_deg",
    "longitude": "longitude_deg",
    "longitude_deg": "longitude_deg",
    "lat": "latitude_deg",
    "latitude": "latitude_deg",
    "latitude_deg": "latitude_deg",
    "height": "height_m",
    "height_m": "height_m",
    "power_dbm": "power_dbm",
    "pci": "cell_id",
    "cell_id": "cell_id",
    "azimuth": "azimuth_deg",
    "azimuth_deg": "azimuth_deg",
    "tilt": "tilt_deg",
    "tilt_deg": "tilt_deg",
    "antenna": "antenna",
    "operator": "operator",
    "earfcn": "earfcn",
    "band": "band",
    "position_uncertainty_m": "position_uncertainty_m",
}
_WORDS = ("name", "antenna", "operator")
_LIMITS = {
    "longitude_deg": (-180.0, 180.0),
    "latitude_deg": (-90.0, 90.0),
    "height_m": (0.1, 1000.0),
    "power_dbm": (-30.0, 80.0),
    "cell_id": (0, 503),
    "azimuth_deg": (-360.0, 360.0),
    "tilt_deg": (-90.0, 90.0),
    "earfcn": (0, 262143),
    "band": (1, 255),
    "position_uncertainty_m": (0.0, 1e5),
}


def listed_sites(
    spec: ListedSites, *, frame: LocalFrame, buildings: gpd.GeoDataFrame, where: str = "sites.sites"
) -> tuple[Site, ...]:
    """Return the sites that a spec places by hand.

    Args:
        spec: The sites.
        frame: Local frame of the scene.
        buildings: Buildings in local metres.
        where: What to name in an error.

    Raises:
        SitesError: A site is inside a building or over 100 km away, or a name or cell identity comes twice.
    """
    names = [site.name for site in spec.sites]
    _refuse_twice(names, where)
    east, north = frame.to_local(
        np.array([site.longitude_deg for site in spec.sites], np.float64),
        np.array([site.latitude_deg for site in spec.sites], np.float64),
    )
    position = np.stack([east, north, np.array([site.height_m for site in spec.sites], np.float64)], axis=-1)
    far = np.flatnonzero(~(np.hypot(east, north) <= REACH_M))
    if len(far):
        raise SitesError(
            f"site {names[far[0]]} is {np.hypot(east, north)[far[0]] / 1e3:.0f} km from the scene",
            where=where,
            accepted=f"at most {REACH_M / 1e3:g} km",
            remedy="see that longitude and latitude are not swapped",
        )
    refuse_buried(names, position, buildings, where=where)
    given = [site.cell_id for site in spec.sites]
    identities = physical_cell_ids(names, range(len(names)), given)
    return tuple(
        Site(
            name=site.name,
            longitude_deg=site.longitude_deg,
            latitude_deg=site.latitude_deg,
            position_m=(float(position[i, 0]), float(position[i, 1]), site.height_m),
            power_dbm=site.power_dbm,
            cell_id=identities[i],
            position_uncertainty_m=None,
            height_source="spec",
            provenance="placed in the spec",
        )
        for i, site in enumerate(spec.sites)
    )


def file_sites(
    spec: SiteFile,
    path: Path,
    *,
    frame: LocalFrame,
    bbox: BBox,
    buildings: gpd.GeoDataFrame,
    receivers_m: Float64[np.ndarray, "receiver 3"],
    where: str = "sites.path",
) -> tuple[Site, ...]:
    """Return sites of a CSV or GeoJSON file that lie inside the scene.

    Args:
        spec: How many, which, and what holds for rows that don't tell.
        path: The file; see :func:`read_site_file`.
        frame: Local frame of the scene.
        bbox: West, south, east, north in degrees.
        buildings: Buildings in local metres.
        receivers_m: Where the receivers are, over all waypoints.
        where: What to name in an error.

    Raises:
        MissingFileError: There is no such file.
        SitesError: The file can't be read, has too few sites in the scene, one of those chosen is inside a
            building, or two of them have one name or cell identity.
    """
    table = read_site_file(path, where=where)
    place = f"{where} ({path.name})"
    longitude, latitude = (
        table["longitude_deg"].to_numpy(np.float64),
        table["latitude_deg"].to_numpy(np.float64),
    )
    inside = table.iloc[rows_inside(longitude, latitude, bbox)].reset_index(drop=True)
    east, north = frame.to_local(
        inside["longitude_deg"].to_numpy(np.float64), inside["latitude_deg"].to_numpy(np.float64)
    )
    estimated, on_roof = estimated_heights(
        buildings, east, north, above_roof_m=spec.height_above_roof_m, default_m=spec.default_height_m
    )
    told = inside["height_m"].to_numpy(np.float64)
    position = np.stack([east, north, np.where(np.isnan(told), estimated, told)], axis=-1)
    # Sectors of one mast are rows at one place, so nothing keeps rows apart.
    chosen = choose_sites(position, spec.count, rule=spec.choose, separation_m=0.0, receivers_m=receivers_m)
    if len(chosen) < spec.count:
        raise SitesError(
            f"{len(inside)} of {len(table)} sites are inside the scene, and sites.count is {spec.count}",
            where=place,
            remedy="lower sites.count, or see that scene.bbox and the file match",
        )
    rows = inside.iloc[chosen].reset_index(drop=True)
    position = position[chosen]
    source = np.where(~np.isnan(told), "file", np.where(on_roof, "roof", "default"))[chosen]
    names = [name or f"site{int(number)}" for name, number in zip(rows["name"], rows["number"], strict=True)]
    _refuse_twice(names, place)
    refuse_buried(names, position, buildings, where=place)
    given = [_whole(value) for value in rows["cell_id"]]
    identities = physical_cell_ids(names, [int(number) for number in rows["number"]], given)
    power = rows["power_dbm"].fillna(spec.power_dbm).to_numpy(np.float64)
    return tuple(
        Site(
            name=names[i],
            longitude_deg=float(rows["longitude_deg"][i]),
            latitude_deg=float(rows["latitude_deg"][i]),
            position_m=(float(position[i, 0]), float(position[i, 1]), float(position[i, 2])),
            power_dbm=float(power[i]),
            cell_id=identities[i],
            position_uncertainty_m=_real(rows["position_uncertainty_m"][i]),
            height_source=str(source[i]),
            provenance=f"{path.name}, row {int(rows['number'][i])}",
            operator=rows["operator"][i] or None,
            azimuth_deg=_azimuth(rows["azimuth_deg"][i]),
            azimuth_source=None if np.isnan(rows["azimuth_deg"][i]) else "file",
            tilt_deg=_real(rows["tilt_deg"][i]),
            antenna=rows["antenna"][i] or ANTENNAS[0],
            earfcn=_whole(rows["earfcn"][i]),
            band=_whole(rows["band"][i]),
        )
        for i in range(len(rows))
    )


def read_site_file(path: Path, *, where: str = "sites.path", max_bytes: int = MAX_BYTES) -> pd.DataFrame:
    """Read a CSV file with a header, or the points of a GeoJSON file, as a table of sites.

    Longitude and latitude are needed; ``name``, ``height_m``, ``power_dbm``, ``cell_id``, ``azimuth_deg``,
    ``tilt_deg``, ``antenna``, ``operator``, ``earfcn``, ``band`` and ``position_uncertainty_m`` may be
    there and may be empty. Other columns are not used.

    Args:
        path: A ``.csv`` file, or a ``.geojson`` or ``.json`` file.
        where: What to name in an error.
        max_bytes: Most bytes of the file.

    Returns:
        One row a site with all columns and ``number``, its row from 1 on; NaN or an empty word where the
        file doesn't tell.

    Raises:
        MissingFileError: There is no such file.
        SitesError: The file is too large, no CSV or GeoJSON, lacks coordinates, or has a bad value.

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
    return _checked(raw, place)


def _csv_rows(text: str, where: str) -> pd.DataFrame:
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise SitesError(f"not a CSV file ({error})", where=where) from error
    rows = [row for row in rows if any(field.strip() for field in row)]
    if not rows:
        raise SitesError("the file is empty", where=where, accepted="a header and a row a site")
    header, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise SitesError(f"row {number} has {len(row)} fields, the header {len(header)}", where=where)
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
    rows = []
    for number, feature in enumerate(features, start=1):
        feature = feature if isinstance(feature, dict) else {}
        geometry, properties = feature.get("geometry"), feature.get("properties")
        at = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if not (isinstance(geometry, dict) and geometry.get("type") == "Point" and isinstance(at, list)):
            raise SitesError(f"feature {number} is no Point", where=where, accepted=accepted)
        told = properties if isinstance(properties, dict) else {}
        told = {key: value for key, value in told.items() if not isinstance(value, dict | list)}
        known = {
            key: value for key, value in told.items() if _NAMES.get(key.lower(), "")[:2] not in {"lo", "la"}
        }
        longitude, latitude = (*at[:2], None, None)[:2]
        rows.append({**known, "longitude_deg": longitude, "latitude_deg": latitude})
    return pd.DataFrame(rows, dtype=object)


def _checked(raw: pd.DataFrame, where: str) -> pd.DataFrame:
    names = [_NAMES.get(str(name).strip().lower(), "") for name in raw.columns]
    known = [name for name in names if name]
    missing = [name for name in ("longitude_deg", "latitude_deg") if name not in known]
    if missing or len(set(known)) < len(known):
        what = f"no column for {', '.join(missing)}" if missing else "two columns tell the same"
        raise SitesError(
            f"{what} in {', '.join(map(str, raw.columns))[:200]}",
            where=where,
            accepted=", ".join(dict.fromkeys(_NAMES.values())),
        )
    table = pd.DataFrame(index=raw.index)
    for column, name in enumerate(names):
        if name:
            values = raw.iloc[:, column]
            words = values.where(values.notna(), "").astype(str).str.strip()
            table[name] = words if name in _WORDS else _numbers(words, name, where)
    for name in (*_WORDS, *_LIMITS):
        if name not in table:
            table[name] = "" if name in _WORDS else np.nan
    strange = np.flatnonzero(~table["antenna"].isin(("", *ANTENNAS)))
    if len(strange):
        raise SitesError(
            f"row {strange[0] + 1}: unknown antenna {table['antenna'].iloc[strange[0]][:40]!r}",
            where=where,
            accepted=", ".join(ANTENNAS),
        )
    table["number"] = np.arange(1, len(table) + 1)
    return table


def _numbers(words: pd.Series, name: str, where: str) -> np.ndarray:
    low, high = _LIMITS[name]
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


def _refuse_twice(names: Sequence[str], where: str) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SitesError(
            f"the name {twice[0]!r} comes twice", where=where, remedy="give each site a name of its own"
        )


def _real(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _azimuth(value: float) -> float | None:
    return None if np.isnan(value) else float(value % 360)
