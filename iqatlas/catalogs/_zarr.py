"""The one door to Zarr: stores of labelled arrays, written shard by shard."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store, SuffixByteRequest
from zarr.storage import FsspecStore, LocalStore, WrapperStore

from iqatlas.axes import RECORD, Quantity
from iqatlas.catalogs._zarr_codecs import READING
from iqatlas.catalogs._zarr_limits import LARGEST_METADATA_BYTES, check_metadata
from iqatlas.catalogs._zarr_shards import write_whole_shard
from iqatlas.catalogs.durable import remove_folder
from iqatlas.catalogs.place import NamedFiles
from iqatlas.errors import CorpusError, SetupError, StorageError

_LARGEST_CHUNK_BYTES = 16 << 20
"""Chunks of features that are larger than their I/Q hold fewer records, so that one can be read by itself."""
_REMEMBERED_BYTES = 16 << 20
"""Indices of shards that a reader remembers: those of a million chunks."""


def refuse_optimised_python() -> None:
    """Refuse a Python that leaves assertions out: reading metadata, Zarr does work in some of its own.

    Raises:
        SetupError: This one does.
    """
    if not __debug__:
        raise SetupError(
            "Zarr doesn't work under python -O", remedy="run Python without -O and PYTHONOPTIMIZE"
        )


def array_variable(quantity: Quantity, values: np.ndarray) -> xr.Variable:
    """Return values as a variable with its axes and attributes; text becomes variable-length strings."""
    dtype = np.dtypes.StringDType() if quantity.dtype == "str" else np.dtype(quantity.dtype)
    return xr.Variable(quantity.dims, np.asarray(values).astype(dtype, copy=False), quantity.attributes())


@contextmanager
def _quiet() -> Iterator[None]:
    # Zarr warns of consolidated metadata at each write; readers are better off with it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        yield


def create_store(
    store: Path,
    coordinates: xr.Dataset,
    quantities: dict[str, Quantity],
    shape: dict[str, int],
    *,
    chunk_records: int,
    shard_records: int,
    uncompressed: Collection[str] = ("iq",),
) -> None:
    """Create a store with its coordinates, and empty arrays over the records.

    Groups that are there stay; arrays that an earlier try has left are removed.

    Args:
        store: Folder of the store.
        coordinates: Everything that doesn't vary over records, and the attributes.
        quantities: The arrays over records.
        shape: Length of every axis.
        chunk_records: Records a chunk, the unit of reading.
        shard_records: Records a shard, the unit of writing; a multiple of the chunk.
        uncompressed: Arrays that hold noise, which doesn't compress: 14% off I/Q at the price of most of the
            writing speed.
    """
    refuse_optimised_python()
    for left in store.glob("*"):
        if left.is_file():
            left.unlink()
        elif not _is_group(left):
            remove_folder(left)
    import dask.array  # a third of a second, which workers can do without

    template = coordinates.copy()
    encoding: dict[str, dict[str, object]] = {}
    for name, quantity in quantities.items():
        lengths = tuple(shape[dim] for dim in quantity.dims)
        dtype = np.dtypes.StringDType() if quantity.dtype == "str" else np.dtype(quantity.dtype)
        lazy = dask.array.empty(lengths, dtype=dtype, chunks=(shard_records, *lengths[1:]))
        template[name] = xr.Variable(quantity.dims, lazy, quantity.attributes())
        encoding[name] = {
            "chunks": (_chunk(chunk_records, dtype.itemsize * math.prod(lengths[1:])), *lengths[1:]),
            "shards": (shard_records, *lengths[1:]),
        }
        if name in uncompressed:
            encoding[name]["compressors"] = None
    with _quiet():
        template.to_zarr(store, mode="a", zarr_format=3, compute=False, consolidated=False, encoding=encoding)


def _chunk(records: int, bytes_a_record: int) -> int:
    while records % 2 == 0 and records * bytes_a_record > _LARGEST_CHUNK_BYTES:
        records //= 2
    return records


def _is_group(folder: Path) -> bool:
    metadata = folder / "zarr.json"
    return metadata.is_file() and json.loads(metadata.read_bytes()).get("node_type") == "group"


def copy_metadata(store: Path, staging: Path) -> None:
    """Make an empty twin of a store, into which one shard is written before it is moved."""
    for source in store.rglob("zarr.json"):
        target = staging / source.relative_to(store)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def write_records(store: Path, records: xr.Dataset, start: int) -> None:
    """Write a whole shard of records into a store.

    Args:
        store: The store, or its twin.
        records: Variables over the records alone.
        start: First record.
    """
    count = records.sizes[RECORD]
    others = [
        str(name)
        for name in records.data_vars
        if not write_whole_shard(store / str(name), records.variables[name].values, start)
    ]
    if not others:
        return
    group = zarr.open_group(store, mode="r+", zarr_format=3, use_consolidated=False)
    # Without empty chunks written, an all-zero shard would leave no file that could be checked.
    with zarr.config.set({"array.write_empty_chunks": True}):
        for name in others:
            array, values = group[name], records.variables[name].values
            if not isinstance(array, zarr.Array) or array.shape[1:] != values.shape[1:]:
                raise ValueError(f"{name} is no array of this shape in {store}")
            text = values.dtype.kind in "OTU"
            array[start : start + count] = values if text else values.astype(array.dtype, copy=False)


def write_group(store: Path, group: str, data: xr.Dataset) -> None:
    """Write a whole group of a store."""
    refuse_optimised_python()
    encoding = {name: {"chunks": variable.shape} for name, variable in data.data_vars.items()}
    with zarr.config.set({"array.write_empty_chunks": True}):
        data.to_zarr(store, group=group, mode="w", zarr_format=3, consolidated=False, encoding=encoding)


def consolidate(store: Path) -> None:
    """Gather the metadata of all arrays and groups into the root, so that opening reads one file."""
    with _quiet():
        zarr.consolidate_metadata(str(store), zarr_format=3)


class _NamedStore(WrapperStore[Store]):
    """A read-only store whose files lie under other names in the store that it wraps.

    Args:
        store: The store that holds them.
        files: For each key, the key there.
    """

    def __init__(self, store: Store, files: Mapping[str, str]) -> None:
        super().__init__(store)
        self._files = files

    def _with_store(self, store: Store) -> _NamedStore:
        return type(self)(store, self._files)

    def __eq__(self, value: object) -> bool:
        return isinstance(value, _NamedStore) and self._files == value._files and super().__eq__(value)

    __hash__ = None  # type: ignore[assignment]

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return a file, or a part of it."""
        if key not in self._files:
            return None
        found = await self._store.get(self._files[key], prototype, byte_range)
        if found is None:
            # For Zarr a chunk that is not there is one of zeros.
            raise StorageError("a file of this version is missing", where=f"{key} ({self._files[key]})")
        return found

    async def getsize(self, key: str) -> int:
        """Return the size of a file."""
        return await self._store.getsize(self._files[key])

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> list[Any]:
        """Return parts of several files."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def _get_many(self, requests: Any) -> Any:
        for key, prototype, byte_range in requests:
            yield key, await self.get(key, prototype, byte_range)

    async def exists(self, key: str) -> bool:
        """Return whether there is a file by this key."""
        return key in self._files

    async def is_empty(self, prefix: str) -> bool:
        """Return whether nothing lies below a prefix."""
        return not any(key.startswith(prefix) for key in self._files)

    async def list(self) -> AsyncIterator[str]:
        """Give all keys."""
        for key in self._files:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Give the keys below a prefix."""
        for key in self._files:
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Give the names in a folder."""
        folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        for name in sorted({k[len(folder) :].split("/")[0] for k in self._files if k.startswith(folder)}):
            yield name


class _CheckedStore(WrapperStore[Store]):
    """A store whose array metadata are seen to ask for nothing absurd before anyone acts on them."""

    def _with_store(self, store: Store) -> _CheckedStore:
        return type(self)(store)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return a file, or a part of it; metadata are checked."""
        if key.rpartition("/")[2] != "zarr.json":
            return await self._store.get(key, prototype, byte_range)
        if await self._store.exists(key) and await self._store.getsize(key) > LARGEST_METADATA_BYTES:
            raise CorpusError(f"array metadata of over {LARGEST_METADATA_BYTES >> 20} MiB", where=key)
        found = await self._store.get(key, prototype, byte_range)
        if found is not None:
            check_metadata(found.to_bytes(), key)
        return found


