"""The read handle: what users get from an open corpus."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

import iqatlas
from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.audit import audit_corpus
from iqatlas.detectors.assessment import assess
from iqatlas.errors import CorpusError, MissingFileError


def test_a_corpus_opens_by_text_and_by_path(small_corpus: Corpus) -> None:
    for path in (small_corpus.path, str(small_corpus.path)):
        opened = open_corpus(path)
        assert opened.manifest == small_corpus.manifest
    assert repr(opened) == f"<Corpus 'small': 160 records at {small_corpus.path}>"


def test_opening_reads_no_records(small_corpus: Corpus) -> None:
    dataset = open_corpus(small_corpus.path).dataset
    lazy = [name for name in dataset.data_vars if dataset[name].chunks is not None]
    assert set(lazy) == set(dataset.data_vars)
    assert dataset["iq"].chunksizes["record"][0] == 8  # a dask chunk is a storage chunk


def test_splits_are_selected_by_name(small_corpus: Corpus) -> None:
    dataset, splits = small_corpus.dataset, small_corpus.manifest.splits
    for name in ("train", "validation", "test", "guard"):
        part = dataset.sel(split=name)
        assert part.sizes["record"] == splits[name]
        rows = np.flatnonzero(dataset["split"].values == name)
        xr.testing.assert_identical(part["label"].load(), dataset["label"].isel(record=rows).load())
    assert sum(splits.values()) == dataset.sizes["record"]
    with pytest.raises(KeyError):
        dataset.sel(split="holdout")


def test_receivers_and_sites_are_selected_by_name(small_corpus: Corpus) -> None:
    dataset = small_corpus.dataset
    assert dataset["receiver"].values.tolist() == ["uav0", "uav1", "uav2"]
    picked = dataset["iq"].sel(receiver="uav1").isel(record=5).values
    np.testing.assert_array_equal(picked, dataset["iq"].values[5, 1])


def test_the_numbers_are_those_of_the_spec(small_corpus: Corpus) -> None:
    dataset = small_corpus.dataset
    assert dataset.attrs["sample_rate_hz"] == 15.36e6
    assert dataset.attrs["noise_bandwidth_hz"] == 16 * 3 * 12 * 15e3
    # Records run over the SNR levels first, then over the slots.
    assert dataset["snr_level"].values.tolist() == [0, 20] * 80
    assert dataset["slot"].values.tolist() == np.repeat(np.arange(80), 2).tolist()
    np.testing.assert_allclose(np.diff(dataset["sample_time"].values), 1 / 15.36e6, rtol=1e-9)


def test_tables_of_the_scene(small_corpus: Corpus) -> None:
    rows = {"sites": 3, "receivers": 3, "buildings": small_corpus.manifest.scene["buildings"]}
    for name, count in rows.items():
        table = small_corpus.table(name)
        assert isinstance(table, gpd.GeoDataFrame)
        assert len(table) == count > 0
    for wrong in ("cars", "../scene/sites", "map"):
        with pytest.raises(CorpusError, match=r"no table .*accepted: buildings, receivers, sites") as caught:
            small_corpus.table(wrong)
        assert "\n" not in str(caught.value)


def test_a_corpus_can_be_moved(small_corpus: Corpus, tmp_path: Path) -> None:
    moved = open_corpus(shutil.copytree(small_corpus.path, tmp_path / "elsewhere"))
    xr.testing.assert_identical(moved.dataset.load(), small_corpus.dataset.copy().load())
    assert moved.verify().sound


def test_what_is_no_corpus_is_one_line(tmp_path: Path, copied: Path) -> None:
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        open_corpus(tmp_path / "nothing")
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        open_corpus(copied / "README.md")
    shutil.rmtree(copied / "records.zarr")
    with pytest.raises(CorpusError, match=r"records\.zarr is missing; get the corpus again"):
        open_corpus(copied)


def test_a_corpus_holds_its_cards(small_corpus: Corpus) -> None:
    readme = (small_corpus.path / "README.md").read_text(encoding="utf-8")
    assert "# small" in readme
    assert "OpenStreetMap" in (small_corpus.path / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert (small_corpus.path / "scene" / "map.png").read_bytes().startswith(b"\x89PNG")


def test_the_package_offers_it(small_corpus: Corpus) -> None:
    assert iqatlas.open_corpus is open_corpus
    assert iqatlas.Corpus is Corpus
    assert isinstance(small_corpus, Corpus)


def test_the_default_folder_is_the_name_of_the_spec(
    tiny_spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick_parts: None
) -> None:
    monkeypatch.chdir(tmp_path)
    assert generate(tiny_spec).path == Path("tiny")
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_what_was_loaded_into_memory_is_judged_as_it_was(small_corpus: Corpus) -> None:
    loaded, lazy = Corpus(small_corpus.path), Corpus(small_corpus.path)
    loaded.dataset.load()
    assert loaded.chunk_records == lazy.chunk_records == lazy.dataset["iq"].chunksizes["record"][0]
    assert audit_corpus(loaded) == audit_corpus(lazy)
    tallies = [assess(one, names=["energy"]).tallies["energy"] for one in (loaded, lazy)]
    assert (tallies[0].counts == tallies[1].counts).all()
