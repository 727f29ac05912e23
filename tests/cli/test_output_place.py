"""Outputs never lie in a corpus, and a place that takes none is told before the work."""

from __future__ import annotations

import errno
import importlib
import os
import re
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

    works = (
        "detectors.assessment.assess",
        "preview.page.preview_page",
        "detectors.learned.training.train",
        "plotting.features.draw_feature",
        "catalogs.sigmf_export.export_sigmf",
        "catalogs.webdataset_export.export_webdataset",
        "generators.scene.scene_of",
        "generators.path_folder.write_path_folder",
        "generators.execute.generate",
        "generators.rebuild.rebuild",
        "generators.new_spec.new_spec",
        "catalogs.store_export.export_store",
        "catalogs.publish.publish",
        "catalogs.pull.pull",
        "catalogs.sigmf.write_recording",
    )
    # Modules that are first loaded while others are patched would keep what was patched for good.
    for work in works:
        importlib.import_module(f"iqatlas.{work.rpartition('.')[0]}")
    for work in works:
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


@pytest.mark.parametrize("words", ["validate", "preview", "train", "plot", "export"])
def test_what_takes_no_file_is_told_before_the_work(
    words: str, small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], no_work: None
) -> None:
    (tmp_path / "file").write_text("in the way")
    ending = {"preview": ".html", "plot": ".png"}.get(words, "")
    place = tmp_path / "file" / "deep" / f"out{ending}"
    shown = command(words, small_corpus.path, "-o", place, *(["--to", "sigmf"] if words == "export" else []))
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    assert "can't write" in shown.err
    assert "resumes" not in shown.err


@pytest.mark.parametrize(
    "words",
    [
        ["scene", "-o"],
        ["trace", "-o"],
        ["export", "CORPUS", "--to", "sigmf", "-o"],
        ["export", "CORPUS", "--to", "webdataset", "--overwrite", "-o"],
        ["plot", "CORPUS", "-o"],
        ["waveform", "--set", "waveform.bandwidth_mhz=1.4", "--set", "waveform.subchannels=6", "-o"],
        ["export", "CORPUS", "--to", "zarr", "-o"],
        ["generate", "-o"],
        ["rebuild", "CORPUS", "-o"],
        ["catalog", "publish", "CORPUS", "--version", "1.0.0"],
        ["catalog", "pull", "catalogue", "small@1.0.0", "-o"],
        ["init", "--yes"],
    ],
    ids=lambda words: " ".join(words[:4]),
)
def test_no_command_writes_into_a_corpus(
    words: list[str], small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], no_work: None
) -> None:
    (tmp_path / "corpus").symlink_to(small_corpus.path)
    before = sorted(path.as_posix() for path in small_corpus.path.rglob("*"))
    told = [str(small_corpus.path) if word == "CORPUS" else word for word in words]
    shown = command(*told, tmp_path / "corpus" / "new.png")
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    assert "would lie in the corpus" in shown.err
    assert sorted(path.as_posix() for path in small_corpus.path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "ending"), [("plot", r"\.png"), ("preview", r"\.html or \.htm")], ids=["plot", "preview"]
)
def test_pictures_and_pages_go_to_files_of_their_kind(
    words: str, ending: str, small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], no_work: None
) -> None:
    document = tmp_path / "mydoc.yaml"
    document.write_text("mine")
    shown = command(words, small_corpus.path, "-o", document)
    assert shown.code == 2
    assert len(shown.error_lines) == 1
    assert re.search(rf"accepted: a name that ends in {ending}$", shown.error_lines[0])
    assert document.read_text() == "mine"


@pytest.mark.parametrize("part", [".building/key", ".pulling/lock"])
def test_an_unfinished_corpus_is_one_too(part: str, tmp_path: Path) -> None:
    (tmp_path / part).parent.mkdir()
    (tmp_path / part).touch()
    with pytest.raises(CorpusError, match="would lie in the corpus"):
        refuse_inside_corpus(tmp_path / "out")
    refuse_inside_corpus(tmp_path, itself=False)


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


LONG = "x" * 300
NAMED = [
    ["generate", "--set", "raytracing.kind=free_space", "-o", LONG],
    ["export", "CORPUS", "--to", "zarr", "-o", LONG],
    ["rebuild", "CORPUS", "-o", LONG],
    ["train", "CORPUS", "--model", "spectrogram-cnn", "-o", LONG],
    ["preview", "CORPUS", "-o", f"{LONG}.html"],
    ["waveform", "-o", LONG],
    ["init", "--yes", LONG],
    ["plan", LONG],
    ["info", LONG],
    ["info", f"{LONG}@1.0.0"],
    ["import", "sigmf", f"{LONG}.sigmf-meta", "-o", "new"],
]


@pytest.mark.parametrize("words", NAMED, ids=lambda words: " ".join(words[:2])[:20])
def test_a_name_that_no_file_can_have_is_one_line(
    words: list[str],
    small_corpus: Corpus,
    tmp_path: Path,
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = command(*[str(small_corpus.path) if word == "CORPUS" else word for word in words])
    assert (shown.code, len(shown.error_lines)) == (2, 1), shown.err
    # Where a file is asked for, some versions of Python say no more than that there is none.
    assert re.search(r"no such|File name too long\)?; .* a shorter name", shown.err)
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_says_of_anything_but_a_path_keeps_its_traceback(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "x")

    monkeypatch.setattr("iqatlas.catalogs.corpus.open_corpus", fails)
    with pytest.raises(OSError, match="Input/output error"):
        command("info", "x")


def test_a_full_disk_is_one_line_without_a_promise(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"free some space and run the same command again$"),
        output_errors(tmp_path),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
