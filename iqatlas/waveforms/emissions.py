"""Unwanted emissions beside an LTE carrier, against the limits of the standard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal
from jaxtyping import Complex64, Float64

from iqatlas.errors import SpecError

_NARROW_HZ, _WIDE_HZ = 100e3, 1e6
_SLOPE_END_HZ, _FLAT_END_HZ = 5.05e6, 10.05e6
_RESOLUTION_HZ = 10e3


@dataclass(frozen=True, eq=False)
class Emissions:
    """What was measured beside a carrier, on whichever side is stronger.

    Args:
        offset_hz: Centre of each measuring filter, from the channel's edge.
        bandwidth_hz: Its width.
        level_dbm: Power in it.
        limit_dbm: What the standard allows there.
    """

    offset_hz: Float64[np.ndarray, "offset"]
    bandwidth_hz: Float64[np.ndarray, "offset"]
    level_dbm: Float64[np.ndarray, "offset"]
    limit_dbm: Float64[np.ndarray, "offset"]

    @property
    def margin_db(self) -> float:
        """How far the worst offset stays below its limit; negative where a limit is passed."""
        return float((self.limit_dbm - self.level_dbm).min())


def limit_dbm(offset_hz: Float64[np.ndarray, "offset"]) -> Float64[np.ndarray, "offset"]:
    """Return the limit of operating-band unwanted emissions.

    Args:
        offset_hz: Centre of the measuring filter from the channel's edge, 0.05 MHz or more.

    Returns:
        dBm in 100 kHz up to 10.05 MHz, in 1 MHz beyond.

    Source: TS 36.104, section 6.6.3.1, its table for channels of 5, 10, 15 and 20 MHz in bands above
    1 GHz: wide-area base station, category A. Category B is the same up to 10.05 MHz, and -15 dBm
    beyond. The numbers are as engineers cite them; no copy of the standard was at hand to check them.
    """
    slope = -7.0 - 7.0 / 5.0 * (offset_hz / 1e6 - 0.05)
    beyond = np.where(offset_hz < _FLAT_END_HZ, -14.0, -13.0)
    return np.where(offset_hz < _SLOPE_END_HZ, slope, beyond)


def measure_emissions(
    baseband: Complex64[np.ndarray, "sample"],
    *,
    sample_rate_hz: float,
    bandwidth_mhz: float,
    power_dbm: float,
) -> Emissions:
    """Measure operating-band unwanted emissions as far as the sampled band shows them.

    Args:
        baseband: The transmitted signal, of any scale.
        sample_rate_hz: Sampling rate; filters that reach beyond half of it are left out.
        bandwidth_mhz: Channel bandwidth, 5 MHz or more.
        power_dbm: Power that the signal as a whole is sent with.

    Raises:
        SpecError: The channel is narrower than the limits are for, or nothing beside it is sampled.
    """
    if bandwidth_mhz < 5:
        raise SpecError(
            f"{bandwidth_mhz:g} MHz",
            where="bandwidth_mhz",
            accepted="5 to 20: narrower ones have other limits",
        )
    reach = sample_rate_hz / 2 - bandwidth_mhz * 5e5
    offset = np.arange(0.05e6, min(reach - _NARROW_HZ / 2, _FLAT_END_HZ - 1), _NARROW_HZ)
    wide = np.arange(10.5e6, reach - _WIDE_HZ / 2, _WIDE_HZ)
    if not len(offset):
        raise SpecError(
            "the sampled band ends at the channel's edge",
            where="sample_rate_hz",
            accepted=f"more than {bandwidth_mhz + 0.2:g} MHz",
        )
    points = min(len(baseband), 1 << int(np.ceil(np.log2(sample_rate_hz / _RESOLUTION_HZ))))
    # Blackman-Harris: side lobes of -92 dB keep the carrier out of its neighbourhood.
    frequency, density = scipy.signal.welch(
        baseband, sample_rate_hz, "blackmanharris", points, return_onesided=False, detrend=False
    )
    order = np.argsort(frequency)
    step = sample_rate_hz / points
    summed = np.append(0.0, np.cumsum(density[order].astype(np.float64) * step))
    edges = np.append(frequency[order] - step / 2, frequency[order][-1] + step / 2)
    scale = 10 ** (power_dbm / 10) / float(np.mean(np.abs(baseband) ** 2, dtype=np.float64))
    centre = np.concatenate([offset, wide])
    width = np.concatenate([np.full(len(offset), _NARROW_HZ), np.full(len(wide), _WIDE_HZ)])
    beside = bandwidth_mhz * 5e5 + centre
    power = [
        np.interp(side * beside + width / 2, edges, summed)
        - np.interp(side * beside - width / 2, edges, summed)
        for side in (-1, 1)
    ]
    level = 10 * np.log10(np.maximum(np.maximum(*power) * scale, 1e-30))
    return Emissions(centre, width, level, limit_dbm(centre))
