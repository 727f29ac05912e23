"""A changed corpus is found out, and the file is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.manifest import MANIFEST_NAME, read_manifest
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.errors import CorpusError, MissingFileError


def _files(corpus: Path) -> list[str]:
    return [file.path for file in read_manifest(corpus).files]


def _flip(path: Path, position: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(bytes(content))


def test_a_corpus_as_it_was_made_is_sound(small_corpus: Corpus) -> None:
    found = small_corpus.verify()
    assert found.problems == ()
    assert found.sound
    assert found.records == small_corpus.manifest.records == 160
    assert found.files == len(small_corpus.manifest.files)
    on_disk = [p for p in small_corpus.path.rglob("*") if p.is_file() and p.name != MANIFEST_NAME]
    assert found.bytes == sum(p.stat().st_size for p in on_disk)


def test_progress_goes_to_the_end(small_corpus: Corpus) -> None:
    told: list[tuple[int, int]] = []
    found = small_corpus.verify(progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (found.bytes, found.bytes)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "one bit changed": _flip,
    "last bit changed": lambda path: _flip(path, -1),
    "cut short by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "emptied": lambda path: os.truncate(path, 0),
    "longer by a byte": lambda path: path.open("ab").write(b"\0"),
    "deleted": Path.unlink,
    "a folder in its place": lambda path: (path.unlink(), path.mkdir()),
    "a link in its place": lambda path: path.symlink_to(path.rename(path.with_name("moved"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_any_file_is_named(copied: Path, damage: str) -> None:
    # Every file is checked by itself, so that all can be damaged at once; the next test damages one.
    files = _files(copied)
    for name in files:
        DAMAGES[damage](copied / name)
    problems = verify_corpus(copied).problems
    missed = [name for name in files if not any(p.startswith(f"{name}: ") for p in problems)]
    assert not missed


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_the_manifest_is_named(copied: Path, damage: str) -> None:
    DAMAGES[damage](copied / MANIFEST_NAME)
    try:
        found = verify_corpus(copied)
    except CorpusError as failure:
        assert "no manifest.json" in str(failure)
    else:
        assert found.problems[0].startswith(f"{MANIFEST_NAME}: ")
        assert not found.sound


@pytest.fixture(scope="module")
def shared_copy(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy for tests that put every file back as it was."""
    return Path(shutil.copytree(small_corpus.path, tmp_path_factory.mktemp("verify") / "copy"))


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_single_bit_in_any_place_is_found(shared_copy: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*_files(shared_copy), MANIFEST_NAME]))
    path = shared_copy / name
    content = path.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(changed))
    try:
        problems = verify_corpus(shared_copy).problems
    finally:
        path.write_bytes(content)
    assert len(problems) == 1
    assert problems[0].startswith(f"{name}: ")


@pytest.mark.parametrize(
    "respell",
    [
        lambda raw: raw + b"\n",
        lambda raw: raw.rstrip(b"\n"),
        lambda raw: raw.replace(b"\n ", b"\n  ", 1),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b'"small"', b'"sm\\u0061ll"', 1),
        lambda raw: raw.replace(b'"name"', b'"name": "other", "name"', 1),
        lambda raw: b"\xef\xbb\xbf" + raw,
    ],
    ids=["newline", "no newline", "indent", "carriage returns", "escape", "repeated key", "byte order mark"],
)
def test_a_manifest_in_other_words_is_refused(copied: Path, respell: Callable[[bytes], bytes]) -> None:
    # The same values in another spelling: only comparing the bytes can see it.
    path = copied / MANIFEST_NAME
    raw = path.read_bytes()
    path.write_bytes(respell(raw))
    assert path.read_bytes() != raw
    found = verify_corpus(copied)
    assert found.problems[0].startswith(f"{MANIFEST_NAME}: ")
    with pytest.raises(CorpusError):
        open_corpus(copied)


CARDS = (
    "README.md",
    "ATTRIBUTION.md",
    "CITATION.cff",
    "croissant.json",
    "datacite.json",
    "zenodo.json",
    "records.parquet",
    "pictures/delays.png",
    "scene/map.png",
    "scene/sites.parquet",
    "records.zarr/zarr.json",
    "records.zarr/paths/gain/zarr.json",
)


