"""A current folder that was removed: what needs none goes on, all else is told so in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqatlas.catalogs.corpus import Corpus

GONE = ["iqatlas: the current folder no longer exists; cd to one that does"]


@pytest.fixture
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go into a folder, and remove it."""
    (tmp_path / "removed").mkdir()
    monkeypatch.chdir(tmp_path / "removed")
    (tmp_path / "removed").rmdir()


@pytest.mark.usefixtures("removed")
@pytest.mark.parametrize("arguments", [("generate", "-o", "{folder}/corpus"), ("plan",), ("doctor",)])
def test_specs_and_the_ray_tracer_need_one(
    arguments: tuple[str, ...], tmp_path: Path, command: Callable[..., Any]
) -> None:
    done = command(*(argument.format(folder=tmp_path) for argument in arguments))
    assert (done.code, done.error_lines) == (2, GONE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("removed")
def test_relative_outputs_need_one_and_absolute_corpora_do_not(
    small_corpus: Corpus, command: Callable[..., Any]
) -> None:
    done = command("export", small_corpus.path, "--to", "sigmf", "-o", "recordings")
    assert (done.code, done.error_lines) == (2, GONE)
    assert command("verify", "--quick", small_corpus.path).code == 0


@pytest.mark.usefixtures("removed")
def test_another_file_that_is_missing_is_not_put_down_to_it(command: Callable[..., Any]) -> None:
    done = command("info", "no-such-corpus")
    assert (done.code, done.error_lines) == (2, ["iqatlas: no-such-corpus: no such corpus folder"])
