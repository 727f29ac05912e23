"""What array metadata of a stranger may ask for, seen before any memory is.

A store of a few kilobytes can state a chunk of terabytes, or name code to decode it with. This package
writes a handful of codecs and types, and reads no others.
"""

from __future__ import annotations

import json
import math
from typing import Any

from iqatlas.axes import RECORD
from iqatlas.errors import CorpusError

LARGEST_METADATA_BYTES = 64 << 20
LARGEST_CHUNK_BYTES = 2 << 30
"""What the compressor can take at once, so that no larger chunk was ever written."""
_LARGEST_FIXED_BYTES = 4 << 30
"""Of one array without records, such as a coordinate: readers load those whole."""
_LARGEST_PATHS_BYTES = 16 << 30
_LARGEST_ARRAY_BYTES = 1 << 60
_MOST_AXES = 16
_MOST_ARRAYS = 4096
_MOST_CHUNKS = 1 << 22
"""Of an array: readers list them all. In chunks as iqatlas makes them these are 32 TiB."""
_TEXT_BYTES, _LONGEST_TEXT_BYTES = 16, 4096
_CODECS = ("bytes", "vlen-utf8", "zstd", "crc32c", "sharding_indexed", "transpose")
_TYPES = {
    "bool": 1,
    **{f"{kind}{bits}": bits // 8 for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": bits // 8 for bits in (16, 32, 64)},
    "complex64": 8,
    "complex128": 16,
    "string": _TEXT_BYTES,
}


def check_metadata(raw: bytes, where: str) -> None:
    """Refuse the metadata of an array or a group, or all of a store, that ask for what no corpus needs.

    Args:
        raw: Content of a ``zarr.json``.
        where: The file, for messages.

    Raises:
        CorpusError: They do, or can't be read.
    """
    if len(raw) > LARGEST_METADATA_BYTES:
        raise CorpusError(f"array metadata of over {LARGEST_METADATA_BYTES >> 20} MiB", where=where)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise CorpusError("array metadata that are no JSON", where=where) from None
    if not isinstance(body, dict):
        raise CorpusError("array metadata that are no mapping", where=where)
    within = body.get("consolidated_metadata")
    arrays = within.get("metadata") if isinstance(within, dict) else None
    arrays = arrays if isinstance(arrays, dict) else {}
    if len(arrays) > _MOST_ARRAYS:
        raise CorpusError(f"{len(arrays)} arrays in one store", where=where, accepted=f"up to {_MOST_ARRAYS}")
    for name, one in {"": body, **arrays}.items():
        if isinstance(one, dict) and one.get("node_type") == "array":
            try:
                _check_array(one, nested="/" in name)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as failure:
                what = failure.args[0] if isinstance(failure, _Absurd) else "array metadata of no known form"
                array = f"{where}: {name[:100]}" if name else where
                raise CorpusError(str(what), where=array, remedy="get the corpus again") from None


class _Absurd(ValueError):
    """What an array asks for, in words."""


def _check_array(array: dict[str, Any], *, nested: bool) -> None:
    itemsize = _item_bytes(array["data_type"])
    shape = _lengths(array["shape"], least=0)
    grid = array["chunk_grid"]
    if grid["name"] != "regular":
        raise _Absurd(f"a chunk grid of the kind {str(grid['name'])[:40]!r}")
    chunk = _lengths(grid["configuration"]["chunk_shape"], least=0)
    if len(chunk) != len(shape):
        raise _Absurd(f"chunks of {len(chunk)} axes in an array of {len(shape)}")
    if any(length and not part for length, part in zip(shape, chunk, strict=True)):
        raise _Absurd("chunks of the length 0")
    chunk = [part or 1 for part in chunk]  # links without any path have an axis of no length
    whole = math.prod(shape) * itemsize
    names = array.get("dimension_names") or []
    over_records = RECORD in names
    most = _LARGEST_ARRAY_BYTES if over_records else _LARGEST_PATHS_BYTES if nested else _LARGEST_FIXED_BYTES
    if whole > most:
        raise _Absurd(f"an array of {whole:.3g} bytes")
    _check_codecs(array["codecs"], chunk, itemsize, sharded=False)
    inner = array["codecs"][0]["configuration"]["chunk_shape"] if _is_sharded(array["codecs"]) else chunk
    count = math.prod(-(-length // part) for length, part in zip(shape, inner, strict=True))
    if count > _MOST_CHUNKS:
        raise _Absurd(f"{count:,} chunks in an array")
    if array.get("storage_transformers"):
        raise _Absurd("storage transformers, which no corpus needs")


def _item_bytes(kind: Any) -> int:
    if isinstance(kind, dict) and kind.get("name") == "fixed_length_utf32":
        length = kind["configuration"]["length_bytes"]
        if type(length) is int and 0 < length <= _LONGEST_TEXT_BYTES:
            return length
    elif isinstance(kind, str) and kind in _TYPES:
        return _TYPES[kind]
    name = kind.get("name") if isinstance(kind, dict) else kind
    raise _Absurd(f"values of the type {str(name)[:40]!r}, which no corpus holds")


def _lengths(values: Any, *, least: int) -> list[int]:
    if not isinstance(values, list) or len(values) > _MOST_AXES:
        raise _Absurd(f"no list of up to {_MOST_AXES} lengths")
    for value in values:
        if type(value) is not int or not least <= value < 1 << 48:
            raise _Absurd(f"an axis of the length {str(value)[:40]}")
    return values


def _is_sharded(codecs: Any) -> bool:
    return bool(codecs[0]["name"] == "sharding_indexed")


def _check_codecs(codecs: Any, chunk: list[int], itemsize: int, *, sharded: bool) -> None:
    names = [codec["name"] for codec in codecs]
    unknown = [name for name in names if name not in _CODECS]
    if unknown:
        raise _Absurd(f"the codec {str(unknown[0])[:40]!r}; accepted: {', '.join(_CODECS)}")
    if "sharding_indexed" in names:
        if sharded or len(names) > 1:
            raise _Absurd("shards within shards")
        inner = codecs[0]["configuration"]
        small = _lengths(inner["chunk_shape"], least=1)
        if len(small) != len(chunk):
            raise _Absurd("chunks of other axes than their shards")
        count = math.prod(-(-whole // part) for whole, part in zip(chunk, small, strict=True))
        if count > _MOST_CHUNKS:
            raise _Absurd(f"{count:,} chunks in a shard")
        if any(codec["name"] not in ("bytes", "crc32c") for codec in inner["index_codecs"]):
            raise _Absurd("an index of shards that is packed")
        _check_codecs(inner["codecs"], small, itemsize, sharded=True)
    elif "vlen-utf8" in names and "zstd" not in names:
        # The number of texts is looked at where they are unpacked.
        raise _Absurd("text that is not packed by zstd")
    elif math.prod(chunk) * itemsize > LARGEST_CHUNK_BYTES:
        raise _Absurd(f"chunks of {math.prod(chunk) * itemsize:.3g} bytes")
