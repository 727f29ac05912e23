"""Folders that are removed while threads of a write that failed still put files there."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from iqatlas.catalogs.durable import remove_folder


def _refuses(monkeypatch: pytest.MonkeyPatch, code: int, times: int) -> list[int]:
    remove, refused = shutil.rmtree, list[int]()

    def refuse(folder: Path) -> None:
        if len(refused) < times:
            refused.append(code)
            raise OSError(code, os.strerror(code), str(folder))
        remove(folder)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    return refused


def test_a_folder_that_fills_again_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "iq"
    (folder / "c/0").mkdir(parents=True)
    refused = _refuses(monkeypatch, errno.ENOTEMPTY, times=2)
    remove_folder(folder)
    assert len(refused) == 2 and not folder.exists()


def test_one_that_goes_on_filling_and_other_failures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refused = _refuses(patch, errno.EACCES, times=9)
        with pytest.raises(PermissionError):
            remove_folder(tmp_path)
        assert len(refused) == 1
    _refuses(monkeypatch, errno.ENOTEMPTY, times=99)
    with pytest.raises(OSError, match="not empty"):
        remove_folder(tmp_path)
