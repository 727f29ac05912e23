"""The split and the city of each record, by which records are selected, at a byte a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Int8, Int64
from xarray.core.indexing import IndexSelResult, PandasIndexingAdapter
from xarray.indexes import PandasIndex

from iqatlas.axes import RECORD
from iqatlas.catalogs.load_request import SPLITS

SPLIT_NAMES = (*SPLITS, "guard")
"""What a record may belong to; the guard between splits is of none."""

_TEXT = np.dtype("<U10")


class _Names(PandasIndexingAdapter):
    """The names behind numbers: Zarr and netCDF write text, and know nothing of categories."""

    __slots__ = ()

    def get_duck_array(self) -> np.ndarray:
        return np.asarray(self)


class NameIndex(PandasIndex):
    """An index of few names over records: a number each in memory, text to whoever reads or writes it."""

    def create_variables(self, variables: Mapping[Any, xr.Variable] | None = None) -> dict[Any, xr.Variable]:
        """Return the coordinate, as :class:`xarray.Index` says."""
        made = super().create_variables(variables)
        names: Any = _Names(self.index, self.coord_dtype)  # xarray's stubs know arrays alone
        return {name: variable.copy(data=names) for name, variable in made.items()}

    def sel(self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None) -> IndexSelResult:
        """Return where labels are, as :class:`xarray.Index` says; records in one piece as a slice."""
        found = super().sel(labels, method, tolerance)
        where = found.dim_indexers[self.dim]
        if isinstance(where, np.ndarray) and where.dtype == bool:
            return IndexSelResult({self.dim: places(where)})
        if isinstance(where, int):  # the one record of its split: still a record, not a point
            return IndexSelResult({self.dim: slice(where, where + 1)})
        return found


def places(mask: Bool[np.ndarray, " record"]) -> slice | Int64[np.ndarray, " place"]:
    """Return the places of records: a slice where they lie in one piece, as those of a split mostly do.

    A slice keeps the chunks of storage, and Dask cuts it out of a million records in milliseconds; for a list
    it takes seconds, and makes new chunks, each of which reads from two of storage.

    Args:
        mask: Which records are meant.
    """
    found = np.flatnonzero(mask)
    if len(found) and found[-1] - found[0] == len(found) - 1:
        return slice(int(found[0]), int(found[-1]) + 1)
    return found


def splits_of_codes(codes: Int8[np.ndarray, " record"]) -> pd.Categorical:
    """Return the splits of records by positions in :data:`SPLIT_NAMES`."""
    return pd.Categorical(pd.CategoricalIndex(pd.Categorical.from_codes(codes, pd.Index(SPLIT_NAMES))))


def splits_of_text(names: np.ndarray) -> pd.Categorical:
    """Return the splits of records by their names, [record]; a corpus may hold other names than ours."""
    text = pd.Categorical(np.asarray(names).astype(object))
    others = [name for name in text.categories if name not in SPLIT_NAMES]
    return text.set_categories([*SPLIT_NAMES, *others])


def with_splits(dataset: xr.Dataset, splits: pd.Categorical) -> xr.Dataset:
    """Return records with the coordinate ``split``, an index: text to whoever reads it, numbers in memory.

    Args:
        dataset: Records with a variable ``split``.
        splits: The split of each record.
    """
    # Of what is stored the index takes the attributes alone.
    return with_names(dataset.drop_vars("split"), "split", splits, dataset["split"].attrs, _TEXT)


def with_names(
    dataset: xr.Dataset, name: str, names: pd.Categorical, attributes: Mapping[Any, Any], text: np.dtype[Any]
) -> xr.Dataset:
    """Return records with a coordinate of names, an index: text to whoever reads it, numbers in memory.

    Args:
        dataset: Records without that coordinate.
        name: Its name.
        names: The name at each record.
        attributes: Its attributes.
        text: Type of the text that it is read as.
    """
    index = NameIndex(pd.CategoricalIndex(names, name=name), RECORD, coord_dtype=text)
    like = xr.Variable((RECORD,), np.broadcast_to(np.array("", text), len(names)), attributes)
    return dataset.assign_coords(xr.Coordinates(index.create_variables({name: like}), indexes={name: index}))


def splits_in(dataset: xr.Dataset) -> pd.Categorical:
    """Return the split of each record."""
    return pd.Categorical(dataset.xindexes["split"].to_pandas_index())


def split_mask(dataset: xr.Dataset, name: str) -> Bool[np.ndarray, " record"]:
    """Return which records belong to a split.

    Args:
        dataset: Records with their splits.
        name: Of the split.
    """
    mask: np.ndarray = splits_in(dataset) == name
    return mask