class _IndexedStore(WrapperStore[Store]):
    """A store that remembers the ends of its files: indices of shards, which Zarr reads with every chunk.

    Only for a reader that looks for itself whether the corpus is still the one that it opened.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._ends: dict[tuple[str, int], Any] = {}
        self._room = _REMEMBERED_BYTES

    def _with_store(self, store: Store) -> _IndexedStore:
        return type(self)(store)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return a file, or a part of it; an end that was read before is not read again."""
        if not isinstance(byte_range, SuffixByteRequest):
            return await self._store.get(key, prototype, byte_range)
        end = (key, byte_range.suffix)
        if end in self._ends:
            return self._ends[end]
        found = await self._store.get(key, prototype, byte_range)
        if found is not None and len(found) <= self._room:
            self._ends[end] = found
            self._room -= len(found)
        return found


def _zarr_store(store: Path | str | NamedFiles) -> Store:
    root = store.root if isinstance(store, NamedFiles) else store
    if isinstance(root, Path):
        held: Store = LocalStore(root, read_only=True)
    else:
        # What an object store listed before may have changed since.
        held = FsspecStore.from_url(root, storage_options={"use_listings_cache": False}, read_only=True)
    return _CheckedStore(_NamedStore(held, store.files) if isinstance(store, NamedFiles) else held)


def open_store(
    store: Path | str | NamedFiles,
    group: str | None = None,
    *,
    consolidated: bool = True,
    dask: bool = True,
) -> xr.Dataset:
    """Open a store or a group of it, lazily.

    Args:
        store: Folder of the store, its address in an object store, or files that lie elsewhere.
        group: The group; the root without it.
        consolidated: Whether the root holds the metadata of all.
        dask: Whether arrays are Dask's, in chunks as stored, or plain lazy ones, which remember the indices
            of shards.
    """
    refuse_optimised_python()
    files = _zarr_store(store)
    with zarr.config.set(READING):
        dataset: xr.Dataset = xr.open_zarr(
            files if dask else _IndexedStore(files),
            group=group,
            consolidated=consolidated,
            zarr_format=3,
            chunks={} if dask else None,
        )
    return dataset


def shard_files(staging: Path) -> list[Path]:
    """Return the data files that a shard left in its twin store, in a fixed order."""
    return sorted(p for p in staging.rglob("*") if p.is_file() and p.name != "zarr.json")
