"""Whole storage chunks as arrays in memory: the one way in which loaders read records."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Int64

from iqatlas.axes import RECORD
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.manifest import MANIFEST_NAME, read_manifest
from iqatlas.catalogs.place import CorpusPlace, place_of
from iqatlas.catalogs.quantised import decoded
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus
    from iqatlas.catalogs.record_store import RecordStore


class RecordReader:
    """Reads records of one corpus or several; stores are opened in each process on first use.

    Args:
        members: The corpora.
        request: What to read.
    """

    def __init__(self, members: Sequence[Corpus], request: LoadRequest) -> None:
        self.request = request
        self._places: tuple[CorpusPlace | str, ...] = tuple(member.place for member in members)
        self._stores = tuple(member.store for member in members)
        self._digests = tuple(hashlib.sha256(member.manifest.serialise()).digest() for member in members)
        self._stops = np.cumsum([member.manifest.records for member in members])
        self._opened: tuple[int, list[xr.Dataset]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        names = tuple(place if isinstance(place, str) else place.name for place in self._places)
        return {**self.__dict__, "_opened": None, "_places": names}

    def check(self) -> None:
        """See that the corpora are those that were opened.

        Raises:
            CorpusError: One was changed or removed since, or is being made again.
        """
        for place, digest in zip(map(place_of, self._places), self._digests, strict=True):
            try:
                raw = place.read(MANIFEST_NAME)
            except FileNotFoundError:
                read_manifest(place)  # says what is there in its place
                raise CorpusError("its manifest was removed", where=place.name) from None
            if hashlib.sha256(raw).digest() != digest:
                raise CorpusError(
                    "the corpus was changed since it was opened", where=place.name, remedy="open it again"
                )

    def read(
        self, rows: Int64[np.ndarray, " row"], counts: Int64[np.ndarray, " chunk"]
    ) -> dict[str, np.ndarray]:
        """Return what was asked for of some records, each chunk read once.

        Args:
            rows: The records, chunk by chunk, ascending within a chunk.
            counts: How many of them lie in each chunk.

        Returns:
            An array a variable: [row, …], with the receivers next where it has them.
        """
        if len(counts) < 2:
            return self._chunk(rows)
        whole: dict[str, np.ndarray] = {}
        stops = np.cumsum(counts)
        for stop, count in zip(stops, counts, strict=True):
            for name, values in self._chunk(rows[stop - count : stop]).items():
                if name not in whole:
                    whole[name] = np.empty((len(rows), *values.shape[1:]), values.dtype)
                whole[name][stop - count : stop] = values
        return whole

    def _chunk(self, rows: Int64[np.ndarray, " row"]) -> dict[str, np.ndarray]:
        member = int(np.searchsorted(self._stops, rows[0], side="right")) if len(rows) else 0
        local = rows - (self._stops[member - 1] if member else 0)
        first, stop = (int(local[0]), int(local[-1]) + 1) if len(local) else (0, 0)
        place = place_of(self._places[member])
        with place.errors("read"):
            records = decoded(self._member(member).isel({RECORD: slice(first, stop)}).load())
        every = stop - first == len(local)
        arrays = {}
        for name in self.request.variables:
            values = self._selected(records[name])
            arrays[name] = values if every else values[local - first]
        return arrays

    def _selected(self, array: xr.DataArray) -> np.ndarray:
        if self.request.samples is not None and "sample" in array.dims:
            array = array.isel(sample=slice(*self.request.samples))
        if "receiver" in array.dims:
            array = array.transpose(RECORD, "receiver", ...)
            if self.request.receivers is not None:
                array = array.isel(receiver=list(self.request.receivers))
        values: np.ndarray = array.values
        return values

    def _member(self, member: int) -> xr.Dataset:
        # A store that was opened before a fork may hold threads and connections of the parent.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), list(map(self._open, self._stores, map(place_of, self._places))))
        return self._opened[1][member]

    def _open(self, store: RecordStore, place: CorpusPlace) -> xr.Dataset:
        # Plain lazy arrays: a chunk is read at once, and needs no graph of tasks.
        with place.errors("read"):
            stored = store.open_at(place.store(store.name), dask=False)
        needed = [name for name in ("iq_scale",) if "iq" in self.request.variables and name in stored]
        dataset = stored[list(dict.fromkeys([*self.request.variables, *needed]))]
        # Coordinates would be read again with each chunk.
        return dataset.drop_vars(list(dataset.coords))


def items_from(
    arrays: dict[str, np.ndarray], order: Int64[np.ndarray, " item"], request: LoadRequest, *, over: set[str]
) -> dict[str, np.ndarray]:
    """Return items of what was read, in a given order.

    Args:
        arrays: An array a variable: [row, …].
        order: The items: positions of rows, or position times receivers plus the receiver.
        request: What was asked for.
        over: The variables that have receivers.
    """
    # A run of neighbours is a view, not a copy.
    run: slice | None = None
    if len(order) and order[-1] - order[0] == len(order) - 1 and (np.diff(order) == 1).all():
        run = slice(int(order[0]), int(order[-1]) + 1)
    items = {}
    for name, values in arrays.items():
        if request.groups:
            items[name] = values[order if run is None else run]
        elif name in over:
            single = values.reshape(-1, *values.shape[2:])
            items[name] = single[order if run is None else run]
        else:
            items[name] = values[order // request.each]
    return items


def over_receivers(members: Sequence[Corpus], request: LoadRequest) -> set[str]:
    """Return which of the variables asked for have receivers."""
    dataset = members[0].dataset
    return {name for name in request.variables if "receiver" in dataset[name].dims}
