"""The one door to PyTorch: records as a data set of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iqatlas.catalogs.place import NamedFiles
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import RecordStore
from iqatlas.errors import SetupError

try:
    import torch
    from torch.utils.data import Dataset
except ImportError:
    raise SetupError("PyTorch is not installed", remedy="pip install 'iqatlas[torch]'") from None


class RecordDataset(Dataset[dict[str, torch.Tensor]]):
    """A map-style data set over the records of a split.

    The store is opened in each process on first use, so that the data set can be sent to workers.

    Args:
        store: Format of the records.
        where: What readers open of it: in a folder, or its address in an object store.
        split: Name of the split, or None for all records.
        variables: What an item holds.
        receivers: Names of the receivers to keep, or None for all.
    """

    def __init__(
        self,
        store: RecordStore,
        where: Path | str | NamedFiles,
        *,
        split: str | None,
        variables: tuple[str, ...],
        receivers: Sequence[str] | None,
    ) -> None:
        self._store, self._where = store, where
        self._variables = variables
        self._receivers = tuple(receivers) if receivers is not None else None
        self._opened: xr.Dataset | None = None
        names = store.open_at(where, dask=False)["split"].values
        self.record: np.ndarray = np.flatnonzero(names == split) if split else np.arange(len(names))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _dataset(self) -> xr.Dataset:
        if self._opened is None:
            # Plain lazy arrays: a record is small, a dask graph for it is not.
            stored = self._store.open_at(self._where, dask=False)
            needed = [name for name in ("iq_scale",) if "iq" in self._variables and name in stored]
            dataset = stored[list(dict.fromkeys([*self._variables, *needed]))]
            if self._receivers is not None and "receiver" in dataset.dims:
                dataset = dataset.sel(receiver=list(self._receivers))
            self._opened = dataset
        return self._opened

    def __len__(self) -> int:
        return len(self.record)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """Return several items at once: one read for each chunk that they touch."""
        rows = self.record[np.asarray(indices, np.int64)]
        order = np.argsort(rows, kind="stable")
        batch = decoded(self._dataset().isel(record=rows[order]).load())
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        tensors = {name: _tensor(batch[name].values) for name in self._variables}
        return [{name: tensor[row] for name, tensor in tensors.items()} for row in back]


def _tensor(values: np.ndarray) -> torch.Tensor:
    if values.dtype.kind in "UOT":
        raise SetupError(f"text of type {values.dtype} has no tensor", remedy="leave it out of variables")
    return torch.from_numpy(np.ascontiguousarray(values))
