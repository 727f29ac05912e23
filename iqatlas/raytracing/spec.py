"""The ray-tracing part of a spec: which model makes the paths, and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from iqatlas.schema import SpecModel

GroundMaterial = Literal["very_dry_ground", "medium_dry_ground", "wet_ground", "concrete"]


class SionnaRaytracing(SpecModel):
    """Sionna RT's path solver."""

    kind: Literal["sionna"] = "sionna"
    """Trace the paths between the buildings."""
    max_reflections: Annotated[int, Field(ge=0, le=12)] = 5
    """Most interactions of a path; with 0, the line of sight alone."""
    diffraction: bool = True
    """First-order diffraction at wedges."""
    edge_diffraction: bool = False
    """Diffraction at free-floating edges too, such as those of canopies."""
    refraction: bool = False
    """Paths through walls. The solver is then not repeatable to the last bit; the stored paths are
    what makes the corpus."""
    diffuse_scattering: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the reflected amplitude that every surface scatters (Lambertian); 0 for none."""
    rays_per_site: Annotated[int, Field(ge=1000, le=100_000_000)] = 1_000_000
    """Rays shot to find candidate paths; more find more of the weak ones."""
    site_antenna: Literal["isotropic", "dipole", "tr38901"] = "isotropic"
    """Pattern of the sites' antennas; tr38901 is the sector antenna of TR 38.901, section 7.3,
    pointed by a site's azimuth (north where that is unknown) and lowered by its tilt."""
    receiver_antenna: Literal["isotropic", "dipole"] = "isotropic"
    """Pattern of the receivers' antennas; a dipole stands upright."""
    downtilt_deg: Annotated[float, Field(ge=-90, le=90)] = 0.0
    """Tilt below the horizon of sector antennas whose own is unknown."""

    @model_validator(mode="after")
    def _settings_are_used(self) -> SionnaRaytracing:
        if self.edge_diffraction and not self.diffraction:
            raise ValueError("edge_diffraction needs diffraction: true")
        if self.downtilt_deg and self.site_antenna != "tr38901":
            raise ValueError("downtilt_deg is for site_antenna: tr38901")
        return self


class FreeSpace(SpecModel):
    """The line of sight alone, in closed form; buildings are ignored."""

    kind: Literal["free_space"] = "free_space"
    """One path a link, without the buildings."""


class TwoRay(SpecModel):
    """The line of sight and its mirror image in flat ground, in closed form; buildings are ignored."""

    kind: Literal["two_ray"] = "two_ray"
    """Two paths a link, without the buildings."""
    ground: GroundMaterial = "medium_dry_ground"
    """Material of the ground (ITU-R P.2040)."""


class Maritime(SpecModel):
    """Direct, specular and diffuse paths over the sea; heights are above the sea."""

    kind: Literal["maritime"] = "maritime"
    """Paths over the sea, without the coast."""
    wave_height_deviation_m: Annotated[float, Field(ge=0, le=20)] = 0.3
    """Standard deviation of the sea's height; a quarter of the significant wave height."""
    roughness: Literal["ament", "miller_brown"] = "miller_brown"
    """What waves leave of the specular reflection."""
    rician_k_db: Annotated[float, Field(ge=-20, le=60)] = 12.0
    """Power of the direct path over that of the diffuse ones."""
    diffuse_excess_m: Annotated[float, Field(gt=0, le=10_000)] = 15.0
    """Mean length that diffuse paths have beyond the specular one."""
    relative_permittivity: Annotated[float, Field(ge=1, le=200)] = 70.0
    """Of sea water."""
    conductivity_s_per_m: Annotated[float, Field(ge=0, le=50)] = 5.0
    """Of sea water."""


class AerialUrbanMacro(SpecModel):
    """3GPP's statistical channel of aerial users (TR 36.777); buildings are ignored."""

    kind: Literal["aerial_urban_macro"] = "aerial_urban_macro"
    """Random paths, without the buildings."""
    delay_spread_s: Annotated[float, Field(gt=0, le=1e-4)] = 100e-9
    """Root-mean-square delay spread that the tapped delay lines are scaled to."""


class StoredPaths(SpecModel):
    """Paths of a corpus that is there already, or of a store of paths; nothing is traced."""

    kind: Literal["stored"] = "stored"
    """Read the paths of another corpus."""
    path: Path
    """A corpus; relative paths are relative to the spec's folder."""


RaytracingSpec = Annotated[
    SionnaRaytracing | FreeSpace | TwoRay | Maritime | AerialUrbanMacro | StoredPaths,
    Field(discriminator="kind"),
]
