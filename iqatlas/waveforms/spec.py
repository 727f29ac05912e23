"""The waveform and carrier parts of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from iqatlas.schema import SpecModel


def _switch(value: object) -> object:
    # YAML 1.1 reads `on` and `off` as booleans; JSON and quoted YAML give the words.
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


# Editors read YAML 1.2, to which a bare `on` or `off` is a string.
_SWITCH_SCHEMA = {"anyOf": [{"type": "boolean"}, {"enum": ["on", "off"], "type": "string"}]}

Switch = Annotated[bool, BeforeValidator(_switch), WithJsonSchema(_SWITCH_SCHEMA, mode="validation")]

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
    """An LTE-like downlink."""
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


class MarineVhfWaveform(SpecModel):
    """Voice on channels of the VHF maritime mobile band, one sub-channel a channel."""

    kind: Literal["marine_vhf"] = "marine_vhf"
    """Voice on the marine VHF channels."""
    channels: Annotated[tuple[int, ...], Field(min_length=1, max_length=100)] = (6, 8, 10, 12, 14, 16, 67, 72)
    """Channel numbers of ITU-R M.1084, annex 4: a duplex channel stands for what its coast station
    sends; 10nn and 20nn are the lower and upper leg of channel nn. Sub-channels rise in frequency."""
    modulation: Literal["fm", "am"] = "fm"
    """fm: pre-emphasis of 6 dB an octave; am: double sideband with carrier."""
    deviation_hz: Annotated[float, Field(ge=500, le=7500)] | None = None
    """Peak frequency deviation of the loudest syllable; for fm, 5 kHz without it (ITU-R M.489)."""
    depth: Annotated[float, Field(gt=0, le=1)] | None = None
    """Modulation depth of the loudest syllable; for am, 0.85 without it."""
    sample_rate_hz: Annotated[float, Field(ge=50e3, le=51.2e6)] | None = None
    """A multiple of 50 kHz; left out, the smallest of 25 kHz times a power of two that holds the channels."""

    @property
    def subchannels(self) -> int:
        """Number of sub-channels."""
        return len(self.channels)

    @model_validator(mode="after")
    def _of_the_modulation(self) -> MarineVhfWaveform:
        name = "depth" if self.modulation == "fm" else "deviation_hz"
        if getattr(self, name) is not None:
            raise ValueError(f"{name} is not for modulation: {self.modulation}")
        return self

    @field_validator("channels")
    @classmethod
    def _distinct(cls, channels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(channels)) != len(channels):
            raise ValueError("a channel is there twice")
        return channels


def _kind(waveform: object) -> object:
    # LTE is meant where no kind is given.
    if isinstance(waveform, dict):
        return waveform.get("kind", "lte")
    return getattr(waveform, "kind", "lte")


WaveformSpec = Annotated[
    Annotated[LteWaveform, Tag("lte")] | Annotated[MarineVhfWaveform, Tag("marine_vhf")], Discriminator(_kind)
]

Ppm = Annotated[float, Field(ge=-100, le=100)]


class WienerPhaseNoise(SpecModel):
    """A free-running oscillator: its phase is a random walk, its line a Lorentzian."""

    kind: Literal["wiener"] = "wiener"
    """A random walk of the phase."""
    linewidth_hz: Annotated[float, Field(gt=0, le=1e5)] = 10.0
    """Full width at half power. The variance of the phase grows by 2π times it a second, and the
    sideband density at an offset f beyond it is linewidth / (2π f²) of the carrier."""


class RappAmplifier(SpecModel):
    """A solid-state power amplifier that compresses amplitudes and leaves phases alone."""

    kind: Literal["rapp"] = "rapp"
    """Rapp's model."""
    back_off_db: Annotated[float, Field(ge=-10, le=40)] = 9.0
    """Saturated power over the mean power at full load, at the amplifier's input."""
    smoothness: Annotated[float, Field(ge=0.5, le=20)] = 3.0
    """Rapp's p: the larger, the sharper the knee."""


class Transmitter(SpecModel):
    """What real transmitters add to their waveform; all of it off by default."""

    frame_timing: Literal["aligned", "random"] = "aligned"
    """random: the frames of each site begin at an own random time within 10 ms."""
    carrier_offset_ppm: Ppm | tuple[Ppm, Ppm] = 0.0
    """Error of the carrier frequency: one number for all sites, or [low, high] to draw from for each."""
    sampling_offset_ppm: Ppm | tuple[Ppm, Ppm] = 0.0
    """Error of the sampling clock, likewise. Occupancy keeps true time, frames drift."""
    phase_noise: WienerPhaseNoise | None = None
    """Phase noise of the oscillator; null for none."""
    amplifier: RappAmplifier | None = None
    """Power amplifier; null for a linear one."""
    edge_window: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Raised-cosine transition between OFDM symbols, as a share of the shortest cyclic prefix."""

    @field_validator("carrier_offset_ppm", "sampling_offset_ppm")
    @classmethod
    def _rising(cls, ppm: float | tuple[float, float]) -> float | tuple[float, float]:
        if isinstance(ppm, tuple) and ppm[1] < ppm[0]:
            raise ValueError("the second number is below the first")
        return ppm
