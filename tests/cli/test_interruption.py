"""Ctrl-C at any moment: exit code 130, one line, and the same command goes on to the same corpus."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import QUICK

from iqatlas import CorpusSpec, generate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals to process groups are POSIX")
MANY = {"capture": {"slots": 12_000, "samples": 64, "snr_db": [0, 20]}}
"""24,000 records in three shards: a few seconds of work."""


def shards_done(corpus: Path) -> int:
    try:
        return (corpus / ".building" / "ledger.jsonl").read_text().count('"shard-')
    except FileNotFoundError:
        return 0


def wait_for(condition: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if child.poll() is not None:
            raise AssertionError(f"it ended before it could be interrupted: {child.communicate()}")
        assert time.monotonic() < deadline
        time.sleep(0.002)


def hashes(corpus: Path) -> dict[str, str]:
    files = json.loads((corpus / "manifest.json").read_text())["files"]
    return {file["path"]: file["sha256"] for file in files if file["path"].startswith("records.zarr/")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the hashes of the same corpus, made in one go."""
    folder = tmp_path_factory.mktemp("undisturbed")
    generate(CorpusSpec.from_tree({**QUICK, **MANY}), folder / "out")
    return hashes(folder / "out")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_generation_goes_on_to_the_same_corpus(
    workers: str,
    undisturbed: dict[str, str],
    tmp_path: Path,
    spec_file: Callable[..., Path],
    started: Callable[..., Any],
    command: Callable[..., Any],
) -> None:
    """The signal goes to the whole group, workers and all, as a terminal sends it."""
    spec, corpus = spec_file(**MANY), tmp_path / "out"
    arguments = ("generate", spec, "-o", corpus, "--workers", workers)
    with started(*arguments) as child:
        wait_for(lambda: shards_done(corpus) >= 2, child)
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.splitlines()[-1] == "iqatlas: interrupted; the same command goes on from here"
    assert "Traceback" not in err
    assert out == ""
    assert not (corpus / "manifest.json").exists()
    refused = command("info", corpus)
    assert refused.code == 2
    assert "this corpus is unfinished; run the same `iqatlas generate` again" in refused.err
    kept = shards_done(corpus)
    resumed = command(*arguments)
    assert resumed.code == 0
    assert "tracing the radio paths" not in resumed.err
    assert kept >= 2
    assert hashes(corpus) == undisturbed
    assert command("verify", corpus).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.0, 0.3, 0.8])
def test_workers_that_are_still_starting_die_in_silence(
    delay_s: float, tmp_path: Path, spec_file: Callable[..., Path], started: Callable[..., Any]
) -> None:
    """A worker spends a second on its imports; interrupted there it would print a page of traceback."""
    corpus = tmp_path / "out"
    with started("generate", spec_file(**MANY), "-o", corpus, "--workers", "2") as child:
        wait_for(lambda: (corpus / "records.zarr" / "iq" / "zarr.json").exists(), child)
        time.sleep(delay_s)
        os.killpg(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert "Traceback" not in err
    assert child.returncode == 130


def test_an_interruption_before_there_is_anything_leaves_nothing(
    tmp_path: Path,
    spec_file: Callable[..., Path],
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("iqatlas.generators.execute.paths_of", interrupt)
    stopped = command("generate", spec_file(), "-o", tmp_path / "out")
    assert stopped.code == 130
    assert stopped.error_lines[-1] == "iqatlas: interrupted; the same command goes on from here"
    assert not (tmp_path / "out").exists()
