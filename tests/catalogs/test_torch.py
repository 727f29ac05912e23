"""The PyTorch loader: the store's records, each of them once, in any number of workers."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.errors import CorpusError, SetupError

torch = pytest.importorskip("torch")


def test_lengths_are_those_of_the_splits(small_corpus: Corpus) -> None:
    splits = small_corpus.manifest.splits
    for name in ("train", "validation", "test"):
        assert len(small_corpus.torch(split=name)) == splits[name]
    assert len(small_corpus.torch()) == small_corpus.manifest.records


def test_an_item_is_the_stores_record(small_corpus: Corpus) -> None:
    variables = ("iq", "label", "occupancy", "snr", "slot", "spectrogram", "time")
    records = small_corpus.torch(split="test", variables=variables)
    stored = small_corpus.dataset.sel(split="test")[list(variables)].load()
    for index in (0, 7, len(records) - 1):
        item = records[index]
        assert list(item) == list(variables)
        for name in variables:
            expected = stored[name].values[index]
            assert item[name].numpy().dtype == expected.dtype
            np.testing.assert_array_equal(item[name].numpy(), expected)
    assert records[0]["iq"].dtype == torch.complex64
    assert records[0]["label"].dtype == torch.bool


def test_several_items_come_in_the_order_asked_for(small_corpus: Corpus) -> None:
    records = small_corpus.torch(split="train", variables=("iq", "slot"))
    indices = [40, 3, 3, 0, 39, 3]
    items = records.__getitems__(indices)
    assert len(items) == len(indices)
    for index, item in zip(indices, items, strict=True):
        np.testing.assert_array_equal(item["iq"].numpy(), records[index]["iq"].numpy())
        assert item["slot"] == records[index]["slot"]
    assert records.__getitems__([]) == []


def test_indices_beyond_the_end_are_refused(small_corpus: Corpus) -> None:
    records = small_corpus.torch(split="test")
    np.testing.assert_array_equal(records[-1]["iq"].numpy(), records[len(records) - 1]["iq"].numpy())
    with pytest.raises(IndexError):
        records[len(records)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_yields_each_record_once(small_corpus: Corpus, workers: int) -> None:
    records = small_corpus.torch(split="train", variables=("iq", "slot", "snr_level"))
    _ = records[0]  # Zarr reads in a thread, which a forked worker does not take along
    loader = torch.utils.data.DataLoader(
        records,
        batch_size=7,  # divides neither the split nor a chunk
        shuffle=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(1),
        timeout=60 if workers else 0,
    )
    stored = small_corpus.dataset.sel(split="train").load()
    wanted = {
        (int(slot), float(level)): iq
        for slot, level, iq in zip(
            stored["slot"].values, stored["snr_level"].values, stored["iq"].values, strict=True
        )
    }
    seen = []
    for batch in loader:
        for slot, level, iq in zip(batch["slot"], batch["snr_level"], batch["iq"], strict=True):
            seen.append((int(slot), float(level)))
            np.testing.assert_array_equal(iq.numpy(), wanted[seen[-1]])
    assert sorted(seen) == sorted(wanted)
    assert seen != sorted(seen)  # it was shuffled


def test_a_data_set_travels_to_a_worker_without_its_store(small_corpus: Corpus) -> None:
    records = small_corpus.torch()
    before = len(pickle.dumps(records))
    _ = records[0]
    assert len(pickle.dumps(records)) == before
    copy = pickle.loads(pickle.dumps(records))
    np.testing.assert_array_equal(copy[11]["iq"].numpy(), records[11]["iq"].numpy())


@pytest.mark.parametrize("names", [["uav1"], ["uav2", "uav0"], ["uav0", "uav1", "uav2"]])
def test_receivers_are_kept_in_the_order_asked_for(small_corpus: Corpus, names: list[str]) -> None:
    columns = [["uav0", "uav1", "uav2"].index(name) for name in names]
    item = small_corpus.torch(variables=("iq", "label", "snr"), receivers=names)[13]
    stored = small_corpus.dataset.isel(record=13).load()
    np.testing.assert_array_equal(item["iq"].numpy(), stored["iq"].values[columns])
    np.testing.assert_array_equal(item["snr"].numpy(), stored["snr"].values[columns])
    np.testing.assert_array_equal(item["label"].numpy(), stored["label"].values)  # not by receiver


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"split": "trian"}, "no split 'trian', did you mean 'train'?; accepted: train, validation, test"),
        ({"split": "guard"}, "no split 'guard'; accepted: train, validation, test"),
        ({"variables": ("iq", "lable")}, "no variable 'lable', did you mean 'label'?"),
        ({"variables": ()}, "variables is empty"),
        ({"variables": "iq"}, "variables is the text 'iq'"),
        ({"variables": ("split",)}, "no variable 'split'"),
        ({"receivers": ["uav0", "uav9"]}, "no receiver 'uav9', did you mean"),
        ({"receivers": []}, "receivers is empty"),
        ({"receivers": "uav0"}, "receivers is the text 'uav0'"),
    ],
)
def test_what_is_not_there_is_one_line(small_corpus: Corpus, asked: dict[str, object], said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        small_corpus.torch(**asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pytorch_the_remedy_is_named(small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "iqatlas.catalogs._torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SetupError, match=r"PyTorch is not installed; pip install 'iqatlas\[torch\]'"):
        small_corpus.torch()
