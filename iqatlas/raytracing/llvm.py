"""The LLVM library that Dr.Jit compiles with on a CPU: find it, and judge it before it is loaded.

Dr.Jit loads ``libLLVM`` at run time. Some versions are refused with a misleading message, and some
abort the whole process on the first kernel, which Python can't catch. So the version is read
through LLVM's own C interface first.

TensorFlow shows the LLVM inside it to every library that is loaded after it. A ``libLLVM`` that comes
later would call functions of that other version, and the process dies on the first kernel that is not
in Dr.Jit's cache. So it is loaded here, before Dr.Jit does, and bound to itself.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iqatlas.errors import SetupError

VARIABLE = "DRJIT_LIBLLVM_PATH"
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
    for name in names:
        found = sorted((str(p) for p in lib.glob(name)), key=_version_in_name, reverse=True)
        yield from ((path, "environment") for path in found)
    for name in ("LLVM", "LLVM-C", *(f"LLVM-{major}" for major in range(30, 13, -1))):
        path = ctypes.util.find_library(name)
        if path:
            yield path, "system"


def _version_in_name(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", Path(path).name))


# Symbols of its own before those of others; Windows and macOS bind so anyway, musl can't.
_BOUND_TO_ITSELF = ctypes.DEFAULT_MODE | getattr(os, "RTLD_DEEPBIND", 0)


def _version(path: str) -> str | None:
    library = ctypes.CDLL(path, mode=_BOUND_TO_ITSELF)
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
