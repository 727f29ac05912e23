"""SIGKILL at random moments of the real command: each time the same command goes on, to the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import plain_environment

from iqatlas import open_corpus
from iqatlas.errors import CorpusError, MissingFileError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
MANY = {"capture": {"slots": 5_000, "samples": 64, "snr_db": [0, 20]}}
"""10,000 records in three shards: about a second of work."""
KILLS = 10
"""By each of the two tests, so that the suite's processes can share them."""

FORKS = """
import json, os, sys
import dask.array, distributed, geopandas.io.arrow, jinja2, pyarrow.parquet
import iqatlas.generators.execute, iqatlas.scenes.build, iqatlas.scenes.tables
import iqatlas.plotting.delays, iqatlas.plotting.overview, iqatlas.generators.catalogue_cards
from iqatlas.cli.app import run
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(run(json.loads(line)))
    print(child, flush=True)
    sys.stdin.readline()  # until it is waited for, its number is nobody else's
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def commands() -> Iterator[Callable[..., tuple[int, Callable[[], int]]]]:
    """Give a function that starts ``iqatlas`` from a process that has its imports behind it.

    It returns the number of the process, and a function that waits for the exit code.
    """
    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment(),
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        into, out = parent.stdin, parent.stdout
        assert out.readline() == "ready\n"

        def said() -> int:
            while True:  # past what the command itself prints
                line = out.readline()
                if line.strip().lstrip("-").isdecimal():
                    return int(line)

        def tell(line: str) -> int:
            into.write(line + "\n")
            into.flush()
            return said()

        def start(*arguments: str | Path) -> tuple[int, Callable[[], int]]:
            return tell(json.dumps([str(argument) for argument in arguments])), lambda: tell("wait")

        yield start
        into.close()
        parent.wait()


def records(corpus: Path) -> dict[str, str]:
    files = open_corpus(corpus).manifest.files
    return {file.path: file.sha256 for file in files if file.path.startswith("records.zarr/")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20, 21])
def test_killed_at_random_moments_it_goes_on_to_the_same_corpus(
    seed: int, tmp_path: Path, spec_file: Callable[..., Path], commands: Callable[..., Any]
) -> None:
    spec = spec_file(**MANY)
    begun = time.monotonic()
    _, ended = commands("generate", spec, "-o", tmp_path / "timed", "--workers", "1")
    assert ended() == 0
    whole_s = time.monotonic() - begun
    wanted = records(tmp_path / "timed")
    moments = random.Random(seed)
    killed = finished = 0
    while killed < KILLS:
        corpus = tmp_path / f"out{finished}"
        pid, ended = commands("generate", spec, "-o", corpus, "--workers", "1")
        time.sleep(moments.uniform(0, whole_s))
        os.kill(pid, signal.SIGKILL)
        if ended() == -signal.SIGKILL:
            killed += 1
            continue
        assert records(corpus) == wanted
        finished += 1
    try:
        open_corpus(corpus)
    except (CorpusError, MissingFileError):
        _, ended = commands("generate", spec, "-o", corpus, "--workers", "1")
        assert ended() == 0
    assert records(corpus) == wanted
    assert open_corpus(corpus).verify().problems == ()
