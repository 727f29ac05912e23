"""The number of each record as a coordinate, so that a part of a corpus still says which records it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int64
from xarray.backends import BackendArray
from xarray.core import indexing

from iqatlas.axes import RECORD, RECORD_NUMBER


class _Numbers(BackendArray):
    """Numbers from 0 in each of several corpora that follow each other, worked out when they are read.

    Args:
        lengths: Records of each corpus.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self._ends = np.cumsum(np.array(lengths, np.int64))
        self.shape, self.dtype = (int(self._ends[-1]),), np.dtype(np.int64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._numbers
        )

    def _numbers(self, key: tuple[int | np.integer[Any] | slice | np.ndarray, ...]) -> Int64[Any, "..."]:
        (own,) = key
        places = np.arange(*own.indices(self.shape[0])) if isinstance(own, slice) else np.asarray(own)
        if len(self._ends) == 1:
            return places.astype(np.int64, copy=False)
        starts = np.concatenate([[0], self._ends[:-1]])
        return np.asarray(places - starts[np.searchsorted(self._ends, places, side="right")], np.int64)


def with_record_numbers(dataset: xr.Dataset, lengths: Sequence[int]) -> xr.Dataset:
    """Return records with their numbers: a coordinate without an index, which holds nothing in memory.

    It is not called ``record``: ``.sel(record=…)`` goes on to count the part, and xarray doesn't align two
    parts of a corpus by their records.

    Args:
        dataset: All records.
        lengths: Records of each corpus that they are of, in order.
    """
    numbers = indexing.LazilyIndexedArray(_Numbers(lengths))
    attributes = {"units": "1", "long_name": "number of the record in its corpus"}
    return dataset.assign_coords({RECORD_NUMBER: xr.Variable((RECORD,), numbers, attributes)})
