"""How records lie on the disk: one interface, and the formats behind it.

Whatever writes takes a folder of this machine that is laid out as a corpus: a bench, or a twin, in which
one shard is written before its files are moved. Whatever reads takes that, or an address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Int8

from iqatlas.axes import Quantity
from iqatlas.catalogs import _zarr, _zarr_rows, _zarr_words
from iqatlas.catalogs.place import CorpusPlace, NamedFiles, place_of
from iqatlas.catalogs.row_files import FileMaps, RowFiles
from iqatlas.errors import CorpusError, IqAtlasError, SpecError


@runtime_checkable
class RecordStore(Protocol):
    """A format of storage."""

    name: str
    """What readers open, relative to the corpus."""
    contents: tuple[str, ...]
    """Everything of it at the top of a corpus."""
    in_object_stores: bool
    """Whether it can be read from an object store."""

    def create(
        self,
        corpus: Path,
        coordinates: xr.Dataset,
        quantities: dict[str, Quantity],
        shape: dict[str, int],
        *,
        chunk_records: int,
        shard_records: int,
        uncompressed: Collection[str] = ("iq",),
    ) -> None:
        """Create coordinates, and arrays over the records that are empty as yet."""

    def metadata_files(self, corpus: Path) -> list[Path]:
        """Return the files that stand once it is created, groups left out."""

    def write_group(self, corpus: Path, group: str, data: xr.Dataset) -> None:
        """Write a whole group."""

    def group_files(self, corpus: Path, group: str) -> list[Path]:
        """Return the files of a group."""

    def make_twin(self, corpus: Path, twin: Path) -> None:
        """Make an empty twin."""

    def write_records(self, twin: Path, records: xr.Dataset, start: int) -> None:
        """Write a whole shard of records, the first of which is given."""

    def shard_files(self, twin: Path) -> list[Path]:
        """Return the files that a shard left in its twin, in a fixed order."""

    def finish(self, corpus: Path) -> None:
        """Bring what changes until the end to its last state."""

    def unvouched(self) -> str | None:
        """Return the file that changes until the end, so that no ledger line vouches for it."""

    def open(self, corpus: Path, group: str | None = None, *, dask: bool = True) -> xr.Dataset:
        """Open the records, finished, or a group, finished or not; lazily."""

    def open_at(
        self, where: Path | str | NamedFiles, group: str | None = None, *, dask: bool = True
    ) -> xr.Dataset:
        """Do so where a place says that what readers open lies: in a folder, or at an address."""

    def row_files(
        self, where: Path | str | NamedFiles, names: Sequence[str], maps: FileMaps
    ) -> Mapping[str, RowFiles]:
        """Return those of some arrays over records that can be read by offset from files of this machine."""

    def word_codes(
        self, where: Path | str | NamedFiles, name: str, words: Sequence[str]
    ) -> Int8[np.ndarray, " record"] | None:
        """Return which of a few words stands at each record; None where only the format can tell."""

    def shard_of(self, path: str) -> tuple[str | None, int] | None:
        """Return variable and shard of a file; None for one of no shard, and no name for one of all."""


class ZarrStore:
    """Zarr version 3: a folder, one sharded array a variable."""

    name = "records.zarr"
    contents: tuple[str, ...] = ("records.zarr",)
    in_object_stores = True

    def create(
        self,
        corpus: Path,
        coordinates: xr.Dataset,
        quantities: dict[str, Quantity],
        shape: dict[str, int],
        *,
        chunk_records: int,
        shard_records: int,
        uncompressed: Collection[str] = ("iq",),
    ) -> None:
        """Create coordinates, and arrays over the records that are empty as yet."""
        _zarr.create_store(
            corpus / self.name,
            coordinates,
            quantities,
            shape,
            chunk_records=chunk_records,
            shard_records=shard_records,
            uncompressed=uncompressed,
        )

    def metadata_files(self, corpus: Path) -> list[Path]:
        """Return the files that stand once it is created: all but the root's metadata."""
        store = corpus / self.name
        return [p for p in _files(store) if len(p.relative_to(store).parts) > 1 and not _in_group(store, p)]

    def write_group(self, corpus: Path, group: str, data: xr.Dataset) -> None:
        """Write a whole group."""
        _zarr.write_group(corpus / self.name, group, data)

    def group_files(self, corpus: Path, group: str) -> list[Path]:
        """Return the files of a group."""
        return _files(corpus / self.name / group)

    def make_twin(self, corpus: Path, twin: Path) -> None:
        """Make an empty twin."""
        _zarr.copy_metadata(corpus / self.name, twin / self.name)

    def write_records(self, twin: Path, records: xr.Dataset, start: int) -> None:
        """Write a whole shard of records."""
        _zarr.write_records(twin / self.name, records, start)

    def shard_files(self, twin: Path) -> list[Path]:
        """Return the files that a shard left in its twin, in a fixed order."""
        return _zarr.shard_files(twin / self.name)

    def finish(self, corpus: Path) -> None:
        """Gather the metadata of all arrays and groups into the root's."""
        _zarr.consolidate(corpus / self.name)

    def unvouched(self) -> str | None:
        """Return the root's metadata, which gathers all others at the end."""
        return f"{self.name}/zarr.json"

    def open(self, corpus: Path, group: str | None = None, *, dask: bool = True) -> xr.Dataset:
        """Open the records, finished, or a group, finished or not; lazily."""
        return self.open_at(corpus / self.name, group, dask=dask)

    def open_at(
        self, where: Path | str | NamedFiles, group: str | None = None, *, dask: bool = True
    ) -> xr.Dataset:
        """Do so where a place says that the store lies."""
        with _readable(self.name):
            return _zarr.open_store(where, group, consolidated=group is None, dask=dask)

    def row_files(
        self, where: Path | str | NamedFiles, names: Sequence[str], maps: FileMaps
    ) -> Mapping[str, RowFiles]:
        """Return the arrays whose shards hold plain chunks, or packed ones, of numbers."""
        return _zarr_rows.row_files(where, names, maps)

    def word_codes(
        self, where: Path | str | NamedFiles, name: str, words: Sequence[str]
    ) -> Int8[np.ndarray, " record"] | None:
        """Return the codes of words."""
        return _zarr_words.word_codes(where, name, words)

    def shard_of(self, path: str) -> tuple[str | None, int] | None:
        """Return variable and shard of a file."""
        match = re.fullmatch(rf"{re.escape(self.name)}/([^/]+)/c/(\d+)(?:/\d+)*", path)
        return (match[1], int(match[2])) if match else None


