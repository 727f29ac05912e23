"""Folders that commands write into: new, or their own of the same input; all else is left as it was."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqatlas import Corpus
from iqatlas.cli.output_folder import NOTE, output_folder
from iqatlas.errors import CorpusError, StorageError


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _write(folder: Path, *names: str, of: str = "city", **how: Any) -> None:
    ours = {"a.tar", "b.tar", "map.png"}
    with output_folder(folder, command="draw", of=of, ours=ours.__contains__, **how):
        for name in names:
            (folder / name).write_text(of)


def test_the_same_again_is_written_as_before(tmp_path: Path) -> None:
    for _ in range(2):
        _write(tmp_path / "new" / "deep", "a.tar")
        assert _names(tmp_path / "new" / "deep") == {"a.tar", NOTE}


def test_another_input_is_refused_and_replaced_when_asked(tmp_path: Path) -> None:
    _write(tmp_path / "out", "a.tar", "map.png")
    told = r"holds what `iqatlas draw` wrote of city; accepted: .* wrote of sea; .*--overwrite$"
    with pytest.raises(CorpusError, match=told):
        _write(tmp_path / "out", "map.png", of="sea")
    assert (tmp_path / "out" / "map.png").read_text() == "city"
    with output_folder(tmp_path / "out", command="draw", of="sea", ours="map.png".__eq__, overwrite=True):
        (tmp_path / "out" / "map.png").write_text("sea")
    # Of the other input nothing is left that could be taken for this one's.
    assert _names(tmp_path / "out") == {"map.png", NOTE}


@pytest.mark.parametrize("other", ["thesis.tex", ".hidden", "folder/x", "map.png"])
def test_what_others_put_there_is_refused(other: str, tmp_path: Path) -> None:
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("mine")
    with pytest.raises(CorpusError, match=r"holds something else \(.*name another with -o, or --overwrite$"):
        _write(tmp_path, "map.png")
    assert (tmp_path / other).read_text() == "mine"
    assert NOTE not in _names(tmp_path)
    _write(tmp_path, "a.tar", overwrite=True)
    assert (tmp_path / other).read_text() == "mine"


def test_output_of_before_there_were_notes_is_known(tmp_path: Path) -> None:
    (tmp_path / "map.png").write_text("old")
    _write(tmp_path, "map.png", known_by=("map.png",))
    assert (tmp_path / "map.png").read_text() == "city"


def test_nothing_is_left_of_work_that_failed(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="no such site"),
        output_folder(tmp_path / "a" / "b", command="draw", of="city", ours="x".__eq__),
    ):
        raise ValueError("no such site")
    assert not (tmp_path / "a").exists()


def test_what_a_kill_has_left_can_be_written_again(tmp_path: Path) -> None:
    claimed = output_folder(tmp_path, command="draw", of="city", ours={"a.tar", "map.png"}.__contains__)
    claimed.__enter__()  # and never comes to its end
    (tmp_path / ".a.tar.writing").write_text("half")
    (tmp_path / "map.png").write_text("half")
    _write(tmp_path, "a.tar", "map.png")
    assert (tmp_path / "map.png").read_text() == "city"


def test_what_a_kill_has_left_goes_with_other_output(tmp_path: Path) -> None:
    tars = {"a.tar", "b.tar"}
    claimed = output_folder(tmp_path, command="draw", of="city", ours=tars.__contains__, names=tars)
    claimed.__enter__()  # and never comes to its end
    for name in ("a.tar", ".b.tar.writing"):
        (tmp_path / name).write_text("city")
    # Another input, asked for twice: what the first has left is neither beside it nor in its way.
    for overwrite in (True, False):
        with output_folder(tmp_path, command="draw", of="sea", ours="c.tar".__eq__, overwrite=overwrite):
            (tmp_path / "c.tar").write_text("sea")
        assert _names(tmp_path) == {"c.tar", NOTE}


def test_the_half_of_a_kill_is_still_known_after_a_run_that_failed(tmp_path: Path) -> None:
    tars = {"a.tar", "b.tar"}
    claimed = output_folder(tmp_path, command="draw", of="city", ours=tars.__contains__, names=tars)
    claimed.__enter__()  # and never comes to its end
    (tmp_path / ".b.tar.writing").write_text("half")
    with (
        pytest.raises(ValueError, match="no such site"),
        output_folder(tmp_path, command="draw", of="city", ours=tars.__contains__, names=tars),
    ):
        raise ValueError("no such site")
    with output_folder(tmp_path, command="draw", of="sea", ours="c.tar".__eq__, overwrite=True):
        (tmp_path / "c.tar").write_text("sea")
    assert _names(tmp_path) == {"c.tar", NOTE}


def test_a_link_that_an_export_was_to_write_is_left_to_its_owner(tmp_path: Path) -> None:
    _write(tmp_path / "out", "a.tar", "b.tar")
    for name in ("a.tar", ".b.tar.writing"):
        (tmp_path / "out" / name).unlink(missing_ok=True)
        (tmp_path / f"mine{name}").write_text("mine")
        (tmp_path / "out" / name).symlink_to(tmp_path / f"mine{name}")
    with output_folder(tmp_path / "out", command="draw", of="sea", ours="c.tar".__eq__, overwrite=True):
        (tmp_path / "out" / "c.tar").write_text("sea")
    assert _names(tmp_path / "out") == {"a.tar", ".b.tar.writing", "c.tar", NOTE}
    assert (tmp_path / "out" / "a.tar").read_text() == "mine"


@pytest.mark.parametrize(
    "note",
    [
        "[]",
        "{" * 5000,
        json.dumps({"command": "draw", "of": "sea", "names": ["../out.tar", "/etc/x.tar", "", "..", 3]}),
        json.dumps({"command": "draw", "of": "sea\n", "names": ["../out.tar"]}),
        json.dumps({"command": "draw", "of": "sea", "names": ["../out.tar", "notes.txt", "..", NOTE]}),
    ],
)
def test_a_note_of_a_stranger_removes_nothing_of_anybody(note: str, tmp_path: Path) -> None:
    (tmp_path / "out.tar").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / NOTE).write_text(note)
    with pytest.raises(CorpusError, match="something else"):
        _write(tmp_path / "out", "a.tar")
    _write(tmp_path / "out", "a.tar", overwrite=True)
    assert (tmp_path / "out.tar").read_text() == (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_place_that_takes_nothing_is_one_line_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="is a file; accepted: a folder"):
        _write(tmp_path / "file")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc/x")

    monkeypatch.setattr(Path, "mkdir", refuse)
    told = r"^/proc/x: can't write \(.*\); nothing can be made there: choose another place with -o$"
    with pytest.raises(StorageError, match=told):
        _write(tmp_path / "new", "a.tar")


@pytest.mark.parametrize("form", ["sigmf", "webdataset"])
def test_an_export_of_a_split_does_not_replace_one_of_all(
    form: str, small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any]
) -> None:
    words = ("export", small_corpus.path, "--to", form, "-o", tmp_path / "out")
    for _ in range(2):
        assert command(*words).code == 0
    whole = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    shown = command(*words, "--split", "test")
    assert (shown.code, len(shown.error_lines)) == (2, 1)
    assert "wrote of small (" in shown.err and "--overwrite" in shown.err
    assert {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()} == whole
    assert command(*words, "--split", "test", "--overwrite").code == 0
    left = _names(tmp_path / "out") - {NOTE}
    assert left == ({"small-test-000000.tar"} if form == "webdataset" else set(whole) - {NOTE})


def test_an_export_that_was_killed_has_said_what_it_would_write(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    def begins(*_: object, **__: object) -> None:
        noted.extend(json.loads((tmp_path / NOTE).read_text())["names"])
        raise StorageError("no more")

    for form in ("sigmf", "webdataset"):
        monkeypatch.setattr(f"iqatlas.catalogs.{form}_export.export_{form}", begins)
        assert command("export", small_corpus.path, "--to", form, "-o", tmp_path).code == 2
    assert {"small-uav0.sigmf-data", "small-uav0.sigmf-meta", "small-test-000000.tar"} <= set(noted)
    assert _names(tmp_path) == set()


def test_a_scene_replaces_its_own_and_nobody_else_s(
    small_corpus: Corpus, tmp_path: Path, command: Callable[..., Any]
) -> None:
    words = ("scene", "-o", tmp_path / "out", "--set")
    assert command(*words, "name=one").code == 0
    shown = command(*words, "name=two")
    assert (shown.code, len(shown.error_lines)) == (2, 1)
    assert "what `iqatlas scene` wrote of one" in shown.err
    # Without its note it is what an earlier version wrote.
    (tmp_path / "out" / NOTE).unlink()
    assert command(*words, "name=one").code == 0


def test_a_waveform_replaces_the_same_signal_alone(tmp_path: Path, command: Callable[..., Any]) -> None:
    base = ("waveform", "--duration-ms", "1", "--set", "waveform.bandwidth_mhz=1.4", "--set")
    words = (*base, "waveform.subchannels=6", "-o", tmp_path / "cell.cf32", "--cell-id")
    assert command(*words, "7").code == 0
    assert command(*words, "7").code == 0
    kept = (tmp_path / "cell.cf32").read_bytes()
    shown = command(*words, "8")
    assert (shown.code, len(shown.error_lines)) == (2, 1)
    assert "something else of this name" in shown.err and "--overwrite" in shown.err
    assert (tmp_path / "cell.cf32").read_bytes() == kept
    assert command(*words, "8", "--overwrite").code == 0
    assert (tmp_path / "cell.cf32").read_bytes() != kept
