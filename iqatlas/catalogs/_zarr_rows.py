"""Arrays of a Zarr store in a folder, read by offset.

Zarr's own pipeline takes a millisecond for a chunk of a few kilobytes. Here an array's shards are mapped
where their chunks are plain memory in order, and chunks are cut out and unpacked where they are not. What is
laid out in any other way is left to Zarr.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.row_files import FileMaps, RowFiles
from iqatlas.catalogs.shard_files import ShardFiles, stored_layouts

_TYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
_FILLS = {"NaN": np.nan, "[0.0, 0.0]": 0, "0": 0, "0.0": 0, "False": 0}


class ZarrRows(RowFiles):
    """An array of numbers over records.

    Args:
        files: Its chunks.
        maps: The files that are open.
    """

    def __init__(self, files: ShardFiles, maps: FileMaps) -> None:
        layout = files.layout
        super().__init__(layout.dims, layout.shape, np.dtype(layout.data_type), layout.shard, maps)
        self._files = files
        self._chunk_bytes = layout.chunk * int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def located(self, shard: int) -> tuple[Path, int] | None:
        """Return file and offset of a shard of plain chunks in order."""
        if self._files.layout.codecs != ("bytes",):
            return None
        index = self._files.index(shard)
        records = min(self.shard_records, self.shape[0] - shard * self.shard_records)
        used = -(-records // self._files.layout.chunk)
        starts = np.arange(used, dtype=np.uint64) * np.uint64(self._chunk_bytes)
        in_order = (index[:used, 0] == starts).all() and (index[:used, 1] == self._chunk_bytes).all()
        return (self._files.path(shard), 0) if in_order else None

    def load(self, rows: Int64[np.ndarray, " row"], out: np.ndarray) -> None:
        """Read records chunk by chunk."""
        chunk = self._files.layout.chunk
        of = rows // chunk
        starts = np.append(np.flatnonzero(np.diff(of, prepend=-1)), len(rows))
        for first, stop in pairwise(starts.tolist()):
            raw = self._chunk(int(of[first]))
            if raw is None:
                out[first:stop] = _FILLS[self._files.layout.fill]
                continue
            values = np.frombuffer(raw, self.dtype).reshape(chunk, *self.shape[1:])
            local = rows[first:stop] - of[first] * chunk
            run = local[-1] - local[0] == len(local) - 1
            out[first:stop] = values[local[0] : local[-1] + 1] if run else values[local]

    def _chunk(self, number: int) -> bytes | None:
        """Return the bytes of a chunk, unpacked."""
        raw = self._files.packed(number)
        if raw is None:
            return None
        if self._files.layout.codecs == ("bytes",):
            whole = raw.tobytes()
        else:
            try:
                whole = pa.Codec("zstd").decompress(raw, self._chunk_bytes, asbytes=True)
            except OSError:
                raise self._files.damaged(number) from None
        if len(whole) != self._chunk_bytes:
            raise self._files.damaged(number)
        return whole


def row_files(store: Path | str | NamedFiles, names: Sequence[str], maps: FileMaps) -> dict[str, RowFiles]:
    """Return those of some arrays over records that can be read by offset.

    Args:
        store: Folder of the store, its address in an object store, or files that lie elsewhere.
        names: The arrays.
        maps: The files that are open.
    """
    if isinstance(store, str) or (isinstance(store, NamedFiles) and isinstance(store.root, str)):
        return {}
    layouts = stored_layouts(store)
    numbers = {
        name: layouts[name]
        for name in names
        if name in layouts
        and layouts[name].data_type in _TYPES
        and layouts[name].codecs in (("bytes",), ("bytes", "zstd"))
        and layouts[name].fill in _FILLS
    }
    return {name: ZarrRows(ShardFiles(store, name, layout, maps), maps) for name, layout in numbers.items()}
