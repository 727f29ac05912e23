"""Raised-cosine transitions between OFDM symbols, made from the plain symbols afterwards.

Past its end, a symbol would go on as it began after its prefix. So in a transition into the next
symbol, the old one is what was sent a transform length before: a window with transitions needs the
plain signal alone, from one transform length earlier on.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float32, Int64

from iqatlas.waveforms.lte.numerology import Numerology


def edge_samples(numerology: Numerology, share: float) -> int:
    """Return the length of a transition.

    Args:
        numerology: Sizes of the downlink.
        share: Share of the shortest cyclic prefix.
    """
    return round(share * int(numerology.prefix_samples.min()))


def with_soft_edges(
    plain: Complex64[np.ndarray, "record site extended"],
    *,
    start_sample: Int64[np.ndarray, "record"],
    numerology: Numerology,
    edge: int,
) -> Complex64[np.ndarray, "record site sample"]:
    """Return a downlink whose symbols fade into each other in the first samples of each prefix.

    A receiver whose transform begins in the rest of the prefix or after it sees no difference. A
    window equals the same samples of a longer one bit for bit.

    Args:
        plain: The downlink from one transform length before the window on.
        start_sample: First sample of each window, in the time of the cell's frames.
        numerology: Sizes of the downlink.
        edge: Samples of a transition, at most the shortest prefix.

    Source: weighted overlap and add; TS 36.104, section 6.6.3, is what it is good for.
    """
    size = numerology.fft_size
    out = plain[..., size:].copy()
    sample = start_sample[:, None] + np.arange(out.shape[-1])
    past = sample - numerology.symbol_start(numerology.symbol_at(sample))
    record, at = np.nonzero(past < edge)
    fade = (0.5 + 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)).astype(np.float32)
    weight: Float32[np.ndarray, "point 1"] = fade[past[record, at]][:, None]
    new = plain[record, :, at + size]
    out[record, :, at] = new + weight * (plain[record, :, at] - new)
    return out
