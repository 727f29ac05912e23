"""The clock of a waveform's symbols, which its cyclic features follow."""

from __future__ import annotations

from dataclasses import dataclass

from iqatlas.waveforms.lte.numerology import SUBCARRIER_SPACING_HZ, symbols_per_slot
from iqatlas.waveforms.spec import LteWaveform, WaveformSpec

_SLOT_S = 0.5e-3


@dataclass(frozen=True)
class SymbolClock:
    """Times of OFDM symbols.

    Args:
        useful_symbol_s: Length of a symbol without its prefix (Tu).
        symbol_rate_hz: Symbols a second, on average over a slot: the spacing of strong cyclic lines.
    """

    useful_symbol_s: float
    symbol_rate_hz: float


def symbol_clock(waveform: WaveformSpec) -> SymbolClock | None:
    """Return the clock of a waveform's symbols; None where it has none.

    Args:
        waveform: The waveform.

    Source: TS 36.211, sections 6.2.3 and 6.12.
    """
    if not isinstance(waveform, LteWaveform):
        return None
    symbols = symbols_per_slot(waveform.cyclic_prefix == "extended")
    return SymbolClock(1 / SUBCARRIER_SPACING_HZ, symbols / _SLOT_S)
