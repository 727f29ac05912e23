"""Detectors on noise alone: captures of a corpus's length in which nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from iqatlas.detectors.detector import Detector
from iqatlas.seeds import Stage, stream

CAPTURES = 2000
MOST_SAMPLES = 1 << 25
"""Samples drawn in all at most, so that long captures are fewer."""
_SAMPLES_AT_ONCE = 1 << 20
_LEAST_RECORDS = 50
"""Records that are drawn whatever the time, where memory allows it."""


def noise_trials(
    detectors: Mapping[str, Detector],
    *,
    receivers: int,
    samples: int,
    false_alarm: float,
    seed: int,
    until: float | None = None,
) -> dict[str, tuple[int, int]]:
    """Return false alarms and trials of each detector on white noise.

    Args:
        detectors: By name.
        receivers: Receivers a record; their noise is independent.
        samples: Samples of a capture.
        false_alarm: Probability of false alarm that thresholds are set for.
        seed: Seed of the corpus.
        until: Moment of the monotonic clock at which to stop; none without it.
    """
    rng = stream(seed, Stage.DETECTORS)
    record = receivers * samples
    remaining = max(1, min(CAPTURES // receivers, MOST_SAMPLES // record))
    at_once = max(1, min(_SAMPLES_AT_ONCE // record, remaining))
    found = dict.fromkeys(detectors, (0, 0))
    done = 0
    while remaining:
        records = min(at_once, remaining)
        noise = rng.standard_normal((records, receivers, 2 * samples), dtype=np.float32).view(np.complex64)
        for name, detector in detectors.items():
            # Real and imaginary parts of unit variance make a noise power of 2.
            told = np.full((records, receivers), 2.0 / detector.noise_excess)
            decided = detector.decide(noise, told, false_alarm)
            decided = decided[:, :1] if detector.fuses else decided
            hits, trials = found[name]
            found[name] = (hits + int(decided.sum()), trials + decided.size)
        remaining -= records
        done += records
        if until is not None and time.monotonic() > until and done >= _LEAST_RECORDS:
            break
    return found
