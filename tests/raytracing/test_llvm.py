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

    def load(path: str | None, mode: int = ctypes.DEFAULT_MODE) -> object:
        if path is None:
            return object()  # the process, which shows no LLVM
        if path not in versions:
            raise OSError(f"{path}: invalid ELF header")
        return FakeLibrary(versions[path])

    def install(name: str, version: Version) -> str:
        path = Path(os.path.normpath(lib / name))
        path.touch()
        versions[str(path)] = version
        return str(path)

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    monkeypatch.setattr(llvm, "distribution", lambda _: Package())
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


class Package:
    """What pip knows of a package, whose files may lie anywhere."""

    def __init__(self, *paths: Path) -> None:
        self.files = [PackageFile(path) for path in paths]


class PackageFile:
    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path

    def locate(self) -> Path:
        return self._path


def test_the_package_is_found_where_pip_has_put_it(
    machine: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user").mkdir()
    there = machine("../user/libLLVM.so.23.1", (23, 1, 0))
    gone = tmp_path / "user/libLLVM.so.24.1"
    monkeypatch.setattr(llvm, "distribution", lambda _: Package(Path(there), gone, tmp_path / "user/llc"))
    assert Path(find_llvm().path) == (tmp_path / "user/libLLVM.so.23.1").resolve()


def test_beside_another_llvm_and_a_preloaded_allocator_there_is_no_way(
    machine: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = machine("libLLVM.so.23.1", (23, 1, 0))
    load, modes = ctypes.CDLL, []

    def beside_another(path: str | None, mode: int = ctypes.DEFAULT_MODE) -> object:
        if path is None:
            return type("Process", (), {llvm._OF_ANOTHER_LLVM: None})
        modes.append(mode)
        if mode == os.RTLD_NOLOAD:
            raise OSError("not loaded")
        return load(path, mode)

    if not hasattr(os, "RTLD_DEEPBIND"):
        pytest.skip("this system binds every library to itself")
    monkeypatch.setattr(ctypes, "CDLL", beside_another)
    monkeypatch.setattr(llvm, "_allocator_is_preloaded", lambda: False)
    assert find_llvm().path == newest
    assert modes[-1] & os.RTLD_DEEPBIND
    monkeypatch.setattr(llvm, "_allocator_is_preloaded", lambda: True)
    with pytest.raises(SetupError, match="trace before TensorFlow is imported, or without LD_PRELOAD"):
        find_llvm()


KERNEL = """
import importlib, sys
from iqatlas.raytracing._sionna_scene import sionna_rt
for name in sys.argv[1:]:
    sionna_rt() if name == "sionna.rt" else importlib.import_module(name)
import drjit, mitsuba
print(float(drjit.sum(drjit.arange(mitsuba.Float, 100) * 2)[0]))
"""


def compiled(folder: Path, *order: str, **environment: str) -> tuple[int, list[str], str]:
    """Compile a kernel in a process that imports libraries in an order, and none is in the cache."""
    made = subprocess.run(
        [sys.executable, "-c", KERNEL, *order],
        env={**os.environ, "DRJIT_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return made.returncode, made.stdout.split(), made.stderr


@pytest.mark.slow
@pytest.mark.parametrize("order", [("tensorflow", "sionna.rt"), ("sionna.rt", "tensorflow")])
def test_another_llvm_in_the_process_is_left_alone(order: tuple[str, str], tmp_path: Path) -> None:
    """TensorFlow shows its own to all: with its functions the first kernel compiled ends the process."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow isn't installed")
    code, said, errors = compiled(tmp_path, *order)
    assert (code, said) == (0, ["9900.0"]), errors
    assert any(tmp_path.iterdir())  # a kernel was compiled, not found


def test_a_preloaded_allocator_is_respected(tmp_path: Path) -> None:
    allocator = ctypes.util.find_library("jemalloc")
    if allocator is None:
        pytest.skip("no jemalloc on this system")
    code, said, errors = compiled(tmp_path, "sionna.rt", LD_PRELOAD=allocator)
    assert (code, said) == (0, ["9900.0"]), errors


OTHERWISE = """
import sys, types
import drjit, mitsuba
from iqatlas.errors import SetupError
from iqatlas.raytracing._sionna_scene import sionna_rt
if sys.argv[1] == "old":
    drjit.detail.llvm_version = lambda: (15, 0, 7)
else:
    mitsuba.set_variant(sys.argv[1])
try:
    sionna_rt()
except SetupError as failure:
    print(failure)
"""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            "scalar_rgb",
            "this process has chosen Mitsuba's variant scalar_rgb; accepted: llvm_ad_mono_polarized",
        ),
        ("old", "Dr.Jit was imported before iqatlas traced, with LLVM 15.0.7; accepted: LLVM 17 or newer"),
    ],
)
def test_a_process_that_uses_the_ray_tracer_otherwise_is_told(state: str, said: str) -> None:
    if llvm.cuda_driver_present():
        pytest.skip("traces on the GPU")
    made = subprocess.run([sys.executable, "-c", OTHERWISE, state], capture_output=True, text=True)
    assert made.stdout.startswith(said), made.stderr


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
