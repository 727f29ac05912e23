"""Features against what SciPy and NumPy offer on the same captures."""

from __future__ import annotations

import numpy as np
from scipy.signal import ShortTimeFFT, get_window, welch

from benchmarks.timing import Comparison, compare
from iqatlas.features.cyclic_autocorrelation import cyclic_autocorrelation
from iqatlas.features.power_spectrum import power_spectrum
from iqatlas.features.spec import PowerSpectrumSpec, SpectrogramSpec
from iqatlas.features.spectrogram import spectrogram

RATE_HZ = 15.36e6


def run() -> list[Comparison]:
    """Compare 128-bin spectra, half overlapping, and seven cyclic frequencies at one lag."""
    rng = np.random.default_rng(1)
    captures = rng.standard_normal((768, 2048), dtype=np.float32).view(np.complex64)
    long = rng.standard_normal((48, 32768), dtype=np.float32).view(np.complex64)
    spec = SpectrogramSpec()
    peer = ShortTimeFFT(
        get_window("hann", 128), hop=64, fs=RATE_HZ, fft_mode="centered", scale_to="psd", phase_shift=None
    )
    lines_hz = 14e3 * np.arange(7)
    rotations = np.exp(-2j * np.pi * np.outer(np.arange(15360), lines_hz / RATE_HZ)).astype(np.complex64)
    return [
        compare(
            "spectrogram 128/64",
            work=captures.size / 1e6,
            unit="Msps",
            ours=lambda: spectrogram(captures, spec, sample_rate_hz=RATE_HZ),
            peer=lambda: 10 * np.log10(peer.spectrogram(captures) + 1e-35),
            peer_name="scipy ShortTimeFFT",
        ),
        compare(
            "power spectrum 128/64",
            work=captures.size / 1e6,
            unit="Msps",
            ours=lambda: power_spectrum(captures, PowerSpectrumSpec(), sample_rate_hz=RATE_HZ),
            peer=lambda: welch(captures, RATE_HZ, nperseg=128, return_onesided=False, detrend=False),
            peer_name="scipy welch",
        ),
        compare(
            "cyclic autocorrelation, 7 lines",
            work=long.size / 1e6,
            unit="Msps",
            ours=lambda: cyclic_autocorrelation(
                long, lags=np.array([1024]), cyclic_frequency_hz=lines_hz, sample_rate_hz=RATE_HZ
            ),
            peer=lambda: (long[:, 1024:] * long[:, :-1024].conj()) @ rotations / 15360,
            peer_name="numpy matmul",
        ),
    ]
