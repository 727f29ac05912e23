"""The LLVM library that Dr.Jit compiles with on a CPU: find it, and judge it before it is loaded.

Dr.Jit loads ``libLLVM`` at run time. Some versions are refused with a misleading message, and some
abort the whole process on the first kernel, which Python can't catch. So the version is read
through LLVM's own C interface first.

TensorFlow shows the LLVM inside it to every library that is loaded after it. A ``libLLVM`` that comes
later would call functions of that other version, and the process dies on the first kernel that is not
in Dr.Jit's cache. So it is loaded here, before Dr.Jit does, and bound to itself. Bound so, it would pass
by a preloaded allocator (jemalloc, tcmalloc) to the system's, and memory of the one be given back to the
other; so only where another LLVM is seen.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from iqatlas.errors import SetupError

VARIABLE = "DRJIT_LIBLLVM_PATH"
_OF_ANOTHER_LLVM = "_ZN4llvm11raw_ostream5writeEPKcm"
"""``llvm::raw_ostream::write``: there since long, and of nobody else."""
PACKAGE = "karellen-llvm-core"
OLDEST_MAJOR = 17
"""Majors 14 and older are refused by Dr.Jit; 15 and 16 abort on processors with AVX-512."""

REMEDY = (
    "install it with `pip install karellen-llvm-core` (Linux), or set DRJIT_LIBLLVM_PATH to a libLLVM "
    f"of version {OLDEST_MAJOR} or newer; then run `iqatlas doctor`"
)


@dataclass(frozen=True)
class LlvmLibrary:
    """A libLLVM on this machine.

    Args:
        path: Where it is.
        version: Its version, as ``major.minor.patch``, or None where it doesn't tell.
        chosen_by: ``DRJIT_LIBLLVM_PATH``, ``environment`` (this Python's) or ``system``.
    """

    path: str
    version: str | None
    chosen_by: str

    @property
    def major(self) -> int | None:
        """The major version."""
        return int(self.version.split(".")[0]) if self.version else None


def _candidates() -> Iterator[tuple[str, str]]:
    lib = Path(sys.prefix) / ("Lib" if os.name == "nt" else "lib")
    names = ("libLLVM.so.*", "libLLVM-*.so", "libLLVM*.dylib", "LLVM-C.dll")
    installed = list(_of_the_package(names))
    for name in names:
        found = {*map(str, lib.glob(name)), *(path for path in installed if fnmatch(Path(path).name, name))}
        yield from ((path, "environment") for path in sorted(found, key=_version_in_name, reverse=True))
    for name in ("LLVM", "LLVM-C", *(f"LLVM-{major}" for major in range(30, 13, -1))):
        path = ctypes.util.find_library(name)
        if path:
            yield path, "system"


def _of_the_package(names: Sequence[str]) -> Iterator[str]:
    """Give the libraries of the package, which pip doesn't always put below ``sys.prefix``."""
    try:
        files = distribution(PACKAGE).files or ()
    except PackageNotFoundError:
        return
    for file in files:
        if any(fnmatch(file.name, name) for name in names):
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                yield str(path)


def _version_in_name(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", Path(path).name))


def _load(path: str) -> Any:
    """Load a library; its own symbols before another LLVM's, which Windows and macOS do anyway."""
    deep = getattr(os, "RTLD_DEEPBIND", 0)
    if not deep or not hasattr(ctypes.CDLL(None), _OF_ANOTHER_LLVM):
        return ctypes.CDLL(path)
    try:
        return ctypes.CDLL(path, mode=os.RTLD_NOLOAD)  # loaded before the other, and bound since
    except OSError:
        pass
    if _allocator_is_preloaded():
        raise SetupError(
            "another library, TensorFlow perhaps, shows its LLVM, and an allocator is preloaded: ray tracing "
            "would end the process",
            where=path,
            remedy="trace before TensorFlow is imported, or without LD_PRELOAD",
        )
    return ctypes.CDLL(path, mode=ctypes.DEFAULT_MODE | deep)


def _allocator_is_preloaded() -> bool:
    try:
        system = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    found = (ctypes.cast(one.malloc, ctypes.c_void_p).value for one in (ctypes.CDLL(None), system))
    return len(set(found)) > 1


def _version(path: str) -> str | None:
    library = _load(path)
    try:
        get_version = library.LLVMGetVersion  # since LLVM 16
    except AttributeError:
        digits = _version_in_name(str(Path(path).resolve()))
        return ".".join(str(d) for d in digits) or None
    numbers = [ctypes.c_uint() for _ in range(3)]
    get_version(*(ctypes.byref(n) for n in numbers))
    return ".".join(str(n.value) for n in numbers)


def find_llvm() -> LlvmLibrary:
    """Return the libLLVM that Dr.Jit is to use.

    Raises:
        SetupError: There is none, it can't be loaded, or its version is known to fail.
    """
    asked = os.environ.get(VARIABLE)
    if asked:
        return _judge(asked, VARIABLE)
    first_failure: SetupError | None = None
    for path, chosen_by in _candidates():
        try:
            return _judge(path, chosen_by)
        except SetupError as failure:
            first_failure = first_failure or failure
    raise first_failure or SetupError("no LLVM library for Dr.Jit on this machine", remedy=REMEDY)


def _judge(path: str, chosen_by: str) -> LlvmLibrary:
    where = f"{VARIABLE}={path}" if chosen_by == VARIABLE else path
    if chosen_by == VARIABLE and not Path(path).is_file():
        raise SetupError("no such LLVM library", where=where, remedy=REMEDY)
    try:
        library = LlvmLibrary(path, _version(path), chosen_by)
    except OSError as failure:
        raise SetupError(
            f"not a library that can be loaded ({failure})", where=where, remedy=REMEDY
        ) from None
    if library.major is None or library.major < OLDEST_MAJOR:
        raise SetupError(
            f"LLVM {library.version or 'of unknown version'} fails under Dr.Jit",
            where=where,
            accepted=f"LLVM {OLDEST_MAJOR} or newer",
            remedy=REMEDY,
        )
    return library


def cuda_driver_present() -> bool:
    """Return whether an NVIDIA driver with at least one device answers here."""
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
        count = ctypes.c_int()
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except (OSError, AttributeError):
        return False
