"""The code, the spec and the commands of docs/detectors-learned.md run, smaller and shorter."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.cli.app import run

PAGE = Path(__file__).parents[3] / "docs" / "detectors-learned.md"


def test_the_code_runs(small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"corpus": small_corpus}
    exec(compile(code, str(PAGE), "exec"), names)
    likely = names["likely"]
    assert isinstance(likely, np.ndarray)
    assert likely.shape == (small_corpus.manifest.splits["test"], 3, 16)


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the comparison, with a hundredth of a percent of the records and one epoch."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    (spec,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("single.yaml").write_text(spec)
    lines = re.findall(r"^\$ iqatlas ((?:generate|train) .*w\d+.*)$", text, re.MULTILINE)
    assert len(lines) == 6
    for line in lines:
        shorter = re.sub(r"--epochs \d+", "--epochs 1", re.sub(r"(draws)=\d+", r"\1=80", line))
        if line.startswith("generate") and "slots" not in line:
            shorter += " --set capture.slots=80"
        assert run(shorter.split()) == 0, shorter
