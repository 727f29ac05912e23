"""The features part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iqatlas.schema import SpecModel


class SpectrogramSpec(SpecModel):
    """Short-time power spectra of every capture."""

    nperseg: Annotated[int, Field(ge=8, le=65536)] = 128
    """Samples a segment, and bins of frequency."""
    hop: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Samples between segments; half a segment without it."""
    scale: Literal["dbm_per_hz", "mw_per_hz"] = "dbm_per_hz"
    """Unit of the stored densities: dBm/Hz, or mW/Hz on a linear scale."""

    @model_validator(mode="after")
    def _hop_is_short(self) -> SpectrogramSpec:
        if self.hop is not None and self.hop > self.nperseg:
            raise ValueError(f"hop is at most nperseg ({self.nperseg}), or samples would be skipped")
        return self

    @property
    def hop_samples(self) -> int:
        """Samples between segments."""
        return self.hop or max(1, self.nperseg // 2)


class FeaturesSpec(SpecModel):
    """What is computed from the captures and stored beside them."""

    spectrogram: SpectrogramSpec | None = SpectrogramSpec()
    """Power spectral densities of short segments; null for none."""
