"""A transmitter's oscillator: carrier offset and phase noise, each a function of absolute time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float64, Int64, UInt64

from iqatlas.seeds import words

_LEVELS = 40
"""The walk spans 2^40 samples on either side of sample 0: 20 hours at 15.36 Msps."""
_OWN_COUNTER = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def carrier_turn(
    start_sample: Int64[np.ndarray, "record"],
    samples: int,
    *,
    offset_hz: Float64[np.ndarray, "site"],
    sample_rate_hz: float,
) -> Float64[np.ndarray, "record site sample"]:
    """Return the phase in radians that a carrier offset adds, zero at sample 0.

    Args:
        start_sample: First sample of each window.
        samples: Length of the windows.
        offset_hz: Carrier offset of each site.
        sample_rate_hz: Sampling rate.
    """
    sample = start_sample[:, None] + np.arange(samples)
    cycles = sample[:, None] * (offset_hz / sample_rate_hz)[:, None]
    return 2 * np.pi * (cycles - np.floor(cycles))


def wiener_phase(
    keys: UInt64[np.ndarray, "record site 2"],
    start_sample: Int64[np.ndarray, "record"],
    samples: int,
    *,
    linewidth_hz: float,
    sample_rate_hz: float,
) -> Float64[np.ndarray, "record site sample"]:
    """Return the phase in radians of a free-running oscillator.

    The walk of a key is one function of absolute time, whichever windows it is looked at through: it
    is built from long intervals down to single samples, by the law of a walk's middle given its ends.
    Its steps are independent and have the variance 2π·linewidth/rate.

    Args:
        keys: Key of each record and site.
        start_sample: First sample of each window.
        samples: Length of the windows.
        linewidth_hz: Full width at half power of the line.
        sample_rate_hz: Sampling rate.

    Source: Lévy's construction of Brownian motion; Demir, Mehrotra and Roychowdhury, "Phase noise in
    oscillators", IEEE Trans. Circuits Syst. I 47 (2000), for the Lorentzian line.
    """
    own = words(keys, np.full(2, _OWN_COUNTER))
    deviation = np.sqrt(2 * np.pi * linewidth_hz / sample_rate_hz)
    first = start_sample + (1 << _LEVELS)
    # Three nodes 2^40 samples apart; the walk is zero at the first of them.
    top = _normal(own, np.zeros(len(first), np.int64), 2, _LEVELS + 1)
    nodes = np.cumsum(np.concatenate([np.zeros((*top.shape[:2], 1)), top], axis=-1), axis=-1)
    nodes *= deviation * 2.0 ** (_LEVELS / 2)
    begin = np.zeros(len(first), np.int64)
    for level in reversed(range(_LEVELS)):
        below, count = first >> level, ((samples - 1) >> level) + 3
        # A node with an odd number is the middle of an interval of the level above.
        number = below[:, None] + np.arange(count)
        left = ((number >> 1) - begin[:, None])[:, None, :]
        odd = (number & 1).astype(bool)[:, None, :]
        right = np.minimum(left + odd, nodes.shape[-1] - 1)
        middle = np.take_along_axis(nodes, left, -1) + np.take_along_axis(nodes, right, -1)
        drawn = _normal(own, below >> 1, count // 2 + 1, level)
        spread = deviation * 2.0 ** ((level - 1) / 2)
        chosen = np.take_along_axis(drawn, ((number >> 1) - (below >> 1)[:, None])[:, None, :], -1)
        nodes = middle / 2 + np.where(odd, spread * chosen, 0.0)
        begin = below
    return nodes[..., :samples]


def _normal(
    keys: UInt64[np.ndarray, "record site 2"], first: Int64[np.ndarray, "record"], count: int, level: int
) -> Float64[np.ndarray, "record site number"]:
    """Return normal numbers of a level, from a place on."""
    counter = np.empty((len(first), 1, count, 2), np.uint64)
    counter[..., 0] = (first[:, None] + np.arange(count)).astype(np.uint64)[:, None]
    counter[..., 1] = level
    random = words(keys[:, :, None], counter)
    # Box and Muller; the top 53 bits, moved off zero by half a step.
    uniform = ((random >> np.uint64(11)) + 0.5) * 2.0**-53
    radius = np.sqrt(-2 * np.log(uniform[..., 0]))
    return np.asarray(radius * np.cos(2 * np.pi * uniform[..., 1]), np.float64)


def turned(
    baseband: Complex64[np.ndarray, "record site sample"], phase: Float64[np.ndarray, "record site sample"]
) -> Complex64[np.ndarray, "record site sample"]:
    """Return baseband turned by a phase in radians."""
    turn = np.empty(phase.shape, np.complex64)
    turn.real, turn.imag = np.cos(phase), np.sin(phase)
    turn *= baseband
    return turn
