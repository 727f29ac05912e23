"""The doctor lives on where what it looks at dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iqatlas.raytracing import probe
from iqatlas.raytracing.llvm import VARIABLE
from iqatlas.raytracing.probe import Finding, diagnose


def found(what: str) -> Finding:
    return next(finding for finding in diagnose() if finding.what == what)


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "probe", lambda: (0, '{"variant": "none", "paths": 2}', ""))


@pytest.mark.slow
def test_the_ray_tracer_of_this_machine_works() -> None:
    findings = {finding.what: finding for finding in diagnose()}
    assert findings["ray tracer"].good, findings["ray tracer"].found
    # One line of sight and one reflection in the ground.
    assert findings["ray tracer"].found.endswith("a probe found 2 paths")
    assert findings["LLVM"].good
    for name in ("python", "sionna-rt", "mitsuba", "drjit", "numpy", "CUDA", "disk"):
        assert findings[name].found


def test_a_library_that_can_t_be_loaded_is_reported_not_suffered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real process of its own, which fails."""
    text = tmp_path / "libLLVM.so"
    text.write_text("not a library")
    monkeypatch.setenv(VARIABLE, str(text))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # else a graphics card would do without LLVM
    findings = {finding.what: finding for finding in diagnose()}
    for what in ("LLVM", "ray tracer"):
        assert not findings[what].good
        assert "\n" not in findings[what].found
    # The same remedy, so it is told once.
    assert "pip install karellen-llvm-core" in findings["LLVM"].remedy
    assert findings["ray tracer"].remedy == ""
    assert str(text) in findings["LLVM"].found
    assert str(text) in findings["ray tracer"].found


def test_an_abort_is_told_by_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is real, and its end too; only what it runs is put in its place."""
    run = subprocess.run

    def aborting(command: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        assert command == [sys.executable, "-m", "iqatlas.raytracing._sionna"]
        code = "import os, sys; print('LLVM ERROR: Cannot select', file=sys.stderr, flush=True); os.abort()"
        return run([sys.executable, "-c", code], **settings)

    monkeypatch.setattr(subprocess, "run", aborting)
    finding = found("ray tracer")
    assert not finding.good
    assert finding.found == f"the probe died of signal {signal.SIGABRT.value}: LLVM ERROR: Cannot select"
    assert finding.remedy


def test_a_silent_failure_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "probe", lambda: (3, "", ""))
    assert found("ray tracer").found == "the probe failed with code 3: it said nothing"


def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def hanging(command: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, "-c", "import time; time.sleep(60)"], **settings)

    monkeypatch.setattr(subprocess, "run", hanging)
    monkeypatch.setattr(probe, "_TIMEOUT_S", 0.2)
    code, _, complained = probe.probe()
    assert code != 0
    assert "no answer within 0.2 s" in complained


@pytest.mark.usefixtures("no_probe")
def test_missing_packages_are_found_and_only_extras_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    real = probe.version

    def version(name: str) -> str:
        if name in ("torch", "zarr"):
            raise probe.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(probe, "version", version)
    findings = {finding.what: finding for finding in diagnose()}
    assert (findings["zarr"].good, findings["zarr"].optional) == (False, False)
    assert findings["zarr"].remedy == "pip install zarr"
    assert (findings["torch"].good, findings["torch"].optional) == (False, True)
    assert "iqatlas[torch]" in findings["torch"].remedy


@pytest.mark.usefixtures("no_probe")
def test_llvm_is_optional_where_a_graphics_card_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/libLLVM.so")
    for cuda in (True, False):
        monkeypatch.setattr(probe, "cuda_driver_present", lambda present=cuda: present)
        finding = found("LLVM")
        assert (finding.good, finding.optional) == (False, cuda)
        assert "/nowhere/libLLVM.so" in finding.found


@pytest.mark.usefixtures("no_probe")
def test_the_caches_are_found_where_one_variable_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IQATLAS_CACHE_DIR", str(tmp_path / "mine"))
    told = found("caches").found
    assert str(tmp_path / "mine" / "paths") in told and str(tmp_path / "mine" / "answers") in told
    monkeypatch.delenv("IQATLAS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert str(tmp_path / "xdg" / "iqatlas" / "answers") in found("caches").found


@pytest.mark.usefixtures("no_probe")
def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 0.5e9})()
    monkeypatch.setattr(probe.shutil, "disk_usage", lambda _: usage)
    finding = found("disk")
    assert (finding.good, finding.found) == (False, "0.5 GB free here")
