"""Records whose small variables are read straight from their files, by blocks, without a graph of tasks.

What describes a corpus reads every record's labels, powers and times. Dask and Zarr's pipeline take a
millisecond for each chunk of a few kilobytes, and more memory the more chunks there are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int8
from xarray.backends import BackendArray
from xarray.core import indexing

from iqatlas.axes import RECORD
from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.record_store import RecordStore
from iqatlas.catalogs.row_files import FileMaps, RowFiles
from iqatlas.catalogs.split_index import SPLIT_NAMES

_AXES = {RECORD, "receiver", "site", "subchannel"}
"""Variables of other axes are large, and read by their chunks, as they are stored."""
_SAMPLES = ("iq", "iq_scale")


def with_direct_arrays(dataset: xr.Dataset, store: RecordStore, where: Path | str | NamedFiles) -> xr.Dataset:
    """Return records whose small variables are lazy arrays over files; those that can't be stay as they are.

    Args:
        dataset: Records, as the store opens them.
        store: Their format.
        where: What the store opened.
    """
    maps = FileMaps()
    small = [
        str(name)
        for name, array in dataset.variables.items()
        if array.dims[:1] == (RECORD,) and _AXES.issuperset(array.dims) and name not in _SAMPLES
    ]
    lazy: dict[str, BackendArray] = {
        name: _Rows(files)
        for name, files in store.row_files(where, small, maps).items()
        if (files.dims, files.shape, files.dtype)
        == (dataset[name].dims, dataset[name].shape, dataset[name].dtype)
    }
    codes = store.word_codes(where, "split", SPLIT_NAMES) if lazy and "split" in small else None
    if codes is not None:
        lazy["split"] = _Words(codes)
    for name, array in lazy.items():
        like = dataset[name]
        direct = xr.Variable(like.dims, indexing.LazilyIndexedArray(array), like.attrs)
        if name in dataset.coords:
            dataset = dataset.assign_coords({name: direct})
        else:
            dataset = dataset.assign({name: direct})
    return dataset


class _Rows(BackendArray):
    """An array of numbers, read by runs of records.

    Args:
        files: Its shards.
    """

    def __init__(self, files: RowFiles) -> None:
        self._files = files
        self.shape, self.dtype = files.shape, files.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        first, *rest = key
        rows = np.arange(self.shape[0])[first]
        values = self._files.read(np.atleast_1d(rows))
        # A map that stays would count as memory of this process, page by page as it is touched.
        self._files.forget()
        return np.asarray(values[(slice(None) if rows.ndim else 0, *rest)])


class _Words(BackendArray):
    """One of a few words at each record.

    Args:
        codes: Which.
    """

    def __init__(self, codes: Int8[np.ndarray, " record"]) -> None:
        self._codes, self._words = codes, np.array(SPLIT_NAMES)
        self.shape, self.dtype = codes.shape, self._words.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, lambda own: self._words[self._codes[own]]
        )
