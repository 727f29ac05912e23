"""Tapers for spectra: sums of cosines, and Kaiser's.

SciPy has them all; but whoever asks it for one imports all of its signal processing, statistics and
optimisation, half of what a worker needs to start.

Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform",
Proceedings of the IEEE 66(1), 1978; G. Heinzel, A. Rüdiger, R. Schilling, "Spectrum and spectral density
estimation by the discrete Fourier transform", 2002, appendix D (flat top).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 1 - 0.54),
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Amplitudes of the cosines of order 0, 1, …"""


def taper(
    name: str | tuple[str, float], size: int, *, periodic: bool = True
) -> Float64[np.ndarray, "sample"]:
    """Return a taper, its largest value about 1; bit for bit what :func:`scipy.signal.get_window` gives.

    Args:
        name: One that is a sum of cosines, or another that SciPy knows.
        size: Samples.
        periodic: Whether it repeats after its samples, as transforms take it, or ends as it begins.
    """
    amplitudes = _COSINES.get(name) if isinstance(name, str) else None
    if amplitudes is None or size < 2:
        import scipy.signal

        return np.asarray(scipy.signal.get_window(name, size, fftbins=periodic), np.float64)
    angle = np.linspace(-np.pi, np.pi, size + periodic)
    window = np.zeros(len(angle))
    for order, amplitude in enumerate(amplitudes):
        window += amplitude * np.cos(order * angle)
    return window[:size]
