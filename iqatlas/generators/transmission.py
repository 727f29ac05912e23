"""The transmission of a spec: its waveform by its transmitters on its carrier."""

from __future__ import annotations

from collections.abc import Sequence

from iqatlas.generators.spec import CorpusSpec
from iqatlas.waveforms.carrier import carrier_frequency_hz, operating_band
from iqatlas.waveforms.transmission import Transmission


def transmission_for(spec: CorpusSpec, *, cell_ids: Sequence[int]) -> Transmission:
    """Return what the sites of a spec send.

    Args:
        spec: The spec.
        cell_ids: Physical cell identity of each site.

    Raises:
        SpecError: Waveform, transmitter and carrier don't fit each other.
    """
    return Transmission(
        spec.waveform,
        spec.transmitter,
        cell_ids=tuple(cell_ids),
        carrier_hz=carrier_frequency_hz(spec.carrier),
        band=operating_band(spec.carrier),
        seed=spec.seed,
    )