class Hdf5Store:
    """HDF5: a file a shard, and one that shows all of them as whole arrays."""

    name = "records.h5"
    contents: tuple[str, ...] = ("records.h5", "records")
    in_object_stores = False

    def create(
        self,
        corpus: Path,
        coordinates: xr.Dataset,
        quantities: dict[str, Quantity],
        shape: dict[str, int],
        *,
        chunk_records: int,
        shard_records: int,
        uncompressed: Collection[str] = ("iq",),
    ) -> None:
        """Create coordinates, and arrays over the records that are empty as yet."""
        from iqatlas.catalogs import _hdf5

        del uncompressed  # nothing is compressed
        _hdf5.create_store(
            corpus, coordinates, quantities, shape, chunk_records=chunk_records, shard_records=shard_records
        )

    def metadata_files(self, corpus: Path) -> list[Path]:
        """Return the one file that stands once it is created."""
        return [corpus / self.name]

    def write_group(self, corpus: Path, group: str, data: xr.Dataset) -> None:
        """Write a whole group."""
        from iqatlas.catalogs import _hdf5

        _hdf5.write_group(corpus, group, data)

    def group_files(self, corpus: Path, group: str) -> list[Path]:
        """Return the file of a group."""
        return [corpus / "records" / f"{group}.h5"]

    def make_twin(self, corpus: Path, twin: Path) -> None:
        """Make an empty twin."""
        from iqatlas.catalogs import _hdf5

        _hdf5.copy_metadata(corpus, twin)

    def write_records(self, twin: Path, records: xr.Dataset, start: int) -> None:
        """Write a whole shard of records."""
        from iqatlas.catalogs import _hdf5

        _hdf5.write_records(twin, records, start)

    def shard_files(self, twin: Path) -> list[Path]:
        """Return the file that a shard left in its twin."""
        from iqatlas.catalogs import _hdf5

        return _hdf5.shard_files(twin)

    def finish(self, corpus: Path) -> None:
        """Do nothing: the file that shows all shards was whole from the start."""

    def unvouched(self) -> str | None:
        """Return None: no file changes."""
        return None

    def open(self, corpus: Path, group: str | None = None, *, dask: bool = True) -> xr.Dataset:
        """Open the records or a group, lazily."""
        from iqatlas.catalogs import _hdf5

        with _readable(self.name):
            return _hdf5.open_store(corpus, group, dask=dask)

    def open_at(
        self, where: Path | str | NamedFiles, group: str | None = None, *, dask: bool = True
    ) -> xr.Dataset:
        """Do so in a folder.

        Raises:
            CorpusError: It lies in an object store, or under other names in a catalogue.
        """
        if isinstance(where, Path) and where.name == self.name:
            return self.open(where.parent, group, dask=dask)
        raise CorpusError(
            "HDF5 is not read from an object store or a catalogue",
            where=str(where.root if isinstance(where, NamedFiles) else where),
            accepted="zarr",
            remedy="copy or pull the corpus to a folder",
        )

    def row_files(
        self, where: Path | str | NamedFiles, names: Sequence[str], maps: FileMaps
    ) -> Mapping[str, RowFiles]:
        """Return the arrays of numbers: all of them lie in their files as in memory."""
        from iqatlas.catalogs import _hdf5_rows

        return _hdf5_rows.row_files(where.parent, names, maps) if isinstance(where, Path) else {}

    def word_codes(
        self, where: Path | str | NamedFiles, name: str, words: Sequence[str]
    ) -> Int8[np.ndarray, " record"] | None:
        """Return the codes of words."""
        from iqatlas.catalogs import _hdf5_rows

        return _hdf5_rows.word_codes(where.parent, name, words) if isinstance(where, Path) else None

    def shard_of(self, path: str) -> tuple[str | None, int] | None:
        """Return the shard of a file, which holds all variables."""
        match = re.fullmatch(r"records/(\d{5,})\.h5", path)
        return (None, int(match[1])) if match else None


