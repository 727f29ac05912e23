"""Probability that noise, a spread signal and what neighbours spill together pass energy's threshold."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import scipy.special
from jaxtyping import Float64, Int64

_FREEDOM_A_PART = 1.15
"""Degrees of freedom of what one part of a symbol spills: a jump at its end, whose spectrum falls with the
distance. 1.1 to 1.2 by Monte Carlo, captures of 256 to 15,360 samples."""
_QUANTILES = 64
_SPILT = np.concatenate([[0.0], np.geomspace(1e-3, 1e5, 160)])
"""Ratios of spilt power to the rest that the table holds; a ratio below the second is interpolated to 0."""
_LEAST_DEVIATION, _STEPS = -6.0, 64
"""Levels that the table holds: from 6 standard deviations of noise below its mean to the threshold."""


class SpiltTail:
    """Tails of energy's statistic where power is not spread evenly over a sub-channel's bins.

    Noise and signals that fill a sub-channel are Gaussian in all its N bins. What neighbours spill is few
    jumps, one at each end of a symbol, so that it has ν degrees of freedom, however many bins it falls on:
    the sum is Γ(N − ν) and Γ(ν) of a larger mean. Such tails are tabulated for each N and ν that is met.

    Args:
        count: Bins N of each sub-channel.
        level: Threshold of each, over the noise.
    """

    def __init__(
        self, count: Int64[np.ndarray, " subchannel"], level: Float64[np.ndarray, " subchannel"]
    ) -> None:
        self._count, self._level = count, level
        self._tables: dict[tuple[int, int], Float64[np.ndarray, "spilt level"]] = {}

    def of(
        self,
        spread: Float64[np.ndarray, "*row subchannel"],
        spilt: Float64[np.ndarray, "*row subchannel"],
        parts: Int64[np.ndarray, "*row"],
    ) -> Float64[np.ndarray, "*row subchannel"]:
        """Return the probability that the mean energy of a sub-channel's bins passes the threshold.

        Args:
            spread: Power, over that of the noise, that fills the sub-channel.
            spilt: Power, over that of the noise, that neighbours spill into it.
            parts: How many symbols each capture cuts or holds.
        """
        out = np.empty_like(spilt)
        rest = 1 + spread
        for bins in np.unique(self._count).tolist():
            alike = self._count == bins
            own, ratio = (self._level / rest)[..., alike], (spilt / rest)[..., alike]
            found = np.empty_like(ratio)
            for number in np.unique(parts).tolist():
                rows = parts == number
                found[rows] = self._tail(bins, int(number), own[rows], ratio[rows])
            out[..., alike] = found
        return out

    def freedom(
        self,
        spread: Float64[np.ndarray, "*row subchannel"],
        spilt: Float64[np.ndarray, "*row subchannel"],
        parts: Int64[np.ndarray, "*row"],
    ) -> Float64[np.ndarray, "*row subchannel"]:
        """Return the degrees of freedom of both powers together, by the variance of their energy."""
        few = np.minimum(_FREEDOM_A_PART * parts[..., None], self._count)
        variance = np.square(spread) / self._count + np.square(spilt) / few
        whole = np.square(spread + spilt)
        return np.asarray(np.divide(whole, variance, out=np.ones_like(whole), where=variance > 0))

    def _tail(self, bins: int, parts: int, level: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        freedom = _FREEDOM_A_PART * parts
        if freedom >= bins:
            return np.asarray(scipy.special.gammaincc(bins, bins * level / (1 + ratio)))
        table = self._table(bins, parts)
        step = np.log(_SPILT[2] / _SPILT[1])
        above = 1 + np.log(np.maximum(ratio, _SPILT[1]) / _SPILT[1]) / step
        column = np.where(ratio < _SPILT[1], ratio / _SPILT[1], above)
        deviations = self._deviations(bins)
        row = ((level - 1) * np.sqrt(bins) - deviations[0]) / (deviations[1] - deviations[0])
        place = np.stack([column.reshape(-1), row.reshape(-1)])
        found = scipy.ndimage.map_coordinates(table, place, order=1, mode="nearest")
        return np.asarray(np.minimum(found, 1.0)).reshape(ratio.shape)

    def _table(self, bins: int, parts: int) -> Float64[np.ndarray, "spilt level"]:
        if (bins, parts) not in self._tables:
            freedom = _FREEDOM_A_PART * parts
            share = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
            drawn = scipy.special.gammaincinv(freedom, share)
            level = bins * np.maximum(1 + self._deviations(bins) / np.sqrt(bins), 0)
            table = np.zeros((len(_SPILT), len(level)))
            for one in drawn.tolist():
                left = level - one * (1 + bins * _SPILT[:, None] / freedom)
                table += scipy.special.gammaincc(bins - freedom, np.maximum(left, 0)) / _QUANTILES
            # Without what is spilt it is known exactly, and so is the error of the quantiles there.
            off = scipy.special.gammaincc(bins, level) - table[0]
            table += off / (1 + np.sqrt(bins) * _SPILT[:, None])
            self._tables[bins, parts] = table
        return self._tables[bins, parts]

    def _deviations(self, bins: int) -> Float64[np.ndarray, " level"]:
        highest = (self._level[self._count == bins].max() - 1) * np.sqrt(bins)
        return np.linspace(_LEAST_DEVIATION, highest, _STEPS + 1)
