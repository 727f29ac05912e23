"""The codec of Zarr for reading, which sees that a chunk unpacks to its own size before it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from zarr.codecs import ZstdCodec
from zarr.registry import register_codec

from iqatlas.errors import CorpusError

_MAGIC = b"\x28\xb5\x2f\xfd"
_TEXT_BYTES = 1024
"""Of one text; names of receivers and splits have a few dozen."""
_SLACK_BYTES = 1 << 16


def unpacked_bytes(frame: bytes | memoryview) -> int | None:
    """Return what a Zstandard frame says that it unpacks to; None where it doesn't say.

    Args:
        frame: The frame, and nothing else.

    Raises:
        CorpusError: It is none, or something follows it.

    Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.
    """
    head = bytes(frame[:18])
    if len(head) < 6 or head[:4] != _MAGIC:
        raise CorpusError("a chunk is no Zstandard frame")
    flags = head[4]
    single = bool(flags & 0x20)
    place = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    size = int.from_bytes(head[place : place + width], "little") + (256 if width == 2 else 0)
    place += width
    last = False
    while not last:
        block = int.from_bytes(frame[place : place + 3], "little")
        last, kind, length = bool(block & 1), block >> 1 & 3, block >> 3
        place += 3 + (1 if kind == 1 else length)
        if place > len(frame):
            raise CorpusError("a chunk is cut short")
    if place + (4 if flags & 4 else 0) != len(frame):
        raise CorpusError("something follows a chunk's Zstandard frame")
    return size if width else None


def _native(spec: Any) -> np.dtype[Any]:
    native = spec.dtype.to_native_dtype() if hasattr(spec.dtype, "to_native_dtype") else spec.dtype
    dtype: np.dtype[Any] = np.dtype(native)
    return dtype


def _largest(spec: Any) -> int:
    """Return the most bytes that a chunk of a shape and type takes, unpacked."""
    dtype = _native(spec)
    each = _TEXT_BYTES if dtype.kind in "OT" else int(dtype.itemsize)
    return int(math.prod(spec.shape)) * each + _SLACK_BYTES


class BoundedZstd(ZstdCodec):
    """Zstandard that refuses a chunk which would unpack to more than its array's chunks hold.

    A chunk of texts begins with their number, for which its reader makes room: that is looked at, too.
    """

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        _refuse_large(chunk_bytes, chunk_spec)
        return _few_texts(super()._decode_sync(chunk_bytes, chunk_spec), chunk_spec)

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        _refuse_large(chunk_bytes, chunk_spec)
        return _few_texts(await super()._decode_single(chunk_bytes, chunk_spec), chunk_spec)


def _refuse_large(chunk_bytes: Any, chunk_spec: Any) -> None:
    size = unpacked_bytes(memoryview(chunk_bytes.as_numpy_array()).cast("B"))
    if size is None or size > _largest(chunk_spec):
        raise CorpusError(f"a chunk unpacks to {'an unknown size' if size is None else f'{size:.3g} bytes'}")


def _few_texts(unpacked: Any, chunk_spec: Any) -> Any:
    if _native(chunk_spec).kind in "OT":
        stated = int.from_bytes(bytes(unpacked.as_numpy_array()[:4]), "little")
        if stated != math.prod(chunk_spec.shape):
            raise CorpusError(f"a chunk of {stated:,} texts in place of {math.prod(chunk_spec.shape):,}")
    return unpacked


register_codec("zstd", BoundedZstd)
READING = {"codecs.zstd": f"{BoundedZstd.__module__}.{BoundedZstd.__qualname__}"}
"""Settings of Zarr under which this codec is chosen."""
