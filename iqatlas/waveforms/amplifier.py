"""Power amplifiers: memoryless compression of amplitudes, without aliases."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float32, Float64

from iqatlas.waveforms.interpolation import REACH, decimated, oversampled
from iqatlas.waveforms.spec import RappAmplifier

OVERSAMPLING = 4
"""Compression widens a spectrum threefold and more: it is worked out at this multiple of the rate."""
MARGIN = 2 * REACH
"""Samples on either side that an amplified window depends on."""
_LAGUERRE_POINTS = 64


def rapp(
    signal: Complex64[np.ndarray, "*batch sample"],
    *,
    saturation: Float32[np.ndarray, "*#batch #sample"],
    smoothness: float,
) -> Complex64[np.ndarray, "*batch sample"]:
    """Return what Rapp's model of a solid-state amplifier makes of a signal; its small-signal gain is 1.

    An amplitude at saturation is compressed by a factor of 2^(1/(2p)): 1.5 dB for p = 2.

    Args:
        signal: Input, √mW.
        saturation: Amplitude that the output never passes, √mW.
        smoothness: Rapp's p.

    Source: Rapp, "Effects of HPA-nonlinearity on a 4-DPSK/OFDM-signal for a digital sound
    broadcasting system", ESA SP-332, 1991.
    """
    power = np.square(signal.real) + np.square(signal.imag)
    power /= np.square(saturation)
    compression = (1 + power ** np.float32(smoothness)) ** np.float32(-0.5 / smoothness)
    return np.asarray(signal * compression, np.complex64)


def amplified(
    signal: Complex64[np.ndarray, "record site sample"],
    spec: RappAmplifier,
    *,
    mean_power_mw: Float64[np.ndarray, "site"],
) -> Complex64[np.ndarray, "record site inner"]:
    """Return the output of an amplifier within the band, ``MARGIN`` samples shorter on either side.

    Args:
        signal: Input, √mW.
        spec: The amplifier.
        mean_power_mw: Mean power of each site at full load, which the back-off counts from.
    """
    fine = oversampled(signal, OVERSAMPLING)
    return decimated(
        rapp(fine, saturation=saturation(spec, mean_power_mw), smoothness=spec.smoothness), OVERSAMPLING
    )


def saturation(
    spec: RappAmplifier, mean_power_mw: Float64[np.ndarray, "site"]
) -> Float32[np.ndarray, "site 1"]:
    """Return the saturated amplitude of each site, √mW."""
    amplitude = np.sqrt(mean_power_mw * 10 ** (spec.back_off_db / 10))
    return amplitude[:, None].astype(np.float32)


def power_gain(spec: RappAmplifier) -> float:
    """Return mean output power over mean input power for a Gaussian signal at full load.

    OFDM and many voice channels at once are nearly Gaussian; a single FM carrier has no peaks and
    loses less.
    """
    # Powers of a Gaussian signal are exponential: Gauss-Laguerre quadrature over them.
    power, weight = np.polynomial.laguerre.laggauss(_LAGUERRE_POINTS)
    back_off = 10 ** (spec.back_off_db / 10)
    compressed = power * (1 + (power / back_off) ** spec.smoothness) ** (-1 / spec.smoothness)
    return float(weight @ compressed)
