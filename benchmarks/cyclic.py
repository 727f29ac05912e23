"""Cyclic spectra by FAM against literal double loops over channel pairs, on the same captures.

The loops take every pair, k < l too, with a transform of its product; ours computes the pairs k ≥ l, of
which the others are the complex conjugates, so that both hold the full plane. Both run on one core.

One loop is as public estimators write it: each spectrum is shifted (fftshift), and its middle kept. The
other is the tightest that still is the loop: the kept bins are taken from both ends of the spectrum.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from benchmarks.timing import Comparison
from iqatlas.features.channelizer import channel_window
from iqatlas.features.cyclic_engine import VARIABLE
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.fam import fam

_SIZES = ((4096, 64), (16384, 128))
_ENGINES = ("numpy", "numba") if find_spec("numba") else ("numpy",)
_ROUNDS = 12
_PIECES = 8


def literal_fam(
    capture: np.ndarray, channels: int, window: np.ndarray, *, shifted: bool = False
) -> np.ndarray:
    """Return the full plane [k, l, q] by the definition: a transform a block, then one a pair."""
    hop = channels // 4
    blocks = len(capture) // hop
    padded = np.concatenate([capture, np.zeros(channels, capture.dtype)])
    frequency = np.arange(channels) / channels - 0.5
    kind = np.result_type(window, np.complex64)
    demodulates = np.empty((channels, blocks), kind)
    for r in range(blocks):
        block = np.fft.fftshift(np.fft.fft(padded[r * hop : r * hop + channels] * window))
        demodulates[:, r] = block * np.exp(-2j * np.pi * frequency * r * hop)
    kept = blocks // 4
    plane = np.empty((channels, channels, kept), kind)
    for k in range(channels):
        for l in range(channels):  # noqa: E741
            bins = np.fft.fft(demodulates[k] * np.conj(demodulates[l])) / blocks
            if shifted:
                plane[k, l] = np.fft.fftshift(bins)[(blocks - kept) // 2 : (blocks + kept) // 2]
                continue
            plane[k, l, : kept // 2] = bins[-(kept // 2) :]
            plane[k, l, kept // 2 :] = bins[: kept // 2]
    return plane


def run() -> list[Comparison]:
    """Compare captures of 4096 samples in 64 channels, and of 16,384 in 128, with each engine.

    The loops run in the double precision that a window of NumPy's gives them; the tighter one also with
    everything in complex64, which is what ours computes in.
    """
    before = os.environ.get(VARIABLE)
    try:
        return [line for size in _SIZES for line in _compare(*size)]
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def _compare(samples: int, channels: int) -> list[Comparison]:
    rng = np.random.default_rng(1)
    captures = rng.standard_normal((_PIECES * 4, 2 * samples), dtype=np.float32).view(np.complex64)
    spec = CyclicSpectrumSpec(channels=channels)
    cells = fam(captures[:4], spec, sample_rate_hz=1.0)

    def ours() -> None:
        # As a bulk run does it: piece after piece through one array of cells.
        for begin in range(0, len(captures), 4):
            fam(captures[begin : begin + 4], spec, sample_rate_hz=1.0, out=cells)

    window = channel_window(spec)
    single = window.astype(np.float32)
    rivals: dict[str, Callable[[], object]] = {
        **dict.fromkeys(_ENGINES, ours),
        "literal loop, spectra shifted": lambda: literal_fam(captures[0], channels, window, shifted=True),
        "literal loop, tightest": lambda: literal_fam(captures[0], channels, window),
        "tightest, in complex64": lambda: literal_fam(captures[0], channels, single),
    }
    best = dict.fromkeys(rivals, float("inf"))
    for round_ in range(_ROUNDS + 1):  # the first one warms up
        for name, call in rivals.items():
            os.environ[VARIABLE] = name if name in _ENGINES else "numpy"
            begun = time.perf_counter()
            call()
            seconds = time.perf_counter() - begun
            if round_:
                best[name] = min(best[name], seconds / (len(captures) if name in _ENGINES else 1))
    return [
        Comparison(f"FAM {samples}/{channels}, {engine}", "1/s", 1 / best[engine], 1 / best[peer], peer)
        for engine in _ENGINES
        for peer in rivals
        if peer not in _ENGINES
    ]
