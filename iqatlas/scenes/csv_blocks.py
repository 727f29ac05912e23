"""Large CSV files of plain numbers and words, read in blocks of whole lines within bounded memory."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import numpy as np
import pandas as pd

from iqatlas.errors import SitesError

_BLOCK_BYTES = 8 << 20
_MAX_LINE_BYTES = 1 << 16


def decompressed(raw: io.BufferedReader) -> io.BufferedIOBase:
    """Return the bytes of an open file, taken out of gzip if they are in it.

    Args:
        raw: The file, at its beginning.
    """
    # By content: copies called .csv that hold gzip are common.
    magic = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == b"\x1f\x8b" else raw


def line_blocks(stream: io.BufferedIOBase, where: str, max_bytes: int) -> Iterator[bytes]:
    """Yield blocks of whole lines without quotes; memory stays bounded whatever the file holds.

    Args:
        stream: The file.
        where: What to name in an error.
        max_bytes: Most bytes to read.

    Raises:
        SitesError: The file is longer, or a line is longer than 64 KiB.
    """
    rest = b""
    total = 0
    while chunk := stream.read(_BLOCK_BYTES):
        total += len(chunk)
        if total > max_bytes:
            raise SitesError(
                f"more than {max_bytes} bytes of CSV",
                where=where,
                remedy="use the download of one country, or cut the file",
            )
        text = rest + chunk
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if len(rest) > _MAX_LINE_BYTES:
            raise SitesError(
                f"a line of more than {_MAX_LINE_BYTES} bytes", where=where, accepted="a CSV file of cells"
            )
        if end:
            yield _cleaned(text[:end])
    if rest:
        yield _cleaned(rest)


def _cleaned(block: bytes) -> bytes:
    # No field holds a quote or a carriage return; without them each line is one row.
    return block.replace(b'"', b"").replace(b"\r", b"")


def even_rows(block: bytes, fields: int) -> tuple[bytes, int, int]:
    """Return the block without lines of another number of fields, the number of lines, and of those.

    Args:
        block: Whole lines.
        fields: How many fields a line has to have.
    """
    if not block.endswith(b"\n"):
        block += b"\n"
    octets = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    commas = np.searchsorted(np.flatnonzero(octets == ord(",")), ends)
    count = np.diff(commas, prepend=0)
    length = np.diff(ends, prepend=-1)
    blank = length == 1
    even = count == fields - 1
    if not even.all():
        block = octets[np.repeat(even, length)].tobytes()
    return block, int(np.count_nonzero(~blank)), int(np.count_nonzero(~even & ~blank))


def numbers(column: pd.Series) -> np.ndarray:
    """Return a column as float64, NaN where it holds no number.

    Args:
        column: As it was read.
    """
    # Words such as "True" are read as booleans, which are no numbers here.
    if column.dtype == bool:
        return np.full(len(column), np.nan)
    return np.asarray(pd.to_numeric(column, errors="coerce"), np.float64)


def inside(table: pd.DataFrame, bbox: tuple[float, float, float, float]) -> np.ndarray:
    """Return which rows lie inside a bbox.

    Args:
        table: Rows with ``longitude_deg`` and ``latitude_deg``.
        bbox: West, south, east, north in degrees.
    """
    west, south, east, north = bbox
    longitude, latitude = table["longitude_deg"].to_numpy(), table["latitude_deg"].to_numpy()
    return (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
