"""A folder that several processes look at while others write to it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.folder_place import FolderPlace
from iqatlas.catalogs.manifest import read_manifest
from iqatlas.errors import MissingFileError, StorageError


@pytest.mark.parametrize("deep", [False, True])
def test_a_file_that_goes_while_a_folder_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    (tmp_path / "stays").write_bytes(b"12")
    (tmp_path / ".stays.writing").write_bytes(b"")
    listing = Path.rglob if deep else Path.iterdir

    def watched(folder: Path, *pattern: str) -> Iterator[Path]:
        found = list(listing(folder, *pattern))  # type: ignore[call-arg, arg-type]
        (tmp_path / ".stays.writing").unlink()  # as another writer's rename does
        yield from found

    monkeypatch.setattr(Path, "rglob" if deep else "iterdir", watched)
    assert [(item.path, item.kind, item.bytes) for item in FolderPlace(tmp_path).items(deep=deep)] == [
        ("stays", "file", 2)
    ]


def test_nothing_has_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a\0b", "\ud800", "x" * 300):
        place = FolderPlace(tmp_path / name)
        assert place.kind() == "nothing"
    with pytest.raises(MissingFileError, match="no such corpus folder"):
        read_manifest(place)
    # Who would write there is told before the work, not after it.
    with pytest.raises(StorageError, match=r"File name too long.*; choose a shorter name with -o$"):
        Construction(place, build_key="").refuse_strangers()


def test_a_folder_that_may_not_be_entered_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    # Tests may run as root, who may enter every folder.
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageError, match=r"/closed/new: can't read \(Permission denied\); see that "):
        FolderPlace(tmp_path / "closed" / "new").kind()


@pytest.mark.parametrize(("name", "kind"), [("", "folder"), ("file", "file"), ("no", "nothing")])
def test_a_place_is_a_folder_a_file_or_nothing(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert FolderPlace(tmp_path / name).kind() == kind
    assert FolderPlace(tmp_path / "file" / name / "below").kind() == "nothing"
