"""What a person sees: bars on a terminal, plain lines in a pipe, tables of which nothing is cut."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iqatlas.catalogs.bytes_text import bytes_text
from iqatlas.cli.tables import columns, facts

BAR = "━"
pty = pytest.importorskip("pty", reason="needs pseudo-terminals")


def on_a_terminal(*arguments: str | Path) -> tuple[int, str]:
    """Run a command with a terminal on every stream, and return its code and all that it showed."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    child = subprocess.Popen(
        [sys.executable, "-m", "iqatlas", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    )
    os.close(follower)
    shown = bytearray()
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # how Linux tells that nobody holds the other end any more
            break
        if not part:
            break
        shown += part
    os.close(leader)
    return child.wait(), shown.decode(errors="replace")


@pytest.mark.slow
def test_a_terminal_gets_bars_and_a_pipe_gets_lines(
    tmp_path: Path,
    spec_file: Callable[..., Path],
    process: Callable[..., Any],
    command: Callable[..., Any],
) -> None:
    spec = spec_file()
    code, shown = on_a_terminal("generate", spec, "-o", tmp_path / "seen", "--workers", "1")
    assert code == 0
    assert BAR in shown
    assert "making records" in shown
    assert "100%" in shown
    piped = process("generate", spec, "-o", tmp_path / "piped", "--workers", "1")
    assert piped.code == 0
    assert BAR not in piped.out + piped.err
    assert "\x1b" not in piped.out + piped.err  # no colours, no moving about
    steps = ["building the scene", "tracing the radio paths", "making records"]
    assert [line.rpartition(": ")[0] for line in piped.error_lines] == steps
    assert re.fullmatch(r"making records: [\d.]+ s, [\d.]+ Msps, [\d.]+ [kM]B", piped.error_lines[-1])
    assert piped.out.splitlines() == [
        piped.out.splitlines()[0],
        f"corpus   {tmp_path / 'piped'}",
        f"picture  {tmp_path / 'piped' / 'scene' / 'map.png'}",
        f"open it  xarray.open_zarr({str(tmp_path / 'piped' / 'records.zarr')!r})",
    ]
    for name, word in (("verify", "hashing"), ("validate", "detecting")):
        code, shown = on_a_terminal(name, tmp_path / "seen")
        assert code == 0
        assert word in shown
        piped = command(name, tmp_path / "piped")
        assert piped.code == 0
        assert piped.err == ""
        assert word not in piped.out


def rendered(table: object, width: int = 80) -> list[str]:
    console = Console(width=width, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_facts_are_whole_at_80_columns() -> None:
    """Long texts wrap and long words break: each letter is there, in order."""
    long = "OpenStreetMap: " + "way/" + "1234567890" * 20
    lines = rendered(facts("a title", [("site " + "n" * 64, long), ("[b]", "[/x] [red]y")]))
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    right = "".join(line[28:].strip() for line in lines[2:])
    assert "1234567890" * 20 in right
    assert any("[b]" in line and "[/x] [red]y" in line for line in lines)


def test_columns_are_whole_at_80_columns() -> None:
    headings = ("SNR dB", "receiver", "P_D", "P_FA", "F1 occupied", "F1 hole", "occupied", "vacant")
    row = ("-12.5", "uav999", "0.123", "0.456", "0.789", "0.012", "12345678", "2345678")
    lines = rendered(columns("t", headings, [row], left=2))
    assert max(map(len, lines)) <= 80
    assert any(all(cell in line for cell in row) for line in lines)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (110_500_000, "110.5 MB"), (2 * 10**15, "2,000.0 TB")],
)
def test_sizes_as_a_person_reads_them(count: int, text: str) -> None:
    assert bytes_text(count) == text
