"""Processes beside this one: they come up while it works, do what they are given, and never outlive it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iqatlas.errors import StorageError
from iqatlas.generators.processes import others_beside
from iqatlas.generators.workers import workforce_of

PATIENCE_S = 60.0


def _ends(pid: int) -> bool:
    until = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    return not Path(f"/proc/{pid}").exists()


def test_each_does_its_work_in_order_in_a_process_of_its_own(tmp_path: Path) -> None:
    with others_beside(2, gc.enable, where="corpus") as others:
        pids = [other.submit(os.getpid).result(PATIENCE_S) for other in others]
        assert all(other.started for other in others)
        assert len({os.getpid(), *pids}) == 3
        made = tmp_path / "made"
        others[0].submit(os.mkdir, made)
        assert others[0].submit(os.listdir, tmp_path).result(PATIENCE_S) == ["made"]
    if Path("/proc/self").exists():
        assert all(map(_ends, pids))


def test_they_end_with_what_fails_here() -> None:
    pids = []
    with pytest.raises(KeyError), others_beside(1, gc.enable, where="corpus") as others:
        pids.append(others[0].submit(os.getpid).result(PATIENCE_S))
        raise KeyError("the scene")
    if Path("/proc/self").exists():
        assert _ends(pids[0])


def test_one_that_is_killed_is_one_line() -> None:
    with (
        pytest.raises(StorageError, match="a worker process was killed"),
        others_beside(1, gc.enable, where="corpus") as others,
    ):
        os.kill(others[0].submit(os.getpid).result(PATIENCE_S), signal.SIGKILL)
        others[0].submit(os.getpid).result(PATIENCE_S)


@pytest.mark.parametrize("way", ["no guard", "standard input"])
def test_a_script_that_cannot_be_started_again_is_told_so(tmp_path: Path, way: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from iqatlas import CorpusSpec, generate\n"
        "tree = {'raytracing': {'kind': 'free_space'}, 'capture': {'slots': 40000, 'samples': 64},\n"
        "        'features': {'spectrogram': None}}\n"
        f"generate(CorpusSpec.from_tree(tree), {str(tmp_path / 'out')!r}, workers=2)\n",
        encoding="utf-8",
    )
    given = [str(script)] if way == "no guard" else ["-"]
    with script.open(encoding="utf-8") as text:
        ran = subprocess.run(
            [sys.executable, *given], stdin=text, capture_output=True, text=True, timeout=120
        )
    assert ran.returncode != 0
    assert "a worker process could not start" in ran.stderr.splitlines()[-1]
    assert "__main__" in ran.stderr.splitlines()[-1]


def test_a_cluster_needs_no_processes_of_ours() -> None:
    with workforce_of(3, "local", where="corpus") as there:
        assert (there.workers, there.scheduler, there.others) == (3, "local", ())
    with workforce_of(1, where="corpus") as alone:
        assert not alone.others
