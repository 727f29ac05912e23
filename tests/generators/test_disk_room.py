"""Room on a disk is told of where the system tells, and never in the way."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from iqatlas.generators.disk_room import room_notes
from iqatlas.generators.plan import Plan, plan
from iqatlas.generators.spec import CorpusSpec


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan(CorpusSpec())


@pytest.mark.parametrize(("free", "told"), [(1 << 50, False), (1 << 10, True)])
def test_what_does_not_fit_is_told(
    free: int, told: bool, made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    notes = room_notes(made, tmp_path / "new" / "deep")
    assert len(notes) == told
    assert all(f"free in {tmp_path}" in note for note in notes)


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EACCES])
def test_a_place_of_which_nothing_is_known_has_no_note(
    number: int, made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    assert room_notes(made, tmp_path / "new") == ()
