"""CellMapper recordings: measurements of an app on the ground, gathered into cells."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.csv_blocks import decompressed, even_rows, inside, line_blocks, numbers
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS, CellTable

ATTRIBUTION = "Cell data: measurements recorded with CellMapper, https://www.cellmapper.net"
"""The line of credit for recordings of the CellMapper app; they belong to who recorded them."""

RADIO_COLUMNS = ("pci", "earfcn")
"""Columns that the cells have besides those of other databases; −1 where a cell tells none."""
MAX_BYTES = 8 << 30
MAX_MEASUREMENTS = 5_000_000
"""Most measurements that are kept: a day of driving has some ten thousand."""

# What the app writes without a header; newer versions may add fields behind.
_EXPORT_ORDER = (
    "latitude", "longitude", "altitude", "mcc", "mnc", "lac", "cid", "signal", "type", "subtype", "arfcn",
    "psc",
)  # fmt: skip
_NAMES = {
    "latitude": "latitude_deg",
    "lat": "latitude_deg",
    "longitude": "longitude_deg",
    "lon": "longitude_deg",
    "long": "longitude_deg",
    "mcc": "mcc",
    "mnc": "mnc",
    "lac": "area",
    "tac": "area",
    "cid": "cell",
    "cellid": "cell",
    "cell id": "cell",
    "signal": "signal_dbm",
    "rsrp": "signal_dbm",
    "type": "radio",
    "system": "radio",
    "rat": "radio",
    "arfcn": "earfcn",
    "earfcn": "earfcn",
    "psc": "pci",
    "pci": "pci",
    "psc or pci": "pci",
}
_NEEDED = ("latitude_deg", "longitude_deg", "mcc", "mnc", "cell", "radio")
# E-UTRA: TS 36.101, section 5.7.3 (EARFCN), TS 36.211, section 6.11 (identity), TS 36.133, table 9.1.4-1
# (RSRP; the app may show more than is reported). Cells of other radios are of no use here.
_LIMITS = {
    "longitude_deg": (-180.0, 180.0),
    "latitude_deg": (-90.0, 90.0),
    "mcc": (0, 999),
    "mnc": (0, 999),
    "cell": (0, (1 << 28) - 1),
}
_SIGNAL_DBM = (-160.0, 0.0)
# A phone that stands still writes the same place every second; 1e-4° is 11 m and less.
_PLACE_DEG = 1e-4
# A drive shows a part of a cell: however small that part, the cell's reach is taken for no less.
_LEAST_RANGE_M = 1000.0


def read_measurements(
    path: Path,
    *,
    bbox: tuple[float, float, float, float],
    where: str = "sites.path",
    max_bytes: int = MAX_BYTES,
) -> CellTable:
    """Read a CSV file that the CellMapper app exported, and gather its LTE measurements into cells.

    Of the measurements of a cell within one place of 1e-4° the strongest is kept, so that a phone which
    stood still counts once. A cell's position is the mean of its places with weights that grow as the
    received amplitude, its ``samples`` the number of places, its ``range_m`` the distance from the
    position that 95% of the places are within, 1 km at least. Physical identity and EARFCN are those of
    most of its places.

    Args:
        path: The file, plain or gzip, with or without a header.
        bbox: West, south, east, north in degrees; measurements outside are not used.
        where: What to name in an error, such as the key of a spec.
        max_bytes: Most bytes of CSV, after decompression.

    Returns:
        The cells, with the columns of :data:`~iqatlas.scenes.opencellid.CELL_COLUMNS` and
        :data:`RADIO_COLUMNS`.

    Raises:
        MissingFileError: There is no such file.
        SitesError: The file is no recording of the app, is damaged, or is too large.

    Source: CellMapper's documentation, "CellMapper CSV"; weighted centroids as in Blumenthal et al.,
    "Weighted centroid localization in Zigbee-based sensor networks", WISP 2007, eq. 4.
    """
    place = f"{where} ({path.name})"
    if not path.is_file():
        raise MissingFileError(
            f"no file {path}", where=where, remedy="paths in a spec are relative to the spec's folder"
        )
    parts: list[pd.DataFrame] = []
    dropped: Counter[str] = Counter()
    rows = kept = 0
    columns: tuple[str, ...] | None = None
    try:
        with path.open("rb") as raw:
            for block in line_blocks(decompressed(raw), place, max_bytes):
                if columns is None:
                    columns, block = _columns(block, place)
                table, count = _parse(block, columns, dropped)
                rows += count
                table = table[inside(table, bbox)]
                kept += len(table)
                if kept > MAX_MEASUREMENTS:
                    raise SitesError(
                        f"more than {MAX_MEASUREMENTS} measurements",
                        where=place,
                        remedy="choose a smaller scene.bbox or cut the file",
                    )
                parts.append(table)
    except (OSError, EOFError, zlib.error) as error:
        raise SitesError(
            f"the file can't be read to its end ({error})",
            where=place,
            remedy="see that it may be read and is whole, or export it again",
        ) from error
    if columns is None:
        raise SitesError(
            "the file is empty", where=place, accepted="a CSV file that the CellMapper app exported"
        )
    reasons = {reason: count for reason, count in sorted(dropped.items()) if count}
    return CellTable(_cells(pd.concat(parts, ignore_index=True)), rows, reasons)


def _columns(block: bytes, where: str) -> tuple[tuple[str, ...], bytes]:
    """Return the columns of a file and its first block without a header."""
    first, _, rest = block.partition(b"\n")
    fields = [
        name.strip() for name in first.decode("utf-8", "replace").removeprefix("\ufeff").lower().split(",")
    ]
    if "mcc" in fields:
        body = rest
    elif len(fields) >= len(_EXPORT_ORDER) and fields[8].upper() in {"GSM", "UMTS", "CDMA", "LTE", "NR"}:
        spare = [f"field{number}" for number in range(len(_EXPORT_ORDER), len(fields))]
        fields, body = [*_EXPORT_ORDER, *spare], block
    else:
        shown = first[:60].decode("utf-8", "replace")
        raise SitesError(
            f"the first line is neither a header nor a row of a CellMapper recording: {shown!r}",
            where=where,
            accepted=f"columns {','.join(_EXPORT_ORDER)}",
        )
    names = tuple(_NAMES.get(name, f"_{place}_{name}") for place, name in enumerate(fields))
    missing = [name for name in _NEEDED if name not in names]
    if missing or len(set(names)) < len(names):
        what = f"no column for {', '.join(missing)}" if missing else "a column comes twice"
        raise SitesError(
            f"{what} in the header {','.join(fields)[:200]}",
            where=where,
            accepted=f"columns {','.join(_EXPORT_ORDER)}",
        )
    return names, body


def _parse(block: bytes, columns: tuple[str, ...], dropped: Counter[str]) -> tuple[pd.DataFrame, int]:
    """Return the LTE measurements of a block and the number of all its rows; count the others."""
    block, lines, ragged = even_rows(block, len(columns))
    dropped["wrong number of fields"] += ragged
    wanted = [name for name in columns if not name.startswith("_")]
    source = io.BytesIO(block if block.strip() else b"," * (len(columns) - 1) + b"\n")
    frame = pd.read_csv(
        source,
        names=list(columns),
        usecols=wanted,
        header=None,
        encoding_errors="replace",
        dtype={"radio": str},
        low_memory=False,
        quoting=csv.QUOTE_NONE,
    )
    is_lte = frame["radio"].fillna("").str.strip().str.upper().str.startswith("LTE").to_numpy()
    if block.strip():
        dropped["not LTE"] += int(np.count_nonzero(~is_lte))
    table = pd.DataFrame(index=frame.index)
    good = is_lte.copy()
    for name, (low, high) in _LIMITS.items():
        values = numbers(frame[name])
        fine = (values >= low) & (values <= high)
        if isinstance(low, int):
            fine &= values == np.floor(values)
        dropped[f"bad {name}"] += int(np.count_nonzero(good & ~fine))
        good &= fine
        table[name] = values
    signal = numbers(frame["signal_dbm"]) if "signal_dbm" in wanted else np.full(len(frame), np.nan)
    known = (signal > _SIGNAL_DBM[0]) & (signal < _SIGNAL_DBM[1])
    table["signal_dbm"] = np.where(known, signal, _SIGNAL_DBM[0])
    for name, most in (("area", (1 << 32) - 1), ("pci", 503), ("earfcn", 262143)):
        values = numbers(frame[name]) if name in wanted else np.full(len(frame), np.nan)
        told = (values >= 0) & (values <= most) & (values == np.floor(values))
        table[name] = np.where(told, values, 0 if name == "area" else -1)
    whole = ("mcc", "mnc", "cell", "area", "pci", "earfcn")
    return table[good].astype(dict.fromkeys(whole, np.int64)), lines


def _cells(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cell from one row a measurement."""
    identity = ["mcc", "mnc", "area", "cell"]
    if measured.empty:
        return pd.DataFrame({name: pd.Series(dtype=np.float64) for name in (*CELL_COLUMNS, *RADIO_COLUMNS)})
    raster = pd.DataFrame(
        {
            "column": np.floor(measured["longitude_deg"] / _PLACE_DEG),
            "row": np.floor(measured["latitude_deg"] / _PLACE_DEG),
        }
    )
    places = pd.concat([measured, raster], axis=1).sort_values("signal_dbm", ascending=False, kind="stable")
    places = places.drop_duplicates([*identity, "column", "row"]).sort_index(kind="stable")
    grouped = places.groupby(identity, sort=True)
    group = grouped.ngroup().to_numpy(np.int64)
    count = int(group.max()) + 1
    frame = LocalFrame(float(places["longitude_deg"].median()), float(places["latitude_deg"].median()))
    east, north = frame.to_local(
        places["longitude_deg"].to_numpy(np.float64), places["latitude_deg"].to_numpy(np.float64)
    )
    weight = 10 ** (places["signal_dbm"].to_numpy(np.float64) / 20)
    mass = np.bincount(group, weight, minlength=count)
    cell_east = np.bincount(group, weight * east, minlength=count) / mass
    cell_north = np.bincount(group, weight * north, minlength=count) / mass
    distance = pd.Series(np.hypot(east - cell_east[group], north - cell_north[group]))
    longitude, latitude = frame.to_geodetic(cell_east, cell_north)
    table = grouped.size().index.to_frame(index=False)
    table["radio"] = "LTE"
    table["longitude_deg"], table["latitude_deg"] = longitude, latitude
    table["range_m"] = np.maximum(distance.groupby(group).quantile(0.95).to_numpy(), _LEAST_RANGE_M)
    table["samples"] = np.bincount(group, minlength=count).astype(np.int64)
    for name in RADIO_COLUMNS:
        table[name] = _commonest(places[name].to_numpy(np.int64), group, count)
    return table[[*CELL_COLUMNS, *RADIO_COLUMNS]]


def _commonest(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Return each group's commonest value that is not −1, the lowest of equals; −1 where there is none."""
    told = values >= 0
    votes = pd.DataFrame({"group": group[told], "value": values[told]}).value_counts().reset_index()
    votes = votes.sort_values(["count", "value"], ascending=[False, True]).drop_duplicates("group")
    found = np.full(count, -1, np.int64)
    found[votes["group"].to_numpy(np.int64)] = votes["value"].to_numpy(np.int64)
    return found
