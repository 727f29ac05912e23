"""Motion during a capture: how many terms of a series in time, over how long a piece, keep an error bound.

About the middle of a piece the phase of a path turns by 2π f t, f its Doppler shift. Cut after the term of
order K, the exponential series is off by |2π f t|^(K+1)/(K+1)! at most, relative to the path itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_HIGHEST_ORDER = 8
"""Above it a term more hardly lengthens a piece, and cancellation begins to cost digits of float32."""


@dataclass(frozen=True)
class Expansion:
    """A capture's series in time.

    Args:
        order: Highest power of time; 0 holds the channel still.
        pieces: Pieces of equal length that the capture is cut into, each with a series of its own.
    """

    order: int
    pieces: int


def series_error(order: int, *, shift_hz: float, duration_s: float) -> float:
    """Return the largest error of a path, relative to it, at the ends of a piece.

    Args:
        order: Highest power of time that is kept.
        shift_hz: Largest Doppler shift.
        duration_s: Length of the piece; the series is about its middle.

    Source: Lagrange's remainder of the exponential series on the imaginary axis.
    """
    turn = math.pi * abs(shift_hz) * duration_s
    return float(turn ** (order + 1) / math.factorial(order + 1))


def expansion_for(
    samples: int, *, overlap: int, max_shift_hz: float, sample_rate_hz: float, bound: float
) -> Expansion:
    """Return the cheapest series that keeps a bound on the error of each path.

    A piece costs one transform of what goes in and one for each term that comes out, all as long as the
    piece and its overlap.

    Args:
        samples: Samples of the capture.
        overlap: Samples by which a piece's transform is longer than the piece.
        max_shift_hz: Largest Doppler shift of any path, either sign; 0 for a scene at rest.
        sample_rate_hz: Sampling rate.
        bound: Largest error, relative to each path.
    """
    cheapest, least = Expansion(0, samples), math.inf
    for order in range(_HIGHEST_ORDER + 1):
        turn = (bound * math.factorial(order + 1)) ** (1 / (order + 1))
        allowed = turn * sample_rate_hz / (math.pi * max_shift_hz) if max_shift_hz else math.inf
        if allowed < 1:
            continue  # it turns too fast even for pieces of one sample
        pieces = 1 if allowed >= samples else math.ceil(samples / int(allowed))
        cost = pieces * (order + 2) * (math.ceil(samples / pieces) + overlap)
        if cost < least:
            cheapest, least = Expansion(order, pieces), cost
    return cheapest
