"""From statistics of captures to a row a sub-channel, so that one ensemble of trees serves them all."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from iqatlas.features.setting import CaptureSetting
from iqatlas.features.tabular import statistics

_RELATIVE = 3
"""Columns that a row has beside those of the capture and of its own sub-channel, and its number."""


def _sizes(subchannels: int) -> tuple[int, int]:
    """Return how many columns are of the whole capture, and how many of each sub-channel."""
    own = sum(name.endswith("_00") for name, _ in statistics(subchannels))
    return len(statistics(subchannels)) - own * subchannels, own


def column_count(subchannels: int) -> int:
    """Return the columns of a row."""
    return sum(_sizes(subchannels)) + _RELATIVE + 1


def subchannel_rows(
    values: Float32[np.ndarray, "item statistic"], setting: CaptureSetting
) -> Float32[np.ndarray, "row column"]:
    """Return a row for each sub-channel of each capture.

    It has the statistics of the capture, those of the sub-channel, its power in dB above the neighbours below
    and above (0 at the ends of the band) and above the median of all sub-channels, and its number.

    Args:
        values: Table of :func:`iqatlas.features.tabular.tabular`.
        setting: Sub-channels.
    """
    subchannels = len(setting.subchannel_edges_hz)
    whole, own = _sizes(subchannels)
    items = len(values)
    bands = values[:, whole:].reshape(items, subchannels, own)
    power = bands[..., 0]
    step = np.diff(power, axis=1)
    rows = np.empty((items, subchannels, column_count(subchannels)), np.float32)
    rows[..., :whole] = values[:, None, :whole]
    rows[..., whole : whole + own] = bands
    relative = rows[..., whole + own :]
    relative[:, 0, 0], relative[:, 1:, 0] = 0, step
    relative[:, -1, 1], relative[:, :-1, 1] = 0, -step
    relative[..., 2] = power - np.median(power, axis=1, keepdims=True)
    relative[..., 3] = np.arange(subchannels)
    return rows.reshape(items * subchannels, -1)
