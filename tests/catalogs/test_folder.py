"""A folder that holds something else is never touched; another corpus is replaced only when asked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from disturbance import Disk, Killed, check_disturbed, hashes, interrupted, state

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.folder import Held, survey
from iqatlas.catalogs.manifest import MANIFEST_NAME
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.errors import CorpusError
from iqatlas.generators import execute

pytestmark = pytest.mark.usefixtures("quick_parts")


def test_what_a_folder_holds(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert survey(tmp_path / "nothing").nothing
    assert survey(tmp_path).nothing
    assert survey(tiny_corpus.path) == Held(finished=True, key=None)
    begun = survey(interrupted(tiny_spec, tmp_path / "begun", monkeypatch, shards=1))
    assert not begun.finished
    assert begun.key is not None
    (tmp_path / "new" / ".building").mkdir(parents=True)
    assert survey(tmp_path / "new").nothing  # killed before it had a key


def test_another_spec_is_refused_and_replaces_with_overwrite(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_spec.model_copy(update={"seed": 8})
    generate(other, tmp_path / "finished")
    interrupted(other, tmp_path / "begun", monkeypatch, shards=1)
    for folder, what in (("finished", "a finished corpus"), ("begun", "an unfinished corpus of another")):
        before = state(tmp_path / folder)
        with pytest.raises(CorpusError, match=f"this folder holds {what}.*--overwrite") as caught:
            generate(tiny_spec, tmp_path / folder)
        assert "\n" not in str(caught.value)
        after = state(tmp_path / folder)
        after.pop(".building/lock", None) if folder == "begun" else None
        before.pop(".building/lock", None)
        assert after == before  # not even a lock is left in a finished corpus
        made = generate(tiny_spec, tmp_path / folder, overwrite=True)
        assert hashes(made) == hashes(tiny_corpus)
        assert verify_corpus(tmp_path / folder).sound


@pytest.mark.slow
def test_overwrite_killed_anywhere_can_be_run_again(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again it begins as in an empty folder, whichever step it was killed at; now and then to its end."""
    other = generate(tiny_spec.model_copy(update={"seed": 8}), tmp_path / "other")

    def begun(folder: Path) -> dict[str, object]:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(execute, "_paths", die)
            generate(tiny_spec, folder, overwrite=True)
        return {path: content for path, (content, _) in state(folder).items()}

    wanted = begun(tmp_path / "empty")
    number = 0
    while True:
        folder = Path(shutil.copytree(other.path, tmp_path / "folder"))
        with monkeypatch.context() as patch:
            disk = Disk(patch)
            disk.break_at(number, Killed(), after=number % 2 == 1)
            with pytest.raises(Killed):
                generate(tiny_spec, folder, overwrite=True)
            seen = list(disk.calls)
        check_disturbed(folder)
        over = "_put" in seen  # by now the new corpus is being written, as in the tests above
        if over or number % 6 == 0:
            made = generate(tiny_spec, folder, overwrite=True)
            assert hashes(made) == hashes(tiny_corpus)
        else:
            assert begun(folder) == wanted
        shutil.rmtree(folder)
        if over:
            return
        number += 1


def die(*_: object) -> None:
    raise Killed


def _a_note(folder: Path) -> None:
    (folder / "thesis.tex").write_text("three years of work")


def _a_web_application(folder: Path) -> None:
    (folder / MANIFEST_NAME).write_text('{"name": "My application", "format": "web"}')
    (folder / "index.html").write_text("<html>")


def _a_broken_manifest(folder: Path) -> None:
    (folder / MANIFEST_NAME).write_text('{"format": "iqatlas-corpus"')


def _somebodys_building(folder: Path) -> None:
    (folder / ".building").mkdir()
    (folder / ".building" / "plan.dwg").write_text("a house")


def _an_empty_building_beside_work(folder: Path) -> None:
    (folder / ".building").mkdir()
    _a_note(folder)


def _a_file_beside_an_unfinished_corpus(folder: Path) -> None:
    (folder / ".building").mkdir()
    (folder / ".building" / "key").write_text("0" * 64)
    _a_note(folder)


def _a_building_that_is_a_file(folder: Path) -> None:
    (folder / ".building").write_text("")


STRANGERS = (
    _a_note,
    _a_web_application,
    _a_broken_manifest,
    _somebodys_building,
    _an_empty_building_beside_work,
    _a_file_beside_an_unfinished_corpus,
    _a_building_that_is_a_file,
)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("fill", STRANGERS, ids=lambda fill: fill.__name__)
def test_a_folder_that_holds_something_else_is_never_touched(
    tiny_spec: CorpusSpec, tmp_path: Path, fill: Callable[[Path], None], overwrite: bool
) -> None:
    fill(tmp_path)
    before = state(tmp_path)
    with pytest.raises(CorpusError, match=r"this folder holds .*choose another folder") as caught:
        generate(tiny_spec, tmp_path, overwrite=overwrite)
    assert "\n" not in str(caught.value)
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "place", ["notes.txt", "scene/notes.txt", "records.zarr/notes.txt", ".building/notes"]
)
def test_overwrite_keeps_a_file_that_somebody_put_into_a_corpus(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, place: str
) -> None:
    folder = Path(shutil.copytree(tiny_corpus.path, tmp_path / "c"))
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text("mine")
    before = state(folder)
    with pytest.raises(CorpusError, match=place):
        generate(tiny_spec.model_copy(update={"seed": 8}), folder, overwrite=True)
    assert state(folder) == before


@pytest.mark.parametrize("name", ["records.zarr", "scene", ".building", "manifest.json", "README.md"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_links_are_neither_followed_nor_written_through(
    tiny_spec: CorpusSpec, tiny_corpus: Corpus, tmp_path: Path, name: str, overwrite: bool
) -> None:
    folder = Path(shutil.copytree(tiny_corpus.path, tmp_path / "c"))
    outside = tmp_path / "outside"
    if name == ".building":
        outside.mkdir()
        (outside / "key").write_text("precious")
    else:
        (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    before = state(tmp_path)
    with pytest.raises(CorpusError, match=f"symbolic link '{name}'"):
        generate(tiny_spec.model_copy(update={"seed": 8}), folder, overwrite=overwrite)
    assert state(tmp_path) == before


def test_a_file_in_place_of_a_folder_is_refused(tiny_spec: CorpusSpec, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("mine")
    with pytest.raises(CorpusError, match="this is a file, not a folder"):
        generate(tiny_spec, tmp_path / "c", overwrite=True)
    assert (tmp_path / "c").read_text() == "mine"
