"""The capture part of a spec: how long, how many, how noisy."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from iqatlas.schema import SpecModel

Decibel = Annotated[float, Field(ge=-200, le=200)]


class SnrRange(SpecModel):
    """Equally spaced SNR levels, both ends included."""

    start: Decibel = -20.0
    """First level in dB."""
    stop: Decibel = 20.0
    """Last level in dB, where whole steps reach it."""
    step: Annotated[float, Field(gt=0, le=200)] = 5.0
    """Distance of the levels in dB."""

    @model_validator(mode="after")
    def _ordered(self) -> SnrRange:
        if self.stop < self.start:
            raise ValueError("stop is below start")
        return self


class CaptureSpec(SpecModel):
    """Captures: records = draws x slots x SNR levels."""

    samples: Annotated[int, Field(ge=16, le=10_000_000)] = 1024
    """Samples a capture and receiver, at the waveform's sampling rate."""
    slots: Annotated[int, Field(ge=1, le=100_000_000)] = 256
    """Occupancy slots a draw; one capture in each, at a random time inside it, for every SNR level."""
    draws: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Independent repetitions of the whole: other occupancy, payload, start times and noise."""
    snr_db: SnrRange | Annotated[tuple[Decibel, ...], Field(min_length=1, max_length=1000)] | Decibel = (
        SnrRange()
    )
    """Signal-to-noise ratio at full load (every sub-channel of every site occupied), noise counted
    in the bandwidth of the sub-channels: a range, a list or one number."""
    noise: Literal["common_floor", "per_receiver", "thermal"] = "common_floor"
    """common_floor: one noise power for all receivers, set so that the strongest one has the SNR;
    per_receiver: each receiver has the SNR; thermal: kTB and the noise figure (without snr_db)."""
    noise_figure_db: Annotated[float, Field(ge=0, le=50)] = 7.0
    """Receiver noise figure for thermal noise."""
    payload: Literal["fresh", "fixed"] = "fresh"
    """fresh: every record has payload and start time of its own; fixed: a slot has the same payload and start
    time in every draw and at every SNR level, which a net memorises: to show that it does, not to train."""
    motion_error: Annotated[float, Field(ge=1e-6, le=0.1)] = 1e-3
    """Largest error, relative to each path, that the motion of the UAVs during a capture may leave."""

    @field_validator("snr_db", mode="before")
    @classmethod
    def _no_slice(cls, snr_db: object) -> object:
        # As MATLAB and Python's slices have it; YAML has no such thing.
        if isinstance(snr_db, str) and re.fullmatch(r"[-+.\d]+(:[-+.\d]+){1,2}", snr_db.strip()):
            raise ValueError("a range of levels is a mapping, such as {start: -30, stop: 30, step: 5}")
        return snr_db

    @model_validator(mode="after")
    def _levels_are_used(self) -> CaptureSpec:
        if self.noise == "thermal" and "snr_db" in self.model_fields_set:
            raise ValueError(
                "thermal noise follows from the noise figure: leave snr_db out (--set capture.snr_db=null)"
            )
        if self.noise != "thermal" and "noise_figure_db" in self.model_fields_set:
            raise ValueError("noise_figure_db is for noise: thermal (--set capture.noise_figure_db=null)")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is stored can be read again: it leaves out what this kind of noise refuses.
        stored: dict[str, Any] = handler(self)
        del stored["snr_db" if self.noise == "thermal" else "noise_figure_db"]
        if self.payload == "fresh":
            del stored["payload"]  # specs from before there was a choice keep their hash
        return stored

    def snr_levels_db(self) -> Float64[np.ndarray, "level"]:
        """Return the SNR levels in dB; one level, NaN, for thermal noise."""
        if self.noise == "thermal":
            return np.array([np.nan])
        if isinstance(self.snr_db, SnrRange):
            steps = int(np.floor((self.snr_db.stop - self.snr_db.start) / self.snr_db.step + 1e-9))
            return self.snr_db.start + self.snr_db.step * np.arange(steps + 1, dtype=np.float64)
        return np.atleast_1d(np.array(self.snr_db, np.float64))
