"""I/Q as pairs of 16-bit integers with a scale a capture, and back.

The scale takes the largest part of a capture to the largest integer, so that nothing is clipped and a
part is off by half a count at most. Noise-like captures of a thousand samples keep about 89 dB.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Complex64, Float32, Int16

from iqatlas.axes import QUANTITIES, RECORDED_QUANTITIES

LARGEST_COUNT = 32767
_SMALLEST = np.finfo(np.float32).smallest_normal
"""Below this the inverse of a scale may be beyond single precision."""


def quantise(
    iq: Complex64[np.ndarray, "*batch sample"],
) -> tuple[Int16[np.ndarray, "*batch sample 2"], Float32[np.ndarray, "*batch"]]:
    """Return captures as counts of I and Q, and the √mW per count of each capture.

    Args:
        iq: Captures in √mW, finite.
    """
    parts = iq.view(np.float32)
    largest = np.maximum(parts.max(axis=-1), -parts.min(axis=-1))
    # The next number up: the quotient can't round to above the largest count. Silence has the scale 0.
    scale = np.where(largest > 0, np.nextafter(largest / np.float32(LARGEST_COUNT), np.float32(np.inf)), 0)
    inverse = np.divide(1.0, scale, out=np.zeros(scale.shape), where=scale >= _SMALLEST)
    faint = (scale > 0) & (scale < _SMALLEST)
    inverse[faint] = 1.0 / scale[faint].astype(np.float64)
    counts = np.empty(parts.shape, np.int16)
    rows, flat, factor = (
        parts.reshape(-1, parts.shape[-1]),
        counts.reshape(-1, parts.shape[-1]),
        inverse.ravel(),
    )
    at_once = max(1, (1 << 16) // max(1, parts.shape[-1]))
    for start in range(0, len(rows), at_once):
        piece = slice(start, start + at_once)
        flat[piece] = np.rint(rows[piece] * factor[piece, None])
    return counts.reshape(*iq.shape, 2), scale.astype(np.float32)


def dequantise(
    counts: Int16[np.ndarray, "*batch sample 2"], scale: Float32[np.ndarray, "*batch"]
) -> Complex64[np.ndarray, "*batch sample"]:
    """Return the captures in √mW that counts stand for.

    Args:
        counts: Counts of I and Q.
        scale: √mW per count of each capture.
    """
    parts = counts.astype(np.float32, order="C")
    parts *= scale[..., None, None]
    iq: Complex64[np.ndarray, "*batch sample"] = parts.view(np.complex64)[..., 0]
    return iq


def decoded(dataset: xr.Dataset) -> xr.Dataset:
    """Return records with complex samples, however they are stored; lazily where they are lazy.

    Args:
        dataset: Records as stored, or some variables of them; ``iq`` in counts needs ``iq_scale``.
    """
    if "iq" not in dataset or dataset["iq"].dtype != np.int16:
        return dataset
    iq = xr.apply_ufunc(
        dequantise,
        dataset["iq"],
        dataset["iq_scale"],
        input_core_dims=[["sample", "component"], []],
        output_core_dims=[["sample"]],
        dask="parallelized",
        output_dtypes=[np.complex64],
    )
    if "chunks" in dataset["iq"].encoding:
        iq.encoding["chunks"] = dataset["iq"].encoding["chunks"][:-1]
    others = dataset.drop_vars("iq").drop_dims("component", errors="ignore")
    # Counts of a recording whose level nobody knows are shares of its full scale.
    known = QUANTITIES if dataset["iq_scale"].attrs.get("units") != "1" else RECORDED_QUANTITIES
    return others.assign(iq=iq.assign_attrs(known["iq"].attributes()))
