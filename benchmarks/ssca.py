"""Cyclic spectra by SSCA against the literal strips, on the same captures.

The literal way demodulates a channel at every sample, multiplies it with the conjugate of the capture and
takes one long transform a channel; ours transforms lag products, of which half follow from the others. Both
run on one core and give every cell of the plane, the literal way those of negative cyclic frequencies too,
which are the complex conjugates of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.timing import Comparison
from iqatlas.features.channelizer import lag_window
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.ssca import cell_shape, row_cells, ssca

_SIZES = ((4096, 64), (16384, 128))
_OURS = "ours"
_ROUNDS = 12
_CAPTURES = 8
_TOLERANCE = 2e-6
"""Share of the peak: some twenty roundings of 6e-8 each in a transform of complex64."""


def literal_ssca(capture: np.ndarray, window: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return the plane [channel, q] by the definition, a sample a hop, in the precision of what is given.

    Args:
        capture: Samples.
        window: Window over the lags −Np/2 to Np/2 − 1, one a channel.
        turns: What brings the channels of each sample's block to zero frequency: :func:`channel_turns`.
    """
    samples, channels = len(capture), len(window)
    padded = np.pad(capture, (channels // 2, channels // 2 - 1))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, channels)
    demodulates = np.fft.fftshift(np.fft.fft(blocks * window, axis=1), axes=1) * turns
    strips = demodulates * np.conj(capture)[:, None]
    plane = np.empty((channels, samples), strips.dtype)
    for k in range(channels):
        plane[k] = np.fft.fft(strips[:, k]) / samples
    return plane


def channel_turns(samples: int, channels: int) -> np.ndarray:
    """Return e^{-j2πf_k n} for the first sample n of each block, half a window before its middle."""
    begin, frequency = np.arange(samples) - channels // 2, np.arange(channels) / channels - 0.5
    return np.asarray(np.exp(-2j * np.pi * np.outer(begin, frequency)))


def ours_in(plane: np.ndarray) -> np.ndarray:
    """Return those cells of a literal plane, α = f_k + q/N, that ours keeps: a turn of α, half of it."""
    channels, samples = plane.shape
    first = (np.arange(channels) - channels // 2) * (samples // channels)
    cycle = np.arange(samples // 2 + 1)
    return np.take_along_axis(plane, (cycle - first[:, None]) % samples, axis=1)


def run() -> list[Comparison]:
    """Compare captures of 4096 samples in 64 channels, and of 16,384 in 128, in both precisions.

    Raises:
        ValueError: The two don't agree: the ratio would be of different things.
    """
    return [line for size in _SIZES for line in _compare(*size)]


def _compare(samples: int, channels: int) -> list[Comparison]:
    rng = np.random.default_rng(1)
    captures = rng.standard_normal((_CAPTURES, 2 * samples), dtype=np.float32).view(np.complex64)
    spec = CyclicSpectrumSpec(method="ssca", channels=channels)
    window = lag_window(spec)
    cells = np.empty((1, *cell_shape(spec, samples)), np.complex64)

    def ours() -> None:
        # As a bulk run does it: piece after piece through one array of cells.
        for begin in range(_CAPTURES):
            row_cells(captures[begin : begin + 1], spec, samples, sample_rate_hz=1.0, out=cells)

    turns = channel_turns(samples, channels)
    double = (captures[0].astype(np.complex128), window, turns)
    single = (captures[0], window.astype(np.float32), turns.astype(np.complex64))
    for rival, precision in ((double, "complex128"), (single, "complex64")):
        _agree(ssca(captures[0], spec, sample_rate_hz=1.0), literal_ssca(*rival), precision)
    rivals: dict[str, Callable[[], object]] = {
        _OURS: ours,
        "literal strips": lambda: literal_ssca(*double),
        "the same in complex64": lambda: literal_ssca(*single),
    }
    best = dict.fromkeys(rivals, float("inf"))
    for round_ in range(_ROUNDS + 1):  # the first one warms up
        for name, call in rivals.items():
            begun = time.perf_counter()
            call()
            seconds = time.perf_counter() - begun
            if round_:
                best[name] = min(best[name], seconds / (_CAPTURES if name == _OURS else 1))
    return [
        Comparison(f"SSCA {samples}/{channels}", "1/s", 1 / best[_OURS], 1 / best[peer], peer)
        for peer in rivals
        if peer != _OURS
    ]


def _agree(ours: np.ndarray, literal: np.ndarray, precision: str) -> None:
    wanted = ours_in(literal)
    apart = float(np.abs(ours - wanted).max() / np.abs(wanted).max())
    if not apart <= _TOLERANCE:
        raise ValueError(f"SSCA and the literal strips in {precision} differ by {apart:.1e} of the peak")
