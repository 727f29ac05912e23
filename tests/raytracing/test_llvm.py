"""Which libLLVM is taken, and which is refused before it can take the process down.

Libraries are played by empty files and a loader that answers for them, so that the tests hold on
any machine.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iqatlas.errors import SetupError
from iqatlas.raytracing import llvm
from iqatlas.raytracing.llvm import OLDEST_MAJOR, VARIABLE, LlvmLibrary, find_llvm

Version = tuple[int, int, int]


class FakeLibrary:
    """A shared library with LLVM's C interface; versions before 16 lack LLVMGetVersion."""

    def __init__(self, version: Version) -> None:
        if version[0] >= 16:
            self.LLVMGetVersion = self._answer
        self._version = version

    def _answer(self, *out: object) -> None:
        for pointer, number in zip(out, self._version, strict=True):
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_uint)).contents.value = number


Install = Callable[[str, Version], str]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return an installer of libraries into an otherwise bare environment."""
    lib = tmp_path / "lib"
    lib.mkdir()
    versions: dict[str, Version] = {}

    def load(path: str, mode: int = ctypes.DEFAULT_MODE) -> FakeLibrary:
        if path not in versions:
            raise OSError(f"{path}: invalid ELF header")
        return FakeLibrary(versions[path])

    def install(name: str, version: Version) -> str:
        path = lib / name
        path.touch()
        versions[str(path)] = version
        return str(path)

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    return install


def one_line(failure: pytest.ExceptionInfo[SetupError]) -> str:
    line = str(failure.value)
    assert "\n" not in line
    assert "pip install karellen-llvm-core" in line  # the remedy
    return line


def test_the_environments_newest_library_is_taken(machine: Install) -> None:
    machine("libLLVM.so.19.1", (19, 1, 0))
    newest = machine("libLLVM.so.23.1", (23, 1, 0))
    found = find_llvm()
    assert found == LlvmLibrary(newest, "23.1.0", "environment")
    assert found.major == 23


def test_the_variable_comes_first(machine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("libLLVM.so.23.1", (23, 1, 0))
    asked = machine("mine.so", (19, 1, 7))
    monkeypatch.setenv(VARIABLE, asked)
    assert find_llvm() == LlvmLibrary(asked, "19.1.7", VARIABLE)


def test_the_systems_library_comes_last(machine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    path = machine("elsewhere.so", (20, 0, 0))
    monkeypatch.setattr(ctypes.util, "find_library", {"LLVM-20": path}.get)
    assert find_llvm() == LlvmLibrary(path, "20.0.0", "system")
    here = machine("libLLVM.so.18", (18, 0, 0))
    assert find_llvm().path == here


def test_an_old_one_is_passed_over_for_one_that_works(
    machine: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("libLLVM-15.so", (15, 0, 7))
    path = machine("elsewhere.so", (19, 0, 0))
    monkeypatch.setattr(ctypes.util, "find_library", {"LLVM": path}.get)
    assert find_llvm().path == path


def test_no_library_at_all(machine: Install) -> None:
    with pytest.raises(SetupError, match="no LLVM library") as failure:
        find_llvm()
    one_line(failure)


def test_a_missing_file(machine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("libLLVM.so.23.1", (23, 1, 0))  # what the user asked for is not replaced in silence
    monkeypatch.setenv(VARIABLE, "/nowhere/libLLVM.so")
    with pytest.raises(SetupError, match="no such LLVM library") as failure:
        find_llvm()
    assert f"{VARIABLE}=/nowhere/libLLVM.so" in one_line(failure)


def test_a_text_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real loader."""
    text = tmp_path / "libLLVM.so"
    text.write_text("not a library")
    monkeypatch.setenv(VARIABLE, str(text))
    with pytest.raises(SetupError, match="not a library that can be loaded") as failure:
        find_llvm()
    assert str(text) in one_line(failure)


@pytest.mark.parametrize("version", [(14, 0, 6), (15, 0, 7), (16, 0, 6)])
@pytest.mark.parametrize("asked", [True, False])
def test_a_version_that_fails_is_refused(
    machine: Install, monkeypatch: pytest.MonkeyPatch, version: Version, asked: bool
) -> None:
    """14 is refused by Dr.Jit with a misleading message; 15 and 16 abort the process."""
    path = machine(f"libLLVM-{version[0]}.so", version)
    if asked:
        monkeypatch.setenv(VARIABLE, path)
    with pytest.raises(SetupError, match=f"LLVM {version[0]}.* fails under Dr.Jit") as failure:
        find_llvm()
    assert f"accepted: LLVM {OLDEST_MAJOR} or newer" in one_line(failure)


def test_a_library_that_hides_its_version_is_refused(
    machine: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before LLVM 16 the name alone tells; without digits in it nothing does."""
    monkeypatch.setenv(VARIABLE, machine("libLLVM.so", (15, 0, 0)))
    with pytest.raises(SetupError, match="LLVM of unknown version"):
        find_llvm()


def test_the_library_in_use_tells_its_version() -> None:
    """The real one of this environment, by the real loader."""
    found = find_llvm()
    assert found.major is not None
    assert found.major >= OLDEST_MAJOR
    assert Path(found.path).exists()


KERNEL = """
import importlib, sys
from iqatlas.raytracing._sionna_scene import sionna_rt
for name in sys.argv[1:]:
    sionna_rt() if name == "sionna.rt" else importlib.import_module(name)
import drjit, mitsuba
print(float(drjit.sum(drjit.arange(mitsuba.Float, 100) * 2)[0]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", [("tensorflow", "sionna.rt"), ("sionna.rt", "tensorflow")])
def test_another_llvm_in_the_process_is_left_alone(order: tuple[str, str], tmp_path: Path) -> None:
    """TensorFlow shows its own to all: with its functions the first kernel compiled ends the process."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow isn't installed")
    made = subprocess.run(
        [sys.executable, "-c", KERNEL, *order],
        env={**os.environ, "DRJIT_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stdout.split()) == (0, ["9900.0"]), made.stderr
    assert any(tmp_path.iterdir())  # a kernel was compiled, not found


def test_a_driver_counts_only_with_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        def __init__(self, started: int, devices: int) -> None:
            self.started, self.devices = started, devices

        def cuInit(self, _: int) -> int:
            return self.started

        def cuDeviceGetCount(self, count: object) -> int:
            ctypes.cast(count, ctypes.POINTER(ctypes.c_int)).contents.value = self.devices
            return 0

    for started, devices, present in ((0, 1, True), (0, 0, False), (100, 1, False)):
        monkeypatch.setattr(llvm.ctypes, "CDLL", lambda _, s=started, d=devices: Driver(s, d))
        assert llvm.cuda_driver_present() is present

    def missing(_: str) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(llvm.ctypes, "CDLL", missing)
    assert not llvm.cuda_driver_present()
