"""How a card says that the records of a corpus are loaded, by format and by what its splits are by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LOAD = {
    "zarr": """```python
import xarray as xr
records = xr.open_zarr("records.zarr")
train = records.isel(record=(records.split == "train").values)
```""",
    "hdf5": """```python
import h5py
records = h5py.File("records.h5")
train = records["split"].asstr()[:] == "train"
```""",
}
_LOAD_OWN = {
    "zarr": """```python
import xarray as xr
records = xr.open_zarr("records.zarr")
own = (records.receiver_split == "train").values
train = records.isel(record=(records.split == "train").values, receiver=own)
```""",
    "hdf5": """```python
import h5py
records = h5py.File("records.h5")
train = records["split"].asstr()[:] == "train"
own = records["receiver_split"].asstr()[:] == "train"
```""",
}


def load_text(form: str, by: str) -> str:
    """Return how the training records of a format are loaded without iqatlas; part of every card.

    Args:
        form: ``zarr`` or ``hdf5``.
        by: What splits are by; by receiver a split is what its own receivers heard.
    """
    return (_LOAD_OWN if by == "receiver" else _LOAD)[form]


def split_text(by: str) -> str:
    """Return the expression that gives the training records of an opened corpus, as its card shows it."""
    return '.split("train")' if by in ("receiver", "site") else '.sel(split="train")'


def split_by(spec: Mapping[str, Any]) -> str:
    """Return what the splits of a manifest's spec are by; ``time`` where it doesn't say."""
    splits = spec.get("splits")
    return str(splits.get("by", "time")) if isinstance(splits, Mapping) else "time"


def load_anew(text: str, before: str, after: str, by: str) -> str:
    """Return a card whose records lie in another format now.

    Args:
        text: The card.
        before: Format that it tells of.
        after: Format of the records now.
        by: What splits are by.
    """
    # Cards of corpora by receiver used to load all receivers: theirs is put right on the way.
    for known in (_LOAD, _LOAD_OWN):
        text = text.replace(known[before], load_text(after, by))
    return text
