"""How SNR, power and occupancy are distributed over a corpus."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from iqatlas.catalogs.corpus import Corpus
from iqatlas.preview.captures import MOST_RECEIVERS
from iqatlas.preview.markup import LONGEST_NAME, plain
from iqatlas.preview.packing import numbers

MOST_RECORDS = 1 << 19
"""Records that are counted at most: of a larger corpus, runs that are evenly spread."""
MOST_SITES = 12
_RUNS = 32
_BINS = 48


def read_distributions(corpus: Corpus) -> dict[str, Any]:
    """Return histograms of SNR a receiver and of signal power a receiver and site, and occupied shares.

    A capture without any signal (−∞) is counted apart, as ``silent``.

    Args:
        corpus: The corpus.

    Raises:
        StorageError: The store can't be reached.
    """
    records = spread(corpus.dataset)
    data: dict[str, Any] = {
        "records": records.sizes.get("record", corpus.dataset.sizes["record"]),
        "of_records": corpus.dataset.sizes["record"],
        "receivers": [plain(n, LONGEST_NAME) for n in records["receiver"].values[:MOST_RECEIVERS]],
    }
    if "snr" in records:
        snr = records["snr"].isel(receiver=slice(MOST_RECEIVERS)).values
        data["snr"] = histograms(snr.T.astype(np.float64))
    if "signal_power" in records:
        power = records["signal_power"].isel(receiver=slice(MOST_RECEIVERS), site=slice(MOST_SITES))
        rows = power.transpose("receiver", "site", "record").values.astype(np.float64)
        data["sites"] = [plain(name, LONGEST_NAME) for name in power["site"].values]
        data["power"] = histograms(rows)
    if "occupancy" in records:
        share = records["occupancy"].isel(site=slice(MOST_SITES)).mean("record").values
        data["occupied_by_site"] = numbers(share, 4)
    if "label" in records:
        data["occupied"] = numbers(records["label"].mean("record").values, 4)
    return data


def spread(dataset: xr.Dataset) -> xr.Dataset:
    """Return the records that are counted: all, or evenly spread runs of them."""
    wanted = [name for name in ("snr", "signal_power", "occupancy", "label") if name in dataset]
    records = dataset.sizes["record"]
    part = dataset[wanted]
    if "receiver" not in part.coords:
        part = part.assign_coords(receiver=dataset["receiver"])
    cells = max([1, *(part[name].size // max(1, records) for name in wanted)])
    most = max(_RUNS, min(MOST_RECORDS, (1 << 25) // cells))
    if records <= most:
        return part.load()
    length = most // _RUNS
    starts = np.linspace(0, records - length, _RUNS).astype(int)
    return part.isel(record=(starts[:, None] + np.arange(length)).reshape(-1)).load()


def histograms(values: np.ndarray) -> dict[str, Any]:
    """Return counts in equal bins over the last axis.

    Args:
        values: Levels in dB; −∞ is silence.

    Returns:
        ``edges``, ``counts`` on the other axes and bins, and ``silent`` on the other axes.
    """
    heard = np.isfinite(values)
    if not heard.any():
        low, high = 0.0, 1.0
    else:
        low, high = float(np.floor(values[heard].min())), float(np.ceil(values[heard].max()))
    edges = np.linspace(low, max(high, low + 1), _BINS + 1)
    rows, flags = values.reshape(-1, values.shape[-1]), heard.reshape(-1, values.shape[-1])
    counts = np.array([np.histogram(row[flag], edges)[0] for row, flag in zip(rows, flags, strict=True)])
    return {
        "edges": numbers(edges, 4),
        "counts": counts.reshape(*values.shape[:-1], _BINS).tolist(),
        "silent": (~heard).sum(axis=-1).tolist(),
    }
