"""A table of statistics of captures: powers, percentiles, duty cycles, kurtosis, slopes, contrasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Complex64, Float32, Float64, Num

from iqatlas.axes import RECORD, RECORD_NUMBER, Quantity
from iqatlas.errors import SpecError
from iqatlas.features import _arrays, segments
from iqatlas.features.bands import band_means, bin_shares
from iqatlas.features.duty_cycle import DutyRule, duty_cycle, duty_rule
from iqatlas.features.feature import BEFORE, Feature, Layout
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import TabularSpec

PERCENTILES = (10, 25, 50, 75, 90, 95)
BAND_PERCENTILES = (10, 50, 90)
_FLOOR_PERCENTILE = 10
_LEAST_MW = 1e-35
_EDGE_SHARE = 0.25
"""Share of a sub-channel's width that its edges are compared over, inside and outside."""
_VALUES_AT_ONCE = 1 << 20

_WHOLE = (
    ("power", "dBm"),
    *((f"power_p{percent}", "dBm") for percent in PERCENTILES),
    ("deviation", "dB"),
    ("slope", "dB/ms"),
    ("peak_to_average", "dB"),
    ("kurtosis", "1"),
    ("skewness", "1"),
    ("centroid", "Hz"),
    ("flatness", "dB"),
)
_OF_A_BAND = (
    ("power", "dBm"),
    *((f"power_p{percent}", "dBm") for percent in BAND_PERCENTILES),
    ("duty_cycle", "1"),
    ("deviation", "dB"),
    ("slope", "dB/ms"),
    ("contrast_lower", "dB"),
    ("contrast_upper", "dB"),
)


def statistics(subchannels: int) -> tuple[tuple[str, str], ...]:
    """Return name and units of every column: those of the whole band, then those of each sub-channel.

    Args:
        subchannels: Number of sub-channels; their columns end in two digits, ``duty_cycle_03``.
    """
    bands = ((f"{name}_{band:02d}", units) for band in range(subchannels) for name, units in _OF_A_BAND)
    return (*_WHOLE, *bands)