FORMATS: dict[str, RecordStore] = {"zarr": ZarrStore(), "hdf5": Hdf5Store()}
"""Format as a spec names it → what writes and reads it."""


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Turn what libraries say of a store that none of ours has written into one line."""
    try:
        yield
    except IqAtlasError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as failure:
        reason = (str(failure) or type(failure).__name__).splitlines()[0][:200]
        raise CorpusError(f"the records can't be read ({reason})", where=name) from None


def format_for(name: str, place: CorpusPlace) -> RecordStore:
    """Return the format that a spec names, for a corpus in a place.

    Args:
        name: A key of :data:`FORMATS`.
        place: Where the corpus is to lie.

    Raises:
        SpecError: It can't be read from there.
        SetupError: This Python can't write it.
    """
    store = FORMATS[name]
    if isinstance(store, ZarrStore):
        _zarr.refuse_optimised_python()
    if isinstance(place.store(store.name), str) and not store.in_object_stores:
        raise SpecError(
            f"a corpus in {name} can't lie in an object store",
            where=f"storage.format, {place.name}",
            accepted=f"{', '.join(key for key, known in FORMATS.items() if known.in_object_stores)} there",
            remedy="or name a folder with -o",
        )
    return store


def store_in(corpus: str | Path | CorpusPlace) -> RecordStore | None:
    """Return the format of a corpus, or of its twin, by what lies there; None where there is none."""
    there = {item.path for item in place_of(corpus).items()}
    return next((store for store in FORMATS.values() if store.name in there), None)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _in_group(store: Path, path: Path) -> bool:
    """Return whether a file of a store is one of a group's."""
    top = store / path.relative_to(store).parts[0] / "zarr.json"
    return top.is_file() and json.loads(top.read_bytes()).get("node_type") == "group"
