"""A corpus exported as SigMF is opened by the `sigmf` package, and holds the corpus's samples."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sigmf

from iqatlas import Corpus
from iqatlas.catalogs import sigmf_export
from iqatlas.catalogs.manifest import sha256_json
from iqatlas.catalogs.sigmf_export import export_sigmf, recording_names
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


@pytest.mark.parametrize("about", ["a thesis", {"authors": "Doe, Jane"}, {"licence": 3}])
def test_a_strange_word_about_the_corpus_is_one_line_and_nothing_is_written(
    tiny_corpus: Corpus, tmp_path: Path, reseal: Callable[..., None], about: object
) -> None:
    copy = Path(shutil.copytree(tiny_corpus.path, tmp_path / "copy"))
    spec = {**tiny_corpus.manifest.spec, "about": about}
    reseal(copy, spec=spec, spec_sha256=sha256_json(spec))
    with pytest.raises(CorpusError, match=r"spec\.about can't be read"):
        export_sigmf(Corpus(copy), tmp_path / "out", progress=_quiet)
    assert not (tmp_path / "out").exists()


def test_an_unknown_split_and_too_many_records_are_one_line(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CorpusError, match=r"no records of the split 'tset'; accepted: .*train"):
        export_sigmf(tiny_corpus, tmp_path / "a", split="tset", progress=_quiet)
    monkeypatch.setattr(sigmf_export, "MOST_RECORDS", 10)
    with pytest.raises(CorpusError, match=r"80 records are more .*; accepted: up to 10; export one --split"):
        export_sigmf(tiny_corpus, tmp_path / "a", progress=_quiet)
    assert not (tmp_path / "a").exists()


def test_receivers_whose_names_no_file_can_tell_apart_have_files_of_their_own(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = small_corpus.dataset.copy().load().assign_coords(receiver=["a b", "a_b", "A/b"])
    monkeypatch.setitem(small_corpus.__dict__, "dataset", dataset)
    metas = export_sigmf(small_corpus, tmp_path, split="test", progress=_quiet)
    assert [meta.name for meta in metas] == [f"small-{name}.sigmf-meta" for name in ("a_b", "a_b-2", "A_b-3")]
    assert {path.name for path in tmp_path.iterdir()} == set(recording_names(small_corpus, "test"))
    rows = dataset["iq"].values[dataset["split"].values == "test"]
    for place, meta in enumerate(metas):
        np.testing.assert_array_equal(
            np.fromfile(meta.with_suffix(".sigmf-data"), "<c8"), rows[:, place].ravel()
        )


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_metadata_of_an_earlier_export_are_never_beside_other_samples(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (meta,) = export_sigmf(tiny_corpus, tmp_path, split="train", progress=_quiet)

    def dies(*arguments: object) -> None:
        raise Killed

    # Killed between the samples and the metadata.
    monkeypatch.setattr(sigmf_export, "_metadata", dies)
    with pytest.raises(Killed):
        export_sigmf(tiny_corpus, tmp_path, split="test", progress=_quiet)
    assert [path.name for path in tmp_path.iterdir()] == [meta.with_suffix(".sigmf-data").name]


@pytest.mark.parametrize("simulated", [True, False])
def test_who_made_the_captures_is_told(
    simulated: bool, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = {"simulated": simulated}
    own = {"name": "back", "import": {"exported": exported}, "about": {"authors": ["Doe, Ada", "A group"]}}
    monkeypatch.setitem(tiny_corpus.manifest.__dict__, "spec", own)
    (meta,) = export_sigmf(tiny_corpus, tmp_path, progress=_quiet)
    info = sigmf.fromfile(meta).get_global_info()
    assert info["core:author"] == "Doe, Ada; A group"
    assert info.get("core:hw") == ("simulated" if simulated else None)
