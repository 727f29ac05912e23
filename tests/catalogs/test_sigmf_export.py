"""A corpus exported as SigMF is opened by the `sigmf` package, and holds the corpus's samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sigmf

from iqatlas import Corpus
from iqatlas.catalogs import sigmf_export
from iqatlas.catalogs.sigmf_export import export_sigmf
from iqatlas.errors import CorpusError


def _quiet(done: int, total: int) -> None:
    assert done <= total


def test_samples_segments_and_bands_are_the_corpus_s(tiny_corpus: Corpus, tmp_path: Path) -> None:
    (meta,) = export_sigmf(tiny_corpus, tmp_path, progress=_quiet)
    stored = tiny_corpus.dataset.copy().load()
    recording = sigmf.fromfile(meta)
    recording.validate()  # its hash among the rest
    np.testing.assert_array_equal(recording.read_samples(), stored["iq"].values[:, 0].ravel())

    captures = recording.get_captures()
    samples = stored.sizes["sample"]
    assert [capture["core:sample_start"] for capture in captures] == list(
        range(0, stored.sizes["record"] * samples, samples)
    )
    where = captures[0]["core:geolocation"]["coordinates"]
    assert where == [stored[name].values[0, 0] for name in ("longitude", "latitude", "altitude")]

    # Painted back onto the sub-channels, the annotations give the labels.
    painted = np.zeros(stored["label"].shape, bool)
    centre = (stored["subchannel_lower"].values + stored["subchannel_upper"].values) / 2
    carrier_hz = stored.attrs["carrier_frequency_hz"]
    for annotation in recording.get_annotations():
        low, high = (annotation[f"core:freq_{edge}_edge"] - carrier_hz for edge in ("lower", "upper"))
        painted[annotation["core:sample_start"] // samples] |= (low < centre) & (centre < high)
    np.testing.assert_array_equal(painted, stored["label"].values)


def test_one_split_is_its_records(tiny_corpus: Corpus, tmp_path: Path) -> None:
    (meta,) = export_sigmf(tiny_corpus, tmp_path, split="test", progress=_quiet)
    recording = sigmf.fromfile(meta)
    rows = np.flatnonzero(tiny_corpus.dataset["split"].values == "test")
    assert [capture["iqatlas:record"] for capture in recording.get_captures()] == rows.tolist()
    np.testing.assert_array_equal(recording.read_samples(), tiny_corpus.dataset["iq"].values[rows, 0].ravel())


def test_an_unknown_split_and_too_many_records_are_one_line(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CorpusError, match=r"no records of the split 'tset'; accepted: .*train"):
        export_sigmf(tiny_corpus, tmp_path / "a", split="tset", progress=_quiet)
    monkeypatch.setattr(sigmf_export, "MOST_RECORDS", 10)
    with pytest.raises(CorpusError, match=r"80 records are more .*; accepted: up to 10; export one --split"):
        export_sigmf(tiny_corpus, tmp_path / "a", progress=_quiet)
    assert not (tmp_path / "a").exists()
