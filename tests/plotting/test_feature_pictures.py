"""Each feature has a picture with labelled axes, whatever it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from iqatlas import Corpus
from iqatlas.catalogs.corpus_features import capture_setting, feature_array
from iqatlas.features.registry import FEATURES
from iqatlas.plotting import features as pictures

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in FEATURES if name != "cyclic_autocorrelation"),
    ("spectrogram", {"scale": "mw_per_hz", "nperseg": 256}),
    ("subchannel_energy", {"scale": "mw"}),
    ("cyclic_spectrum", {"output": {"kind": "profile"}, "coherence": True}),
    ("cyclic_spectrum", {"conjugate": True, "scale": "linear"}),
    ("cyclic_autocorrelation", {"lag_samples": 64}),
    (
        "cyclic_autocorrelation",
        {"lag_samples": [0, 100], "normalised": True, "cyclic_frequency_hz": [3e6, 0]},
    ),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_feature_is_drawn_with_labels(
    small_corpus: Corpus, name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **more: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **more)

    monkeypatch.setattr(Figure, "savefig", keep)
    dataset = small_corpus.dataset
    setting = capture_setting(dataset, small_corpus.manifest.spec)
    values = feature_array(dataset.isel(record=slice(40, 41)), setting, name, options)
    one = {"receiver": 1}
    record = dataset.isel(record=40, **one)
    drawn = pictures.draw_feature(values.isel(record=0, **one).load(), record, setting, title="a title")
    assert drawn.startswith(b"\x89PNG")
    shown = [axes for axes in figures[0].axes if axes.axison]
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in shown)
    labels = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in shown)
    assert "MHz" in labels or "kHz" in labels or "µs" in labels or name == "tabular"
    image = np.frombuffer(drawn, np.uint8)
    assert len(image) > 10_000  # something is in it


def test_every_feature_has_a_picture() -> None:
    assert set(pictures._DRAWN) == set(FEATURES)


def test_symbol_rates_are_marked_where_values_tell_them_apart(small_corpus: Corpus) -> None:
    from matplotlib.figure import Figure as Canvas

    setting = capture_setting(small_corpus.dataset, small_corpus.manifest.spec)
    for step_hz, lines in ((1e3, 3), (1e5, 0)):
        axes = Canvas().subplots()
        pictures._mark_symbol_rate(axes.axvline, np.arange(50) * step_hz, setting, 1e3, axes)
        assert [line.get_xdata()[0] for line in axes.lines] == [14.0, 28.0, 42.0][:lines]
        assert ("below" in " ".join(text.get_text() for text in axes.texts)) is (lines == 0)
