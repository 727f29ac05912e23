"""Where the chunks of a Zarr store lie in files of this machine: the layout of shards, and their indices.

Source: Zarr version 3 core specification, codec ``sharding_indexed`` 1.0, binary shard format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from jaxtyping import UInt8, UInt64

from iqatlas.axes import RECORD
from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.row_files import VERIFY, FileMaps
from iqatlas.errors import StorageError

_NONE = np.iinfo(np.uint64).max


@dataclass(frozen=True)
class ShardLayout:
    """How the shards of an array over records lie.

    Args:
        dims: Names of its axes, records first.
        shape: Lengths of its axes.
        data_type: Zarr's name of the type.
        chunk: Records a chunk.
        shard: Records a shard.
        codecs: What a chunk goes through, inside the shard.
        fill: What a chunk holds that is not there.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    data_type: str
    chunk: int
    shard: int
    codecs: tuple[str, ...]
    fill: str


def shard_layout(metadata: Mapping[str, Any]) -> ShardLayout | None:
    """Return how shards lie, by the metadata of an array; None where they are not cut by records alone."""
    try:
        shape, grid = metadata["shape"], metadata["chunk_grid"]["configuration"]["chunk_shape"]
        (outer,) = metadata["codecs"]
        inner = outer["configuration"]
        chunk, shard = int(inner["chunk_shape"][0]), int(grid[0])
        little = {"name": "bytes", "configuration": {"endian": "little"}}
        fits = (
            outer["name"] == "sharding_indexed"
            and inner["index_codecs"] == [little, {"name": "crc32c"}]
            and inner["index_location"] == "end"
            and grid[1:] == shape[1:] == inner["chunk_shape"][1:]
            and metadata["dimension_names"][0] == RECORD
            and metadata["chunk_key_encoding"] == {"name": "default", "configuration": {"separator": "/"}}
            and not metadata.get("storage_transformers")
            and not {"scale_factor", "add_offset"} & set(metadata["attributes"])
            and 0 < chunk <= shard
            and shard % chunk == 0
            and min(shape) > 0
            # Numbers of one byte have no order, and their codec need not name one.
            and all(
                one.get("configuration", {}).get("endian", "little") == "little" for one in inner["codecs"]
            )
        )
        return (
            None
            if not fits
            else ShardLayout(
                tuple(metadata["dimension_names"]),
                tuple(shape),
                metadata["data_type"],
                chunk,
                shard,
                tuple(codec["name"] for codec in inner["codecs"]),
                str(metadata["fill_value"]),
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class ShardFiles:
    """The chunks of an array's shards, in files of this machine.

    Args:
        store: Folder of the store, or files that lie elsewhere on this machine.
        name: The array.
        layout: How its shards lie.
        maps: The files that are open.
    """

    def __init__(self, store: Path | NamedFiles, name: str, layout: ShardLayout, maps: FileMaps) -> None:
        self._store, self._name, self.layout, self._maps = store, name, layout, maps
        self._indices: dict[int, UInt64[np.ndarray, "chunk 2"]] = {}

    def path(self, shard: int) -> Path:
        """Return the file of a shard.

        Raises:
            StorageError: The version has none.
        """
        key = "/".join([self._name, "c", str(shard), *["0"] * (len(self.layout.shape) - 1)])
        if isinstance(self._store, Path):
            return self._store / key
        if key not in self._store.files:
            raise StorageError("a file of this version is missing", where=key)
        return Path(self._store.root) / self._store.files[key]

    def index(self, shard: int) -> UInt64[np.ndarray, "chunk 2"]:
        """Return offset and length of each chunk of a shard.

        Raises:
            StorageError: The file is missing, or damaged.
        """
        if shard not in self._indices:
            chunks = self.layout.shard // self.layout.chunk
            path = self.path(shard)
            size = len(self._maps.file(path))
            raw = self._maps.array(path, size - 16 * chunks - 4, (16 * chunks + 4,), np.dtype(np.uint8))
            if google_crc32c.value(raw[:-4].tobytes()) != int.from_bytes(raw[-4:].tobytes(), "little"):
                raise StorageError("the index of the chunks is damaged", where=str(path), remedy=VERIFY)
            words = np.frombuffer(raw[:-4].tobytes(), "<u8").astype(np.uint64)
            self._indices[shard] = words.reshape(chunks, 2)
        return self._indices[shard]

    def packed(self, number: int) -> UInt8[np.ndarray, " byte"] | None:
        """Return the bytes of a chunk as they are stored; None where it is not there.

        Args:
            number: Of the chunk, counted over the whole array.

        Raises:
            StorageError: The file is missing, or damaged.
        """
        a_shard = self.layout.shard // self.layout.chunk
        offset, length = (int(word) for word in self.index(number // a_shard)[number % a_shard])
        if offset == length == _NONE:
            return None
        return self._maps.array(self.path(number // a_shard), offset, (length,), np.dtype(np.uint8))

    def damaged(self, number: int) -> StorageError:
        """Return what to raise of a chunk that can't be unpacked."""
        path = self.path(number * self.layout.chunk // self.layout.shard)
        return StorageError("a chunk is damaged", where=str(path), remedy=VERIFY)


def stored_layouts(store: Path | str | NamedFiles) -> dict[str, ShardLayout]:
    """Return how the arrays over records of a finished store lie, those that can be read by offset.

    Args:
        store: Folder of the store, its address in an object store, or files that lie elsewhere.
    """
    path = _file(store, "zarr.json")
    return {} if path is None else layouts_of(path.read_bytes())


def layouts_of(root: bytes) -> dict[str, ShardLayout]:
    """Return how the arrays over records of a finished store lie, by the metadata of its root."""
    gathered = json.loads(root).get("consolidated_metadata") or {}
    layouts = {name: shard_layout(metadata) for name, metadata in gathered.get("metadata", {}).items()}
    return {name: layout for name, layout in layouts.items() if layout is not None and _plain_name(name)}


def _file(store: Path | str | NamedFiles, key: str) -> Path | None:
    if isinstance(store, Path):
        return store / key
    if isinstance(store, str) or isinstance(store.root, str) or key not in store.files:
        return None
    return store.root / store.files[key]


def _plain_name(name: str) -> bool:
    return name.replace("_", "").isalnum()
