"""The command line, run in this process or in one of its own, and a spec that is quick to make."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import QUICK, Outcome, module_command, plain_environment

from iqatlas.cli.app import run


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Give a function that runs the command line in this process."""

    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return call


@pytest.fixture
def spec_file(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes the quick spec with changes, JSON being YAML too."""

    def write(**changes: Any) -> Path:
        folder = tmp_path / "specs"
        folder.mkdir(exist_ok=True)
        path = folder / f"spec{len(list(folder.iterdir()))}.yaml"
        path.write_text(json.dumps({**QUICK, **changes}))
        return path

    return write


@pytest.fixture
def process() -> Callable[..., Outcome]:
    """Give a function that runs ``python -m iqatlas`` in a process of its own."""

    def call(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Outcome:
        done = subprocess.run(
            module_command(*arguments),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=plain_environment(**environment),
            cwd=cwd,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


def _hear_interrupts() -> None:
    # Tests that run in the background of a shell are deaf to Ctrl-C, and so would their children be.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def started() -> Callable[..., Any]:
    """Give a context manager that starts ``python -m iqatlas`` in a process group of its own."""

    @contextmanager
    def start(*arguments: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
        child = subprocess.Popen(
            module_command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=plain_environment(**environment),
            start_new_session=True,
            preexec_fn=_hear_interrupts if os.name == "posix" else None,
        )
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    return start
