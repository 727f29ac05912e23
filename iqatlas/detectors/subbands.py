"""Sub-channels of captures as streams at their own width: white noise stays white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Int64

from iqatlas.features.setting import CaptureSetting


@dataclass(frozen=True, eq=False)
class Subbands:
    """Which bins of a capture's transform make the stream of each sub-channel.

    All streams have as many points as the narrowest sub-channel has bins: neither more nor fewer than its
    band holds, so that the points of white noise are independent.

    Args:
        used: Samples that are transformed, from the first one on.
        bins: Bins of each sub-channel, by rising frequency, modulo ``used``.
        lag: Points by which the lag asked for shifts a stream; 0 without one.
    """

    used: int
    bins: Int64[np.ndarray, "subchannel bin"]
    lag: int = 0

    @property
    def points(self) -> int:
        """Points of a stream."""
        return int(self.bins.shape[1])

    def streams(
        self, iq: Complex64[np.ndarray, "*batch sample"]
    ) -> Complex64[np.ndarray, "*batch subchannel point"]:
        """Return the streams; noise keeps its power a sample, and what recurs at the lag its phase."""
        spectrum = scipy.fft.fft(iq[..., : self.used], axis=-1)[..., self.bins]
        points = scipy.fft.ifft(spectrum, axis=-1, overwrite_x=True)
        points *= np.float32(np.sqrt(self.points / self.used))
        return np.asarray(points, np.complex64)

    def lag_rotation(self) -> Complex64[np.ndarray, " subchannel"]:
        """Return by what products at the lag are turned because streams lie about frequency 0."""
        turns = self.bins[:, 0] * self.lag / self.points
        return np.asarray(np.exp(2j * np.pi * (turns % 1)), np.complex64)


def subbands(setting: CaptureSetting, *, lag_samples: int | None = None) -> Subbands | None:
    """Return the streams of the sub-channels; None where captures are too short for any.

    Args:
        setting: The captures.
        lag_samples: A lag that has to be a whole number of points: captures are cut to a multiple of it,
            and streams to whole bins a lag.
    """
    periods = 1 if lag_samples is None else setting.samples // lag_samples
    used = setting.samples if lag_samples is None else periods * lag_samples
    if used < 1 or periods < 1:
        return None
    step = setting.sample_rate_hz / used
    first, stop = np.ceil(setting.subchannel_edges_hz / step - 1e-9).astype(np.int64).T
    count = int((stop - first).min())
    count -= count % periods
    if count < 2:
        return None
    begin = first + (stop - first - count) // 2
    bins = (begin[:, None] + np.arange(count)) % used
    return Subbands(used, bins, lag=0 if lag_samples is None else count // periods)
