"""What features have to know of the captures beside their samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from iqatlas.waveforms.spec import WaveformSpec
from iqatlas.waveforms.symbol_clock import symbol_clock


@dataclass(frozen=True, eq=False)
class CaptureSetting:
    """The captures that features are worked out from.

    Args:
        samples: Samples of a capture.
        sample_rate_hz: Sampling rate.
        subchannel_edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
        useful_symbol_samples: Samples of an OFDM symbol without its prefix (Tu); None without symbols.
        symbol_rate_hz: OFDM symbols a second; None without symbols.
    """

    samples: int
    sample_rate_hz: float
    subchannel_edges_hz: Float64[np.ndarray, "subchannel 2"]
    useful_symbol_samples: int | None = None
    symbol_rate_hz: float | None = None

    @classmethod
    def of(
        cls,
        waveform: WaveformSpec | None,
        *,
        samples: int,
        sample_rate_hz: float,
        subchannel_edges_hz: Float64[np.ndarray, "subchannel 2"],
    ) -> CaptureSetting:
        """Return the setting of captures of a waveform; of an unknown one without it."""
        clock = symbol_clock(waveform) if waveform is not None else None
        return cls(
            samples,
            sample_rate_hz,
            subchannel_edges_hz,
            useful_symbol_samples=round(clock.useful_symbol_s * sample_rate_hz) if clock else None,
            symbol_rate_hz=clock.symbol_rate_hz if clock else None,
        )
