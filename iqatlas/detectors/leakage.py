"""What short windows spill: the share of a sub-channel's power that appears in the bins of each other."""

from __future__ import annotations

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float64


def spilt_shares(
    bins: Bool[np.ndarray, "subchannel bin"],
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    sample_rate_hz: float,
) -> Float64[np.ndarray, "bins_of power_of"]:
    """Return which share of white power in one sub-channel falls on the bins of another.

    A capture's window is rectangular: the correlation of white power in a band is seen times a triangle, and
    one transform of it gives the mean of |X|² in every bin.

    Args:
        bins: Bins of each sub-channel.
        edges_hz: Lower and upper edge of each sub-channel.
        sample_rate_hz: Sampling rate.
    """
    size = bins.shape[1]
    lag = np.arange(size)
    shares = np.empty((len(bins), len(bins)))
    for column, (lower, upper) in enumerate(edges_hz / sample_rate_hz):
        turns = (lower + upper) / 2 * lag % 1
        seen = (1 - lag / size) * np.sinc((upper - lower) * lag) * np.exp(2j * np.pi * turns)
        # Lags before 0 are the complex conjugates of those after it.
        power = 2 * np.asarray(scipy.fft.fft(seen)).real - 1
        shares[:, column] = bins @ power / size
    return shares
