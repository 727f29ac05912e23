"""The receiver part of a spec: what real receivers do to what their antennas hear."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from iqatlas.schema import SpecModel
from iqatlas.waveforms.spec import Ppm, WienerPhaseNoise

OffsetHz = Annotated[float, Field(ge=-1e6, le=1e6)]
GainDb = Annotated[float, Field(ge=-6, le=6)]
SkewDeg = Annotated[float, Field(ge=-45, le=45)]
DcDb = Annotated[float, Field(ge=-150, le=20)]


class AutomaticGain(SpecModel):
    """A gain that is set for each capture and receiver by the power in it."""

    kind: Literal["agc"] = "agc"
    """Automatic gain control."""
    back_off_db: Annotated[float, Field(ge=-10, le=60)] = 12.0
    """Power of a full-scale tone over the mean power of the capture, at the converter."""
    step_db: Annotated[float, Field(ge=0, le=20)] = 0.0
    """Steps in which the gain can be set; the capture is then up to a step weaker. 0 for any gain."""


class FixedGain(SpecModel):
    """One gain for all captures."""

    kind: Literal["fixed"] = "fixed"
    """A gain that stays."""
    full_scale_dbm: Annotated[float, Field(ge=-200, le=50)] = -40.0
    """Power of a tone at the antenna port that just fills the converter."""


class Converter(SpecModel):
    """Analogue-to-digital converters of I and Q, uniform, which clip what is too large."""

    bits: Annotated[int, Field(ge=1, le=24)] = 12
    """Bits of each."""
    gain: Annotated[AutomaticGain | FixedGain, Field(discriminator="kind")] = AutomaticGain()
    """What sets the level at the converters. It is divided out again: samples stay in √mW."""


class ReceiverFrontEnd(SpecModel):
    """What real receivers do; all of it off by default.

    A pair [low, high] is drawn from for each receiver, once for the whole corpus.
    """

    carrier_offset_ppm: Ppm | tuple[Ppm, Ppm] = 0.0
    """Error of the receiver's oscillator: one number for all receivers, or [low, high]. One that is too
    high moves what is received down."""
    carrier_offset_hz: OffsetHz | tuple[OffsetHz, OffsetHz] = 0.0
    """The same in Hz, likewise; give one of both."""
    sampling_offset_ppm: Ppm | tuple[Ppm, Ppm] = 0.0
    """Error of the sampling clock, likewise. Captures begin at their true time, and drift from there."""
    phase_noise: WienerPhaseNoise | None = None
    """Phase noise of the receiver's oscillator; null for none."""
    iq_gain_db: GainDb | tuple[GainDb, GainDb] = 0.0
    """Gain of the Q branch over that of the I branch, likewise."""
    iq_phase_deg: SkewDeg | tuple[SkewDeg, SkewDeg] = 0.0
    """By how much I and Q are not in quadrature, likewise."""
    dc_offset_db: DcDb | tuple[DcDb, DcDb] | None = None
    """Power of a constant over the receiver's mean power at full load, likewise; null for none."""
    adc: Converter | None = None
    """Converters; null for ideal ones."""

    @field_validator(
        "carrier_offset_ppm",
        "carrier_offset_hz",
        "sampling_offset_ppm",
        "iq_gain_db",
        "iq_phase_deg",
        "dc_offset_db",
    )
    @classmethod
    def _rising(cls, value: float | tuple[float, float] | None) -> float | tuple[float, float] | None:
        if isinstance(value, tuple) and value[1] < value[0]:
            raise ValueError("the second number is below the first")
        return value

    @model_validator(mode="after")
    def _one_offset(self) -> ReceiverFrontEnd:
        if self.carrier_offset_ppm != 0 and self.carrier_offset_hz != 0:
            raise ValueError("give either carrier_offset_ppm or carrier_offset_hz")
        return self

    @property
    def off(self) -> bool:
        """Whether receivers are ideal."""
        return self == ReceiverFrontEnd()
