"""What a map file holds, told by its name and its content; compressed ones unpacked, within bounds."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from iqatlas.errors import MissingFileError, SceneError

SUFFIXES = (".osm", ".osm.bz2", ".osm.gz", ".osm.pbf", ".pbf", ".json")
MAX_MAP_BYTES = 1 << 30
"""A map larger than this, once unpacked, is a country: it is cut to the scene's area first."""
MAX_JSON_BYTES = 1 << 28
"""JSON is held in memory whole, at several times its size."""
MAX_GROWTH = 100
"""OpenStreetMap XML shrinks about 12-fold; what shrinks more than this is made to fill a disk."""
MAX_PBF_GROWTH = 20
"""Binary maps shrink two- to fourfold. A bomb of them fills the memory with node locations."""
_SLACK_BYTES = 1 << 24
_CHUNK_BYTES = 1 << 20

MapContent = Literal["xml", "pbf", "json"]
_BROKEN_STREAM = (OSError, EOFError, zlib.error, ValueError)


def plain_map(path: Path, folder: Path, *, where: str) -> tuple[Path, MapContent]:
    """Return a map file, unpacked where it is compressed, and what it holds.

    The content counts, not the suffix: Overpass answers in JSON whatever the name it is saved under.

    Args:
        path: A file whose name ends in one of :data:`SUFFIXES`.
        folder: A folder of the caller's, for an unpacked copy.
        where: What error messages name as the place of the fault.

    Raises:
        MissingFileError: The file isn't there.
        SceneError: The name has another suffix, or the content is damaged, too large, or another.
    """
    if not path.exists():
        raise MissingFileError(f"no such file: {path}", where=where, remedy="check the path")
    if not path.name.lower().endswith(SUFFIXES) or not path.is_file():
        raise SceneError(
            f"{path.name} is not an OpenStreetMap file that can be read",
            where=where,
            accepted="a file that ends in " + ", ".join(SUFFIXES),
            remedy="convert it, for example with osmium cat; GeoJSON, GeoPackage and GeoParquet footprints "
            "are read with kind: footprints",
        )
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
        if head.startswith((b"BZh", b"\x1f\x8b")):
            plain = folder / "unpacked.osm"
            _unpack(path, plain, is_bz2=head.startswith(b"BZh"), where=where)
            with plain.open("rb") as stream:
                head = stream.read(64)
        else:
            plain = path
            if path.stat().st_size > MAX_MAP_BYTES:
                raise _too_large(path, where)
    except OSError as error:
        raise damaged(path, where, _reason(error)) from error
    content = _content(head)
    if content is None:
        raise damaged(path, where, "neither OpenStreetMap XML nor PBF nor Overpass JSON")
    if content == "json" and plain.stat().st_size > MAX_JSON_BYTES:
        raise _too_large(path, where)
    if content == "pbf":
        _check_growth(plain, path, where)
    return plain, content


def damaged(path: Path, where: str, why: str) -> SceneError:
    """Return the error of a file that can't be read, with the reason."""
    return SceneError(
        f"{path.name} is damaged or not OpenStreetMap data ({why})",
        where=where,
        accepted="a whole file of one of " + ", ".join(SUFFIXES),
        remedy="fetch the file again",
    )


def _too_large(path: Path, where: str) -> SceneError:
    return SceneError(
        f"{path.name} holds more map than a scene can take",
        where=where,
        accepted=f"up to {MAX_MAP_BYTES >> 20} MiB once unpacked ({MAX_JSON_BYTES >> 20} MiB of JSON), "
        "shrunk no more than a map shrinks",
        remedy="cut it to the scene's area, for example with osmium extract",
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _unpack(path: Path, target: Path, *, is_bz2: bool, where: str) -> None:
    allowed = min(MAX_MAP_BYTES, _SLACK_BYTES + MAX_GROWTH * path.stat().st_size)
    written = 0
    unpack = bz2.open if is_bz2 else gzip.open
    try:
        with unpack(path, "rb") as stream, target.open("wb") as out:
            while chunk := stream.read(_CHUNK_BYTES):
                written += len(chunk)
                if written > allowed:
                    raise _too_large(path, where)
                out.write(chunk)
    except _BROKEN_STREAM as error:
        if isinstance(error, SceneError):
            raise
        raise damaged(path, where, _reason(error)) from error


def _content(head: bytes) -> MapContent | None:
    if head[4:].startswith(b"\x0a\x09OSMHeader"):
        return "pbf"
    # The marks of UTF-8 and of the two orders of UTF-16, then the characters themselves.
    text = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    text = text.lstrip(b" \t\r\n\0")
    if text.startswith(b"<"):
        return "xml"
    return "json" if text.startswith((b"{", b"[")) else None


def _check_growth(plain: Path, path: Path, where: str) -> None:
    """Refuse a binary map whose blobs say that they hold far more than the file is long."""
    size = plain.stat().st_size
    allowed = min(MAX_MAP_BYTES, _SLACK_BYTES + MAX_PBF_GROWTH * size)
    total = 0
    with plain.open("rb") as stream:
        for blob in _blob_sizes(stream, size):
            total += blob
            if total > allowed:
                raise _too_large(path, where)


def _blob_sizes(stream: IO[bytes], size: int) -> Iterator[int]:
    """Yield how many bytes each blob holds once inflated; end where the file stops making sense.

    Source:
        OpenStreetMap wiki, "PBF Format": fileformat.proto.
    """
    place = 0
    while place + 4 <= size:
        stream.seek(place)
        header_bytes = int.from_bytes(stream.read(4), "big")
        if not 0 < header_bytes <= 1 << 16:
            return
        data_bytes = dict(_numbers(stream, place + 4, place + 4 + header_bytes)).get(3, 0)
        place += 4 + header_bytes
        if not 0 < data_bytes <= size - place:
            return
        yield dict(_numbers(stream, place, place + data_bytes)).get(2, data_bytes)
        place += data_bytes


def _numbers(stream: IO[bytes], place: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield field and value of the whole numbers of a protobuf message; skip its strings."""
    while place < end:
        stream.seek(place)
        window = stream.read(min(20, end - place))
        key, length = _varint(window, 0)
        value, length = _varint(window, length)
        if length < 0 or key & 7 not in (0, 2):
            return
        if key & 7 == 0:
            yield key >> 3, value
        place += length + (value if key & 7 == 2 else 0)


def _varint(window: bytes, start: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends; -1 where it doesn't."""
    value = 0
    for index in range(max(start, 0), min(len(window), start + 10)):
        value |= (window[index] & 0x7F) << (7 * (index - start))
        if window[index] < 0x80:
            return value, index + 1
    return value, -1
