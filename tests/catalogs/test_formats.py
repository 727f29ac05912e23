"""Corpora that earlier versions wrote stay readable, whole and sound.

``tests/formats/vN/corpus.zip`` was written by the first version of format N, and is never made anew.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from iqatlas import open_corpus
from iqatlas.catalogs.manifest import FORMAT_VERSION, Manifest

FORMATS = Path(__file__).parents[1] / "formats"
SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / f"manifest-v{FORMAT_VERSION}.json"


@pytest.fixture(params=sorted(path.name for path in FORMATS.glob("v*")))
def old_corpus(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with zipfile.ZipFile(FORMATS / request.param / "corpus.zip") as archive:
        archive.extractall(tmp_path / "corpus")
    return tmp_path / "corpus"


def test_an_old_corpus_is_sound_and_gives_its_records(old_corpus: Path) -> None:
    corpus = open_corpus(old_corpus)
    assert corpus.verify().problems == ()
    train = corpus.dataset.sel(split="train").load()
    assert train.sizes == {
        "record": 32, "receiver": 2, "sample": 64, "site": 3, "subchannel": 2, "frame": 7, "frequency": 16,
        "waypoint": 1, "xyz": 3,
    }  # fmt: skip
    np.testing.assert_array_equal(train["label"], train["occupancy"].any("site"))
    assert corpus.paths["gain"].sizes["site"] == 3
    assert len(corpus.table("sites")) == 3


def test_the_schema_in_the_documentation_is_the_manifest_s() -> None:
    # Made by: python -m iqatlas schema --manifest
    assert json.loads(SCHEMA.read_text()) == Manifest.model_json_schema()
