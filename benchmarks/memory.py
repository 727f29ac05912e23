"""Peak memory of whole generations, from map to manifest, of corpora of several sizes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from iqatlas.generators.plan import plan
from iqatlas.generators.spec import CorpusSpec

_TREE = {"raytracing": {"kind": "free_space"}, "features": {"spectrogram": None}}
_MIB = 1 << 20


@dataclass(frozen=True)
class Peak:
    """What a generation took.

    Args:
        bytes: Uncompressed bytes of the records.
        samples: Received samples.
        seconds: From start to end, interpreter and pictures included.
        peak_bytes: Largest resident memory of any of its processes.
    """

    bytes: int
    samples: int
    seconds: float
    peak_bytes: int


def peaks(sizes: Sequence[float], *, workers: int) -> Iterator[str]:
    """Give a line for each size, the corpus of which is made and removed.

    Args:
        sizes: Bytes of records.
        workers: Processes of each generation.
    """
    first: Peak | None = None
    for size in sizes:
        peak = _generate(size, workers)
        first = first or peak
        yield (
            f"{peak.bytes / 1e9:6.2f} GB, {workers} workers: {peak.seconds:6.1f} s, "
            f"{peak.samples / peak.seconds / 1e6:5.1f} Msps, peak {peak.peak_bytes / _MIB:.0f} MiB each, "
            f"{peak.peak_bytes / first.peak_bytes:.2f} x the first"
        )


def _generate(size: float, workers: int) -> Peak:
    a_slot = plan(CorpusSpec.from_tree({**_TREE, "capture": {"slots": 1000}})).bytes / 1000
    slots = max(100, round(size / a_slot))
    made = plan(CorpusSpec.from_tree({**_TREE, "capture": {"slots": slots}}))
    with tempfile.TemporaryDirectory(prefix="iqatlas-memory-") as name:
        command = [
            *(sys.executable, "-m", "iqatlas", "generate", "-o", str(Path(name) / "corpus")),
            *("--workers", str(workers), "--set", f"capture.slots={slots}"),
            *("--set", "raytracing.kind=free_space", "--set", "features.spectrogram=null"),
        ]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)  # of the process and all those that it waited for
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        shutil.rmtree(Path(name) / "corpus", ignore_errors=True)
    if process.returncode:
        raise SystemExit(f"generation failed with exit code {process.returncode}")
    return Peak(made.bytes, made.samples, seconds, used.ru_maxrss << 10)
