"""A folder that several processes look at while others write to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iqatlas.catalogs.folder_place import FolderPlace


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
