"""Splits as an index: text to whoever reads them, a byte a record in memory."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from iqatlas import Corpus
from iqatlas.catalogs.split_index import (
    SPLIT_NAMES,
    places,
    split_mask,
    splits_in,
    splits_of_text,
    with_splits,
)


def test_records_are_selected_by_name(small_corpus: Corpus) -> None:
    dataset, manifest = small_corpus.dataset, small_corpus.manifest
    assert dataset["split"].dtype == np.dtype("<U10")
    for name in ("train", "validation", "test"):
        selected = dataset.sel(split=name)
        assert selected.sizes["record"] == manifest.splits[name]
        assert set(selected["split"].values.tolist()) == {name}
        assert split_mask(dataset, name).sum() == manifest.splits[name]
    with pytest.raises(KeyError):
        dataset.sel(split="trian")


def test_chunks_of_a_split_are_those_of_storage(small_corpus: Corpus) -> None:
    dataset = small_corpus.dataset.chunk(record=7)
    starts = set(np.cumsum([0, *dataset["iq"].chunks[0]]).tolist())
    for name in ("train", "validation", "test"):
        first = int(np.argmax(split_mask(dataset, name)))
        for selected in (dataset.sel(split=name), dataset["iq"].sel(split=name)):
            inner = first + np.cumsum(selected.chunksizes["record"])[:-1]
            assert set(inner.tolist()) < starts
            assert selected.indexes["split"].unique().tolist() == [name]
    chunks = small_corpus.split("test").chunksizes["record"]
    assert chunks == small_corpus.dataset.sel(split="test").chunksizes["record"]


@given(st.lists(st.sampled_from(SPLIT_NAMES), min_size=1, max_size=12), st.sampled_from(SPLIT_NAMES))
def test_in_pieces_or_in_one_the_same_records_are_selected(names: list[str], name: str) -> None:
    stored = xr.Dataset({"x": ("record", np.arange(len(names)))}).assign(split=("record", np.array(names)))
    opened = with_splits(stored, splits_of_text(stored["split"].values))
    mask = np.array(names) == name
    assert opened["x"].values[places(mask)].tolist() == np.flatnonzero(mask).tolist()
    if mask.any():
        assert opened["x"].sel(split=name).values.tolist() == np.flatnonzero(mask).tolist()


def test_what_is_selected_can_be_written_and_sent(small_corpus: Corpus, tmp_path: Path) -> None:
    selected = small_corpus.dataset[["label", "slot"]].sel(split="test").drop_encoding().chunk(record=-1)
    selected.to_zarr(tmp_path / "test.zarr", zarr_format=2)
    back = xr.open_zarr(tmp_path / "test.zarr")
    assert back["split"].values.tolist() == ["test"] * selected.sizes["record"]
    assert pickle.loads(pickle.dumps(selected)).identical(selected)


def test_a_record_takes_a_byte(small_corpus: Corpus) -> None:
    codes = splits_in(small_corpus.dataset).codes
    assert codes.dtype == np.int8
    assert (small_corpus.dataset["split"].values == np.array(splits_in(small_corpus.dataset))).all()


def test_other_names_than_ours_are_kept() -> None:
    names = np.array(["train", "fold-2", "guard", "fold-2"])
    stored = xr.Dataset({"x": ("record", np.arange(4))}).assign(split=("record", names, {"units": "1"}))
    opened = with_splits(stored, splits_of_text(stored["split"].values))
    assert opened["split"].values.tolist() == names.tolist()
    assert opened["split"].attrs == {"units": "1"}
    assert opened.sel(split="fold-2")["x"].values.tolist() == [1, 3]
