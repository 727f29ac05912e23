"""The one door to HDF5: one file a shard, and a file that shows all of them as one, with the coordinates.

``records.h5`` holds coordinates, attributes, and virtual arrays over ``records/00000.h5`` and its
neighbours, so that any HDF5 reader sees whole arrays. This package reads the shards' files themselves,
and of any file only plain arrays: nothing that points elsewhere, and nothing larger than what is stored.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from iqatlas.axes import RECORD, Quantity
from iqatlas.errors import CorpusError

MASTER = "records.h5"
SHARDS = "records"
_CHUNK, _SHARD = "iqatlas_chunk_records", "iqatlas_shard_records"
_COORDINATE = "iqatlas_coordinate"
_OWN_ATTRIBUTES = (_CHUNK, _SHARD, _COORDINATE, "DIMENSION_LABELS")
_TEXT_BYTES = 16
"""Text over the records is stored in so many bytes; the longest name of a split has ten."""
_GROUP = re.compile(r"[a-z]+")
_LIBVER = ("earliest", "v110")


def _new(path: Path) -> h5py.File:
    path.parent.mkdir(parents=True, exist_ok=True)
    # An old format on purpose: files of it bear no times, and the same arrays are the same bytes.
    return h5py.File(path, "w", libver=_LIBVER)


def shard_name(index: int) -> str:
    """Return the place of a shard's file in the corpus."""
    return f"{SHARDS}/{index:05d}.h5"


def create_store(
    corpus: Path,
    coordinates: xr.Dataset,
    quantities: dict[str, Quantity],
    shape: dict[str, int],
    *,
    chunk_records: int,
    shard_records: int,
) -> None:
    """Create the file that shows all shards, before there are any.

    Args:
        corpus: Folder of the corpus.
        coordinates: Everything that doesn't vary over records, and the attributes.
        quantities: The arrays over records.
        shape: Length of every axis.
        chunk_records: Records a chunk, the unit of reading.
        shard_records: Records a shard, the unit of writing.
    """
    records = shape[RECORD]
    with _new(corpus / MASTER) as file:
        _write_dataset(file, coordinates)
        file.attrs[_CHUNK], file.attrs[_SHARD] = chunk_records, shard_records
        for name, quantity in quantities.items():
            lengths = tuple(shape[dim] for dim in quantity.dims)
            dtype = _stored_type(np.dtype(quantity.dtype) if quantity.dtype != "str" else None)
            layout = h5py.VirtualLayout(lengths, dtype)
            layout.dcpl.set_obj_track_times(False)
            for index, start in enumerate(range(0, records, shard_records)):
                stop = min(start + shard_records, records)
                source = h5py.VirtualSource(shard_name(index), name, (stop - start, *lengths[1:]), dtype)
                layout[start:stop] = source
            _describe(file.create_virtual_dataset(name, layout), quantity.dims, quantity.attributes())
        file["paths"] = h5py.ExternalLink(f"{SHARDS}/paths.h5", "/")


def _stored_type(dtype: np.dtype[Any] | None, size: int = _TEXT_BYTES) -> Any:
    return h5py.string_dtype("utf-8", size) if dtype is None else dtype


def _describe(array: h5py.Dataset, dims: Iterable[object], attributes: dict[Any, Any]) -> None:
    for axis, dim in zip(array.dims, dims, strict=True):
        axis.label = str(dim)
    array.attrs.update({str(key): value for key, value in attributes.items()})


def _write_dataset(group: h5py.Group, data: xr.Dataset, *, text_bytes: int | None = None) -> None:
    group.attrs.update({str(key): value for key, value in data.attrs.items()})
    for name, variable in data.variables.items():
        values = np.asarray(variable.values)
        if values.dtype.kind in "OTU":
            text = values.astype(np.dtypes.StringDType())
            longest = int(np.strings.str_len(text).max(initial=1))
            encoded = np.strings.encode(text.astype(f"U{longest}"), "utf-8")
            size = text_bytes or max(1, encoded.dtype.itemsize)
            if encoded.dtype.itemsize > size:
                raise CorpusError(f"text of {encoded.dtype.itemsize} bytes", accepted=f"{size} at most")
            values = encoded.astype(_stored_type(None, size))
        array = group.create_dataset(str(name), data=values)
        _describe(array, variable.dims, dict(variable.attrs))
        if name in data.coords:
            array.attrs[_COORDINATE] = True


def copy_metadata(corpus: Path, twin: Path) -> None:
    """Make a twin of a corpus's store, into which one shard is written before it is moved."""
    twin.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(corpus / MASTER, twin / MASTER)


