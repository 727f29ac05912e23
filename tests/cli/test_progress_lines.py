"""What a log shows of a generation: how far it is every half minute, and where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iqatlas.cli.console import _Lines, generation_bars
from iqatlas.generators.progress import Progress

STEP = "making records"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """Give a function that returns the lines said since it was called last."""
    capsys.readouterr()
    yield lambda: capsys.readouterr().err.splitlines()


def test_a_long_step_says_every_half_minute_how_far_it_is(told: Callable[[], list[str]]) -> None:
    now = 0.0
    lines = _Lines(clock=lambda: now)
    lines(Progress("building the scene"))
    now = 2.0
    lines(Progress(STEP, 5_000, 20_000))  # the first 5,000 are an earlier try's
    assert told() == ["building the scene: 2.0 s"]
    now = 31.9
    lines(Progress(STEP, 6_000, 20_000, 10_000_000, 80_000_000))
    assert told() == []
    now = 42.0
    lines(Progress(STEP, 7_500, 20_000, 80_000_000, 640_000_000))
    # 2,500 in 40 s: the other 12,500 take 200 s.
    assert told() == [f"{STEP}: 7,500 of 20,000, 37%, 2.0 Msps, 640.0 MB, 0:03:20 left"]
    now = 71.9  # less than half a minute after the line before
    lines(Progress(STEP, 9_000, 20_000, 100_000_000, 800_000_000))
    assert told() == []
    now = 72.0
    lines(Progress(STEP, 10_000, 20_000, 140_000_000, 800_000_000))
    assert told() == [f"{STEP}: 10,000 of 20,000, 50%, 2.0 Msps, 800.0 MB, 0:02:20 left"]
    now = 82.0
    lines(Progress("writing pictures and manifest"))
    assert told() == [f"{STEP}: 80.0 s, 1.8 Msps, 800.0 MB"]


def test_a_step_without_a_count_is_said_at_its_end_alone(told: Callable[[], list[str]]) -> None:
    now = 0.0
    lines = _Lines(clock=lambda: now)
    for now in (0.0, 100.0, 200.0):  # noqa: B007  the clock reads it
        lines(Progress("building the scene"))
    assert told() == []


def test_where_it_was_stopped_is_said(told: Callable[[], list[str]]) -> None:
    now = 0.0
    with pytest.raises(KeyboardInterrupt), _Lines(clock=lambda: now) as lines:
        lines(Progress(STEP, 0, 400))
        now = 10.0
        lines(Progress(STEP, 100, 400, 5_000_000, 40_000_000))
        raise KeyboardInterrupt
    assert told() == [f"{STEP}: stopped after 10.0 s, 100 of 400, 25%, 0.5 Msps, 40.0 MB"]


def test_nothing_is_said_of_an_end_in_good_order(told: Callable[[], list[str]]) -> None:
    with generation_bars() as listener:
        listener(Progress(STEP, 400, 400))
    assert told() == []


def test_a_corpus_that_was_there_is_said_to_be(
    tmp_path: Path, spec_file: Callable[..., Path], command: Callable[..., Any]
) -> None:
    """And a damaged one is refused by one line, until it is overwritten."""
    spec, corpus = spec_file(), tmp_path / "out"
    arguments = ("generate", spec, "-o", corpus, "--workers", "1")
    first = command(*arguments)
    assert "already finished" not in first.out
    again = command(*arguments)
    assert again.code == 0
    assert again.out.splitlines()[0].endswith(", already finished")
    assert again.out.splitlines()[1:] == first.out.splitlines()[1:]
    chunk = corpus / "records.zarr/iq/c/0/0/0"
    chunk.unlink()
    refused = command(*arguments)
    assert refused.code == 2
    assert len(refused.error_lines) == 1
    for words in (chunk.relative_to(corpus).as_posix(), "iqatlas verify", "--overwrite"):
        assert words in refused.err
    assert command(*arguments, "--overwrite").code == 0
    assert chunk.exists()
