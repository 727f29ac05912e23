"""Spectrograms against scipy's ShortTimeFFT on the same captures."""

from __future__ import annotations

import numpy as np
from scipy.signal import ShortTimeFFT, get_window

from benchmarks.timing import Comparison, compare
from iqatlas.features.spec import SpectrogramSpec
from iqatlas.features.spectrogram import spectrogram


def run() -> list[Comparison]:
    """Compare 128-bin spectrograms, half overlapping, of 1024-sample captures."""
    rng = np.random.default_rng(1)
    captures = rng.standard_normal((768, 2048), dtype=np.float32).view(np.complex64)
    spec = SpectrogramSpec()
    peer = ShortTimeFFT(
        get_window("hann", 128), hop=64, fs=15.36e6, fft_mode="centered", scale_to="psd", phase_shift=None
    )
    return [
        compare(
            "spectrogram 128/64",
            work=captures.size / 1e6,
            unit="Msps",
            ours=lambda: spectrogram(captures, spec, sample_rate_hz=15.36e6),
            peer=lambda: 10 * np.log10(peer.spectrogram(captures) + 1e-35),
            peer_name="scipy ShortTimeFFT",
        )
    ]
