"""How tests call the command line in a process of its own, and a spec that is quick to make."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUICK: dict[str, Any] = {
    "name": "quick",
    "raytracing": {"kind": "free_space"},
    "receivers": {"count": 2},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 64, "snr_db": [0, 20]},
    "features": {"spectrogram": None},
}


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, and what it said."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return self.err.splitlines()


def module_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "iqatlas", *map(str, arguments)]


def plain_environment(**changes: str) -> dict[str, str]:
    """Return an environment of 80 columns in which nothing claims to be a terminal."""
    dropped = ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "TERM")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **changes}
