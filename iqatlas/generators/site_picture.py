"""The picture of one site's signal."""

from __future__ import annotations

import numpy as np

from iqatlas.generators.site_signal import SiteSignal
from iqatlas.plotting.waveform import TransmittedSignal, draw_waveform
from iqatlas.waveforms.lte.downlink import LteDownlink

_SHOWN_SAMPLES = 1 << 19
_LTE_SHOWN_S = 0.01
_LARGEST_SHOWN_S = 2.0


def picture(signal: SiteSignal) -> bytes:
    """Return a PNG picture of the beginning of a signal: a radio frame, or up to two seconds of voice.

    Args:
        signal: The signal.
    """
    transmission = signal.transmission
    starts = size = None
    shown_s = _LARGEST_SHOWN_S
    if isinstance(transmission.baseband, LteDownlink):
        shown_s = _LTE_SHOWN_S
    samples = min(signal.samples, _SHOWN_SAMPLES, round(shown_s * signal.sample_rate_hz))
    if isinstance(transmission.baseband, LteDownlink):
        numbers = transmission.baseband.numerology
        late = int(transmission.timing_samples[0])
        symbol = np.arange(
            int(numbers.symbol_at(np.array([-late]))[0]),
            int(numbers.symbol_at(np.array([samples - late]))[0]) + 1,
        )
        # In the middle of the prefix, where a clock that is off a little does no harm.
        body = numbers.symbol_start(symbol) + numbers.symbol_prefix(symbol) // 2 + late
        size = numbers.fft_size
        starts = body[(body >= 0) & (body + size <= samples)]
    return draw_waveform(
        TransmittedSignal(
            samples=signal.window(0, samples),
            sample_rate_hz=signal.sample_rate_hz,
            carrier_hz=signal.carrier_hz,
            occupancy=signal.occupancy,
            slot_s=signal.slot_samples / signal.sample_rate_hz,
            edges_hz=transmission.subchannel_edges_hz,
            symbol_starts=starts,
            fft_size=size,
            subcarrier_hz=transmission.subcarrier_hz,
        ),
        title=signal.description,
    )
