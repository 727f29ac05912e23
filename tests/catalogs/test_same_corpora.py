"""Corpora that are replaced while they are read: never a mixture, and one line that says so."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus, open_corpora, open_corpus
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.catalogs.place import place_of
from iqatlas.catalogs.same_corpora import SameCorpora
from iqatlas.errors import CorpusError

CHANGED = r"^\S+: the corpus was changed since it was opened; open it again$"


@pytest.fixture
def swap(tiny_corpus: Corpus, mine: Path, reseal: Callable[..., None], tmp_path: Path) -> Callable[[], None]:
    """Give a function that puts another corpus into the place of a test's own, by renames."""
    other = Path(shutil.copytree(tiny_corpus.path, tmp_path / "other"))
    reseal(other, name="other")

    def swapped() -> None:
        mine.rename(tmp_path / "old")
        other.rename(mine)

    return swapped


def test_a_stream_ends_where_its_corpus_is_replaced(mine: Path, swap: Callable[[], None]) -> None:
    pytest.importorskip("torch")
    stream = iter(open_corpus(mine).torch(iterable=True, shuffle=False, batch=8, buffer=8))
    next(stream)
    swap()
    with pytest.raises(CorpusError, match=CHANGED):
        list(stream)


def test_items_of_a_replaced_corpus_are_refused(mine: Path, swap: Callable[[], None]) -> None:
    pytest.importorskip("torch")
    items = open_corpus(mine).torch(variables=("iq",))
    items[0]
    swap()
    with pytest.raises(CorpusError, match=CHANGED):
        items[79]


def test_tables_of_a_replaced_corpus_are_refused(mine: Path, swap: Callable[[], None]) -> None:
    corpus = open_corpus(mine)
    assert len(corpus.to_pandas()) == 80
    swap()
    with pytest.raises(CorpusError, match=CHANGED):
        corpus.to_pandas()


def test_a_manifest_is_read_again_only_when_its_file_is_another(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, reads = open_corpus(mine), []
    read = type(corpus.place).read
    monkeypatch.setattr(type(corpus.place), "read", lambda self, path: reads.append(path) or read(self, path))
    same = SameCorpora([corpus])
    for _ in range(3):
        same.check_signatures()
    assert reads == [MANIFEST_NAME]
    content = (mine / MANIFEST_NAME).read_bytes()
    (mine / "new").write_bytes(content)
    (mine / "new").replace(mine / MANIFEST_NAME)  # the same bytes by another writer
    same.check_signatures()
    assert reads == [MANIFEST_NAME] * 2
    (mine / MANIFEST_NAME).unlink()
    with pytest.raises(CorpusError, match=r"no manifest\.json in this folder"):
        same.check_signatures()


def test_what_never_changes_has_no_signature(catalog: Path) -> None:
    assert place_of(f"{catalog}/tiny@1.0.0").signature(MANIFEST_NAME) is None


def test_a_relative_path_stays_where_it_was(
    mine: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "catalog/tiny@1.0.0"):
        corpus = open_corpus(name)
        assert corpus.place.name == name  # messages name it as its user does
        expected = corpus.numpy(variables=("slot",))["slot"]
        same = SameCorpora([corpus])
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        os.chdir(tmp_path / "elsewhere")
        np.testing.assert_array_equal(corpus.numpy(variables=("slot",))["slot"], expected)
        np.testing.assert_array_equal(corpus.dataset["slot"].values, expected)
        pickle.loads(pickle.dumps(same)).check()  # as a worker of another folder would
        os.chdir(tmp_path)
    both = open_corpora(["mine"])
    os.chdir(tmp_path / "elsewhere")
    assert both.dataset["iq"].values.shape[0] == 80
