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
    earfcn: Annotated[int, Field(ge=0, le=262143)] | None = None
    """Downlink EARFCN (TS 36.101, section 5.7.3)."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Carrier:
        if (self.frequency_hz is None) == (self.earfcn is None):
            raise ValueError("give either frequency_hz or earfcn")
        return self


Decibels = Annotated[float, Field(ge=-60, le=30)]


class ChannelPowers(SpecModel):
    """Power of each kind of channel per element, relative to an even spread of 1 mW over the carrier."""

    payload_db: Decibels = 0.0
    """Elements of the shared channel, system information among them."""
    reference_db: Decibels = 0.0
    """Cell-specific reference signals."""
    synchronisation_db: Decibels = 0.0
    """PSS and SSS."""
    broadcast_db: Decibels = 0.0
    """The physical broadcast channel."""
    control_db: Decibels = 0.0
    """The control region's channels, which only coded payload has."""


class LteWaveform(SpecModel):
    """An LTE FDD downlink."""

    kind: Literal["lte"] = "lte"
    bandwidth_mhz: float = 10.0
    """Channel bandwidth: 1.4, 3, 5, 10, 15 or 20 MHz."""
    subchannels: Annotated[int, Field(ge=1, le=100)] = 16
    """Equal groups of resource blocks that are switched together, centred in the carrier."""
    control: Switch = True
    """Whether PSS, SSS, broadcast channel and reference signals are sent, also in vacant sub-channels."""
    payload: Literal["coded", "symbols"] = "symbols"
    """`coded`: broadcast, control and shared channels that a receiver decodes; for files and tests.
    `symbols`: random symbols on the elements of occupied sub-channels, at the speed of the transforms."""
    modulation: Literal["qpsk", "16qam", "64qam"] = "qpsk"
    """Modulation of the payload. Coded subframes with too little room for it take a lower one."""
    antenna_ports: Literal[1, 2] = 1
    """Antenna ports of the cell. Both are radiated from one position, as their sum."""
    cyclic_prefix: Literal["normal", "extended"] = "normal"
    """Seven symbols with a prefix of 4.7 µs in a slot, or six with one of 16.7 µs."""
    power: ChannelPowers = ChannelPowers()
    """Power of each kind of channel."""

    @field_validator("bandwidth_mhz")
    @classmethod
    def _standard(cls, bandwidth_mhz: float) -> float:
        if bandwidth_mhz not in BANDWIDTHS_MHZ:
            raise ValueError(f"LTE has {', '.join(f'{b:g}' for b in BANDWIDTHS_MHZ)} MHz")
        return bandwidth_mhz

    @model_validator(mode="after")
    def _coded_needs_control(self) -> LteWaveform:
        if self.payload == "coded" and not self.control:
            raise ValueError("payload: coded needs control: on, without which nothing can be decoded")
        return self


WaveformSpec = LteWaveform
