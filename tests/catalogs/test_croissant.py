"""The Croissant file is read by the format's own library, and gives the corpus's records."""

from __future__ import annotations

import json
from itertools import islice

import mlcroissant
import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.croissant import CROISSANT_NAME


@pytest.fixture
def dataset(tiny_corpus: Corpus) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(tiny_corpus.path / CROISSANT_NAME)


def test_the_library_finds_nothing_to_complain_of(dataset: mlcroissant.Dataset) -> None:
    issues = dataset.metadata.ctx.issues
    assert issues.errors == set()
    assert issues.warnings == set()
    assert dataset.metadata.ctx.is_v1_1()


def test_its_first_records_are_the_corpus_s(dataset: mlcroissant.Dataset, tiny_corpus: Corpus) -> None:
    stored = tiny_corpus.dataset.isel(record=slice(0, 5)).load()
    for index, record in enumerate(islice(dataset.records("records"), 5)):
        assert record["records/record"] == index
        assert record["records/label"] == stored["label"].values[index].tolist()
        np.testing.assert_array_equal(record["records/snr_db"], stored["snr"].values[index])
        assert record["records/split"] == str(stored["split"].values[index]).encode()


def test_splits_are_enumerated(dataset: mlcroissant.Dataset, tiny_corpus: Corpus) -> None:
    named = {record["splits/name"] for record in dataset.records("splits")}
    assert named == set(tiny_corpus.manifest.splits)


def test_every_file_outside_the_arrays_is_named_with_its_hash(tiny_corpus: Corpus) -> None:
    body = json.loads((tiny_corpus.path / CROISSANT_NAME).read_text())
    hashes = {item["@id"]: item["sha256"] for item in body["distribution"] if "sha256" in item}
    expected = {
        file.path
        for file in tiny_corpus.manifest.files
        if file.path != CROISSANT_NAME and not file.path.startswith("records.zarr/")
    }
    assert set(hashes) == expected
    assert all(sha256_file(tiny_corpus.path / path) == digest for path, digest in hashes.items())
