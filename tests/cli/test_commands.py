"""A path means the same in all commands: a tilde that the shell has left is the user's home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from iqatlas import open_corpus
from iqatlas.catalogs.corpus import Corpus
from iqatlas.cli.app import app
from iqatlas.cli.commands import Commands


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of the user, another folder than the current one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def test_all_commands_fill_in_the_home() -> None:
    groups = [app, *(group.typer_instance for group in app.registered_groups)]
    assert len(groups) == 3
    assert all(isinstance(group, Commands) for group in groups)


def test_paths_alone_and_in_lists_are_filled_in(home: Path) -> None:
    heard: list[object] = []
    commands = Commands()

    @commands.command()
    def hear(
        files: Annotated[list[Path], typer.Argument()],
        output: Annotated[Path, typer.Option("--output")],
        other: Annotated[Path | None, typer.Option()] = None,
        word: Annotated[str, typer.Option()] = "~/word",
    ) -> None:
        heard.extend((files, output, other, word))

    commands(["~/a", "b", "--output=~/c"], standalone_mode=False)
    assert heard == [[home / "a", Path("b")], home / "c", None, "~/word"]


def test_specs_and_outputs_lie_in_the_home(
    home: Path, small_corpus: Corpus, command: Callable[..., Any]
) -> None:
    shutil.copytree(small_corpus.path, home / "small")
    assert open_corpus("~/small").path == home / "small"
    assert command("init", "~/city.yaml", "--yes").code == 0
    assert command("export", "~/small", "--to", "sigmf", "--split", "test", "-o", "~/recordings").code == 0
    assert {file.name for file in home.iterdir()} == {"small", "city.yaml", "recordings"}
    assert list(Path().iterdir()) == []


def test_published_versions_and_refusals_know_the_home(
    home: Path, small_corpus: Corpus, command: Callable[..., Any]
) -> None:
    shutil.copytree(small_corpus.path, home / "small")
    inside = command("generate", "-o", "~/small/inner")
    assert inside.code == 2
    assert "would lie in the corpus" in inside.err
    assert command("catalog", "publish", "~/small", "~/cat", "--version", "1.0.0").code == 0
    assert command("verify", "--quick", "~/cat/small@1.0.0").code == 0
    assert list(Path().iterdir()) == []


def test_nobodys_home_in_a_spec_is_a_file_that_is_not_there(command: Callable[..., Any]) -> None:
    done = command("plan", "--set", "sites.kind=file", "--set", "sites.path=~nobody-of-this-name/sites.csv")
    assert done.code == 2
    assert "no file" in done.err
