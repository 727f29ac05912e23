"""The split of each record, by which records are selected, at a byte a record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Int8
from xarray.indexes import PandasIndex

from iqatlas.axes import RECORD
from iqatlas.catalogs.load_request import SPLITS

SPLIT_NAMES = (*SPLITS, "guard")
"""What a record may belong to; the guard between splits is of none."""

_TEXT = np.dtype("<U10")


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
    index = PandasIndex(pd.CategoricalIndex(splits, name="split"), RECORD, coord_dtype=_TEXT)
    # Of what is stored the index takes the attributes alone.
    like = xr.Variable((RECORD,), np.broadcast_to(np.array("", _TEXT), len(splits)), dataset["split"].attrs)
    coordinates = xr.Coordinates(index.create_variables({"split": like}), indexes={"split": index})
    return dataset.drop_vars("split").assign_coords(coordinates)


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
