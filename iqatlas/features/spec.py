"""The features part of a spec."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.schema import SpecModel

WaveletName = Literal["haar", "db2", "db4", "db8", "sym4", "sym8", "coif1", "coif3", "bior4.4"]


class Segments(SpecModel):
    """How captures are cut into short segments."""

    nperseg: Annotated[int, Field(ge=8, le=65536)] = 128
    """Samples a segment, and bins of frequency."""
    hop: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Samples between segments; half a segment without it."""

    @model_validator(mode="after")
    def _hop_is_short(self) -> Segments:
        if self.hop is not None and self.hop > self.nperseg:
            raise ValueError(f"hop is at most nperseg ({self.nperseg}), or samples would be skipped")
        return self

    @property
    def hop_samples(self) -> int:
        """Samples between segments."""
        return self.hop or max(1, self.nperseg // 2)


class SpectrogramSpec(Segments):
    """Short-time power spectra of every capture."""

    scale: Literal["dbm_per_hz", "mw_per_hz"] = "dbm_per_hz"
    """Unit of the stored densities: dBm/Hz, or mW/Hz on a linear scale."""


class PowerSpectrumSpec(Segments):
    """One power spectrum of every capture, by Welch's method."""

    window: Literal["hann", "hamming", "blackman", "blackmanharris", "flattop", "boxcar"] = "hann"
    """Taper of the segments."""
    scale: Literal["dbm_per_hz", "mw_per_hz"] = "dbm_per_hz"
    """Unit of the stored densities: dBm/Hz, or mW/Hz on a linear scale."""


class SubchannelEnergySpec(SpecModel):
    """Power of every capture in each sub-channel."""

    scale: Literal["dbm", "mw"] = "dbm"
    """Unit of the stored powers: dBm, or mW on a linear scale."""


Lag = Annotated[int, Field(ge=0, le=262144)]
CyclicFrequency = Annotated[float, Field(ge=-1e9, le=1e9)]


class CyclicAutocorrelationSpec(SpecModel):
    """Cyclic autocorrelation of every capture at given lags and cyclic frequencies."""

    lag_samples: Lag | Annotated[tuple[Lag, ...], Field(min_length=1, max_length=64)] | None = None
    """One lag, or a list of them, which adds an axis; without it, the useful symbol of the waveform (Tu)."""
    cyclic_frequency_hz: (
        Annotated[tuple[CyclicFrequency, ...], Field(min_length=1, max_length=1024)] | None
    ) = None
    """Cyclic frequencies; without them, 0 to harmonics times the symbol rate of the waveform."""
    harmonics: Annotated[int, Field(ge=0, le=511)] = 6
    """Multiples of the symbol rate beside 0, where cyclic_frequency_hz is left out."""
    output: Literal["complex", "magnitude"] = "complex"
    """Complex values, or their magnitude alone."""
    normalised: bool = False
    """Whether values are divided by the power of the capture, R⁰(0)."""

    @model_validator(mode="after")
    def _one_grid(self) -> CyclicAutocorrelationSpec:
        if self.cyclic_frequency_hz is not None and "harmonics" in self.model_fields_set:
            raise ValueError("harmonics is for the symbol rate's lines: leave it or cyclic_frequency_hz out")
        for name in ("lag_samples", "cyclic_frequency_hz"):
            values = getattr(self, name)
            if isinstance(values, tuple) and len(set(values)) != len(values):
                raise ValueError(f"a value of {name} is there twice")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is stored can be read again: it leaves out what a given grid refuses.
        stored: dict[str, Any] = handler(self)
        if self.cyclic_frequency_hz is not None:
            del stored["harmonics"]
        return stored


class WaveletSpec(SpecModel):
    """I/Q with the noise taken out by thresholds on wavelet coefficients."""

    wavelet: WaveletName = "sym8"
    """Orthogonal or biorthogonal wavelet, as PyWavelets names it."""
    levels: Annotated[int, Field(ge=1, le=20)] | None = None
    """Levels of the decomposition; without it, as many as a capture has room for, at most 6."""
    threshold: Literal["soft", "hard"] = "soft"
    """soft: coefficients shrink by the threshold; hard: those above it stay as they are."""
    noise: Literal["finest", "level"] = "finest"
    """Where σ̂ is taken from: the finest level (white noise), or each level for itself (coloured noise)."""


class TabularSpec(Segments):
    """A table of statistics of every capture, for trees and linear models."""

    duty_false_alarm: Annotated[float, Field(ge=1e-6, le=0.2)] = 0.01
    """Probability that a segment of noise alone counts as busy."""
    duty_guard: bool = True
    """Whether bins outside all sub-channels tell the floor, where there are any; false where a filter takes
    the noise away there."""
    duty_threshold_db: Annotated[float, Field(gt=0, le=60)] | None = None
    """In place of both, as corpora were made before: a segment counts as busy from so far above the 10th
    percentile of the capture's short-time densities on, which noise alone passes often."""

    @model_validator(mode="after")
    def _one_floor(self) -> TabularSpec:
        beside = {"duty_false_alarm", "duty_guard"} & self.model_fields_set
        if self.duty_threshold_db is not None and beside:
            raise ValueError(f"give either duty_threshold_db or {sorted(beside)[0]}")
        return self

    @model_serializer(mode="wrap")
    def _without_the_other(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Specs that were stored with a threshold keep their hash, and what they mean.
        stored: dict[str, Any] = handler(self)
        if self.duty_threshold_db is None:
            del stored["duty_threshold_db"]
        else:
            del stored["duty_false_alarm"], stored["duty_guard"]
        return stored


class FeaturesSpec(SpecModel):
    """What is computed from the captures and stored beside them."""

    spectrogram: SpectrogramSpec | None = SpectrogramSpec()
    """Power spectral densities of short segments; null for none."""
    power_spectrum: PowerSpectrumSpec | None = None
    """Welch's power spectrum of the whole capture; {} for its defaults, as for all that follow."""
    subchannel_energy: SubchannelEnergySpec | None = None
    """Power in each sub-channel."""
    cyclic_spectrum: CyclicSpectrumSpec | None = None
    """How strongly frequencies that are a cyclic frequency apart rise and fall together."""
    cyclic_autocorrelation: CyclicAutocorrelationSpec | None = None
    """Cyclic autocorrelation, at the lag of the cyclic prefix without more words."""
    wavelet: WaveletSpec | None = None
    """Denoised I/Q."""
    tabular: TabularSpec | None = None
    """Statistics as named columns."""

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What nobody asked for is left out: a feature that is added to iqatlas changes no older spec's hash.
        stored: dict[str, Any] = handler(self)
        return {name: value for name, value in stored.items() if value is not None or name == "spectrogram"}
