"""Records as arrays, as (X, y), and as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from iqatlas import Corpus, open_corpus
from iqatlas.errors import CorpusError


@pytest.mark.parametrize("split", [None, "train", "test"])
def test_arrays_are_what_is_stored(small_corpus: Corpus, split: str | None) -> None:
    variables = ["label", "iq", "signal_power", "time"]
    stored = (small_corpus.dataset if split is None else small_corpus.split(split)).copy().load()
    arrays = small_corpus.numpy(split=split, variables=variables)
    assert list(arrays) == variables
    for name in variables:
        assert arrays[name].dtype == stored[name].dtype
        np.testing.assert_array_equal(arrays[name], stored[name].values)


def test_receivers_window_and_groups(small_corpus: Corpus) -> None:
    arrays = small_corpus.numpy(
        split="test", variables=("iq", "snr", "label"), receivers=["uav2", "uav1"], window=(16, 64)
    )
    stored = small_corpus.split("test").sel(receiver=["uav2", "uav1"]).load()
    np.testing.assert_array_equal(arrays["iq"], stored["iq"].values[..., 16:80])
    apart = small_corpus.numpy(
        split="test",
        variables=("iq", "snr", "label"),
        receivers=["uav2", "uav1"],
        window=(16, 64),
        groups=False,
    )
    np.testing.assert_array_equal(apart["iq"], arrays["iq"].reshape(-1, 64))
    np.testing.assert_array_equal(apart["snr"], arrays["snr"].ravel())
    np.testing.assert_array_equal(apart["label"], np.repeat(arrays["label"], 2, axis=0))
    first = small_corpus.numpy(variables=("iq",), window=64)["iq"]
    np.testing.assert_array_equal(first, small_corpus.dataset["iq"].values[..., :64])


def test_columns_and_labels_train_a_classifier(small_corpus: Corpus) -> None:
    x, y = small_corpus.numpy(split="train", variables=("iq", "snr", "label"), window=32, xy=True)
    stored = small_corpus.split("train").load()
    records = stored.sizes["record"]
    assert x.shape == (records, 2 * 3 * 32 + 3)
    np.testing.assert_array_equal(x[:, :96], stored["iq"].values[..., :32].reshape(records, 96).real)
    np.testing.assert_array_equal(x[:, 96:192], stored["iq"].values[..., :32].reshape(records, 96).imag)
    np.testing.assert_array_equal(x[:, 192:], stored["snr"].values)
    np.testing.assert_array_equal(y, stored["label"].values)
    tree = DecisionTreeClassifier(random_state=0).fit(x, y)
    np.testing.assert_array_equal(tree.predict(x), y)  # a full tree tells noise apart, row by row


def test_the_table_names_each_record(small_corpus: Corpus) -> None:
    table = small_corpus.to_pandas()
    stored = small_corpus.dataset.copy().load()
    assert table["record"].tolist() == list(range(160))
    assert table["split"].tolist() == stored["split"].values.tolist()
    for column, values in (
        ("slot", stored["slot"]),
        ("time_s", stored["time"]),
        ("snr_level_db", stored["snr_level"]),
        ("label_3", stored["label"][:, 3]),
        ("snr_uav1_db", stored["snr"][:, 1]),
    ):
        np.testing.assert_array_equal(table[column], values.values)
    test = small_corpus.to_pandas(split="test")
    pd.testing.assert_frame_equal(test, table[table["split"] == "test"].reset_index(drop=True))
    parquet = pd.read_parquet(small_corpus.path / "records.parquet")
    np.testing.assert_array_equal(np.stack(parquet["label"].to_list())[:, 3], table["label_3"])


def test_what_cannot_be_is_one_line(small_corpus: Corpus, copied: Path) -> None:
    with pytest.raises(CorpusError, match="no split 'trian', did you mean 'train'"):
        small_corpus.to_pandas(split="trian")
    with pytest.raises(CorpusError, match="no variable 'lable', did you mean 'label'"):
        small_corpus.numpy(variables=("lable",))
    with pytest.raises(CorpusError, match="of two variables or more; accepted: the last of them is y"):
        small_corpus.numpy(variables=("iq",), xy=True)
    corpus = open_corpus(copied)
    (copied / "manifest.json").write_text("{}")
    with pytest.raises(CorpusError, match="changed since it was opened"):
        corpus.numpy()
