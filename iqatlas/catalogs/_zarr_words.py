"""Text of few words over the records of a Zarr store, told apart by bytes.

A million words as Python's strings take a second and 60 MB, and a thousandth of that as numbers.

Source: the layout of Zarr's codec ``vlen-utf8``: a count, then for each text its length and its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int8, UInt8

from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.row_files import FileMaps
from iqatlas.catalogs.shard_files import ShardFiles, layouts_of, stored_layouts
from iqatlas.errors import StorageError

_NO_TEXT = 0x7F
_SHARDS_AT_ONCE = 64
_BYTES_AT_ONCE = 32 << 20
"""How much is fetched from an object store at once: one answer takes longer than what it holds."""


def word_codes(
    store: Path | str | NamedFiles, name: str, words: Sequence[str]
) -> Int8[np.ndarray, " record"] | None:
    """Return which of a few words stands at each record of an array of text; None where others do.

    Args:
        store: Folder of the store, its address in an object store, or files that lie elsewhere.
        name: The array.
        words: The words, fewer than a hundred.

    Raises:
        StorageError: A shard is missing or damaged, or the object store can't be reached.
    """
    far = _FarFiles(store) if _is_far(store) else None
    layout = (stored_layouts(store) if far is None else layouts_of(far.read("zarr.json"))).get(name)
    if layout is None or (layout.data_type, layout.codecs) != ("string", ("vlen-utf8", "zstd")):
        return None
    maps = FileMaps()
    near = Path() if far is not None or isinstance(store, str) else store
    files = ShardFiles(near, name, layout, maps)
    # What is left empty behind the last record is a text of no length.
    marks = {_entry(word): 0x80 + code for code, word in enumerate(words)} | {_entry(""): 0x80 + _NO_TEXT}
    largest = 4 + layout.chunk * max(map(len, marks))
    # What doesn't compress grows by less than a hundredth; a chunk has 16 bytes in the index.
    largest_shard = (layout.shard // layout.chunk) * (largest + largest // 100 + 128) + 4
    at_once = max(1, min(_SHARDS_AT_ONCE, _BYTES_AT_ONCE // largest_shard))
    codes = np.empty(layout.shape[0], np.int8)
    for start in range(0, len(codes), at_once * layout.shard):
        stop = min(start + at_once * layout.shard, len(codes))
        maps.forget()
        if far is not None:
            paths = [files.path(shard) for shard in range(start // layout.shard, -(-stop // layout.shard))]
            for path, content in zip(paths, far.begins(paths, largest_shard), strict=True):
                maps.hold(path, content)
        for first in range(start, stop, layout.chunk):
            found = _chunk_codes(files, first // layout.chunk, marks, largest)
            if found is None:
                return None
            own = codes[first : first + layout.chunk]
            own[:] = found[: len(own)]
            if (own == _NO_TEXT).any():
                return None
    return codes


def _chunk_codes(
    files: ShardFiles, number: int, marks: dict[bytes, int], largest: int
) -> Int8[np.ndarray, " record"] | None:
    """Return the codes of a chunk, ``_NO_TEXT`` behind the last record; None where it holds other words."""
    raw = files.packed(number)
    if raw is None:
        return None
    whole = _unpacked(files, number, raw, largest)
    marked = whole[4:]
    # No word holds a zero byte, so that a length and its word are found nowhere but at their places.
    for entry, mark in marks.items():
        marked = marked.replace(entry, bytes([mark]))
    found = np.frombuffer(marked, np.uint8)
    chunk = files.layout.chunk
    if not int.from_bytes(whole[:4], "little") == len(marked) == chunk or (found < 0x80).any():
        return None
    codes: np.ndarray = (found - np.uint8(0x80)).view(np.int8)
    return codes


def _unpacked(files: ShardFiles, number: int, raw: UInt8[np.ndarray, " byte"], largest: int) -> bytes:
    """Return the bytes of a chunk, and no more of them than it may have, and one."""
    try:
        stream = pa.input_stream(pa.BufferReader(pa.py_buffer(raw)), compression="zstd")
        return bytes(stream.read(largest + 1))
    except OSError:
        raise files.damaged(number) from None


def _entry(word: str) -> bytes:
    raw = word.encode()
    return len(raw).to_bytes(4, "little") + raw


def _is_far(store: Path | str | NamedFiles) -> bool:
    return isinstance(store, str) or (isinstance(store, NamedFiles) and isinstance(store.root, str))


class _FarFiles:
    """The files of a store in an object store.

    Args:
        store: Its address, or the names that its files have elsewhere.
    """

    def __init__(self, store: Path | str | NamedFiles) -> None:
        from iqatlas.catalogs.object_store import ObjectStore

        self._names = store.files if isinstance(store, NamedFiles) else None
        self._place = ObjectStore(str(store.root if isinstance(store, NamedFiles) else store))

    def _name(self, key: str) -> str:
        if self._names is None:
            return key
        if key not in self._names:
            raise StorageError("a file of this version is missing", where=key)
        return self._names[key]

    def read(self, key: str) -> bytes:
        return self._place.read(self._name(key))

    def begins(self, keys: Sequence[Path], limit: int) -> list[bytes]:
        return self._place.begins([self._name(key.as_posix()) for key in keys], limit)
