"""Each feature has a picture that can be read, whatever it is asked for: words, units, limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from readable_figure import limits, troubles

from iqatlas import Corpus
from iqatlas.catalogs.corpus_features import capture_setting, feature_array
from iqatlas.features.registry import FEATURES
from iqatlas.features.setting import CaptureSetting
from iqatlas.plotting import features as pictures
from iqatlas.plotting.cyclic import symbol_rate_marks

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in FEATURES if name != "cyclic_autocorrelation"),
    ("spectrogram", {"scale": "mw_per_hz", "nperseg": 256}),
    ("subchannel_energy", {"scale": "mw"}),
    ("cyclic_spectrum", {"output": {"kind": "profile"}, "coherence": True}),
    ("cyclic_spectrum", {"conjugate": True, "scale": "linear"}),
    ("cyclic_spectrum", {"output": {"kind": "profile", "pool": "mean"}, "conjugate": True}),
    ("cyclic_autocorrelation", {"lag_samples": 64}),
    ("cyclic_autocorrelation", {"lag_samples": list(range(20))}),
    (
        "cyclic_autocorrelation",
        {"lag_samples": [0, 100], "normalised": True, "cyclic_frequency_hz": [3e6, 0]},
    ),
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return the figures that are saved from here on."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **more: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **more)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_feature_is_drawn_so_that_it_can_be_read(
    small_corpus: Corpus, name: str, options: dict[str, Any], drawn: list[Figure]
) -> None:
    dataset = small_corpus.dataset
    setting = capture_setting(dataset, small_corpus.manifest.spec)
    values = feature_array(dataset.isel(record=slice(40, 41)), setting, name, options)
    values = values.isel(record=0, receiver=1).load()
    record = dataset.isel(record=40, receiver=1)
    # As long as names of corpora come.
    title = f"{'a-corpus-of-a-city-with-a-long-name' * 3}: record 1234567 at uav12/3, SNR -10.3 dB"
    picture = pictures.draw_feature(values, record, setting, title=title, options=options)
    assert picture.startswith(b"\x89PNG")
    (figure,) = drawn
    assert troubles(figure) == []
    shown = [axes for axes in figure.axes if axes.axison]
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in shown)
    _check_limits(shown[0], name, values)
    labels = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in shown)
    assert name == "tabular" or any(unit in labels for unit in (" / MHz", " / kHz", " / µs"))
    # A level is told with its unit, which a density has in brackets.
    assert name in {"tabular", "wavelet"} or any(unit in labels for unit in (" / dB", " / (dBm/Hz)"))


def _check_limits(axes: Any, name: str, values: Any) -> None:
    """Compare the ends of the axes with the coordinates: to the edges of cells, or to the ends of curves."""
    left, right, bottom, top = limits(axes)
    if name == "spectrogram":
        assert (bottom, top) == pytest.approx(_edges(values["frequency"].values / 1e6))
        assert (left, right) == pytest.approx(_edges(values["frame_time"].values * 1e6, 256 / 15.36))
    elif name == "power_spectrum":
        assert (left, right) == pytest.approx(values["spectrum_frequency"].values[[0, -1]] / 1e6)
    elif name == "cyclic_spectrum":
        alpha = values["cyclic_spectrum_alpha"].values / 1e6
        if "cyclic_spectrum_frequency" in values.dims:
            assert (left, right) == pytest.approx(_edges(values["cyclic_spectrum_frequency"].values / 1e6))
            assert (bottom, top) == pytest.approx(_edges(alpha))
        else:
            assert (left, right) == pytest.approx(alpha[[0, -1]])
    elif name == "wavelet":
        assert right == pytest.approx((values.sizes["sample"] - 1) / 15.36)


def _edges(middles: np.ndarray, whole: float = np.nan) -> tuple[float, float]:
    if len(middles) == 1:
        return float(middles[0] - whole / 2), float(middles[0] + whole / 2)
    first, last = np.diff(middles)[[0, -1]] / 2
    return float(middles[0] - first), float(middles[-1] + last)


def test_every_feature_has_a_picture() -> None:
    assert set(pictures._DRAWN) == set(FEATURES)


def test_a_tone_in_one_bin_of_thousands_and_a_burst_in_one_frame_are_drawn(drawn: list[Figure]) -> None:
    level = np.full((1500, 2048), -120.0)
    level[:, 777], level[1203] = -60, -80
    frequency, time = (np.arange(2048) - 1024) * 7500.0, (np.arange(1500) + 0.5) * 1e-4
    values = xr.DataArray(
        level,
        dims=("frame", "frequency"),
        coords={"frame_time": ("frame", time), "frequency": frequency},
        attrs={"units": "dBm/Hz"},
        name="spectrogram",
    )
    setting = CaptureSetting(2304000, 15.36e6, np.zeros((0, 2)))
    pictures.draw_feature(values, xr.Dataset(), setting, title="a tone")
    (mesh,) = drawn[0].axes[0].collections
    shown = np.asarray(mesh.get_array())  # bins, frames
    assert shown.shape == (512, 500)
    assert np.all(shown[777 // 4] == -60) and np.all(shown[np.arange(512) != 777 // 4, 1203 // 3] == -80)
    assert np.mean(shown == -120) > 0.99
    assert limits(drawn[0].axes[0])[2:] == pytest.approx(_edges(frequency / 1e6))
    assert troubles(drawn[0]) == []


def test_words_that_cannot_be_read_are_found() -> None:
    """Two titles in one place, a note over a curve, one beyond the canvas, and a bar that says nothing."""
    figure = Figure()
    axes = figure.subplots()
    figure.colorbar(axes.pcolormesh(np.eye(3)), ax=axes)
    axes.set(xlabel="a label", title="a title")
    assert troubles(figure) == ["a colour bar is labelled ''"]
    figure.text(*figure.transFigure.inverted().transform(axes.title.get_window_extent().p0), "a second title")
    figure.text(0.4, 0.5, "a note")
    axes.text(1, 1, "another note")
    figure.text(0.99, 0.97, "a word too many")
    axes.xaxis.label.set_fontsize(5)
    found = " ".join(troubles(figure))
    for said in (
        "'a title' and 'a second title' lie over each other",
        "'a note' lies over data",
        "'another note' lies over data",
        "'a word too many' leaves the figure",
        "'a label' is too small",
    ):
        assert said in found


def test_symbol_rates_are_marked_where_values_tell_them_apart() -> None:
    alpha = np.arange(50) * 1e3
    marks, told = symbol_rate_marks(alpha, 14e3)
    assert marks == [14e3, 28e3, 42e3] and "14 kHz" in told and "dashed" in told
    assert symbol_rate_marks(alpha - 30e3, 14e3)[0] == [-14e3, 14e3]
    for step_hz, said in ((1e5, "below the 100 kHz"), (7e3, "")):
        marks, told = symbol_rate_marks(np.arange(50) * step_hz, 14e3)
        assert said in told and bool(marks) is (said == "")
    marks, told = symbol_rate_marks(np.arange(5000) * 1e3, 14e3)
    assert marks == [] and "too near to each other" in told
    assert symbol_rate_marks(alpha, None) == ([], "")
    for few, said in ((alpha[:1], "beside a single value"), (alpha[:9], "beyond the values")):
        marks, told = symbol_rate_marks(few, 14e3)
        assert marks == [] and said in told and "inf" not in told and "dashed" not in told
