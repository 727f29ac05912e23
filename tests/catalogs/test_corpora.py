"""Several corpora read as one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iqatlas import Corpora, Corpus, open_corpora, open_corpus
from iqatlas.errors import CorpusError, SpecError
from iqatlas.features.tabular import table


@pytest.fixture
def pair(small_corpus: Corpus, tmp_path: Path, reseal: Callable[..., None]) -> Corpora:
    other = shutil.copytree(small_corpus.path, tmp_path / "other")
    reseal(other, name="other")
    return open_corpora([small_corpus.path, other])


def test_records_follow_each_other_by_city(pair: Corpora, small_corpus: Corpus) -> None:
    assert repr(pair) == "<Corpora small, other: 320 records>"
    dataset = pair.dataset
    assert dataset["city"].values.tolist() == ["small"] * 160 + ["other"] * 160
    other = dataset.sel(city="other")
    np.testing.assert_array_equal(other["iq"].values, small_corpus.dataset["iq"].values)
    assert pair.split("test").sizes["record"] == 2 * small_corpus.manifest.splits["test"]
    assert dataset["iq"].chunksizes["record"][0] == 8  # lazy, in chunks as stored


def test_cities_and_splits_are_numbers_in_memory_and_select_one_after_the_other(
    pair: Corpora, small_corpus: Corpus
) -> None:
    dataset = pair.dataset
    for name in ("city", "split"):
        index = dataset.indexes[name]
        assert isinstance(index, pd.CategoricalIndex)
        assert index.codes.dtype == np.int8
        assert dataset[name].dtype.kind == "U"
    assert dataset["split"].values.tolist() == small_corpus.dataset["split"].values.tolist() * 2
    expected = small_corpus.split("test")["slot"].values
    for one, two in (("city", "split"), ("split", "city")):
        wanted = {"city": "other", "split": "test"}
        found = dataset.sel({one: wanted[one]}).sel({two: wanted[two]})
        np.testing.assert_array_equal(found["slot"].values, expected)
        assert set(found["city"].values.tolist()) == {"other"}
    with pytest.raises(KeyError):
        dataset.sel(city="elsewhere")


def _receivers_split(corpus: Corpus, splits: list[str], monkeypatch: pytest.MonkeyPatch) -> Corpus:
    with_receivers = corpus.dataset.assign_coords(receiver_split=("receiver", np.array(splits)))
    monkeypatch.setitem(corpus.__dict__, "dataset", with_receivers)
    return corpus


def test_receivers_of_a_split_are_those_of_the_corpora(
    small_corpus: Corpus, copied: Path, reseal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal(copied, name="other")
    by = ["train", "validation", "test"]
    one = _receivers_split(open_corpus(small_corpus.path), by, monkeypatch)
    two = _receivers_split(open_corpus(copied), by, monkeypatch)
    train = Corpora([one, two]).split("train")
    assert train["receiver"].values.tolist() == one.split("train")["receiver"].values.tolist()
    assert train.sizes["receiver"] == 1
    differ = r"^receivers of this split differ between the corpora; take it from each of \.members$"
    others = _receivers_split(open_corpus(copied), by[::-1], monkeypatch)
    for other in (others, open_corpus(copied)):  # split otherwise, and not at all
        with pytest.raises(CorpusError, match=differ):
            Corpora([one, other]).split("train")


def test_tables_and_arrays_hold_all_cities(pair: Corpora, small_corpus: Corpus) -> None:
    assert pair.scene["sites"]["city"].tolist() == ["small"] * 3 + ["other"] * 3
    assert pair.scene["sites"].crs == small_corpus.scene["sites"].crs
    one = small_corpus.numpy(split="train", variables=("iq", "label"))
    both = pair.numpy(split="train", variables=("iq", "label"))
    for name, values in one.items():
        np.testing.assert_array_equal(both[name], np.concatenate([values, values]))
    table = pair.to_pandas(split="test")
    assert table["city"].value_counts().to_dict() == dict.fromkeys(("small", "other"), len(table) // 2)


def test_features_are_those_of_each_city(pair: Corpora, small_corpus: Corpus) -> None:
    one = small_corpus.features("tabular", nperseg=64)
    both = pair.features("tabular", nperseg=64)
    assert both.chunksizes["record"] == one.chunksizes["record"] * 2  # lazy, in the chunks of each
    both = both.load()
    values = one.values
    np.testing.assert_array_equal(both.values, np.concatenate([values, values]))
    assert both.attrs == one.attrs
    assert set(both.coords) == {*one.coords, "city"}
    part = both.sel(city="other").sel(split="test")
    np.testing.assert_array_equal(part.values, one.sel(split="test").values)
    # Rows are told by city and number, as those of the table of records are.
    rows = table(part)
    assert rows.index.names == ["city", "record", "receiver"]
    records = pair.to_pandas().set_index(["city", "record"])
    joined = rows.join(records, on=["city", "record"])
    assert set(joined["split"]) == {"test"} and joined["slot"].notna().all()
    assert joined["slot"].tolist()[::3] == small_corpus.split("test")["slot"].values.tolist()
    assert table(both[200]).index[0] == ("other", 40, "uav0")


def test_features_of_corpora_that_differ_are_one_line(
    small_corpus: Corpus, copied: Path, reseal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal(copied, name="other")
    other = open_corpus(copied)
    counted = other.dataset.copy()
    counted["iq"] = counted["iq"].assign_attrs(units="1")
    counted["iq"].encoding = other.dataset["iq"].encoding
    monkeypatch.setitem(other.__dict__, "dataset", counted)
    both = Corpora([small_corpus, other])
    said = "are others than those of .*; one may not be calibrated; read the corpora one by one$"
    for name in ("tabular", "power_spectrum"):
        with pytest.raises(CorpusError, match=f"units of {name} {said}"):
            both.features(name, nperseg=64)
    assert both.features("cyclic_autocorrelation", normalised=True, lag_samples=[9]).attrs["units"] == "1"
    with pytest.raises(SpecError, match="no feature 'tabulr', did you mean 'tabular'"):
        both.features("tabulr")
    moved = counted.assign_coords(subchannel_lower=counted["subchannel_lower"] - 1e3)
    monkeypatch.setitem(other.__dict__, "dataset", moved)
    with pytest.raises(CorpusError, match="features depend on subchannel_edges_hz, which differs"):
        both.features("tabular", nperseg=64)


def test_tensors_come_from_all_cities(pair: Corpora, small_corpus: Corpus) -> None:
    pytest.importorskip("torch")
    stream = pair.torch(split="train", variables=("slot", "iq"), iterable=True, batch=9)
    slots = np.concatenate([batch["slot"].numpy() for batch in stream])
    own = small_corpus.split("train")["slot"].values
    assert sorted(slots.tolist()) == sorted([*own.tolist(), *own.tolist()])
    items = pair.torch(variables=("iq",))
    np.testing.assert_array_equal(items[165]["iq"], small_corpus.dataset["iq"].values[5])


def test_corpora_that_do_not_fit_are_one_line(
    small_corpus: Corpus, tiny_corpus: Corpus, copied: Path
) -> None:
    with pytest.raises(CorpusError, match=r"only one of them has spectrogram; accepted: the same variables"):
        Corpora([small_corpus, tiny_corpus])
    with pytest.raises(CorpusError, match="two corpora are called 'small'"):
        open_corpora([small_corpus.path, copied])
    with pytest.raises(CorpusError, match="one path is given; accepted: a list of paths"):
        open_corpora(str(copied))
    with pytest.raises(CorpusError, match="no corpus to open"):
        open_corpora([])


def test_extents_that_differ_are_named(
    small_corpus: Corpus, copied: Path, reseal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reseal(copied, name="other")
    shorter = open_corpus(copied)
    monkeypatch.setitem(shorter.__dict__, "dataset", shorter.dataset.isel(sample=slice(64)))
    with pytest.raises(
        CorpusError, match=r"iq is complex64 .*256.* in one and complex64 .*64.* in the other"
    ):
        Corpora([small_corpus, shorter])
