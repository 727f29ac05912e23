"""Can this machine trace? Asked in a process of its own, which a failing library may take down."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from iqatlas.errors import SetupError
from iqatlas.raytracing.cache import cache_folder
from iqatlas.raytracing.llvm import REMEDY, VARIABLE, cuda_driver_present, find_llvm
from iqatlas.scenes.answer_cache import default_folder
from iqatlas.scenes.cache_root import VARIABLE as CACHE_VARIABLE
from iqatlas.user_paths import current_folder
from iqatlas.version import __version__

_TIMEOUT_S = 180
_OPTIONAL = {"torch": "pip install 'iqatlas[torch]', for PyTorch loaders"}
_NEEDED = ("sionna-rt", "mitsuba", "drjit", "numpy", "xarray", "zarr", "osmium")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: What it is.
        found: What was found.
        good: Whether that is as needed.
        remedy: What to do where it is not.
        optional: Whether iqatlas works without it.
    """

    what: str
    found: str
    good: bool
    remedy: str = ""
    optional: bool = False


def diagnose() -> tuple[Finding, ...]:
    """Look at Python, the libraries, LLVM, CUDA, the ray tracer, the caches and the disk.

    Raises:
        MissingFileError: The current folder was removed, without which the ray tracer can't be imported.
    """
    return tuple(_findings(current_folder()))


def _findings(here: Path) -> Iterator[Finding]:
    yield Finding("iqatlas", __version__, True)
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}", True)
    for name in (*_NEEDED, *_OPTIONAL):
        try:
            yield Finding(name, version(name), True)
        except PackageNotFoundError:
            remedy = _OPTIONAL.get(name, f"pip install {name}")
            yield Finding(name, "not installed", False, remedy, optional=name in _OPTIONAL)
    cuda = cuda_driver_present()
    yield Finding("CUDA", "an NVIDIA driver answers" if cuda else "no NVIDIA driver: the CPU traces", True)
    llvm, tracer = _llvm(cuda), _ray_tracer()
    yield llvm
    # What the one lacks, the other fails for: its remedy is told once.
    yield tracer if llvm.good else replace(tracer, remedy="")
    told = f"moved by {CACHE_VARIABLE}" if os.environ.get(CACHE_VARIABLE) else f"{CACHE_VARIABLE} moves them"
    yield Finding("caches", f"traced paths in {cache_folder()}, maps in {default_folder()} ({told})", True)
    free = shutil.disk_usage(here).free
    yield Finding("disk", f"{free / 1e9:.1f} GB free here", free > 1e9, "free some space", optional=True)


def _llvm(cuda: bool) -> Finding:
    try:
        library = find_llvm()
    except SetupError as failure:
        where = f"{failure.where}: " if failure.where else ""
        return Finding("LLVM", f"{where}{failure.what}", False, REMEDY, optional=cuda)
    return Finding("LLVM", f"{library.version} at {library.path} (chosen by {library.chosen_by})", True)


def _ray_tracer() -> Finding:
    code, said, complained = probe()
    if code == 0:
        result = json.loads(said)
        return Finding("ray tracer", f"{result['variant']}, a probe found {result['paths']} paths", True)
    last = complained.strip().splitlines()[-1] if complained.strip() else "it said nothing"
    how = f"died of signal {-code}" if code < 0 else f"failed with code {code}"
    return Finding("ray tracer", f"the probe {how}: {last}", False, REMEDY)


def probe() -> tuple[int, str, str]:
    """Trace one line of sight in a process of its own.

    Returns:
        Its exit code (negative for a signal), what it printed, and what it complained of.
    """
    environment = dict(os.environ)
    environment.setdefault("PYTHONWARNINGS", "ignore")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "iqatlas.raytracing._sionna"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {_TIMEOUT_S} s ({VARIABLE}={environment.get(VARIABLE, '')})"
    return done.returncode, done.stdout, done.stderr
