"""What OFDM symbols spill: the power of a sub-channel that appears in the bins of others, by time."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float32, Float64, Int64

from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.numerology import Numerology, numerology


class SymbolSpill:
    """Where in a capture's transform the power of LTE's sub-channels lies.

    A subcarrier is a pure tone within a symbol, prefix included, and its payload changes from one symbol to
    the next. A capture cuts symbols into parts; each part of L samples has a spectrum of its own, of expected
    power Σ_l (L − |l|) r(l) exp(−j2πfl), r the mean of exp(j2πf_c l) over the sub-channel's subcarriers f_c,
    and the parts' powers add up. So side lobes stay as captures grow, and go where a capture lies within one
    symbol and is as long as the transform. Cumulative sums over l give all L at once.

    Args:
        waveform: The waveform part of a corpus's spec, an LTE downlink.
        bins: Bins of each sub-channel in a capture's transform.

    Source: TS 36.211, section 6.12, for the symbols; T. van Waterschoot et al., "Analytical expressions for
    the power spectral density of CP-OFDM and ZP-OFDM signals", IEEE Signal Processing Letters, 2010.
    """

    def __init__(self, waveform: dict[str, Any], bins: Bool[np.ndarray, "subchannel bin"]) -> None:
        self._sizes, subchannels = _sizes(waveform)
        samples = bins.shape[1]
        turns = self._sizes.subcarrier_hz[subchannels.subcarriers] / self._sizes.sample_rate_hz
        longest = min(samples, int(self._sizes.symbol_samples.max()))
        lag = np.arange(longest)
        tones = np.stack([np.exp(2j * np.pi * (own[:, None] * lag % 1)).mean(axis=0) for own in turns])
        tones[:, 1:] *= 2  # lags before 0 are the complex conjugates of those after it
        heard = np.stack([np.asarray(scipy.fft.fft(own.astype(np.float64)))[:longest] for own in bins])
        self._samples = samples
        self._table: Float32[np.ndarray, "length bins_of power_of"] = np.zeros(
            (longest + 1, len(bins), len(bins)), np.float32
        )
        length = lag[:, None] + 1.0
        for place, own in enumerate(heard):
            product = (own * tones).real.T
            sums = length * product.cumsum(axis=0) - (lag[:, None] * product).cumsum(axis=0)
            self._table[1:, place] = sums / float(samples) ** 2
        self._own = np.ascontiguousarray(np.diagonal(self._table, axis1=1, axis2=2))

    def parts(self, begin: Int64[np.ndarray, "*row"]) -> Int64[np.ndarray, "*row"]:
        """Return how many symbols captures cut or hold.

        Args:
            begin: First sample of each capture, in the time of the cell's frames.
        """
        count: Int64[np.ndarray, "*row"] = (
            self._sizes.symbol_at(begin + self._samples - 1) - self._sizes.symbol_at(begin) + 1
        )
        return count

    def of(
        self, power: Float64[np.ndarray, "row subchannel"], begin: Int64[np.ndarray, " row"]
    ) -> tuple[Float64[np.ndarray, "row subchannel"], Float64[np.ndarray, "row subchannel"]]:
        """Return the power in each sub-channel's bins that is its own, and what the others spill into it.

        Args:
            power: Power that is sent in each sub-channel.
            begin: First sample of each capture, in the time of the cell's frames.
        """
        first, last = (self._sizes.symbol_at(begin + at) for at in (0, self._samples - 1))
        each = self._sizes.symbols_per_slot
        one = first == last
        head = np.where(one, self._samples, self._sizes.symbol_start(first + 1) - begin)
        tail = np.where(one, 0, begin + self._samples - self._sizes.symbol_start(last))
        within = np.maximum(last - first - 1, 0)
        # The first symbol of a slot has a longer prefix.
        longer = np.where(one, 0, (last - 1) // each - first // each)
        own, whole = np.zeros_like(power), np.zeros_like(power)
        for length in (head, tail):
            own += power * self._own[length]
            whole += self._seen(power, length)
        for lengths, count in (
            (self._sizes.symbol_samples[0], longer),
            (self._sizes.symbol_samples[-1], within - longer),
        ):
            if count.any():
                own += power * (count[:, None] * self._own[int(lengths)])
                whole += (power * count[:, None]) @ self._table[int(lengths)].T
        return own, np.maximum(whole - own, 0)

    def _seen(
        self, power: Float64[np.ndarray, "row subchannel"], length: Int64[np.ndarray, " row"]
    ) -> Float64[np.ndarray, "row subchannel"]:
        """Return the power in all bins of one part of each capture, rows of one length together."""
        out = np.empty_like(power)
        order = np.argsort(length, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(length[order])) + 1):
            if len(rows):
                out[rows] = power[rows] @ self._table[length[rows[0]]].T
        return out


def is_known(waveform: dict[str, Any], *, subchannels: int, sample_rate_hz: float) -> bool:
    """Return whether captures are those of an LTE downlink of the spec's own sub-channels and sampling rate.

    Args:
        waveform: The waveform part of a corpus's spec.
        subchannels: Sub-channels of the corpus.
        sample_rate_hz: Its sampling rate.
    """
    if not waveform or waveform.get("kind", "lte") != "lte":
        return False
    sizes, groups = _sizes(waveform)
    return groups.count == subchannels and sizes.sample_rate_hz == sample_rate_hz


def _sizes(waveform: dict[str, Any]) -> tuple[Numerology, Subchannels]:
    extended = waveform.get("cyclic_prefix") == "extended"
    sizes = numerology(float(waveform.get("bandwidth_mhz", 10)), extended_prefix=extended)
    return sizes, Subchannels.centred(int(waveform.get("subchannels", 16)), sizes.resource_blocks)
