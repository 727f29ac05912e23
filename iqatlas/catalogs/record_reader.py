"""Records by whole storage chunks: the one way in which loaders read them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Int64

from iqatlas.axes import RECORD
from iqatlas.catalogs.batch_memory import BatchMemory
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.place import CorpusPlace
from iqatlas.catalogs.record_columns import Column, ItemColumn
from iqatlas.catalogs.row_files import FileMaps, RowFiles
from iqatlas.catalogs.same_corpora import SameCorpora
from iqatlas.catalogs.worked_columns import add_numbers, asked_columns

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.catalogs.record_store import RecordStore

_SCALE = "iq_scale"


class Records:
    """Some records that are ready to be taken.

    Args:
        columns: A column a variable.
        each: Items in a record: 1, or the receivers where each is an item of its own.
        groups: Whether an item is a record with all its receivers.
    """

    def __init__(self, columns: dict[str, ItemColumn], each: int, *, groups: bool) -> None:
        self._columns, self._each, self._groups = columns, each, groups

    def items(self, order: Int64[np.ndarray, " item"]) -> dict[str, np.ndarray]:
        """Return items in an order, an array a variable, [item, …], in memory of their own.

        Args:
            order: The items: positions of records, or position times receivers plus the receiver.
        """
        whole = self.room(len(order))
        self.fill(whole, 0, order)
        return whole

    def room(self, items: int) -> dict[str, np.ndarray]:
        """Return memory for items, an array a variable."""
        return {
            name: column.room(items, singly=column.receivers and not self._groups)
            for name, column in self._columns.items()
        }

    def fill(self, whole: dict[str, np.ndarray], first: int, order: Int64[np.ndarray, " item"]) -> None:
        """Put items into the memory for them.

        Args:
            whole: The memory.
            first: Where in it they begin.
            order: The items, as of :meth:`items`.
        """
        positions, single = (order, None) if self._groups else np.divmod(order, self._each)
        for name, column in self._columns.items():
            own = single if column.receivers else None
            column.take(positions, own, whole[name][first : first + len(order)])


class RecordReader:
    """Reads records of one corpus or several; stores are opened in each process on first use.

    Args:
        members: The corpora.
        request: What to read.
    """

    def __init__(self, members: Sequence[Corpus], request: LoadRequest) -> None:
        self.request = request
        self._same = SameCorpora(members)
        self._stores = tuple(member.store for member in members)
        self._stops = np.cumsum([member.manifest.records for member in members])
        self._opened: tuple[int, list[_Opened]] | None = None
        self._memory = BatchMemory()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_memory": BatchMemory()}

    def check(self) -> None:
        """See that the corpora are those that were opened.

        Raises:
            CorpusError: One was changed or removed since, or is being made again.
        """
        self._same.check()

    def read(
        self, rows: Int64[np.ndarray, " row"], counts: Int64[np.ndarray, " chunk"], *, fetch: bool = True
    ) -> Records:
        """Make records ready: in the files where they lie as in memory, else in memory, each chunk read once.

        Args:
            rows: The records, chunk by chunk, ascending within a chunk.
            counts: How many of them lie in each chunk.
            fetch: Whether most records of these chunks are wanted: the system had better read them whole.

        Raises:
            CorpusError: A corpus in a folder was changed since it was opened; one in an object store is asked
                by :meth:`check` alone.
        """
        self._same.check_signatures()
        request = self.request
        member = np.searchsorted(self._stops, rows, side="right")
        columns: dict[str, Column] = {}
        for number in np.unique(member) if len(rows) else [0]:
            opened = self._member(int(number))
            at = np.flatnonzero(member == number)
            # Chunks of one corpus: those of others have nothing of it.
            chunk = np.repeat(np.arange(len(counts)), counts)[at]
            own = rows[at] - (self._stops[number - 1] if number else 0)
            with self._same.place(int(number)).errors("read"):
                for name in request.stored:
                    if name not in columns:
                        receivers = "receiver" in opened.dims[name]
                        columns[name] = Column(
                            len(rows), self._memory, receivers=receivers, kept=request.receivers
                        )
                    scale = None
                    if opened.counts(name):
                        scale = Column(len(rows), self._memory, receivers=True, kept=request.receivers)
                        opened.add(scale, _SCALE, at, own, chunk, fetch=fetch)
                    opened.add(columns[name], name, at, own, chunk, scale=scale, fetch=fetch)
            add_numbers(columns, request, self._memory, at, own, records=len(rows), corpus=int(number))
        return Records(asked_columns(request, columns, self._memory), request.each, groups=request.groups)

    def _member(self, member: int) -> _Opened:
        # A store that was opened before a fork may hold threads and connections of the parent.
        if self._opened is None or self._opened[0] != os.getpid():
            opened = [
                _Opened(store, self._same.place(number), self.request)
                for number, store in enumerate(self._stores)
            ]
            self._opened = (os.getpid(), opened)
        return self._opened[1][member]


class _Opened:
    """The arrays of one corpus, as they are stored.

    Args:
        store: Its format.
        place: Where it lies.
        request: What to read.
    """

    def __init__(self, store: RecordStore, place: CorpusPlace, request: LoadRequest) -> None:
        where = place.store(store.name)
        with place.errors("read"):
            # Plain lazy arrays: a chunk is read at once, and needs no graph of tasks.
            dataset = store.open_at(where, dask=False)
            names = list(request.stored)
            if "iq" in names and dataset["iq"].dtype == np.int16:
                names.append(_SCALE)
            # Coordinates would be read again with each chunk.
            stored = dataset.drop_vars(list(dataset.coords))
            self._arrays: dict[str, xr.Variable] = {name: stored[name].variable for name in names}
            found = store.row_files(where, names, FileMaps())
        self._samples_of = request.samples_of
        self.dims = {name: tuple(map(str, array.dims)) for name, array in self._arrays.items()}
        # What xarray would decode is left to it.
        self._files: dict[str, RowFiles] = {
            name: files
            for name, files in found.items()
            if (files.dims, files.shape, files.dtype)
            == (self.dims[name], self._arrays[name].shape, self._arrays[name].dtype)
        }

    def counts(self, name: str) -> bool:
        """Return whether a variable holds counts of I and Q."""
        return name == "iq" and _SCALE in self._arrays

    def add(
        self,
        column: Column,
        name: str,
        at: Int64[np.ndarray, " row"],
        rows: Int64[np.ndarray, " row"],
        chunk: Int64[np.ndarray, " row"],
        *,
        scale: Column | None = None,
        fetch: bool,
    ) -> None:
        """Add records of this corpus to a column.

        Args:
            column: The column.
            name: Name of the array.
            at: Positions in the column.
            rows: The records, chunk by chunk, ascending within a chunk.
            chunk: A number for each chunk, the same for all records of it.
            scale: √mW per count.
            fetch: Whether to ask the system for whole chunks.
        """
        files = self._files.get(name)
        rest = np.ones(len(rows), bool)
        if files is not None:
            shard = rows // files.shard_records
            for one in np.unique(shard):
                values = files.mapped(int(one))
                if values is None:
                    continue
                here = shard == one
                column.add(at[here], self._view(name, values), rows[here] - one * files.shard_records, scale)
                rest &= ~here
            if fetch:
                for first, last in _runs(rows[~rest], chunk[~rest]):
                    files.fetch(first, last + 1)
        if rest.any() or not len(rows):
            values = self._loaded(name, files, rows[rest], chunk[rest])
            column.add(at[rest], values, np.arange(len(values)), scale)

    def _loaded(
        self,
        name: str,
        files: RowFiles | None,
        rows: Int64[np.ndarray, " row"],
        chunk: Int64[np.ndarray, " row"],
    ) -> np.ndarray:
        """Return records in memory."""
        array = self._arrays[name]
        form, dtype = array.shape, array.dtype
        if files is not None:
            values = np.empty((len(rows), *form[1:]), dtype)
            files.load(rows, values)
            return self._view(name, values)
        if not len(rows):
            return self._view(name, np.empty((0, *form[1:]), dtype))
        parts = []
        for first, last in _runs(rows, chunk):
            own = rows[(rows >= first) & (rows <= last)]
            whole = self._view(name, array[{RECORD: slice(first, last + 1)}].values)
            parts.append(whole if len(own) == len(whole) else whole[own - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _view(self, name: str, values: np.ndarray) -> np.ndarray:
        """Return the samples that are asked for, receivers second."""
        dims = self.dims[name]
        samples = self._samples_of(name)
        if samples is not None and "sample" in dims:
            values = values[(slice(None),) * dims.index("sample") + (slice(*samples),)]
        return np.moveaxis(values, dims.index("receiver"), 1) if "receiver" in dims else values


def _runs(rows: Int64[np.ndarray, " row"], chunk: Int64[np.ndarray, " row"]) -> list[tuple[int, int]]:
    """Return first and last record of each chunk."""
    starts = np.flatnonzero(np.diff(chunk, prepend=-1))
    stops = np.append(starts, len(rows))[1:]
    return [(int(rows[a]), int(rows[b - 1])) for a, b in zip(starts, stops, strict=True)]
