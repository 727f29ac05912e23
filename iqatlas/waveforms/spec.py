"""The waveform and carrier parts of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from iqatlas.schema import SpecModel


def _switch(value: object) -> object:
    # YAML 1.1 reads `on` and `off` as booleans; JSON and quoted YAML give the words.
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_switch)]

BANDWIDTHS_MHZ = (1.4, 3.0, 5.0, 10.0, 15.0, 20.0)
"""Channel bandwidths of E-UTRA (TS 36.101, section 5.6)."""


class Carrier(SpecModel):
    """The downlink carrier, by frequency or by LTE channel number."""

    frequency_hz: Annotated[float, Field(ge=100e6, le=100e9)] | None = None
    """Centre of the downlink channel."""
    earfcn: Annotated[int, Field(ge=0, le=262143)] | None = None
    """Downlink EARFCN (TS 36.101, section 5.7.3)."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Carrier:
        if (self.frequency_hz is None) == (self.earfcn is None):
            raise ValueError("give either frequency_hz or earfcn")
        return self


class LteWaveform(SpecModel):
    """An LTE-like FDD downlink with normal cyclic prefix."""

    kind: Literal["lte"] = "lte"
    """An LTE-like downlink."""
    bandwidth_mhz: float = 10.0
    """Channel bandwidth: 1.4, 3, 5, 10, 15 or 20 MHz."""
    subchannels: Annotated[int, Field(ge=1, le=100)] = 16
    """Equal groups of resource blocks that are switched together, centred in the carrier."""
    control: Switch = True
    """Whether PSS, SSS and cell-specific reference signals are sent, also in vacant sub-channels."""
    modulation: Literal["qpsk"] = "qpsk"
    """Modulation of the payload."""

    @field_validator("bandwidth_mhz")
    @classmethod
    def _standard(cls, bandwidth_mhz: float) -> float:
        if bandwidth_mhz not in BANDWIDTHS_MHZ:
            raise ValueError(f"LTE has {', '.join(f'{b:g}' for b in BANDWIDTHS_MHZ)} MHz")
        return bandwidth_mhz


WaveformSpec = LteWaveform
