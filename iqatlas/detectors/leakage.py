"""What short windows spill: the share of a sub-channel's power that appears in the bins of each other."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

_STEPS_A_BIN = 4
_MOST_STEPS = 4096


def spilt_shares(
    bins: Bool[np.ndarray, "subchannel bin"],
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    sample_rate_hz: float,
) -> Float64[np.ndarray, "bins_of power_of"]:
    """Return which share of white power in one sub-channel falls on the bins of another.

    A capture's window is rectangular: a frequency is seen through the Dirichlet kernel, whose square sums to
    1 over all bins.

    Args:
        bins: Bins of each sub-channel.
        edges_hz: Lower and upper edge of each sub-channel.
        sample_rate_hz: Sampling rate.
    """
    size = bins.shape[1]
    step = sample_rate_hz / size
    shares = np.empty((len(bins), len(bins)))
    for column, (lower, upper) in enumerate(edges_hz):
        steps = int(np.clip(np.ceil(_STEPS_A_BIN * (upper - lower) / step), _STEPS_A_BIN, _MOST_STEPS))
        at = (lower + (np.arange(steps) + 0.5) / steps * (upper - lower)) / step
        seen = np.zeros(size)
        for start in range(0, steps, 64):
            apart = np.arange(size)[None] - at[start : start + 64, None]
            below = size * np.sin(np.pi * apart / size)
            # On a bin the quotient is 1.
            on = np.abs(below) < 1e-9
            kernel = np.where(on, 1.0, np.sin(np.pi * apart) / np.where(on, 1.0, below))
            seen += np.square(kernel).sum(axis=0)
        shares[:, column] = (bins @ seen) / steps
    return shares