def test_every_kind_of_file_is_among_those_that_are_damaged(copied: Path) -> None:
    assert set(CARDS) <= set(_files(copied))


def test_every_file_that_was_swapped_with_its_neighbour_is_named(copied: Path) -> None:
    named = {file.path: file.sha256 for file in read_manifest(copied).files}
    names = sorted(named)
    for one, other in zip(names[::2], names[1::2], strict=False):
        first, second = (copied / one).read_bytes(), (copied / other).read_bytes()
        (copied / one).write_bytes(second)
        (copied / other).write_bytes(first)
    pairs = zip(names[::2], names[1::2], strict=False)
    # Files of the same content are none the worse for it.
    swapped = {name for pair in pairs for name in pair if len({named[one] for one in pair}) == 2}
    assert {p.partition(": ")[0] for p in verify_corpus(copied).problems} == swapped


def test_a_file_that_was_added_beside_any_other_is_named(copied: Path) -> None:
    added = [f"{name}.added" for name in (*_files(copied), MANIFEST_NAME)]
    for name in added:
        (copied / name).write_bytes(b"")
    assert {p.partition(": ")[0] for p in verify_corpus(copied).problems} == set(added)


def test_swapped_files_of_equal_length_are_both_named(copied: Path) -> None:
    one, other = (copied / f"records.zarr/iq/c/{i}/0/0" for i in (0, 1))
    first, second = one.read_bytes(), other.read_bytes()
    assert len(first) == len(second)
    one.write_bytes(second)
    other.write_bytes(first)
    problems = verify_corpus(copied).problems
    assert [p.partition(":")[0] for p in problems] == [
        "records.zarr/iq/c/0/0/0",
        "records.zarr/iq/c/1/0/0",
    ]


@pytest.mark.parametrize("kind", ["file", "hidden file", "folder", "link", "dangling link", "pipe"])
def test_what_was_added_is_named(copied: Path, tmp_path: Path, kind: str) -> None:
    name = ".added" if kind == "hidden file" else "added"
    places = [copied / place / name for place in ("", "records.zarr", "records.zarr/iq/c", "scene")]
    for added in places:
        if kind == "folder":
            # Object stores and archives keep no empty folders: one that is there was not published.
            added.mkdir()
        elif kind == "link":
            added.symlink_to(tmp_path)
        elif kind == "dangling link":
            added.symlink_to(tmp_path / "nothing")
        elif kind == "pipe":
            os.mkfifo(added)
        else:
            added.write_bytes(b"")
    problems = verify_corpus(copied).problems
    assert [p.partition(": ")[0] for p in problems] == [p.relative_to(copied).as_posix() for p in places]


def test_a_linked_folder_is_named_and_not_followed(copied: Path, tmp_path: Path) -> None:
    # The files behind the link are right: only the link itself gives it away.
    outside = tmp_path / "outside"
    (copied / "scene").rename(outside)
    (copied / "scene").symlink_to(outside)
    problems = verify_corpus(copied).problems
    assert problems == ("scene: a symbolic link, which a corpus never holds",)


def test_a_corpus_reached_through_a_link_is_checked_like_any_other(copied: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(copied)
    assert verify_corpus(link).sound
    _flip(copied / "README.md")
    assert [p.partition(":")[0] for p in verify_corpus(link).problems] == ["README.md"]


def test_the_remains_of_an_interrupted_end_are_named_with_a_remedy(copied: Path) -> None:
    (copied / ".building" / "staging").mkdir(parents=True)
    (copied / ".building" / "key").write_text("0")
    problems = verify_corpus(copied).problems
    assert len(problems) == 1
    assert problems[0].startswith(".building: left by an interrupted run: run the same `iqatlas generate`")


def test_no_corpus_is_an_error_and_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        verify_corpus(tmp_path / "nothing")
    with pytest.raises(CorpusError, match=r"no manifest\.json in this folder"):
        verify_corpus(tmp_path)
    (tmp_path / ".building").mkdir()
    with pytest.raises(CorpusError, match=r"unfinished.*run the same"):
        verify_corpus(tmp_path)
