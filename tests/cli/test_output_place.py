"""Outputs never lie in a corpus, and a place that takes none is told before the work."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqatlas import Corpus
from iqatlas.cli.output_place import check_writable, output_errors, refuse_inside_corpus
from iqatlas.errors import CorpusError, StorageError


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the work was begun")

    for work in (
        "detectors.assessment.assess",
        "preview.page.preview_page",
        "detectors.learned.training.train",
    ):
        monkeypatch.setattr(f"iqatlas.{work}", refuse)


@pytest.mark.parametrize("name", ["", "manifest.json", "records.zarr/deep/page.html", "../LINK/new"])
@pytest.mark.parametrize("words", ["validate", "preview", "train"])
def test_a_corpus_holds_only_what_its_manifest_names(
    name: str, words: str, small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], no_work: None
) -> None:
    (tmp_path / "corpus").symlink_to(small_corpus.path)
    before = (small_corpus.path / "manifest.json").read_bytes()
    shown = command(words, small_corpus.path, "-o", tmp_path / "corpus" / name.replace("../LINK", "scene/.."))
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    # A folder that holds something takes no model anyway.
    assert "would lie in the corpus" in shown.err or words == "train"
    assert (small_corpus.path / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("words", ["validate", "preview", "train"])
def test_what_takes_no_file_is_told_before_the_work(
    words: str, small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], no_work: None
) -> None:
    (tmp_path / "file").write_text("in the way")
    shown = command(words, small_corpus.path, "-o", tmp_path / "file" / "deep" / "out")
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    assert "can't write" in shown.err
    assert "resumes" not in shown.err


def test_other_manifests_are_no_corpora(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "a web page", "start_url": "/"}')
    refuse_inside_corpus(tmp_path / "out")
    (tmp_path / "manifest.json").write_text('{"format": "iqatlas-corpus"}')
    with pytest.raises(CorpusError, match="would lie in the corpus"):
        refuse_inside_corpus(tmp_path / "out")


def test_a_place_is_left_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_without_a_promise(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"free some space, and run the same command again$"),
        output_errors(tmp_path),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
