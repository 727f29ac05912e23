"""Cyclic spectra by FAM against the literal double loop over channel pairs, on the same captures.

The loop takes every pair, k < l too, with a transform of its product; ours computes the pairs k ≥ l, of
which the others are the complex conjugates, so that both hold the full plane. Both run on one core.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import numpy as np

from benchmarks.timing import Comparison, compare
from iqatlas.features.channelizer import channel_window
from iqatlas.features.cyclic_engine import VARIABLE
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.fam import fam

_SIZES = ((4096, 64), (16384, 128))
_ENGINES = ("numpy", "numba") if find_spec("numba") else ("numpy",)


def literal_fam(capture: np.ndarray, channels: int, window: np.ndarray) -> np.ndarray:
    """Return the full plane [k, l, q] by the definition: a transform a block, then one a pair."""
    hop = channels // 4
    blocks = len(capture) // hop
    padded = np.concatenate([capture, np.zeros(channels, capture.dtype)])
    frequency = np.arange(channels) / channels - 0.5
    demodulates = np.empty((channels, blocks), np.complex64)
    for r in range(blocks):
        block = np.fft.fftshift(np.fft.fft(padded[r * hop : r * hop + channels] * window))
        demodulates[:, r] = block * np.exp(-2j * np.pi * frequency * r * hop)
    kept = blocks // 4
    plane = np.empty((channels, channels, kept), np.complex64)
    for k in range(channels):
        for l in range(channels):  # noqa: E741
            bins = np.fft.fft(demodulates[k] * np.conj(demodulates[l])) / blocks
            plane[k, l, : kept // 2] = bins[-(kept // 2) :]
            plane[k, l, kept // 2 :] = bins[: kept // 2]
    return plane


def run() -> list[Comparison]:
    """Compare captures of 4096 samples in 64 channels, and of 16,384 in 128, with each engine."""
    rng = np.random.default_rng(1)
    before = os.environ.get(VARIABLE)
    results = []
    try:
        for engine in _ENGINES:
            os.environ[VARIABLE] = engine
            results += [_compare(rng, engine, *size) for size in _SIZES]
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
    return results


def _compare(rng: np.random.Generator, engine: str, samples: int, channels: int) -> Comparison:
    captures = rng.standard_normal((8, 2 * samples), dtype=np.float32).view(np.complex64)
    spec = CyclicSpectrumSpec(channels=channels)
    window = channel_window(spec).astype(np.float32)

    def ours() -> None:
        for begin in range(0, len(captures), 4):
            fam(captures[begin : begin + 4], spec, sample_rate_hz=1.0)

    # The loop takes one capture where ours takes eight: rates are a capture.
    comparison = compare(
        f"FAM {samples}/{channels}, {engine}",
        work=len(captures),
        unit="1/s",
        ours=ours,
        peer=lambda: literal_fam(captures[0], channels, window),
        peer_name="literal loop over pairs",
    )
    return Comparison(
        comparison.name,
        comparison.unit,
        comparison.ours,
        comparison.peer / len(captures),
        comparison.peer_name,
    )
