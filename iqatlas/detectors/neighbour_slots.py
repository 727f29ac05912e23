"""Which labels are not those of the slot before, or of the slot after: where a shift in time would show."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int64

ORDER = ("draw", "snr_level", "slot")
"""Variables that say which records follow each other in time."""
_AT_ONCE = 1 << 20


class NeighbourSlots:
    """The labels of each record's neighbours in time, of the same draw and SNR level.

    Args:
        dataset: All records.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._before: Int64[np.ndarray, " record"] | None = None
        if "slot" not in dataset:
            return
        records = dataset.sizes["record"]
        # Thermal noise has no level: NaN.
        draw, level, slot = (
            np.nan_to_num(dataset[name].values) if name in dataset else np.zeros(records, np.int64)
            for name in ORDER
        )
        order = np.lexsort((slot, level, draw))
        first, second = order[:-1], order[1:]
        follows = (
            (draw[second] == draw[first])
            & (level[second] == level[first])
            & (slot[second].astype(np.int64) == slot[first].astype(np.int64) + 1)
        )
        self._before, self._after = np.full(records, -1), np.full(records, -1)
        self._before[second[follows]] = first[follows]
        self._after[first[follows]] = second[follows]
        # A bit a label: those of all records are kept.
        self._channels = dataset.sizes["subchannel"]
        label = dataset["label"].transpose("record", "subchannel")
        starts = range(0, records, max(1, _AT_ONCE // self._channels))
        self._packed = np.concatenate(
            [np.packbits(label[start : start + starts.step].values.astype(bool), axis=1) for start in starts]
        )

    def switched(
        self, number: Int64[np.ndarray, " record"], label: Bool[np.ndarray, "record subchannel"]
    ) -> tuple[Bool[np.ndarray, "record subchannel"], Bool[np.ndarray, "record subchannel"]]:
        """Return which labels differ from those of the slot before, and which from those of the slot after.

        Args:
            number: Place of each record among all of them.
            label: Labels of the records.
        """
        if self._before is None:
            return np.zeros_like(label), np.zeros_like(label)
        before, after = self._before[number], self._after[number]
        return self._differ(before, label), self._differ(after, label)

    def _differ(
        self, neighbour: Int64[np.ndarray, " record"], label: Bool[np.ndarray, "record subchannel"]
    ) -> Bool[np.ndarray, "record subchannel"]:
        theirs = np.unpackbits(self._packed[neighbour], axis=1, count=self._channels).astype(bool)
        return np.asarray((theirs != label) & (neighbour >= 0)[:, None])
