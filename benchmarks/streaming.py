"""Resident memory while captures stream through the cyclic spectrum, and how many of them a second do."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.timing import one_core
from iqatlas.features.cyclic_engine import engine
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_spectrum

LEAST_CAPTURES = 1000
_SAMPLES = 4096
_PIECE = 50
"""Captures made, and worked out, at once."""
_MIB = 1 << 20


def stream(captures: int) -> Iterator[str]:
    """Give lines on captures of 4096 samples, made piece by piece, through 64 channels to a grid of 64 by 64.

    Memory is what is resident after the first tenth and after the last, and the largest that ever was. The
    rate counts the cyclic spectrum alone, on one core.

    Args:
        captures: How many.
    """
    rng, spec = np.random.default_rng(1), CyclicSpectrumSpec()
    tenth, seconds, done, after_first = captures // 10, 0.0, 0, 0
    with one_core():
        while done < captures:
            count = min(_PIECE, captures - done)
            piece = rng.standard_normal((count, 2 * _SAMPLES), dtype=np.float32).view(np.complex64)
            begun = time.perf_counter()
            cyclic_spectrum(piece, spec, sample_rate_hz=1.0)
            seconds += time.perf_counter() - begun
            done += count
            if not after_first and done >= tenth:
                after_first = _resident_bytes()
                yield f"{done} captures: {after_first / _MIB:.1f} MiB resident"
    last = _resident_bytes()
    # The kernel counts the largest now and then, not at every page.
    peak = max(last, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10)
    yield (
        f"{done} captures: {last / _MIB:.1f} MiB resident, {(last - after_first) / _MIB:+.1f} MiB, "
        f"peak {peak / _MIB:.1f} MiB, {done / seconds:.0f} captures a second ({engine()})"
    )


def _resident_bytes() -> int:
    """Return what is resident now: the largest that ever was hides what came before."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
