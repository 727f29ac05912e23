"""Cell databases: OpenCelliD's CSV files, of whatever vintage, as one table."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.csv_blocks import decompressed, even_rows, inside, line_blocks, numbers

ATTRIBUTION = "Cell data: OpenCelliD Project, CC BY-SA 4.0, https://opencellid.org"
"""The line of credit that the licence of OpenCelliD's data asks for."""

CELL_COLUMNS = ("radio", "mcc", "mnc", "area", "cell", "longitude_deg", "latitude_deg", "range_m", "samples")
"""Columns of :attr:`CellTable.cells`."""

MAX_BYTES = 8 << 30
"""Most bytes of CSV that are read; the database of the whole world has about half as many."""

MAX_CELLS = 2_000_000
"""Most cells that are kept; no city has as many."""

# Order of the columns in a download file, which some copies come without a header.
_DOWNLOAD_ORDER = (
    "radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range",
    "samples", "changeable", "created", "updated", "averagesignal",
)  # fmt: skip
_RADIOS = frozenset({"GSM", "UMTS", "LTE", "NR", "CDMA", "NBIOT"})
# What the download files and the API call a column, in lower case.
_NAMES = {
    "radio": "radio",
    "mcc": "mcc",
    "net": "mnc",
    "mnc": "mnc",
    "area": "area",
    "lac": "area",
    "tac": "area",
    "cell": "cell",
    "cellid": "cell",
    "lon": "longitude_deg",
    "lat": "latitude_deg",
    "range": "range_m",
    "samples": "samples",
}
# Accepted values. NR cell identities have 36 bits (TS 38.413, section 9.3.1.7), the longest of all.
_LIMITS = {
    "mcc": (0, 999),
    "mnc": (0, 999),
    "area": (0, (1 << 32) - 1),
    "cell": (0, (1 << 36) - 1),
    "longitude_deg": (-180, 180),
    "latitude_deg": (-90, 90),
    "range_m": (0, 1e7),
    "samples": (0, 1e12),
}
_WHOLE = ("mcc", "mnc", "area", "cell", "samples")


@dataclass(frozen=True, eq=False)
class CellTable:
    """The cells of a file, in one form.

    Args:
        cells: One row a cell, with :data:`CELL_COLUMNS`; whole numbers as int64. ``range_m`` is 0
            and ``samples`` is 1 where the file has no such column.
        rows: Rows of data in the file.
        dropped: Rows that were left out on account of their values, by reason.
        has_radio: Whether the file tells the radio technology; where not, ``radio`` is empty.
    """

    cells: pd.DataFrame
    rows: int
    dropped: dict[str, int] = field(default_factory=dict)
    has_radio: bool = True


def read_cells(
    path: Path,
    *,
    bbox: tuple[float, float, float, float] | None = None,
    where: str = "sites.path",
    max_bytes: int = MAX_BYTES,
    max_cells: int = MAX_CELLS,
) -> CellTable:
    """Read an OpenCelliD CSV file: a download file or one of the API, plain or gzip, with or without header.

    The file is read in blocks of which only the rows inside ``bbox`` are kept, so a national file
    takes little memory.

    Args:
        path: The file.
        bbox: West, south, east, north in degrees; rows outside are not kept. None keeps all.
        where: What to name in an error, such as the key of a spec.
        max_bytes: Most bytes of CSV, after decompression.
        max_cells: Most rows to keep.

    Raises:
        MissingFileError: There is no such file.
        SitesError: The file is no cell CSV, lacks coordinates or identities, is damaged, or is too large.

    Source: OpenCelliD's documentation, "Database downloads" and "API".
    """
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
            for block in line_blocks(decompressed(raw), f"{where} ({path.name})", max_bytes):
                if columns is None:
                    columns, block = _columns(block, f"{where} ({path.name})")
                table, count = _parse(block, columns, dropped)
                rows += count
                if bbox is not None:
                    table = table[inside(table, bbox)]
                kept += len(table)
                if kept > max_cells:
                    raise SitesError(
                        f"more than {max_cells} cells",
                        where=f"{where} ({path.name})",
                        remedy="choose a smaller scene.bbox or cut the file",
                    )
                parts.append(table)
    except (OSError, EOFError, zlib.error) as error:
        # SitesError is no OSError, so the errors raised above pass through.
        raise SitesError(
            f"the file can't be read to its end ({error})",
            where=f"{where} ({path.name})",
            remedy="see that it may be read and is whole, or download it again",
        ) from error
    if columns is None:
        raise SitesError("the file is empty", where=f"{where} ({path.name})", accepted="an OpenCelliD CSV")
    cells = pd.concat(parts, ignore_index=True)
    identity = ["radio", "mcc", "mnc", "area", "cell"]
    # Copies that were joined from several downloads hold a cell twice: the best-sampled row stays.
    order = cells.sort_values("samples", ascending=False, kind="stable")
    unique = order.drop_duplicates(identity).sort_index()
    if len(unique) < len(cells):
        dropped["the same cell again"] = len(cells) - len(unique)
    reasons = {reason: count for reason, count in sorted(dropped.items()) if count}
    return CellTable(unique.reset_index(drop=True), rows, reasons, "radio" in columns)


