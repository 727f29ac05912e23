"""What docs/detectors.md shows runs as it stands, and it names every detector."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.registry import DETECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")


def test_the_table_names_every_detector() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == list(DETECTORS)


def test_the_python_runs(
    sound_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "helsinki-demo").symlink_to(sound_corpus.path)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "docs/detectors.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "P_D of energy against theory" in shown and "p_d_low" in shown
