"""The noise floor of recordings: nobody states it, so that detectors estimate it from what is vacant."""

from __future__ import annotations

import numpy as np
import scipy.special
import xarray as xr
from jaxtyping import Bool

from iqatlas.axes import QUANTITIES
from iqatlas.detectors.energy import energy
from iqatlas.errors import CorpusError

_MOST_SAMPLES = 1 << 24
"""Samples of all receivers that the floor is estimated from, taken evenly over the recording."""


def with_noise_floor(dataset: xr.Dataset, bins: Bool[np.ndarray, "subchannel bin"], where: str) -> xr.Dataset:
    """Return records with ``noise_power`` and ``snr_level``; those of a simulation as they are.

    A recording's floor is, for each receiver, the median energy of the sub-channels that no annotation
    marks, over that of the Gamma distribution which white noise would give them: a few signals that
    nobody has marked don't raise it, and captures of zeros don't lower it. A recording has no level of SNR
    that was asked for: NaN.

    Args:
        dataset: Records of a corpus.
        bins: Bins of each sub-channel.
        where: The corpus, for messages.

    Raises:
        CorpusError: There are no labels, no sub-channel is ever vacant, or a receiver is silent.
    """
    if "noise_power" in dataset:
        return dataset
    if "label" not in dataset:
        raise CorpusError(
            "no labels in this corpus, so that there is nothing to hold decisions against",
            where=where,
            remedy="annotate the recordings, and import them again",
        )
    records = dataset.sizes["record"]
    count = max(1, min(records, _MOST_SAMPLES // (dataset.sizes["sample"] * dataset.sizes["receiver"])))
    chosen = np.unique(np.linspace(0, records - 1, count).astype(np.int64))
    part = dataset[["iq", "label"]].isel(record=chosen).load()
    vacant = ~part["label"].values
    if not vacant.any():
        raise CorpusError("every sub-channel is marked in every capture: no noise is heard", where=where)
    iq = part["iq"].values
    level = energy(iq, np.ones(iq.shape[:2]), bins)
    used = bins.sum(axis=1)
    level = level * (used / scipy.special.gammaincinv(used, 0.5))
    cells = np.moveaxis(level, 1, 0)[:, vacant]  # receiver cell
    silent = ~(cells > 0).any(axis=1)
    if silent.any():
        raise CorpusError(
            f"receiver {part['receiver'].values[silent][0]} holds nothing but zeros where nothing is marked, "
            "so that no noise is heard",
            where=where,
            remedy="leave its recording out, and import the others again",
        )
    # Zeros are what a tool has filled a gap with, not noise.
    floor = np.nanmedian(np.where(cells > 0, cells, np.nan), axis=1)
    floor_db = np.broadcast_to(10 * np.log10(floor), (records, len(floor)))
    return dataset.assign(
        noise_power=xr.Variable(QUANTITIES["noise_power"].dims, floor_db.astype(np.float32)),
        snr_level=xr.Variable(("record",), np.full(records, np.nan, np.float32)),
    )
