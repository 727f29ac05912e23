"""How much of a vacant sub-channel a site fills all the same: reference and broadcast signals."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from iqatlas.waveforms.lte.numerology import SLOTS_PER_FRAME, Numerology, numerology

_MIDDLE_HZ = 540e3
"""Half the width of synchronisation and broadcast signals: 6 resource blocks."""
_BROADCAST_SLOT = 1
_BROADCAST_SYMBOLS = (0, 1, 2, 3)


class ControlShare:
    """The mean density of control in a window, over that of full load, in each sub-channel.

    Args:
        waveform: The waveform part of a corpus's spec, an LTE downlink with control.
        edges_hz: Lower and upper edge of each sub-channel.

    Source: TS 36.211, sections 6.6.4, 6.10.1.2 and 6.11.
    """

    def __init__(self, waveform: dict[str, Any], edges_hz: Float64[np.ndarray, "subchannel 2"]) -> None:
        extended = waveform.get("cyclic_prefix") == "extended"
        self._sizes: Numerology = numerology(
            float(waveform.get("bandwidth_mhz", 10)), extended_prefix=extended
        )
        per_slot = self._sizes.symbols_per_slot
        symbols = np.arange(self._sizes.symbols_per_frame)
        within, slot = symbols % per_slot, symbols // per_slot
        # In symbols 0 and the third from the end, every sixth element of each port.
        reference = np.isin(within, (0, per_slot - 3)) * int(waveform.get("antenna_ports", 1)) / 6
        sync = np.isin(slot % (SLOTS_PER_FRAME // 2), (0,)) & (within >= per_slot - 2)
        broadcast = (slot == _BROADCAST_SLOT) & np.isin(within, _BROADCAST_SYMBOLS)
        middle = np.where(sync | broadcast, 1.0, reference)
        lengths = self._sizes.symbol_samples[within]
        density = np.repeat(np.stack([reference, middle]), lengths, axis=1)
        self._sums = np.concatenate([np.zeros((2, 1)), np.cumsum(density, axis=1)], axis=1)
        overlap = np.minimum(edges_hz[:, 1], _MIDDLE_HZ) - np.maximum(edges_hz[:, 0], -_MIDDLE_HZ)
        self._in_middle = np.clip(overlap / np.diff(edges_hz, axis=1)[:, 0], 0, 1)

    def of(
        self, time_s: Float64[np.ndarray, " record"], samples: int
    ) -> Float64[np.ndarray, "record subchannel"]:
        """Return the share in each capture, frames beginning at time 0.

        Args:
            time_s: Start of each capture.
            samples: Samples of a capture.
        """
        frame = self._sizes.samples_per_frame
        begin = np.round(time_s * self._sizes.sample_rate_hz).astype(np.int64)
        wide, middle = (self._until(begin + samples, frame) - self._until(begin, frame)) / samples
        share: Float64[np.ndarray, "record subchannel"] = wide[:, None] + np.outer(
            middle - wide, self._in_middle
        )
        return share

    def _until(self, sample: np.ndarray, frame: int) -> np.ndarray:
        frames, rest = np.divmod(sample, frame)
        return np.asarray(frames * self._sums[:, -1:] + self._sums[:, rest])
