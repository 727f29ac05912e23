"""Pictures of the features of one capture: spectra over what was sent, cyclic planes, profiles and lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from iqatlas.features.cyclic_spectrum_feature import ALPHA, FREQUENCY
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.tabular import statistics
from iqatlas.plotting.colours import INK
from iqatlas.plotting.png import png_bytes

_OCCUPIED = "#00798c"
_MARK = "#d98a00"
_LINE = "#c8384f"
_FLOOR_DB = 60.0
_PLANE_DB = 30.0
_MOST_MARKS = 12


def draw_feature(values: xr.DataArray, record: xr.Dataset, setting: CaptureSetting, *, title: str) -> bytes:
    """Return a PNG picture of a feature of one capture, labelled, levels in dB.

    Args:
        values: The feature, of one record and receiver, with its coordinates.
        record: The record that it is of, at this receiver: I/Q, labels and sub-channel edges.
        setting: Sampling rate and symbols of the captures.
        title: Heading of the picture.
    """
    figure = Figure(figsize=(12, 6.5), dpi=110, facecolor="white", layout="constrained")
    _DRAWN[str(values.name)](figure, values, record, setting)
    figure.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    return png_bytes(figure)


def _level(values: xr.DataArray) -> tuple[np.ndarray, str]:
    """Return values in dB, and their unit; what is on a linear scale is brought there."""
    units = str(values.attrs.get("units", ""))
    array = np.abs(values.values).astype(np.float64)
    if units.startswith("dB"):
        return values.values.astype(np.float64), units
    least = max(float(array.max()) * 1e-12, 1e-300)
    return 10 * np.log10(np.maximum(array, least)), {"mW/Hz": "dBm/Hz", "mW": "dBm", "1": "dB"}.get(
        units, "dB"
    )


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


def _spectrogram(figure: Figure, values: xr.DataArray, record: xr.Dataset, setting: CaptureSetting) -> None:
    level, units = _level(values)
    labelled = "label" in record
    widths = (1, 0.16) if labelled else (1,)
    panels = figure.subplots(1, len(widths), width_ratios=widths, sharey=True, squeeze=False)[0]
    axes = panels[0]
    time_us, frequency_mhz = values["frame_time"].values * 1e6, values["frequency"].values / 1e6
    image = axes.pcolormesh(
        _bounds(time_us, setting.samples / setting.sample_rate_hz * 1e6),
        _bounds(frequency_mhz, setting.sample_rate_hz / 1e6),
        level.T,
        cmap="magma",
        vmin=max(np.percentile(level, 2), level.max() - _FLOOR_DB),
        vmax=level.max(),
        rasterized=True,
    )
    axes.set(xlabel="time in the capture / µs", ylabel="frequency from the carrier / MHz")
    axes.set_title("Spectrogram", fontsize=11, color=INK)
    if labelled:
        _draw_occupancy(panels[1], record)
    figure.colorbar(image, ax=list(panels), label=units, pad=0.01)


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


def _bounds(middles: np.ndarray, whole: float) -> np.ndarray:
    """Return the edges of cells from their middles."""
    if len(middles) == 1:
        return np.array([middles[0] - whole / 2, middles[0] + whole / 2])
    step = np.diff(middles)
    first, last = middles[0] - step[0] / 2, middles[-1] + step[-1] / 2
    return np.concatenate([[first], middles[:-1] + step / 2, [last]])


def _power_spectrum(figure: Figure, values: xr.DataArray, record: xr.Dataset, _: CaptureSetting) -> None:
    level, units = _level(values)
    axes = figure.subplots()
    _shade(axes, record, upright=False)
    axes.plot(values["spectrum_frequency"].values / 1e6, level, color=INK, lw=1.2)
    axes.set(xlabel="frequency from the carrier / MHz", ylabel=units)
    axes.margins(x=0)
    axes.set_title("Power spectrum; occupied sub-channels shaded", fontsize=11, color=INK)
    axes.grid(alpha=0.25)


def _subchannel_energy(figure: Figure, values: xr.DataArray, record: xr.Dataset, _: CaptureSetting) -> None:
    level, units = _level(values)
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


def _cyclic_spectrum(figure: Figure, values: xr.DataArray, _: xr.Dataset, setting: CaptureSetting) -> None:
    level, units = _level(values)
    alpha = values[ALPHA].values
    scale, unit = (1e6, "MHz") if alpha.max() >= 1e6 else (1e3, "kHz")
    if FREQUENCY not in values.dims:
        axes = figure.subplots()
        _profile(axes, alpha / scale, level, units, unit, upright=False)
        _mark_symbol_rate(axes.axvline, alpha, setting, scale, axes)
        return
    axes, beside = figure.subplots(1, 2, width_ratios=(1, 0.4), sharey=True)
    frequency = values[FREQUENCY].values
    top = float(level.max())
    image = axes.pcolormesh(
        _bounds(frequency / 1e6, 1.0),
        _bounds(alpha / scale, 1.0),
        level,
        cmap="magma",
        vmin=max(float(np.percentile(level, 5)), top - _PLANE_DB),
        vmax=top,
        rasterized=True,
    )
    axes.set(xlabel="frequency from the carrier / MHz", ylabel=f"cyclic frequency α / {unit}")
    axes.set_title("Cyclic spectrum", fontsize=11, color=INK)
    figure.colorbar(image, ax=axes, label=units, pad=0.01)
    _profile(beside, alpha / scale, level.max(axis=1), units, unit, upright=True)
    _mark_symbol_rate(beside.axhline, alpha, setting, scale, beside)


def _profile(
    axes: Any, alpha: np.ndarray, level: np.ndarray, units: str, unit: str, *, upright: bool
) -> None:
    if upright:
        axes.plot(level, alpha, color=INK, lw=1.1)
        axes.set(xlabel=units)
    else:
        axes.plot(alpha, level, color=INK, lw=1.1)
        axes.set(xlabel=f"cyclic frequency α / {unit}", ylabel=units)
        axes.margins(x=0)
    axes.set_title("Largest over frequency", fontsize=11, color=INK)
    axes.grid(alpha=0.25)


def _mark_symbol_rate(
    line: Callable[..., Any], alpha: np.ndarray, setting: CaptureSetting, scale: float, axes: Any
) -> None:
    """Mark multiples of the symbol rate, or say that they are too near to each other to be told apart."""
    rate = setting.symbol_rate_hz
    if rate is None:
        return
    step = float(np.diff(alpha).min()) if len(alpha) > 1 else np.inf
    if step > rate / 2:
        text = f"symbol rate {rate / 1e3:g} kHz: below\nthe {step / 1e3:,.0f} kHz between values"
        axes.text(0.98, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=_MARK)
        return
    if rate < alpha.max() / 100:
        text = f"symbol rate {rate / 1e3:g} kHz: too near\nto each other to be marked"
        axes.text(0.98, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=_MARK)
        return
    for k in range(1, min(_MOST_MARKS, int(alpha.max() / rate)) + 1):
        line(k * rate / scale, color=_MARK, lw=0.8, ls="--", label="symbol rate" if k == 1 else None)
    axes.legend(fontsize=8, loc="upper right")


def _cyclic_autocorrelation(
    figure: Figure, values: xr.DataArray, _: xr.Dataset, setting: CaptureSetting
) -> None:
    several = "lag" in values.dims
    rows = values if several else values.expand_dims("lag")
    axes = figure.subplots()
    alpha = values["cyclic_frequency"].values
    scale, unit = (1e3, "kHz") if np.abs(alpha).max() < 1e6 else (1e6, "MHz")
    order = np.argsort(alpha)
    unit_of_level = ""
    for index in range(rows.sizes["lag"]):
        level, unit_of_level = _level(rows.isel(lag=index))
        name = f"lag {float(values['lag'][index]) * 1e6:g} µs" if several else None
        axes.plot(
            alpha[order] / scale,
            level[order],
            "o-",
            ms=4,
            lw=0.9,
            color=None if several else INK,
            label=name,
        )
    if setting.symbol_rate_hz is not None:
        rate = setting.symbol_rate_hz
        lines = [k for k in range(_MOST_MARKS + 1) if k * rate <= alpha.max() + 1]
        for k in lines:
            axes.axvline(
                k * rate / scale,
                color=_MARK,
                lw=0.8,
                ls="--",
                zorder=0,
                label=f"multiples of the symbol rate, {rate / 1e3:g} kHz" if k == lines[0] else None,
            )
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8)
    axes.set(xlabel=f"cyclic frequency α / {unit}", ylabel=f"|R| / {unit_of_level}")
    axes.set_title(str(values.attrs["long_name"]).capitalize(), fontsize=11, color=INK)
    axes.grid(alpha=0.25)


def _wavelet(figure: Figure, values: xr.DataArray, record: xr.Dataset, setting: CaptureSetting) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    time_us = np.arange(setting.samples) / setting.sample_rate_hz * 1e6
    for axes, part, name in ((upper, np.real, "in-phase"), (lower, np.imag, "quadrature")):
        axes.plot(time_us, part(record["iq"].values), color="#c9d1d8", lw=0.8, label="received")
        axes.plot(time_us, part(values.values), color=_LINE, lw=0.9, label="denoised")
        axes.set(ylabel=f"{name} / √mW")
        axes.margins(x=0)
        axes.grid(alpha=0.25)
    upper.legend(fontsize=8, loc="upper right")
    upper.set_title(str(values.attrs["comment"]).capitalize(), fontsize=11, color=INK)
    lower.set_xlabel("time in the capture / µs")


def _tabular(figure: Figure, values: xr.DataArray, record: xr.Dataset, _: CaptureSetting) -> None:
    names = [str(name) for name in values["statistic"].values]
    units = [str(unit) for unit in values["statistic_units"].values]
    whole = range(len(statistics(0)))
    subchannels = record.sizes["subchannel"]
    bands = np.arange(len(whole), len(names)).reshape(subchannels, -1)
    left, right = figure.subplots(1, 2, width_ratios=(0.42, 1))
    left.axis("off")
    text = "\n".join(f"{names[i]:<16}{float(values[i]):>10.4g} {units[i]}" for i in whole)
    left.text(0, 1, text, family="monospace", fontsize=9.5, va="top", transform=left.transAxes, color=INK)
    left.set_title("The whole band", fontsize=11, color=INK)
    grid = values.values[bands].T.astype(np.float64)
    spread = np.ptp(grid, axis=1, keepdims=True)
    shaded = (grid - grid.min(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    right.imshow(shaded, aspect="auto", cmap="Blues", vmin=0, vmax=1.6)
    for (row, column), value in np.ndenumerate(grid):
        right.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=6.5, color=INK)
    labels = [f"{names[index][: names[index].rindex('_')]} / {units[index]}" for index in bands[0]]
    right.set_yticks(range(len(labels)), labels, fontsize=8)
    right.set_xticks(range(subchannels), range(subchannels), fontsize=8)
    occupied = record["label"].values if "label" in record else np.zeros(subchannels, bool)
    for tick, busy in zip(right.get_xticklabels(), occupied, strict=True):
        tick.set_color(_LINE if busy else INK)
    right.set_xlabel("sub-channel (occupied ones red)")
    right.set_title("Each sub-channel", fontsize=11, color=INK)


_DRAWN: dict[str, Callable[[Figure, xr.DataArray, xr.Dataset, CaptureSetting], None]] = {
    "spectrogram": _spectrogram,
    "power_spectrum": _power_spectrum,
    "subchannel_energy": _subchannel_energy,
    "cyclic_spectrum": _cyclic_spectrum,
    "cyclic_autocorrelation": _cyclic_autocorrelation,
    "wavelet": _wavelet,
    "tabular": _tabular,
}