def write_records(twin: Path, records: xr.Dataset, start: int) -> None:
    """Write a whole shard of records.

    Args:
        twin: The corpus, or its twin.
        records: Variables over the records alone.
        start: First record.
    """
    with h5py.File(twin / MASTER, "r") as master:
        shard_records = int(master.attrs[_SHARD])
    with _new(twin / shard_name(start // shard_records)) as file:
        _write_dataset(file, records, text_bytes=_TEXT_BYTES)


def write_group(corpus: Path, group: str, data: xr.Dataset) -> None:
    """Write a whole group, a file of its own."""
    with _new(corpus / SHARDS / f"{group}.h5") as file:
        _write_dataset(file, data)


def open_store(corpus: Path, group: str | None = None, *, dask: bool = True) -> xr.Dataset:
    """Open a store or a group of it; arrays over records are lazy.

    Args:
        corpus: Folder of the corpus.
        group: The group; the records without it.
        dask: Whether arrays over the records are Dask's, in chunks, or plain lazy ones.

    Raises:
        CorpusError: A file holds something that this package doesn't write, or states more than is stored.
    """
    if group is not None and not _GROUP.fullmatch(group):
        raise CorpusError(f"{group!r} is no group")
    path = corpus / MASTER if group is None else corpus / SHARDS / f"{group}.h5"
    data: dict[str, xr.Variable] = {}
    coordinates: dict[str, xr.Variable] = {}
    with h5py.File(path, "r", locking="best-effort") as file:
        attributes = {key: _plain(value) for key, value in file.attrs.items() if key not in _OWN_ATTRIBUTES}
        chunk = int(file.attrs.get(_CHUNK, 1))
        shard = int(file.attrs.get(_SHARD, 1))
        if not 0 < chunk <= shard:
            raise CorpusError(f"{path.name}: chunks of {chunk} records in shards of {shard}")
        for name in file:
            if group is None and name == "paths":
                continue  # it is opened by its own name, the link is not followed
            array = _plain_array(file, name, virtual=group is None)
            dims = tuple(axis.label for axis in array.dims)
            own = {key: _plain(value) for key, value in array.attrs.items() if key not in _OWN_ATTRIBUTES}
            if array.is_virtual:
                shards = _Shards(str(corpus), name, array.shape, _read_type(array), shard)
                shards.check()
                lazy = indexing.LazilyIndexedArray(_ShardedArray(shards))
                data[name] = xr.Variable(dims, lazy, own, {"chunks": (chunk, *array.shape[1:])})
                continue
            kept = coordinates if array.attrs.get(_COORDINATE, False) else data
            kept[name] = xr.Variable(dims, _read(array, ...), own)
    dataset = xr.Dataset(data, coordinates, attributes)
    return dataset.chunk({RECORD: chunk}) if dask and group is None else dataset


def arrays_of_numbers(
    corpus: Path,
) -> tuple[int, dict[str, tuple[tuple[str, ...], tuple[int, ...], np.dtype[Any]]]]:
    """Return the records of a shard, and axes, lengths and type of each array of numbers over the records.

    Args:
        corpus: Folder of the corpus.
    """
    found = {}
    with h5py.File(corpus / MASTER, "r", locking="best-effort") as file:
        for name in file:
            array = _plain_array(file, name, virtual=True) if name != "paths" else None
            if array is not None and array.is_virtual and h5py.check_string_dtype(array.dtype) is None:
                found[name] = (tuple(axis.label for axis in array.dims), array.shape, array.dtype)
        return int(file.attrs[_SHARD]), found


def plain_places(path: Path) -> dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]:
    """Return offset, lengths and type of each array in a shard's file: they lie there as in memory.

    Args:
        path: The file.
    """
    with h5py.File(path, "r", locking="best-effort") as file:
        arrays = {name: _plain_array(file, name) for name in file}
        return {name: (array.id.get_offset(), array.shape, array.dtype) for name, array in arrays.items()}


def raw_text(corpus: Path, name: str) -> Iterator[np.ndarray]:
    """Give an array of text over the records shard by shard, as bytes of a fixed length.

    Args:
        corpus: Folder of the corpus.
        name: The array.
    """
    with h5py.File(corpus / MASTER, "r", locking="best-effort") as file:
        shards = -(-file[name].shape[0] // int(file.attrs[_SHARD]))
    for index in range(shards):
        with h5py.File(corpus / shard_name(index), "r", locking="best-effort") as file:
            yield np.asarray(_plain_array(file, name)[...]).astype("S")


def shard_files(twin: Path) -> list[Path]:
    """Return the data files that a shard left in its twin."""
    return sorted((twin / SHARDS).glob("*.h5"))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def _plain_array(file: h5py.File, name: str, *, virtual: bool = False) -> h5py.Dataset:
    """Return an array, if it lies in this file, whole and uncompressed; or in the shards, if it may."""
    where = f"{Path(file.filename).name}: {name}"
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise CorpusError(f"{where} is a link to elsewhere")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.external:
        raise CorpusError(f"{where} is no plain array")
    if array.is_virtual and virtual:
        return array
    # Space that was never written could be of any size.
    if array.is_virtual or array.chunks is not None or array.id.get_storage_size() != array.nbytes:
        raise CorpusError(f"{where} is not stored whole and uncompressed")
    if array.dtype.kind == "O":
        raise CorpusError(f"{where} is of variable length")
    return array


def _read_type(array: h5py.Dataset) -> np.dtype[Any]:
    text = h5py.check_string_dtype(array.dtype) is not None
    dtype: np.dtype[Any] = np.dtypes.StringDType() if text else array.dtype
    return dtype


def _read(array: h5py.Dataset, key: Any) -> np.ndarray:
    if h5py.check_string_dtype(array.dtype):
        values: np.ndarray = np.strings.decode(np.asarray(array[key]).astype("S"), "utf-8")
        return values.astype(np.dtypes.StringDType())
    return np.asarray(array[key])


@dataclass(frozen=True)
class _Shards:
    """An array over the records, in the files of the shards; small, sent to workers.

    Args:
        corpus: Folder of the corpus.
        name: Name of the array.
        shape: Its shape.
        dtype: Its type as read.
        shard_records: Records a shard.
    """

    corpus: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    shard_records: int

    def check(self) -> None:
        """See that no array is larger than the files of the shards: their arrays are stored whole.

        Raises:
            CorpusError: It is, or they are of another shape.
        """
        if not self.shape or self.shape[0] < 1:
            raise CorpusError(f"{self.name} is an array of the shape {self.shape}", where=MASTER)
        count = -(-self.shape[0] // self.shard_records)
        # The first and the last are whole, and as many lie between them as there should be.
        if sum(1 for _ in Path(self.corpus, SHARDS).glob("[0-9]*.h5")) < count:
            raise CorpusError(f"{self.name} states {count} shards, more than there are", where=MASTER)
        for index in {0, count - 1}:
            self._rows_of(index, 0, 0)

    def _rows_of(self, index: int, first: int, stop: int) -> np.ndarray:
        """Return a range of the records of a shard, counted from its own first one."""
        path = Path(self.corpus, shard_name(index))
        with h5py.File(path, "r", locking="best-effort") as file:
            array = _plain_array(file, self.name)
            records = min(self.shard_records, self.shape[0] - index * self.shard_records)
            if array.shape != (records, *self.shape[1:]) or _read_type(array) != self.dtype:
                raise CorpusError(f"{path.name}: {self.name} is {array.dtype} {array.shape}")
            return _read(array, slice(first, min(stop, records)))

    def rows(self, first: int, stop: int) -> np.ndarray:
        """Return a range of records."""
        parts = []
        for index in range(first // self.shard_records, -(-stop // self.shard_records)):
            start = index * self.shard_records
            parts.append(self._rows_of(index, max(first - start, 0), stop - start))
        if not parts:
            return np.empty((0, *self.shape[1:]), self.dtype)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class _ShardedArray(BackendArray):
    """What xarray indexes lazily.

    Args:
        shards: The array.
    """

    def __init__(self, shards: _Shards) -> None:
        self._shards = shards
        self.shape, self.dtype = shards.shape, shards.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        found: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._outer
        )
        return found

    def _outer(self, key: tuple[Any, ...]) -> np.ndarray:
        first, rest = key[0], key[1:]
        if isinstance(first, slice):
            rows = range(self.shape[0])[first]
            wanted = np.arange(rows.start, rows.stop, rows.step)
        else:
            wanted = np.atleast_1d(np.asarray(first, np.int64))
        got = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        shard = wanted // self._shards.shard_records
        for index in np.unique(shard):
            here = shard == index
            low, high = int(wanted[here].min()), int(wanted[here].max())
            got[here] = self._shards.rows(low, high + 1)[wanted[here] - low]
        if np.ndim(first) == 0 and not isinstance(first, slice):
            return _outer_of(got.reshape(got.shape[1:]), rest, 0)
        return _outer_of(got, rest, 1)


def _outer_of(values: np.ndarray, key: tuple[Any, ...], axis: int) -> np.ndarray:
    """Return values indexed along each axis on its own, from an axis on."""
    for one in key:
        values = values[(*([slice(None)] * axis), one)]
        axis += np.ndim(one) > 0 or isinstance(one, slice)
    return values
