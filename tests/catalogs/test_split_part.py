"""Whatever leaves a corpus by split holds that split's records, as its own receivers heard them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.croissant import CROISSANT_NAME
from iqatlas.catalogs.load_card import load_anew, load_text
from iqatlas.catalogs.sigmf_export import export_sigmf, recording_names
from iqatlas.catalogs.store_export import export_store
from iqatlas.catalogs.webdataset_export import export_webdataset, tar_names
from iqatlas.errors import SpecError
from iqatlas.features.scaling import fit_scaling

KINDS = ("time", "draw", "receiver", "site")
SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


def _quiet(done: int, total: int) -> None:
    assert done <= total


@pytest.fixture(scope="module")
def corpora(
    quicken: Callable[[pytest.MonkeyPatch], None], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Corpus]:
    """Return a corpus of each kind of split, heard by four receivers."""
    tree: dict[str, Any] = {
        "raytracing": {"kind": "free_space"},
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
        "receivers": {"count": 4},
        "occupancy": {"p01": 0.3, "p10": 0.3},
        "capture": {"slots": 24, "snr_db": 10, "samples": 32, "draws": 4},
        "features": {"spectrogram": None},
    }
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        for by in KINDS:
            spec = CorpusSpec.from_tree({"name": f"by-{by}", **tree, "splits": {**SHARES, "by": by}})
            made[by] = generate(spec, tmp_path_factory.mktemp("splits") / by, workers=1)
    return made


@pytest.mark.parametrize("by", KINDS)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_way_out_gives_the_records_of_a_split_to_its_receivers(
    by: str, split: str, corpora: dict[str, Corpus], tmp_path: Path
) -> None:
    corpus = corpora[by]
    expected = corpus.split(split).load()
    receivers = expected["receiver"].values.tolist()
    assert len(receivers) == (4 if by != "receiver" else 2 if split == "train" else 1)
    # Loaders.
    np.testing.assert_array_equal(corpus.numpy(split=split, variables=["iq"])["iq"], expected["iq"])
    # SigMF: a recording for each of the split's receivers, and none of another.
    metas = export_sigmf(corpus, tmp_path, split=split, progress=_quiet)
    assert {path.name for path in tmp_path.iterdir()} == set(recording_names(corpus, split))
    for place, meta in enumerate(metas):
        recording = sigmf.fromfile(meta)
        assert recording.get_global_field("iqatlas:receiver") == receivers[place]
        np.testing.assert_array_equal(recording.read_samples(), expected["iq"].values[:, place].ravel())
        assert {capture["iqatlas:split"] for capture in recording.get_captures()} == {split}
    assert len(metas) == len(receivers)
    # WebDataset, with --split, and without it once.
    for folder, asked in ((tmp_path / "one", split), (tmp_path / "all", None))[
        : 2 if split == "train" else 1
    ]:
        files = export_webdataset(corpus, folder, split=asked, progress=_quiet)
        assert tuple(path.name for path in files) == tar_names(corpus, asked)
        with tarfile.open(folder / f"by-{by}-{split}-000000.tar") as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        found = {name: content for name, content in members.items() if name.endswith(".iq.npy")}
        np.testing.assert_array_equal([np.load(io.BytesIO(one)) for one in found.values()], expected["iq"])
        told = [json.loads(content) for name, content in members.items() if name.endswith(".json")]
        assert all(facts["receivers"] == receivers and facts["split"] == split for facts in told)


def test_a_whole_recording_says_which_captures_belong_to_no_split(
    corpora: dict[str, Corpus], tmp_path: Path
) -> None:
    corpus = corpora["receiver"]
    stored = corpus.dataset["split"].values
    own = corpus.dataset["receiver_split"].values.tolist()
    for meta, split in zip(export_sigmf(corpus, tmp_path, progress=_quiet), own, strict=True):
        recording = sigmf.fromfile(meta)
        assert recording.get_global_field("iqatlas:receiver_split") == split
        told = [capture["iqatlas:split"] for capture in recording.get_captures()]
        assert told == [name if name in (split, "guard") else "none" for name in stored]


@pytest.mark.parametrize("by", KINDS)
def test_statistics_are_of_the_split_s_own_receivers(by: str, corpora: dict[str, Corpus]) -> None:
    corpus = corpora[by]
    values = corpus.split("train")["snr"].values.astype(np.float64)
    values = values[np.isfinite(values)]
    found = fit_scaling(corpus.dataset["snr"])
    # Sums of a few hundred values in float64, in another order.
    np.testing.assert_allclose([found.centre[0], found.spread[0]], [values.mean(), values.std()], rtol=1e-9)
    if by == "receiver":
        with pytest.raises(SpecError, match=r"not of the split 'train'.*leave receiver out of per"):
            fit_scaling(corpus.dataset["snr"], per=("receiver",))
        assert fit_scaling(corpus.split("train")["snr"], per=("receiver",)).lengths == (2,)
    else:
        assert fit_scaling(corpus.dataset["snr"], per=("receiver",)).lengths == (4,)


def _loaded(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the code of a corpus's card gives in the corpus's folder."""
    monkeypatch.chdir(corpus.path)
    known: dict[str, Any] = {}
    exec((corpus.path / "README.md").read_text().split("```python\n")[1].split("```")[0], known)
    return known


@pytest.mark.parametrize("by", KINDS)
def test_a_card_loads_what_the_split_is(
    by: str, corpora: dict[str, Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = corpora[by]
    train = _loaded(corpus, monkeypatch)["train"]
    np.testing.assert_array_equal(train["iq"].values, corpus.split("train")["iq"].values)
    card = (corpus.path / "README.md").read_text()
    shown = '.split("train")' if by in ("receiver", "site") else '.sel(split="train")'
    assert f"the same with `{shown}`" in card
    croissant = json.loads((corpus.path / CROISSANT_NAME).read_text())
    about = croissant["recordSet"][0]["description"]
    assert ("receiver_split" in about, "site_split" in about) == (by == "receiver", by == "site")


def test_a_corpus_by_receiver_that_is_stored_anew_has_its_card_too(
    corpora: dict[str, Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = export_store(corpora["receiver"], tmp_path / "hdf5", form="hdf5", progress=_quiet)
    known = _loaded(corpus, monkeypatch)
    with known["records"] as records:
        snr = records["snr"][:][known["train"]][:, known["own"]]
    np.testing.assert_array_equal(snr, corpus.split("train")["snr"].values)
    assert "receiver_split" in (corpus.path / CROISSANT_NAME).read_text()


def test_an_old_card_by_receiver_is_put_right_on_the_way() -> None:
    """It loaded all receivers, as cards of splits by time rightly do."""
    old = f"# a\n\n{load_text('zarr', 'time')}\n"
    for after, by in (("hdf5", "receiver"), ("zarr", "receiver"), ("hdf5", "time")):
        assert load_anew(old, "zarr", after, by) == f"# a\n\n{load_text(after, by)}\n"
