"""Pictures of the features of one capture: spectra over what was sent, cyclic planes, profiles and lines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from iqatlas.features.setting import CaptureSetting
from iqatlas.features.tabular import statistics
from iqatlas.plotting.colours import INK
from iqatlas.plotting.cyclic import draw_cyclic_autocorrelation, draw_cyclic_spectrum
from iqatlas.plotting.levels import (
    MOST_CELLS,
    array_level_db,
    cell_edges,
    in_label,
    pooled_edges,
    pooled_largest,
    together,
)
from iqatlas.plotting.png import png_bytes

_OCCUPIED = "#00798c"
_LINE = "#c8384f"
_FLOOR_DB = 60.0
_WIDEST_TITLE = 110
_MOST_NUMBERS_ABREAST = 16
_MOST_NUMBERS = 48
"""Sub-channels whose numbers are written: upright where there are many, and left out beyond."""


@dataclass(frozen=True, eq=False)
class _Shown:
    """What is drawn: a feature of one capture, the record that it is of, and what was asked for."""

    values: xr.DataArray
    record: xr.Dataset
    setting: CaptureSetting
    options: Mapping[str, Any] | None


def draw_feature(
    values: xr.DataArray,
    record: xr.Dataset,
    setting: CaptureSetting,
    *,
    title: str,
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """Return a PNG picture of a feature of one capture, labelled, levels in dB.

    Args:
        values: The feature, of one record and receiver, with its coordinates.
        record: The record that it is of, at this receiver: I/Q, labels and sub-channel edges.
        setting: Sampling rate and symbols of the captures.
        title: Heading of the picture.
        options: What stands below the feature's key in the spec; without it, headings leave out what only
            the spec knows.
    """
    figure = Figure(figsize=(12, 6.5), dpi=110, facecolor="white", layout="constrained")
    _DRAWN[str(values.name)](figure, _Shown(values, record, setting, options))
    figure.suptitle(textwrap.fill(title, _WIDEST_TITLE), fontsize=13, fontweight="bold", color=INK)
    return png_bytes(figure)


def _edges_mhz(record: xr.Dataset) -> np.ndarray:
    return np.stack([record["subchannel_lower"].values, record["subchannel_upper"].values], -1) / 1e6


def _shade(axes: Any, record: xr.Dataset, *, upright: bool) -> None:
    """Shade the sub-channels that are occupied, where that is known."""
    if "label" not in record:
        return
    span = axes.axhspan if upright else axes.axvspan
    for (low, high), occupied in zip(_edges_mhz(record), record["label"].values, strict=True):
        if occupied:
            span(low, high, color=_OCCUPIED, alpha=0.18, lw=0)


def _spectrogram(figure: Figure, shown: _Shown) -> None:
    values, record, setting = shown.values, shown.record, shown.setting
    level, units = array_level_db(values)
    labelled = "label" in record
    widths = (1, 0.16) if labelled else (1,)
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True, squeeze=False)[0]
    axes = panels[0]
    time_us, frequency_mhz = values["frame_time"].values * 1e6, values["frequency"].values / 1e6
    frames, bins = (together(size, MOST_CELLS) for size in level.shape)
    drawn = pooled_largest(pooled_largest(level, frames, 0), bins, 1)
    image = axes.pcolormesh(
        pooled_edges(cell_edges(time_us, setting.samples / setting.sample_rate_hz * 1e6), frames),
        pooled_edges(cell_edges(frequency_mhz, setting.sample_rate_hz / 1e6), bins),
        drawn.T,
        cmap="magma",
        vmin=max(np.percentile(drawn, 2), drawn.max() - _FLOOR_DB),
        vmax=drawn.max(),
        rasterized=True,
    )
    axes.set(xlabel="time in the capture / µs", ylabel="frequency from the carrier / MHz")
    told = f"; each cell is the largest of {frames} frames × {bins} bins" if frames * bins > 1 else ""
    axes.set_title("Spectrogram" + told, fontsize=11, color=INK)
    if labelled:
        _draw_occupancy(panels[1], record)
    figure.colorbar(
        image, ax=list(panels), label=f"power density / {in_label(units)}", pad=0.01, extend="min"
    )


def _draw_occupancy(axes: Any, record: xr.Dataset) -> None:
    edges, known = _edges_mhz(record), "occupancy" in record
    # Of a recording it is known what was annotated, not who sent it.
    sites = record["occupancy"].values.sum(axis=0) if known else record["label"].values.astype(np.int64)
    axes.barh(
        edges.mean(axis=1),
        sites,
        edges[:, 1] - edges[:, 0],
        color=_OCCUPIED,
        edgecolor="white",
        linewidth=0.5,
    )
    most, words = (record.sizes["site"], "sites that\noccupy it") if known else (1, "annotated")
    axes.set(xlim=(0, max(1, most)), xlabel=words)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title("Sent" if known else "Labels", fontsize=11, color=INK)


def _power_spectrum(figure: Figure, shown: _Shown) -> None:
    values, record = shown.values, shown.record
    level, units = array_level_db(values)
    axes = figure.subplots()
    _shade(axes, record, upright=False)
    axes.plot(values["spectrum_frequency"].values / 1e6, level, color=INK, lw=1.2)
    axes.set(xlabel="frequency from the carrier / MHz", ylabel=f"power density / {in_label(units)}")
    axes.margins(x=0)
    axes.set_title("Power spectrum; occupied sub-channels shaded", fontsize=11, color=INK)
    axes.grid(alpha=0.25)


def _subchannel_energy(figure: Figure, shown: _Shown) -> None:
    values, record = shown.values, shown.record
    level, units = array_level_db(values)
    axes = figure.subplots()
    edges = _edges_mhz(record)
    occupied = record["label"].values if "label" in record else np.zeros(len(edges), bool)
    bottom = np.floor(level.min() / 5) * 5 - 5
    axes.bar(
        edges.mean(axis=1),
        level - bottom,
        edges[:, 1] - edges[:, 0],
        bottom=bottom,
        color=[_OCCUPIED if busy else "#c9d1d8" for busy in occupied],
        edgecolor="white",
    )
    axes.set(xlabel="frequency from the carrier / MHz", ylabel=f"power / {units}")
    axes.set_title("Power in each sub-channel: occupied ones dark, vacant ones grey", fontsize=11, color=INK)
    axes.grid(alpha=0.25, axis="y")


def _cyclic_spectrum(figure: Figure, shown: _Shown) -> None:
    draw_cyclic_spectrum(figure, shown.values, shown.setting, shown.options)


def _cyclic_autocorrelation(figure: Figure, shown: _Shown) -> None:
    draw_cyclic_autocorrelation(figure, shown.values, shown.setting)


def _wavelet(figure: Figure, shown: _Shown) -> None:
    values, record, setting = shown.values, shown.record, shown.setting
    upper, lower = figure.subplots(2, 1, sharex=True)
    time_us = np.arange(setting.samples) / setting.sample_rate_hz * 1e6
    # Recordings that nobody has calibrated are shares of full scale.
    root = "√mW" if values.attrs.get("units") == "mW^0.5" else "full scale"
    for axes, part, name in ((upper, np.real, "in-phase"), (lower, np.imag, "quadrature")):
        axes.plot(time_us, part(record["iq"].values), color="#c9d1d8", lw=0.8, label="received")
        axes.plot(time_us, part(values.values), color=_LINE, lw=0.9, label="denoised")
        axes.set(ylabel=f"{name} / {root}")
        axes.margins(x=0)
        axes.grid(alpha=0.25)
    figure.legend(*upper.get_legend_handles_labels(), fontsize=10, ncols=2, loc="outside lower right")
    upper.set_title(str(values.attrs["comment"]).capitalize(), fontsize=11, color=INK)
    lower.set_xlabel("time in the capture / µs")


def _number(value: float, digits: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def _tabular(figure: Figure, shown: _Shown) -> None:
    values, record = shown.values, shown.record
    names = [str(name) for name in values["statistic"].values]
    units = [str(unit) for unit in values["statistic_units"].values]
    whole = range(len(statistics(0)))
    subchannels = record.sizes["subchannel"]
    bands = np.arange(len(whole), len(names)).reshape(subchannels, -1)
    left, right = figure.subplots(1, 2, width_ratios=(0.36, 1))
    left.axis("off")
    text = "\n".join(f"{names[i]:<16}{_number(float(values[i]), 4):>10} {units[i]}" for i in whole)
    left.text(0, 1, text, family="monospace", fontsize=9.5, va="top", transform=left.transAxes, color=INK)
    left.set_title("The whole band", fontsize=11, color=INK)
    grid = values.values[bands].T.astype(np.float64)
    spread = np.ptp(grid, axis=1, keepdims=True)
    shaded = (grid - grid.min(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    right.imshow(shaded, aspect="auto", cmap="Blues", vmin=0, vmax=1.6)
    upright = subchannels > _MOST_NUMBERS_ABREAST
    for (row, column), value in np.ndenumerate(grid if subchannels <= _MOST_NUMBERS else grid[:, :0]):
        right.text(
            column,
            row,
            _number(float(value), 3),
            ha="center",
            va="center",
            rotation=90 if upright else 0,
            fontsize=7.5,
            color=INK,
        )
    labels = [f"{names[index][: names[index].rindex('_')]} / {units[index]}" for index in bands[0]]
    right.set_yticks(range(len(labels)), labels, fontsize=9)
    ticks = np.arange(0, subchannels, -(-subchannels // _MOST_NUMBERS))
    right.set_xticks(ticks, ticks, fontsize=9)
    occupied = record["label"].values if "label" in record else np.zeros(subchannels, bool)
    for tick, busy in zip(right.get_xticklabels(), occupied[ticks], strict=True):
        tick.set_color(_LINE if busy else INK)
    right.set_xlabel("sub-channel (occupied ones red)")
    right.set_title(
        "Each sub-channel; shaded from the lowest of a row to its highest", fontsize=11, color=INK
    )


_DRAWN: dict[str, Callable[[Figure, _Shown], None]] = {
    "spectrogram": _spectrogram,
    "power_spectrum": _power_spectrum,
    "subchannel_energy": _subchannel_energy,
    "cyclic_spectrum": _cyclic_spectrum,
    "cyclic_autocorrelation": _cyclic_autocorrelation,
    "wavelet": _wavelet,
    "tabular": _tabular,
}
