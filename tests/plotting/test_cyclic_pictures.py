"""Lines of cyclic spectra are in what is drawn, however many rows share a pixel; headings say what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from readable_figure import limits, troubles

from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum_feature import ALPHA, FEATURE, FREQUENCY
from iqatlas.features.setting import CaptureSetting
from iqatlas.plotting.cyclic import draw_cyclic_spectrum
from iqatlas.plotting.levels import (
    MOST_CELLS,
    cell_edges,
    level_db,
    pooled_edges,
    pooled_largest,
    together,
    without_cells,
)

RATE_HZ = 15.36e6
PERIOD = 8
"""Samples a symbol: lines of BPSK with rectangular pulses lie at multiples of fs/8."""
SETTING = CaptureSetting(4096, RATE_HZ, np.zeros((0, 2)), symbol_rate_hz=RATE_HZ / PERIOD)


def bpsk() -> np.ndarray:
    """Return BPSK at the carrier, 10 dB above white noise."""
    rng = np.random.default_rng(5)
    symbols = np.repeat(rng.choice([-1.0, 1.0], 4096 // PERIOD), PERIOD)
    noise = 0.22 * (rng.standard_normal(4096) + 1j * rng.standard_normal(4096))
    return (symbols + noise).astype(np.complex64)


def feature(options: dict[str, Any], samples: np.ndarray) -> xr.DataArray:
    """Return the cyclic spectrum of one capture as a corpus gives it."""
    spec = CyclicSpectrumSpec.model_validate(options)
    layout = FEATURE.layout(spec, SETTING)
    return xr.DataArray(
        FEATURE.compute(samples, spec, SETTING),
        dims=layout.quantity.dims[2:],
        coords={key: (about.dims, values) for key, (about, values) in layout.coordinates.items()},
        attrs=layout.quantity.attributes(),
        name="cyclic_spectrum",
    )


def drawing(options: dict[str, Any], values: xr.DataArray, *, known: bool = True) -> Figure:
    figure = Figure(figsize=(12, 6.5), dpi=110, layout="constrained")
    draw_cyclic_spectrum(figure, values, SETTING, options if known else None)
    assert troubles(figure) == []
    return figure


def mesh(axes: Axes) -> np.ma.MaskedArray[Any, Any]:
    (drawn,) = (child for child in axes.collections if isinstance(child, QuadMesh))
    return np.ma.masked_array(drawn.get_array())


@pytest.mark.parametrize(
    "options",
    [
        {"output": {"kind": "full"}},
        {"output": {"kind": "full"}, "method": "ssca", "scale": "linear"},
        {"output": {"kind": "full"}, "coherence": True},
        {"output": {"kind": "full"}, "conjugate": True},
        {},
    ],
    ids=["full", "full, ssca", "coherence", "conjugate", "grid"],
)
def test_a_line_in_one_row_of_thousands_is_drawn(options: dict[str, Any]) -> None:
    values = feature(options, bpsk())
    conjugate = bool(options.get("conjugate"))
    figure = drawing(options, values)
    axes, beside = figure.axes[:2]
    drawn = mesh(axes)
    # As many rows as pixels at most, so that a canvas that takes the nearest leaves none out.
    assert max(drawn.shape) <= MOST_CELLS <= axes.get_window_extent().height
    alpha, frequency = values[ALPHA].values, values[FREQUENCY].values
    level, units = level_db(values.values, values.attrs["units"])
    row = int(np.abs(alpha - (0 if conjugate else RATE_HZ / PERIOD)).argmin())
    column = int(np.abs(frequency).argmin())
    up = np.array(limits(axes)[2:]) * 1e6
    place = int((alpha[row] - up[0]) / (up[1] - up[0]) * len(drawn))
    around = [drawn[near, column] for near in (place - 2, place - 1, place + 1, place + 2)]
    # The largest of eight cells of self noise has 3 dB of spread; the line is well above that.
    assert drawn[place, column] == level[row, column] >= max(around) + 3
    # What is left out is what has no cells; all else is there by its largest.
    count = together(len(alpha), MOST_CELLS)
    largest = pooled_largest(level, count, 0)
    np.testing.assert_array_equal(drawn.compressed(), largest[~np.ma.getmaskarray(drawn)])
    assert 0.4 < np.ma.getmaskarray(drawn).mean() <= 0.5
    # Lines and noise both lie inside the colours.
    low, high = axes.collections[0].get_clim()
    assert low < float(np.ma.median(drawn)) < high and high == drawn.max() and high - low < 60
    assert limits(axes) == pytest.approx(
        (*_ends(frequency / 1e6), *_ends(alpha / 1e6))  # the edges of the outermost cells
    )
    curve, along = (np.asarray(line) for line in beside.lines[0].get_data())
    np.testing.assert_array_equal(along, alpha / 1e6)  # 8,192 values are a curve, not pixels
    assert curve[row] == level[row].max()
    told = figure.get_supxlabel()
    assert (f"the largest of {count} × 1" in told) is (count > 1)
    assert f"magnitude / {'dB' if options.get('coherence') else '(dBm/Hz)'}" == beside.get_xlabel()
    assert units in figure.axes[2].get_ylabel()


def _ends(middles: np.ndarray) -> tuple[float, float]:
    edges = cell_edges(middles, 1.0)
    return float(edges[0]), float(edges[-1])


def test_a_profile_has_its_lines_and_says_how_it_is_pooled() -> None:
    for pool, words in (("max", "the largest of each range"), ("mean", "the mean of each range")):
        options = {"output": {"kind": "profile", "pool": pool, "size": 4096}}
        values = feature(options, bpsk())
        (axes,) = drawing(options, values).axes
        along, curve = (np.asarray(line) for line in axes.lines[0].get_data())
        np.testing.assert_array_equal(curve, values.values)
        assert curve[512] > max(curve[508:512]) + 3 and along[512] == pytest.approx(1.92)
        assert axes.get_title() == f"Magnitude of the cyclic spectrum, profile over frequency, {words}"
        # Where nobody knows the spec, the heading claims neither.
        (axes,) = drawing(options, values, known=False).axes
        assert axes.get_title() == "Magnitude of the cyclic spectrum, profile over frequency"


@pytest.mark.parametrize(
    ("options", "title", "alpha", "frequency"),
    [
        ({}, "spectrum, the largest of each range", "α / MHz", "frequency from the carrier / MHz"),
        (
            {"coherence": True, "output": {"kind": "plane", "pool": "mean"}},
            "coherence, the mean of each range",
            "α / MHz",
            "frequency from the carrier / MHz",
        ),
        (
            {"conjugate": True},
            "conjugate spectrum, the largest of each range",
            "α from twice the carrier / MHz",
            "half the difference of the two frequencies / MHz",
        ),
    ],
    ids=["plain", "coherence", "conjugate"],
)
def test_headings_and_axes_are_those_of_the_plane(
    options: dict[str, Any], title: str, alpha: str, frequency: str
) -> None:
    figure = drawing(options, feature(options, bpsk()))
    axes = figure.axes[0]
    assert axes.get_title() == f"Magnitude of the cyclic {title}"
    assert axes.get_ylabel() == f"cyclic frequency {alpha}" and axes.get_xlabel() == frequency
    # What 0 on the axis is stands below as the corpus has it, and so do the marks.
    assert "channels" in figure.get_supxlabel() and "1920 kHz" in figure.get_supxlabel()


def test_silence_is_drawn() -> None:
    for options in ({}, {"output": {"kind": "profile"}}, {"scale": "linear"}):
        figure = drawing(options, feature(options, np.zeros(4096, np.complex64)))
        assert np.all(np.isfinite(figure.axes[0].get_ylim()))


def test_cells_are_told_from_what_lies_beyond_the_band() -> None:
    plane = np.full((3, 6), -150.0)
    plane[0], plane[1, 1:5], plane[2, 2:4] = -100, -100, -100
    plane[1, 2] = -150  # the lowest of the cells, with others further out
    frequency = np.arange(-5, 6, 2.0)
    expected = np.array([[0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 1, 1]], bool)
    np.testing.assert_array_equal(without_cells(plane, frequency), expected)
    # A conjugate plane begins at f = 0, where there are cells.
    folded = plane[:, 3:].copy()
    folded[1, 0] = -150
    np.testing.assert_array_equal(without_cells(folded, np.array([1.0, 3, 5])), expected[:, 3:])
    assert not without_cells(np.full((3, 6), -200.0), frequency).any()


def test_pooling_keeps_the_largest_and_the_ends() -> None:
    values = np.arange(10.0)[::-1] % 4
    np.testing.assert_array_equal(pooled_largest(values, 4, 0), [3, 3, 1])
    np.testing.assert_array_equal(pooled_edges(np.arange(11.0), 4), [0, 4, 8, 10])
    assert [together(values, 512) for values in (1, 512, 513, 4096)] == [1, 1, 2, 8]
