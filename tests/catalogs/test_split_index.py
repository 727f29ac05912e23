"""Splits as an index: text to whoever reads them, a byte a record in memory."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from iqatlas import Corpus
from iqatlas.catalogs.split_index import split_mask, splits_in, splits_of_text, with_splits


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