def tabular(
    samples: Num[Any, "*batch sample"],
    spec: TabularSpec,
    *,
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    sample_rate_hz: float,
) -> Float32[Any, "*batch statistic"]:
    """Return the statistics that :func:`statistics` names.

    Powers are means over the capture; percentiles, deviations and slopes are of short-time powers in dB.
    Kurtosis is E|x|⁴/(E|x|²)², 2 for Gaussian noise; skewness is that of |x|. The centroid and the flatness
    (geometric over arithmetic mean) are the power spectrum's. A sub-channel's duty cycle is the share of
    segments in which it lies above the floor of the capture further than noise does: see
    :mod:`iqatlas.features.duty_cycle`. Contrasts compare a quarter of its width inside each edge with as much
    outside. All of a capture is NaN where one of its samples is NaN or infinite.

    Args:
        samples: Captures in √mW, a NumPy array or a tensor; complex128 is cut to complex64.
        spec: Segments and threshold.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The captures are shorter than two segments, or not complex.

    Source: the columns follow G. Nagendra Prasad, K. Riyazuddin, "AI-based dynamic spectrum prediction and
    allocation for IoT wireless networks using Python", 2025, section on classical baselines.
    """
    samples = _arrays.captures(samples, where="features.tabular")
    size = samples.shape[-1]
    frames = segments.frame_count(size, spec, where="features.tabular", least=2)
    xp = _arrays.namespace(samples)
    rows = xp.reshape(samples, (-1, size))
    at_once = max(1, _VALUES_AT_ONCE // (frames * (len(edges_hz) + 1) + spec.nperseg + size))
    rule: DutyRule | float = spec.duty_threshold_db or duty_rule(
        spec, edges_hz, frames=frames, sample_rate_hz=sample_rate_hz
    )
    columns = len(statistics(len(edges_hz)))
    out = xp.empty((rows.shape[0], columns), dtype=xp.float32, device=_arrays.device(samples))
    for start in range(0, rows.shape[0], at_once):
        piece = slice(start, start + at_once)
        out[piece] = _rows(rows[piece], spec, frames, rule, edges_hz, sample_rate_hz)
    return xp.reshape(out, (*samples.shape[:-1], columns))


def _rows(
    rows: Complex64[Any, "row sample"],
    spec: TabularSpec,
    frames: int,
    rule: DutyRule | float,
    edges_hz: Float64[np.ndarray, "subchannel 2"],
    rate_hz: float,
) -> Float32[Any, "row statistic"]:
    xp = _arrays.namespace(rows)
    # Ranks and counts pass by what is no number, and would be those of a vacant capture.
    sound = xp.isfinite(xp.mean(_arrays.power(rows), axis=-1))[:, None]
    rows = xp.where(sound, rows, 0)
    shares = bin_shares(edges_hz[:, 0], edges_hz[:, 1], spec.nperseg, sample_rate_hz=rate_hz)
    window = segments.density_window("hann", spec.nperseg, sample_rate_hz=rate_hz)
    where = {"dtype": xp.float32, "device": _arrays.device(rows)}
    # Short-time densities: of the whole band first, then of each sub-channel.
    short = xp.empty((rows.shape[0], frames, 1 + len(edges_hz)), **where)
    spectrum = xp.zeros((rows.shape[0], spec.nperseg), **where)
    inner = xp.empty((rows.shape[0], frames, len(edges_hz)), **where)
    for of_rows, of_frames, density in segments.density_pieces(rows, spec, window):
        short[of_rows, of_frames, 0] = xp.mean(density, axis=-1)
        short[of_rows, of_frames, 1:] = band_means(density, shares)
        spectrum[of_rows] += xp.sum(density, axis=1) / frames
        if isinstance(rule, DutyRule):
            inner[of_rows, of_frames] = band_means(density, rule.shares)
    if isinstance(rule, DutyRule):
        duty = duty_cycle(inner, spectrum, rule)
    else:
        duty = _above_percentile(short[..., 1:], rule)
    width_hz = np.append(rate_hz, edges_hz[:, 1] - edges_hz[:, 0])
    spread_db = _arrays.like((10 * np.log10(width_hz)).astype(np.float32), rows)
    level = _db(short) + spread_db
    moment_ms = (np.arange(frames) - (frames - 1) / 2) * spec.hop_samples / rate_hz * 1e3
    weight = _arrays.like((moment_ms / np.sum(moment_ms**2)).astype(np.float32), rows)
    mean_db = _db(xp.mean(short, axis=1)) + spread_db
    slope = xp.sum(level * weight[None, :, None], axis=1)
    deviation = xp.std(level, axis=1)
    ranked = xp.sort(level, axis=1)
    magnitude = xp.abs(rows)
    power = magnitude * magnitude
    mean_mw = xp.clip(xp.mean(power, axis=-1), min=_LEAST_MW)
    whole = [
        _db(mean_mw),
        *(_ranked(ranked[..., 0], percent) for percent in PERCENTILES),
        deviation[:, 0],
        slope[:, 0],
        _db(xp.max(power, axis=-1)) - _db(mean_mw),
        # Powers are of the order of 1e-10 mW, and their squares leave float32: ratios first.
        xp.mean((power / mean_mw[:, None]) ** 2, axis=-1),
        _skewness(magnitude / xp.sqrt(mean_mw)[:, None]),
        *_shape(spectrum, spec.nperseg, rate_hz),
    ]
    of_bands = [
        mean_db[:, 1:],
        *(_ranked(ranked[..., 1:], percent) for percent in BAND_PERCENTILES),
        duty,
        deviation[:, 1:],
        slope[:, 1:],
        *_contrasts(spectrum, spec.nperseg, edges_hz, rate_hz),
    ]
    bands = xp.reshape(xp.stack(of_bands, axis=-1), (rows.shape[0], -1))
    values = xp.concat([xp.stack(whole, axis=-1), bands], axis=-1)
    return xp.where(sound, values, xp.nan)


def _db(values: Any) -> Any:
    return _arrays.decibels(values, _LEAST_MW)


def _ranked(ranked: Any, percent: int) -> Any:
    """Return a percentile along axis 1 of values that rise along it, linear between two of them."""
    place = percent / 100 * (ranked.shape[1] - 1)
    low = min(int(place), ranked.shape[1] - 2)
    return ranked[:, low] + (ranked[:, low + 1] - ranked[:, low]) * (place - low)


def _skewness(values: Any) -> Any:
    xp = _arrays.namespace(values)
    off = values - xp.mean(values, axis=-1, keepdims=True)
    spread = xp.sqrt(xp.clip(xp.mean(off * off, axis=-1), min=1e-12))
    return xp.mean((off / spread[:, None]) ** 3, axis=-1)


def _shape(spectrum: Any, nperseg: int, rate_hz: float) -> tuple[Any, Any]:
    """Return centroid in Hz and flatness in dB of spectra."""
    xp = _arrays.namespace(spectrum)
    frequency = segments.bin_frequency_hz(nperseg, sample_rate_hz=rate_hz).astype(np.float32)
    raised = xp.clip(spectrum, min=_LEAST_MW)
    share = raised / xp.sum(raised, axis=-1, keepdims=True)
    flatness = xp.mean(_db(raised), axis=-1) - _db(xp.mean(raised, axis=-1))
    return xp.sum(share * _arrays.like(frequency, spectrum), axis=-1), flatness


def _above_percentile(short: Any, threshold_db: float) -> Any:
    xp = _arrays.namespace(short)
    floor = _ranked(xp.sort(xp.reshape(short, (short.shape[0], -1)), axis=1), _FLOOR_PERCENTILE)
    busy = short > (floor * 10 ** (threshold_db / 10))[:, None, None]
    return xp.mean(xp.astype(busy, xp.float32), axis=1)


def _contrasts(
    spectrum: Any, nperseg: int, edges_hz: Float64[np.ndarray, "subchannel 2"], rate_hz: float
) -> tuple[Any, Any]:
    """Return how far in dB the spectrum inside the lower and the upper edge lies above that outside."""
    lower, upper = edges_hz.T
    reach = _EDGE_SHARE * (upper - lower)
    bands = ((lower, lower + reach), (lower - reach, lower), (upper - reach, upper), (upper, upper + reach))
    shares = (bin_shares(low, high, nperseg, sample_rate_hz=rate_hz) for low, high in bands)
    inside, outside, inside_above, outside_above = (_db(band_means(spectrum, share)) for share in shares)
    return inside - outside, inside_above - outside_above


def table(values: xr.DataArray) -> pd.DataFrame:
    """Return the statistics of a corpus as a table: a row for each record and receiver, named columns.

    Rows are those of ``corpus.to_pandas()`` by record number, of several corpora by city and number.
    An array that says nothing of its records, such as one that was made by hand, has them counted from 0.

    Args:
        values: The array ``tabular`` of a corpus, or any part of it, down to one record, receiver or column.

    Returns:
        The table, indexed by record and receiver, of several corpora by city before them; ``attrs["units"]``
        holds the units of each column, where the array tells them.

    Raises:
        SpecError: There are no named columns.
    """
    if not isinstance(values, xr.DataArray) or "statistic" not in values.coords:
        raise SpecError("there are no named columns", where="table", accepted="the array tabular of a corpus")
    whole = values.expand_dims([axis for axis in (*BEFORE, "statistic") if axis not in values.dims])
    whole = whole.transpose(*BEFORE, "statistic")
    names = [str(name) for name in whole["statistic"].values]
    flat = whole.values.reshape(whole.sizes[RECORD] * whole.sizes["receiver"], len(names))
    made = pd.DataFrame(flat, index=_rows_of(whole), columns=names)
    made.attrs["units"] = {}
    if "statistic_units" in whole.coords:
        units = np.atleast_1d(whole["statistic_units"].values)
        made.attrs["units"] = {name: str(unit) for name, unit in zip(names, units, strict=True)}
    return made


def _rows_of(values: xr.DataArray) -> pd.MultiIndex:
    """Return which record and receiver each row is of."""
    records = values.sizes[RECORD]
    receivers = [str(name) for name in values["receiver"].values]
    number = next((name for name in (RECORD, RECORD_NUMBER) if name in values.coords), None)
    numbers = np.arange(records) if number is None else np.atleast_1d(values[number].values)
    if "city" not in values.coords:
        return pd.MultiIndex.from_product([numbers, receivers], names=[RECORD, "receiver"])
    cities = np.broadcast_to(values["city"].values, records)
    columns = (np.repeat(cities, len(receivers)), np.repeat(numbers, len(receivers)), receivers * records)
    return pd.MultiIndex.from_arrays(columns, names=["city", RECORD, "receiver"])


def _layout(spec: TabularSpec, setting: CaptureSetting) -> Layout:
    segments.frame_count(setting.samples, spec, where="features.tabular", least=2)
    columns = statistics(len(setting.subchannel_edges_hz))
    axis = ("statistic",)
    return Layout(
        quantity=Quantity(
            (*BEFORE, *axis),
            "float32",
            "various",
            "statistics of the capture",
            "units of each column in statistic_units; columns that end in digits are of that sub-channel",
        ),
        lengths={"statistic": len(columns)},
        coordinates={
            "statistic": (
                Quantity(axis, "str", "1", "name of the column"),
                np.array([name for name, _ in columns]),
            ),
            "statistic_units": (
                Quantity(axis, "str", "1", "units of the column"),
                np.array([units for _, units in columns]),
            ),
        },
    )


FEATURE = Feature(
    "tabular",
    TabularSpec,
    _layout,
    lambda samples, spec, setting: tabular(
        samples, spec, edges_hz=setting.subchannel_edges_hz, sample_rate_hz=setting.sample_rate_hz
    ),
)
