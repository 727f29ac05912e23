"""Processes beside this one: they come up while it works, do what they are given, and never outlive it."""

from __future__ import annotations

import gc
import os
import signal
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


def test_a_cluster_needs_no_processes_of_ours() -> None:
    with workforce_of(3, "local", where="corpus") as there:
        assert (there.workers, there.scheduler, there.others) == (3, "local", ())
    with workforce_of(1, where="corpus") as alone:
        assert not alone.others
