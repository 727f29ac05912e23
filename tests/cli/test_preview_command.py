"""``iqatlas preview``: it writes one file, and says in a line why it can't."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from iqatlas import Corpus, open_corpus
from iqatlas.cli import preview
from iqatlas.detectors.report import parquet
from iqatlas.detectors.validated_corpus import ValidatedCorpus
from iqatlas.preview.page import preview_page


def test_the_page_is_written_and_opened(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(typer, "launch", opened.append)
    # A validation of another corpus is not shown as this one's.
    other = ValidatedCorpus(manifest_sha256="0" * 64, false_alarm=0.1, records=9, total_records=9)
    found = pd.DataFrame({"holds": [True], "text": ["it was sound"]})
    (tmp_path / "verdicts.parquet").write_bytes(parquet(found, other.metadata()))
    (tmp_path / "scores.parquet").write_bytes(parquet(found))
    file = tmp_path / "deep" / "page.html"
    done = command(
        "preview", small_corpus.path, "-o", file, "--no-validate", "--open", "--validation", tmp_path
    )
    assert done.code == 0 and str(file) in done.out.replace("\n", "")
    assert file.read_bytes() == preview_page(small_corpus, validate=False, validation=tmp_path)
    assert b"are of another corpus" in file.read_bytes()
    assert b"it was sound" not in file.read_bytes()
    assert opened == [str(file)]


def test_without_a_name_it_is_the_corpuss(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("iqatlas.preview.page.preview_page", lambda *_, **__: b"page")
    assert command("preview", small_corpus.path).code == 0
    assert (tmp_path / "small-preview.html").read_bytes() == b"page"
    # A manifest of others may hold any name; it doesn't lead out of the folder.
    copy = tmp_path / "copy"
    shutil.copytree(small_corpus.path, copy)
    hostile = small_corpus.manifest.model_copy(update={"name": "../../escaped"})
    (copy / "manifest.json").write_bytes(hostile.serialise())
    assert open_corpus(copy).manifest.name == "../../escaped"
    assert command("preview", copy).code == 0
    assert (tmp_path / "corpus-preview.html").read_bytes() == b"page"
    assert preview._file_name("a/b") == "corpus"


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_what_is_no_corpus_is_one_line(
    tmp_path: Path, command: Callable[..., Any], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("preview", where, "-o", tmp_path / "page.html")
    assert done.code == 2 and len(done.error_lines) == 1
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_cannot_be_written_is_one_line(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqatlas.preview.page.preview_page", lambda *_, **__: b"page")
    (tmp_path / "file").write_text("in the way")
    done = command("preview", small_corpus.path, "-o", tmp_path / "file" / "page.html")
    assert done.code == 2 and len(done.error_lines) == 1
