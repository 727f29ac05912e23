"""The cyclic spectrum's part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from iqatlas.schema import SpecModel

MOST_CHANNELS = 4096
"""The most channels that a spec may ask for."""
Pool = Literal["max", "mean"]
"""How the cells that share a stored value make it: their largest magnitude, or the mean of magnitudes."""


class ProfileOutput(SpecModel):
    """The cyclic profile: one value a range of cyclic frequency, over all frequencies."""

    kind: Literal["profile"] = "profile"
    """The profile."""
    size: Annotated[int, Field(ge=2, le=1 << 20)] | None = None
    """Values over the axis of cyclic frequency; 256 without it, or as many as captures are long."""
    pool: Pool = "max"
    """The largest magnitude of what a value covers, or the mean of magnitudes."""


class PlaneOutput(SpecModel):
    """The plane of frequency and cyclic frequency, pooled to a grid."""

    kind: Literal["plane"] = "plane"
    """The pooled plane."""
    grid: tuple[Annotated[int, Field(ge=2, le=4096)], Annotated[int, Field(ge=2, le=1 << 20)]] | None = None
    """Values over frequency, and over cyclic frequency; 64 and 64 without it, or as many as there are."""
    pool: Pool = "max"
    """The largest magnitude of what a value covers, or the mean of magnitudes."""


class FullOutput(SpecModel):
    """Every cell: a row a cyclic frequency, a column a channel (half as many for fam's conjugate plane)."""

    kind: Literal["full"] = "full"
    """All of the plane."""


class CyclicSpectrumSpec(SpecModel):
    """Cyclic spectra of every capture: how strongly frequencies that are α apart rise and fall together."""

    method: Literal["fam", "ssca"] = "fam"
    """The FFT accumulation method, or the strip spectral correlation analyser."""
    channels: Annotated[int, Field(ge=8, le=MOST_CHANNELS)] = 64
    """Channels that the band is cut into, a power of two: the resolution in frequency is fs/channels, and
    only lags below this many samples are seen (half as many for ssca)."""
    window: Literal["hamming", "hann", "kaiser6", "rectangular"] = "hamming"
    """Window of the channels; over lags for ssca."""
    hop: Annotated[int, Field(ge=1, le=2048)] | None = None
    """Samples between blocks of fam, a power of two up to half of channels; a quarter of it by default."""
    conjugate: bool = False
    """The conjugate plane, which holds 2·fc ± the symbol rate of BPSK and AM, in place of the plain one."""
    cyclic_resolution_hz: Annotated[float, Field(ge=1e-6)] | None = None
    """Cyclic resolution asked for: as many samples are used as it needs. Without it, as many as a capture
    holds, down to a power of two."""
    coherence: bool = False
    """Divide by the power spectrum at both frequencies of a cell: 0 to 1 whatever the level."""
    scale: Literal["db", "linear"] = "db"
    """10·log10 of the magnitudes, so dBm/Hz (dB for the coherence), or mW/Hz as they are."""
    output: Annotated[ProfileOutput | PlaneOutput | FullOutput, Field(discriminator="kind")] = PlaneOutput()
    """What is stored: the profile, the plane pooled to a grid, or every cell."""

    @field_validator("channels")
    @classmethod
    def _channels_are_a_power_of_two(cls, channels: int) -> int:
        if channels & (channels - 1):
            larger = 1 << channels.bit_length()
            raise ValueError(f"channels is a power of two, such as {larger // 2} or {larger}")
        return channels

    @model_validator(mode="after")
    def _hop_divides(self) -> CyclicSpectrumSpec:
        if self.hop is None:
            return self
        if self.method == "ssca":
            raise ValueError(
                "ssca moves sample by sample and takes no hop; leave hop out, or take method: fam"
            )
        if self.hop & (self.hop - 1) or self.hop > self.channels // 2:
            raise ValueError(f"hop is a power of two from 1 to half of channels ({self.channels // 2})")
        return self

    @model_validator(mode="after")
    def _grid_is_no_finer_than_the_channels(self) -> CyclicSpectrumSpec:
        grid = self.output.grid if isinstance(self.output, PlaneOutput) else None
        if grid is not None and grid[0] > self.frequencies:
            needed = grid[0] * self.channels // self.frequencies
            raise ValueError(
                f"a grid of {grid[0]} frequencies needs {1 << (needed - 1).bit_length()} channels; "
                f"{self.channels} channels give up to {self.frequencies}"
            )
        return self

    @property
    def hop_samples(self) -> int:
        """Samples between blocks."""
        return 1 if self.method == "ssca" else self.hop or self.channels // 4

    @property
    def frequencies(self) -> int:
        """The most columns of a plane: half the band is enough for the conjugate one, which is symmetric."""
        return self.channels // 2 if self.conjugate else self.channels

    @property
    def lags_below(self) -> int:
        """Samples that products have to lie nearer to each other than: ssca has lags to either side."""
        return self.channels // 2 if self.method == "ssca" else self.channels

    def channels_beyond(self, lag_samples: int) -> int:
        """Return the fewest channels that see a lag.

        Args:
            lag_samples: The lag.
        """
        return (1 << lag_samples.bit_length()) * (2 if self.method == "ssca" else 1)
