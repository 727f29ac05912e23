"""Whole shards of Zarr arrays, written from memory: the bytes of Zarr's codecs without their pipeline.

The pipeline copies uncompressed chunks twice, and costs milliseconds for each small array.

Source: Zarr version 3 core specification, codec ``sharding_indexed`` 1.0, binary shard format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs.vlen
import numcodecs.zstd
import numpy as np

_FILL: dict[str, float | bool | str] = {
    "NaN": np.nan,
    "[0.0, 0.0]": 0.0,
    "0": 0.0,
    "0.0": 0.0,
    "False": False,
    "": "",
}
_ABSENT = np.iinfo(np.uint64).max
_Encode = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class _Layout:
    """How the shards of an array lie.

    Args:
        dtype: Name of the type of its values.
        lengths: Length of each axis besides the record.
        chunk: Records a chunk.
        shard: Records a shard.
        fill: What stands beyond the last record.
        encode: From a chunk to its bytes; None where those are its memory.
    """

    dtype: str
    lengths: tuple[int, ...]
    chunk: int
    shard: int
    fill: float | bool | str
    encode: _Encode | None


def write_whole_shard(folder: Path, values: np.ndarray, start: int) -> bool:
    """Write a shard of an array, and return whether its codecs are among those known here.

    Args:
        folder: The array.
        values: A whole shard of it, or what is left at its end.
        start: First record.
    """
    layout = _layout(json.loads((folder / "zarr.json").read_bytes()))
    if layout is None or values.shape[1:] != layout.lengths or not values.flags.c_contiguous:
        return False
    dtype = values.dtype
    if dtype.byteorder == ">" or ("string" if dtype.kind in "OTU" else dtype.name) != layout.dtype:
        return False
    count = len(values)
    if start % layout.shard or not 0 < count <= layout.shard:
        return False
    place = folder.joinpath("c", str(start // layout.shard), *["0"] * len(layout.lengths))
    place.parent.mkdir(parents=True, exist_ok=True)
    index = np.full((layout.shard // layout.chunk, 2), _ABSENT, "<u8")
    with place.open("wb") as file:
        if layout.encode is None:
            used, length = -(-count // layout.chunk), layout.chunk * values[:1].nbytes
            index[:used, 0] = np.arange(used, dtype=np.uint64) * np.uint64(length)
            index[:used, 1] = length
            values.tofile(file)
            # A chunk is stored whole: beyond the last record it holds the fill value.
            np.full((used * length - values.nbytes) // values.itemsize, layout.fill, values.dtype).tofile(
                file
            )
        else:
            at = 0
            for number, chunk in enumerate(_chunks(values, layout)):
                content = layout.encode(chunk)
                index[number] = at, len(content)
                at += len(content)
                file.write(content)
        file.write(index.tobytes())
        file.write(google_crc32c.value(index.tobytes()).to_bytes(4, "little"))
    return True


def _chunks(values: np.ndarray, layout: _Layout) -> Iterator[np.ndarray]:
    for first in range(0, len(values), layout.chunk):
        chunk = values[first : first + layout.chunk]
        if len(chunk) < layout.chunk:
            whole = np.full((layout.chunk, *chunk.shape[1:]), layout.fill, chunk.dtype)
            whole[: len(chunk)] = chunk
            chunk = whole
        yield chunk


def _layout(metadata: dict[str, Any]) -> _Layout | None:
    """Return how the shards of an array lie; None where it isn't known here."""
    try:
        shape, grid = metadata["shape"], metadata["chunk_grid"]["configuration"]["chunk_shape"]
        (codec,) = metadata["codecs"]
        inner = codec["configuration"]
        serial, *compressors = inner["codecs"]
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        one_byte = metadata["data_type"] in ("bool", "int8", "uint8") and serial == {"name": "bytes"}
        text = serial["name"] == "vlen-utf8"
        fits = (
            codec["name"] == "sharding_indexed"
            and (serial == little or one_byte or text)
            and inner["index_codecs"] == [little, {"name": "crc32c"}]
            and inner["index_location"] == "end"
            and grid[1:] == shape[1:] == inner["chunk_shape"][1:]
            and metadata["chunk_key_encoding"] == {"name": "default", "configuration": {"separator": "/"}}
        )
        encode = _encoder(text, compressors)
    except (KeyError, TypeError, ValueError):
        return None
    fill = _FILL.get(str(metadata["fill_value"]))
    if not fits or fill is None:
        return None
    chunk, shard = int(inner["chunk_shape"][0]), int(grid[0])
    return _Layout(metadata["data_type"], tuple(shape[1:]), chunk, shard, fill, encode)


def _encoder(text: bool, compressors: list[dict[str, Any]]) -> _Encode | None:
    """Return what turns a chunk into bytes.

    Raises:
        ValueError: The compressor isn't known here.
    """
    if not compressors:
        return _text if text else None
    (compressor,) = compressors
    if compressor["name"] != "zstd":
        raise ValueError(compressor["name"])
    settings = compressor["configuration"]
    zstd = numcodecs.zstd.Zstd(level=settings["level"], checksum=settings["checksum"])
    return (lambda chunk: zstd.encode(_text(chunk))) if text else zstd.encode


def _text(chunk: np.ndarray) -> Any:
    return numcodecs.vlen.VLenUTF8().encode(chunk.astype(object))
