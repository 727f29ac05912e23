"""Power of captures in each sub-channel: what an energy detector sees, in dBm."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float32, Float64, Num

from iqatlas.axes import Quantity
from iqatlas.features import _arrays
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import SubchannelEnergySpec

LEAST_POWER_MW = 1e-35
"""Floor for the logarithm: -350 dBm, far below any thermal noise."""
_CHUNK_SAMPLES = 1 << 18


def subchannel_bins(
    samples: int, *, edges_hz: Float64[np.ndarray, "subchannel 2"], sample_rate_hz: float
) -> Bool[np.ndarray, "subchannel bin"]:
    """Return which bins of a capture's transform belong to each sub-channel.

    A sub-channel narrower than a bin gets the bin nearest to its middle.

    Args:
        samples: Samples of a capture, and bins of its transform.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        sample_rate_hz: Sampling rate.
    """
    frequency = np.asarray(scipy.fft.fftfreq(samples, 1 / sample_rate_hz), np.float64)
    inside = (frequency >= edges_hz[:, :1]) & (frequency < edges_hz[:, 1:])
    nearest = np.argmin(np.abs(frequency - edges_hz.mean(axis=1, keepdims=True)), axis=1)
    empty = ~inside.any(axis=1)
    inside[empty, nearest[empty]] = True
    return inside


def subchannel_energy(
    samples: Num[Any, "*batch sample"],
    spec: SubchannelEnergySpec,
    *,
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    sample_rate_hz: float,
) -> Float32[Any, "*batch subchannel"]:
    """Return the mean power of captures in each sub-channel: the bins of their transform that lie in it.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor; complex128 is cut to complex64.
        spec: Scale.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        sample_rate_hz: Sampling rate.

    Returns:
        dBm or mW as the spec says. White noise of power P gives P times the sub-channel's share of the bins.

    Raises:
        SpecError: The captures are not complex, or hold no samples.
    """
    samples = _arrays.captures(samples, where="features.subchannel_energy")
    xp, size = _arrays.namespace(samples), samples.shape[-1]
    bins = subchannel_bins(size, edges_hz=edges_hz, sample_rate_hz=sample_rate_hz)
    runs = [_runs(row) for row in bins]
    rows = xp.reshape(samples, (-1, size))
    at_once = max(1, _CHUNK_SAMPLES // size) if _arrays.is_numpy(samples) else max(1, rows.shape[0])
    pieces = []
    for start in range(0, rows.shape[0], at_once):
        power = _arrays.power(_arrays.transform(rows[start : start + at_once]))
        # A sub-channel is one run of bins, or two about the ends of the transform's order.
        pieces.append(
            xp.stack([sum(xp.sum(power[:, a:b], axis=-1) for a, b in ends) for ends in runs], axis=-1)
        )
    none = xp.empty((0, len(bins)), dtype=xp.float32, device=_arrays.device(samples))
    energy = xp.astype(xp.concat(pieces) if pieces else none, xp.float32) / float(size) ** 2
    if spec.scale == "dbm":
        energy = _arrays.decibels(energy, LEAST_POWER_MW)
    return xp.reshape(energy, (*samples.shape[:-1], len(bins)))


def _runs(row: Bool[np.ndarray, "bin"]) -> list[tuple[int, int]]:
    """Return the first bin, and one past the last, of each run of bins."""
    steps = np.flatnonzero(np.diff(row, prepend=False, append=False))
    return [(int(a), int(b)) for a, b in zip(steps[::2], steps[1::2], strict=True)]


def _layout(spec: SubchannelEnergySpec, setting: CaptureSetting) -> Layout:
    return Layout(
        quantity=Quantity(
            (*BEFORE, "subchannel"),
            "float32",
            {"dbm": "dBm", "mw": "mW"}[spec.scale],
            "received power in each sub-channel, noise included",
        ),
        lengths={"subchannel": len(setting.subchannel_edges_hz)},
    )


FEATURE = Feature(
    "subchannel_energy",
    SubchannelEnergySpec,
    _layout,
    lambda samples, spec, setting: subchannel_energy(
        samples, spec, edges_hz=setting.subchannel_edges_hz, sample_rate_hz=setting.sample_rate_hz
    ),
)
