"""Pictures of cyclic features of one capture: planes, profiles, and lines of the cyclic autocorrelation."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput
from iqatlas.features.cyclic_spectrum_feature import ALPHA, FREQUENCY
from iqatlas.features.setting import CaptureSetting
from iqatlas.plotting.colours import INK
from iqatlas.plotting.levels import (
    MOST_CELLS,
    array_level_db,
    cell_edges,
    in_label,
    level_db,
    pooled_edges,
    pooled_largest,
    together,
    without_cells,
)

_MOST_ON_A_CURVE = 8192
"""Values of a profile that are drawn: a curve takes all, but the canvas has no room for millions."""
MARK = "#d98a00"
_NO_CELLS = "#e3e7eb"
_RANGE_DB = 60.0
_FLOOR_PERCENT = 5.0
_MOST_MARKS = 12
_WIDEST_NOTE = 160
_MOST_NAMED = 12


def draw_cyclic_spectrum(
    figure: Figure, values: xr.DataArray, setting: CaptureSetting, options: Mapping[str, Any] | None
) -> None:
    """Draw a plane with its profile beside it, or a profile.

    Args:
        figure: What is drawn on.
        values: The cyclic spectrum of one capture with its coordinates.
        setting: Symbol rate of the captures.
        options: What stands below ``cyclic_spectrum`` in the spec, for what the values are; None if unknown.
    """
    spec = None if options is None else CyclicSpectrumSpec.model_validate(dict(options))
    if FREQUENCY in values.dims:
        _draw_plane(figure, values, setting, spec)
    else:
        _draw_profile(figure, values, setting, spec)


def _name(values: xr.DataArray) -> str:
    return str(values.attrs.get("long_name", values.name)).capitalize()


def _pool(spec: CyclicSpectrumSpec | None) -> str:
    """Return what a stored value is of the cells that it covers, in words; nothing where nobody knows."""
    if spec is None:
        return ""
    if isinstance(spec.output, FullOutput):
        return ", every cell"
    return {"max": ", the largest of each range", "mean": ", the mean of each range"}[spec.output.pool]


def _alpha_label(alpha: Float[np.ndarray, "value"], unit: str) -> str:
    # Only the conjugate plane has cyclic frequencies below 0: the plain one is symmetric.
    origin = " from twice the carrier" if alpha[0] < 0 else ""
    return f"cyclic frequency α{origin} / {unit}"


def _scale(alpha: Float[np.ndarray, "value"]) -> tuple[float, str]:
    return (1e6, "MHz") if np.abs(alpha).max() >= 1e6 else (1e3, "kHz")


def _draw_profile(
    figure: Figure, values: xr.DataArray, setting: CaptureSetting, spec: CyclicSpectrumSpec | None
) -> None:
    axes = figure.subplots()
    alpha = values[ALPHA].values
    scale, unit = _scale(alpha)
    level, units = array_level_db(values)
    axes.plot(*_curve(alpha / scale, level), color=INK, lw=1.1)
    axes.set(xlabel=_alpha_label(alpha, unit), ylabel=f"magnitude / {in_label(units)}")
    axes.margins(x=0)
    axes.set_title(_name(values) + _pool(spec), fontsize=11, color=INK)
    axes.grid(alpha=0.25)
    marks, told = symbol_rate_marks(alpha, setting.symbol_rate_hz)
    for mark in marks:
        axes.axvline(mark / scale, color=MARK, lw=0.8, ls="--", zorder=0)
    _tell(figure, str(values.attrs.get("comment", "")), told)


def _draw_plane(
    figure: Figure, values: xr.DataArray, setting: CaptureSetting, spec: CyclicSpectrumSpec | None
) -> None:
    axes, beside = figure.subplots(1, 2, width_ratios=(1, 0.36), sharey=True)
    alpha, frequency = values[ALPHA].values, values[FREQUENCY].values
    scale, unit = _scale(alpha)
    units_held = str(values.attrs.get("units", ""))
    rows, columns = (together(size, MOST_CELLS) for size in values.shape)
    shown = pooled_largest(pooled_largest(values.values, rows, 0), columns, 1)
    level, units = level_db(shown, units_held)
    across, up = pooled_edges(cell_edges(frequency, 1.0), columns), pooled_edges(cell_edges(alpha, 1.0), rows)
    drawn = np.ma.masked_array(level, without_cells(shown, frequency))
    floor, top = float(np.percentile(drawn.compressed(), _FLOOR_PERCENT)), float(drawn.max())
    image = axes.pcolormesh(
        across / 1e6,
        up / scale,
        drawn,
        cmap="magma",
        vmin=max(floor, top - _RANGE_DB) if floor < top else top - 1,
        vmax=top,
        rasterized=True,
    )
    axes.set_facecolor(_NO_CELLS)
    # The two frequencies of a conjugate cell are α/2 ± f, whatever the carrier.
    what = "half the difference of the two frequencies" if alpha[0] < 0 else "frequency from the carrier"
    axes.set(xlabel=f"{what} / MHz", ylabel=_alpha_label(alpha, unit))
    axes.set_title(_name(values) + _pool(spec), fontsize=11, color=INK)
    figure.colorbar(image, ax=axes, label=f"magnitude / {in_label(units)}", pad=0.01, extend="min")
    largest = level_db(values.values.max(axis=1), units_held)[0]
    largest[without_cells(values.values, frequency).all(axis=1)] = -np.inf
    beside.plot(*reversed(_curve(alpha / scale, largest)), color=INK, lw=1.0)
    beside.set(xlabel=f"magnitude / {in_label(units)}")
    beside.xaxis.set_major_locator(MaxNLocator(4))
    beside.set_title("Largest of each row", fontsize=11, color=INK)
    beside.grid(alpha=0.25)
    marks, told = symbol_rate_marks(alpha, setting.symbol_rate_hz)
    for mark in marks:
        beside.axhline(mark / scale, color=MARK, lw=0.8, ls="--", zorder=0)
    _tell(
        figure,
        str(values.attrs.get("comment", "")),
        told,
        f"each cell of the picture is the largest of {rows} × {columns}" if rows * columns > 1 else "",
        "grey: beyond the band" if np.ma.getmaskarray(drawn).any() else "",
    )


def _curve(
    place: Float[np.ndarray, "value"], level: Float[np.ndarray, "value"]
) -> tuple[Float[np.ndarray, "fewer"], Float[np.ndarray, "fewer"]]:
    """Return a curve with as many values as can be drawn, a gap where the level is minus infinity."""
    count = together(len(level), _MOST_ON_A_CURVE)
    pooled = pooled_largest(level, count, 0)
    return place[::count], np.where(np.isneginf(pooled), np.nan, pooled)


def symbol_rate_marks(alpha: Float[np.ndarray, "value"], rate_hz: float | None) -> tuple[list[float], str]:
    """Return the multiples of the symbol rate to be marked, in Hz, and what is said of them.

    Args:
        alpha: Cyclic frequencies that are drawn, in Hz.
        rate_hz: The symbol rate, where there is one.
    """
    if rate_hz is None:
        return [], ""
    if len(alpha) < 2:
        return [], f"symbol rate {rate_hz / 1e3:g} kHz: its multiples are not marked beside a single value"
    if alpha.max() < rate_hz:
        return [], f"symbol rate {rate_hz / 1e3:g} kHz: beyond the values"
    step = float(np.diff(alpha).min())
    if step > rate_hz / 2:
        return [], f"symbol rate {rate_hz / 1e3:g} kHz: below the {step / 1e3:,.0f} kHz between values"
    if rate_hz < alpha.max() / 100:
        return [], f"symbol rate {rate_hz / 1e3:g} kHz: its multiples are too near to each other to be marked"
    count = min(_MOST_MARKS, int(alpha.max() / rate_hz))
    signs = (-1, 1) if alpha[0] < 0 else (1,)
    marks = [sign * k * rate_hz for sign in signs for k in range(1, count + 1)]
    return marks, f"dashed: multiples of the symbol rate, {rate_hz / 1e3:g} kHz"


def _tell(figure: Figure, *sentences: str) -> None:
    """Write below the picture, where there is no data, what has to be known to read it."""
    lines = [""]
    for sentence in filter(None, sentences):
        joined = f"{lines[-1]}; {sentence}" if lines[-1] else sentence
        if len(joined) <= _WIDEST_NOTE:
            lines[-1] = joined
        else:
            lines[-1] += ";"
            lines.extend(textwrap.wrap(sentence, _WIDEST_NOTE))
    figure.supxlabel("\n".join(line for line in lines if line.strip(";")), fontsize=10, color=INK)


def draw_cyclic_autocorrelation(figure: Figure, values: xr.DataArray, setting: CaptureSetting) -> None:
    """Draw the magnitude over cyclic frequency, a colour a lag.

    Lines are joined where nothing can lie between them: no further apart than captures resolve.

    Args:
        figure: What is drawn on.
        values: The cyclic autocorrelation of one capture with its coordinates.
        setting: Symbol rate of the captures.
    """
    several = "lag" in values.dims
    rows = values if several else values.expand_dims("lag")
    axes = figure.subplots()
    alpha = values["cyclic_frequency"].values
    scale, unit = _scale(alpha)
    order = np.argsort(alpha)
    units = ""
    apart_hz = np.diff(alpha[order]).max(initial=0.0)
    style = "o-" if apart_hz <= 1.01 * setting.sample_rate_hz / setting.samples else "o"
    for index in range(rows.sizes["lag"]):
        level, units = array_level_db(rows.isel(lag=index))
        name = f"lag {float(values['lag'][index]) * 1e6:g} µs" if several and index < _MOST_NAMED else None
        axes.plot(
            alpha[order] / scale,
            level[order],
            style,
            ms=4,
            lw=0.9,
            color=None if several else INK,
            label=name,
        )
    told = ""
    if setting.symbol_rate_hz is not None:
        rate = setting.symbol_rate_hz
        for k in range(min(_MOST_MARKS, int((alpha.max() + 1) / rate)) + 1):
            axes.axvline(k * rate / scale, color=MARK, lw=0.8, ls="--", zorder=0)
        told = f"dashed: multiples of the symbol rate, {rate / 1e3:g} kHz"
    axes.set(xlabel=f"cyclic frequency α / {unit}", ylabel=f"|R| / {units}")
    axes.set_title(_name(values), fontsize=11, color=INK)
    axes.grid(alpha=0.25)
    more = rows.sizes["lag"] - _MOST_NAMED
    _tell(figure, told, f"{more} more lags without a name" if more > 0 else "")
    if several:
        figure.legend(loc="outside center right", fontsize=10)
