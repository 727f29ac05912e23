"""The pages that are made are whole, what points to a page finds it, the manual builds without a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from page_blocks import PAGES, ROOT

from iqatlas import CorpusSpec
from iqatlas.cli import manual_pages
from iqatlas.cli.app import run
from iqatlas.errors import CheckFailedError, SceneError, SpecError

MADE = ROOT / "scripts" / "manual"
sys.path.insert(0, str(MADE))
from api_pages import api_pages  # noqa: E402
from command_page import command_page, commands  # noqa: E402
from gallery_page import gallery_page  # noqa: E402
from spec_page import spec_page  # noqa: E402

COMMANDS = [name for name, _ in commands()]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_ends_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = (command for found, command in commands() if found == name)
    assert re.fullmatch(rf"Example: {name}( .*)?", command.help.strip().splitlines()[-1].strip())
    assert run([*name.split()[1:], "--help"]) == 0
    assert f"Example: {name}" in capsys.readouterr().out


def test_the_page_of_commands_has_all_of_them() -> None:
    page = command_page()
    assert len(COMMANDS) >= 19
    assert all(f"\n## {name}\n" in page for name in COMMANDS)
    assert "| `--force` | Replace a file that is there. |" in page


def test_the_page_of_the_spec_has_every_key() -> None:
    page = spec_page()
    schema = CorpusSpec.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key, field in part.get("properties", {}).items():
            if key != "kind":
                assert f"| `{key}` |" in page
                assert (
                    " ".join(field["description"].split())[:40].replace("|", "\\|").replace("<", "&lt;")
                    in page
                )
    anchors = set(re.findall(r"\{ #(\w+) \}", page))
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= anchors


def test_the_pages_of_the_api_and_the_gallery_stand_in_the_nav() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f"api/{name}.md" in nav for name in api_pages())
    assert gallery_page().count("\n## ") == 10


def test_every_written_page_stands_in_the_nav_and_no_other() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    def leaves(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        inner = node.values() if isinstance(node, dict) else node
        assert not isinstance(inner, object.__class__)
        return [leaf for part in inner for leaf in leaves(part)]  # type: ignore[attr-defined]

    made = {
        "reference/spec.md",
        "reference/commands.md",
        "gallery/index.md",
        *(f"api/{name}.md" for name in api_pages()),
    }
    written = {
        page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")
    }
    assert sorted(leaves(nav)) == sorted(made | written)


def test_links_between_written_pages_lead_somewhere() -> None:
    made = {"reference/spec.md", "reference/commands.md", "gallery/index.md", "api/index.md"}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s:]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            known = path.exists() or path.relative_to(ROOT / "docs").as_posix() in made
            assert known, f"{page.name}: {target}"


@pytest.mark.parametrize("page", sorted({*manual_pages.PAGES.values(), *manual_pages._BY_KEY.values()}))
def test_a_page_that_errors_lead_to_is_there(page: str) -> None:
    assert (ROOT / page).is_file()


def test_an_error_leads_to_the_page_of_its_part() -> None:
    page_of = manual_pages.page_of
    assert page_of(SpecError("x", where="city.yaml: occupancy.p01")) == "docs/occupancy.md"
    assert page_of(SpecError("x", where="city.yaml: naem")) == "docs/quickstart.md"
    assert page_of(SceneError("x", where="scene.buildings.path")) == "docs/guides/city.md"
    assert page_of(CheckFailedError("x")) is None


def test_only_a_person_is_told_of_pages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("occupancy: {p01: 2}\n")
    for terminal in (False, True):
        monkeypatch.setattr("iqatlas.cli.app.errors", _Console(terminal))
        assert run(["plan", str(bad)]) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 + terminal
        assert not terminal or said[1].strip() == "more in docs/occupancy.md"


def _Console(terminal: bool) -> object:
    from rich.console import Console

    return Console(stderr=True, force_terminal=terminal, no_color=True, _environ={"TERM": "dumb"})


@pytest.mark.slow
def test_the_manual_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings_handlers")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",  # with --quiet no warning would count
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    fetched = re.findall(
        r'(?:<script[^>]*src|<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href)="(https?:[^"]+)"', page
    )
    assert fetched == []


def test_fragments_become_a_part_of_the_change_log(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    import changelog

    for name, text in (("b.fixed.md", "- That."), ("a.added.md", "- This.\n"), ("README.md", "no")):
        (tmp_path / name).write_text(text)
    part = changelog.together(changelog.fragments(tmp_path))
    assert part == "Added:\n\n- This.\n\nFixed:\n\n- That.\n"
    log, older = "# Changelog\n\n## 0.2.0\n\n- Old.\n", "\n## 0.1.0\n\n- Older.\n"
    assert changelog.released(log + older, part) == f"{log}\n{part}{older}"
    (tmp_path / "c.md").write_text("- Of no kind.")
    with pytest.raises(SystemExit, match=r"c.md: accepted: NAME.added.md"):
        changelog.fragments(tmp_path)
    changelog.fragments(ROOT / "changes")  # those that are there have names that it knows
