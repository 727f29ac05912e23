"""The ray-tracing part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from iqatlas.schema import SpecModel


class SionnaRaytracing(SpecModel):
    """Sionna RT's path solver, with isotropic vertically polarised antennas."""

    kind: Literal["sionna"] = "sionna"
    """Trace the paths between the buildings."""
    max_reflections: Annotated[int, Field(ge=0, le=12)] = 5
    """Most reflections of a path; with 0, the line of sight alone."""
    diffraction: bool = True
    """First-order diffraction at wedges."""
    rays_per_site: Annotated[int, Field(ge=1000, le=100_000_000)] = 1_000_000
    """Rays shot to find candidate paths; more find more of the weak ones."""


class FreeSpace(SpecModel):
    """The line of sight alone, in closed form; buildings are ignored."""

    kind: Literal["free_space"] = "free_space"
    """One path a link, without the buildings."""


RaytracingSpec = Annotated[SionnaRaytracing | FreeSpace, Field(discriminator="kind")]
