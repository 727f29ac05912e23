"""The page on occupancy: its specs are accepted and planned, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from iqatlas import CorpusSpec, plan

PAGE = (Path(__file__).parents[2] / "docs" / "occupancy.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_there_is_something_to_check() -> None:
    assert len(SPECS) >= 7
    assert len(CODE) == 1


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_of_the_page_is_planned(text: str) -> None:
    tree: dict[str, Any] = yaml.safe_load(text)
    spec = CorpusSpec.from_tree(tree)
    if spec.occupancy.kind != "trace":  # the file is the reader's
        assert plan(spec).records > 0


@pytest.mark.parametrize("code", CODE)
def test_the_code_of_the_page_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "docs/occupancy.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 2
