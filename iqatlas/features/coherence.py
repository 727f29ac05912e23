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
) -> Float32[np.ndarray, "row first second"]:
    """Return 1/(S(f+α/2) S(f-α/2)), densities a sample: what |S^α(f)|² is multiplied by.

    The power spectrum is the mean over the blocks of fam, at the nearest channel. For fam the coherence
    is then at most 1, by the inequality of Cauchy and Schwarz; for ssca a strong line may pass it.
    Channels without power have no coherence: their weight is 0.

    Args:
        rows: Captures.
        spec: Channels, window, plane.
        used: Samples that the spectrum is made of.

    Returns:
        A weight for every cell: ``[row, pair, 1]`` for fam, ``[row, channel, cycle]`` for ssca.
    """
    hop = spec.hop_samples if spec.method == "fam" else spec.channels // 4
    power = channel_power(channelize(rows, spec, used=used, hop=hop))
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.where(power > 0, 1 / power, np.float32(0))
    if spec.method == "fam":
        first, second = fam.channel_pairs(spec.channels)
        return np.asarray((inverse[:, first] * inverse[:, second])[..., None], np.float32)
    return np.asarray(inverse[:, :, None] * inverse[:, _second_channels(spec, used)], np.float32)


@lru_cache(maxsize=8)
def _second_channels(spec: CyclicSpectrumSpec, used: int) -> Int64[np.ndarray, "channel cycle"]:
    """Return the channel nearest to the second frequency of every cell of ssca; the first is its own."""
    half_steps, steps = ssca.cell_steps(spec, used)
    width = used // spec.channels
    second = (steps - half_steps if spec.conjugate else half_steps - steps) // 2
    return np.asarray(((second + width // 2) // width + spec.channels // 2) % spec.channels)
