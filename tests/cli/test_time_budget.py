"""``--budget`` takes a number and its unit, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iqatlas.cli.time_budget import budget_seconds
from iqatlas.errors import SpecError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10min", 600), ("1.5h", 5400), ("7", 7), (" 60 s ", 60), ("1.5 min", 90)],
)
def test_times(text: str, seconds: float) -> None:
    assert budget_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1s", "-3 s", "1 d", "5 days", "nan", "1e9s", "s", "9" * 400])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(SpecError, match="is no time; accepted: 90s, 10m or 1h"):
        budget_seconds(text)


@pytest.mark.parametrize("words", [["validate", "CORPUS"], ["train", "CORPUS", "-o", "model"]])
def test_both_commands_read_it_before_the_corpus(words: list[str], command: Callable[..., Any]) -> None:
    refused = command(*words, "--budget", "soon")
    assert (refused.code, len(refused.error_lines)) == (2, 1)
    assert "--budget: 'soon' is no time" in refused.err
