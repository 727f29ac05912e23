"""The picture of a corpus of recordings: what each receiver heard over time, and what was annotated."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from iqatlas.plotting.colours import INK
from iqatlas.plotting.png import png_bytes

_COLUMNS = 240
_BINS = 256
_LARGEST_READ_SAMPLES = 1 << 22
_RECEIVERS_SHOWN = 3


def draw_recording(records: xr.Dataset, *, title: str) -> bytes:
    """Return a PNG picture of records: power over frequency and time, above the labels if there are any.

    Args:
        records: Records of the corpus, samples complex.
        title: Heading of the picture.
    """
    receivers = min(_RECEIVERS_SHOWN, records.sizes["receiver"])
    labelled = "label" in records
    rows = receivers + labelled
    figure = Figure(figsize=(12, 1.6 + 2.6 * rows), dpi=100, facecolor="white", layout="constrained")
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    samples = records.sizes["sample"]
    shown = max(1, min(_COLUMNS, records.sizes["record"], _LARGEST_READ_SAMPLES // samples))
    chosen = np.unique(np.linspace(0, records.sizes["record"] - 1, shown).round().astype(np.int64))
    part = records[["iq", "time", *(["label"] if labelled else [])]].isel(record=chosen)
    part = part.isel(receiver=slice(receivers)).load()
    time_s = part["time"].values
    after = time_s[-1] + samples / records.attrs["sample_rate_hz"]
    edges, along = np.append(time_s, after), "time / s"
    if (np.diff(edges) <= 0).any():
        # What came back from an export has several records at a time, and time begins anew with each draw.
        edges, along = np.append(chosen, records.sizes["record"]), "record"
    for axes, receiver in zip(panels, range(receivers), strict=False):
        _draw_power(figure, axes, part.isel(receiver=receiver), edges)
    if labelled:
        borders, shown_labels = _label_rows(part)
        panels[-1].pcolormesh(
            edges,
            borders,
            shown_labels,
            cmap=ListedColormap(("#ffffff", "#1764ab")),
            vmin=0,
            vmax=1,
        )
        panels[-1].set_title("Annotated: occupied sub-channels", fontsize=11, color=INK)
        panels[-1].set_ylabel("frequency / MHz")
    panels[-1].set_xlabel(along)
    figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return png_bytes(figure)


def _label_rows(part: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return borders in MHz and what lies between them; nothing where no sub-channel is."""
    lower, upper = part["subchannel_lower"].values / 1e6, part["subchannel_upper"].values / 1e6
    label = part["label"].values.T
    upper[:-1] = np.minimum(upper[:-1], lower[1:])
    if np.allclose(upper[:-1], lower[1:], rtol=0, atol=1e-9):
        return np.append(lower, upper[-1]), label
    rows = np.zeros((2 * len(label) - 1, label.shape[1]), label.dtype)
    rows[::2] = label
    return np.stack([lower, upper], axis=-1).reshape(-1), rows


def _draw_power(figure: Any, axes: Any, part: xr.Dataset, edges: np.ndarray) -> None:
    iq, rate = part["iq"].values, float(part.attrs["sample_rate_hz"])
    bins = min(_BINS, 1 << int(np.log2(iq.shape[-1])))
    pieces = iq[:, : iq.shape[-1] // bins * bins].reshape(len(iq), -1, bins) * np.hanning(bins)
    power = np.square(np.abs(np.fft.fft(pieces))).mean(axis=1) / (np.square(np.hanning(bins)).sum() * rate)
    level = 10 * np.log10(np.maximum(np.fft.fftshift(power, axes=-1), 1e-30))
    calibrated = part["iq"].attrs.get("units") == "mW^0.5"
    image = axes.pcolormesh(
        edges,
        (np.arange(bins + 1) - bins / 2 - 0.5) * rate / bins / 1e6,
        level.T,
        cmap="magma",
        vmin=np.percentile(level, 2),
        vmax=level.max(),
        rasterized=True,
    )
    axes.set_title(f"What {part['receiver'].values} heard", fontsize=11, color=INK)
    axes.set_ylabel("frequency / MHz")
    figure.colorbar(image, ax=axes, label="dBm/Hz" if calibrated else "dBFS/Hz", pad=0.01)
