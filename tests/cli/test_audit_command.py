"""``iqatlas audit``: its lines, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iqatlas.catalogs import audit


def test_each_question_has_its_line(small_corpus: Any, command: Callable[..., Any]) -> None:
    shown = command("audit", small_corpus.path)
    assert (shown.code, shown.err) == (0, "")
    lines = " ".join(shown.out.split())
    for words in (
        "✓ splits are apart in time: yes, 17 slots at least",
        "✓ no record's samples come again in another split: yes",
        "✓ no payload comes again in another split: yes",
        "every split has both labels in every sub-channel:",
        "– metadata alone doesn't tell the labels: not judged, too few records (chance reaches 0.8",
        "total power alone doesn't give the labels away:",
    ):
        assert words in lines
    assert max(len(line) for line in shown.out.splitlines()) <= 80


def test_a_leak_gives_exit_code_1_and_a_remark_does_not(
    small_corpus: Any, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = audit.audit_corpus

    def failing(name: str) -> Callable[..., Any]:
        return lambda *a, **b: tuple(replace(f, holds=f.name != name) for f in real(*a, **b))

    monkeypatch.setattr(audit, "audit_corpus", failing("payload"))
    assert command("audit", small_corpus.path).code == 1
    monkeypatch.setattr(audit, "audit_corpus", failing("balance"))
    shown = command("audit", small_corpus.path)
    assert shown.code == 0
    assert "– every split has both labels" in shown.out


def test_what_is_no_corpus(command: Callable[..., Any]) -> None:
    shown = command("audit", "none")
    assert shown.code == 2
    assert shown.error_lines == ["iqatlas: none: no such corpus folder"]
