"""The spectral coherence: cyclic spectra over the power spectra at both frequencies of a cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Int64

from iqatlas.features import fam, ssca
from iqatlas.features.channelizer import channel_power, channelize
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec


def coherence_weight(
    rows: Complex64[np.ndarray, "row sample"], spec: CyclicSpectrumSpec, used: int
) -> Float32[np.ndarray, "row cell"]:
    """Return 1/(S(f+α/2) S(f-α/2)) of every cell, densities a sample: what |S^α(f)|² is multiplied by.

    The power spectrum is the mean over the blocks of fam, at the nearest channel. For fam the coherence
    is then at most 1, by the inequality of Cauchy and Schwarz; for ssca a strong line may pass it.
    Channels without power have no coherence: their weight is 0.

    Args:
        rows: Captures.
        spec: Channels, window, plane.
        used: Samples that the spectrum is made of.
    """
    hop = spec.hop_samples if spec.method == "fam" else spec.channels // 4
    power = channel_power(channelize(rows, spec, used=used, hop=hop))
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(power > 0, 1 / power, np.float32(0))
    first, second = _cell_channels(spec, used)
    return inverse[:, first] * inverse[:, second]


@lru_cache(maxsize=8)
def _cell_channels(
    spec: CyclicSpectrumSpec, used: int
) -> tuple[Int64[np.ndarray, "cell"], Int64[np.ndarray, "cell"]]:
    """Return the channels at both frequencies of every cell."""
    if spec.method == "fam":
        kept = fam.kept_bins(spec, used)
        first, second = fam.channel_pairs(spec.channels)
        return np.repeat(first, kept), np.repeat(second, kept)
    half_steps, steps = (grid.ravel() for grid in ssca.cell_steps(spec, used))
    width, middle = used // spec.channels, spec.channels // 2
    other = (steps - half_steps if spec.conjugate else half_steps - steps) // 2
    first = (half_steps + steps) // 2 // width + middle
    return first, ((other + width // 2) // width + middle) % spec.channels
