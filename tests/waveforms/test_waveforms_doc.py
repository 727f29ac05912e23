"""What docs/waveforms.md shows runs as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from iqatlas.cli.app import run

TEXT = (Path(__file__).parents[2] / "docs" / "waveforms.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ iqatlas (waveform .*)$", TEXT, re.MULTILINE)


def test_the_example_gives_a_window() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    exec(block, names)
    window = names["window"]
    assert isinstance(window, np.ndarray)
    assert (window.shape, window.dtype) == ((1, 1, 128), np.complex64)
    assert np.abs(window).min() > 0


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_a_command_writes_the_file_that_it_names(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    if "400" in words:  # other tests read such a file to its end; here ten milliseconds say as much
        words[words.index("400")] = "10"
    assert run(words) == 0
    assert (tmp_path / words[words.index("-o") + 1]).stat().st_size > 0


def test_there_are_commands_to_try() -> None:
    assert len(COMMANDS) == 4