def _columns(block: bytes, where: str) -> tuple[tuple[str, ...], bytes]:
    """Return the normalised names of a file's columns and its first block without the header."""
    first, _, rest = block.partition(b"\n")
    fields = first.decode("utf-8", "replace").removeprefix("\ufeff").lower().split(",")
    fields = [name.strip() for name in fields]
    if "mcc" in fields:
        body = rest
    elif len(fields) == len(_DOWNLOAD_ORDER) and fields[0].upper() in _RADIOS:
        fields, body = list(_DOWNLOAD_ORDER), block
    elif len(fields) == len(_DOWNLOAD_ORDER) - 1 and fields[0].isdecimal():
        fields, body = list(_DOWNLOAD_ORDER[1:]), block
    else:
        shown = first[:60].decode("utf-8", "replace")
        raise SitesError(
            f"the first line is neither a header nor a row of an OpenCelliD file: {shown!r}",
            where=where,
            accepted=f"columns {','.join(_DOWNLOAD_ORDER[:10])}",
        )
    # A column that is not needed keeps its own name behind a mark, so that it can't hide a needed one.
    names = tuple(_NAMES.get(name, f"_{place}_{name}") for place, name in enumerate(fields))
    missing = [name for name in ("mcc", "mnc", "cell", "longitude_deg", "latitude_deg") if name not in names]
    if missing or len(set(names)) < len(names):
        what = f"no column for {', '.join(missing)}" if missing else "a column comes twice"
        raise SitesError(
            f"{what} in the header {','.join(fields)[:200]}",
            where=where,
            accepted="lon, lat, mcc, net or mnc, cell or cellid, and radio, range, samples",
            remedy="iqatlas needs the positions of the cells: download a file that has them",
        )
    return names, body


def _parse(block: bytes, columns: tuple[str, ...], dropped: Counter[str]) -> tuple[pd.DataFrame, int]:
    """Return the good rows of a block and the number of all its rows; count the others in ``dropped``."""
    block, lines, ragged = even_rows(block, len(columns))
    dropped["wrong number of fields"] += ragged
    wanted = [name for name in columns if not name.startswith("_")]
    if block.strip():
        frame = pd.read_csv(
            io.BytesIO(block),
            names=list(columns),
            usecols=wanted,
            header=None,
            encoding_errors="replace",
            dtype={"radio": str} if "radio" in wanted else None,
            low_memory=False,
            quoting=csv.QUOTE_NONE,
        )
    else:
        frame = pd.DataFrame({name: pd.Series(dtype=np.float64) for name in wanted})
    good = np.ones(len(frame), bool)
    table = pd.DataFrame(index=frame.index)
    for name in CELL_COLUMNS:
        if name == "radio":
            radio = frame["radio"] if "radio" in wanted else pd.Series("", frame.index)
            table["radio"] = radio.fillna("").astype(str).str.strip().str.upper()
            continue
        if name not in wanted:
            table[name] = {"range_m": 0.0, "samples": 1, "area": 0}[name]
            continue
        values = numbers(frame[name])
        low, high = _LIMITS[name]
        fine = (values >= low) & (values <= high)
        if name in _WHOLE:
            fine &= values == np.floor(values)
        dropped[f"bad {name}"] += int(np.count_nonzero(good & ~fine))
        good &= fine
        table[name] = values
    table = table[good]
    return table.astype(dict.fromkeys(_WHOLE, np.int64)), lines
