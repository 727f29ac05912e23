"""Over the sea: direct ray, specular reflection that waves weaken, and a random diffuse part."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from iqatlas.raytracing.free_space import direct_rays
from iqatlas.raytracing.fresnel import complex_permittivity, fresnel_vertical, roughness_factor
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS, PathSet
from iqatlas.raytracing.rays import Rays, paths_from_rays
from iqatlas.raytracing.spec import Maritime
from iqatlas.raytracing.two_ray import join_rays, reflected_rays
from iqatlas.scenes.scene import Receivers, Site

DIFFUSE = 2
_DIFFUSE_PATHS = 12
"""Enough for the sum's amplitude to be Rayleigh distributed to a percent; each is Gaussian itself."""


def sea_permittivity(spec: Maritime, frequency_hz: float) -> complex:
    """Return the complex relative permittivity of the sea that a spec describes."""
    return complex_permittivity(spec.relative_permittivity, spec.conductivity_s_per_m, frequency_hz)


def maritime_paths(
    sites: tuple[Site, ...],
    receivers: Receivers,
    spec: Maritime,
    *,
    frequency_hz: float,
    rng: np.random.Generator,
) -> PathSet:
    """Return direct, specular and diffuse paths of every link over a sea at height 0.

    Args:
        sites: Transmitters (ships, buoys, coast stations), isotropic, vertically polarised.
        receivers: Receivers, likewise.
        spec: State of the sea.
        frequency_hz: Carrier.
        rng: Stream of the diffuse part; each waypoint has its own draw.

    Raises:
        RaytracingError: An antenna lies in or under the sea.

    Source: the propagation model P_r = (λ/4πd)² P_t |1 + Σρ_i exp(jφ_i)|² with Ament's or
    Miller-Brown's roughness; the diffuse part is complex Gaussian with the Rician factor K against
    the direct ray (the Nakagami-Rice distribution of ITU-R P.1057).
    """
    wavelength = SPEED_OF_LIGHT_MPS / frequency_hz
    direct = direct_rays(sites, receivers)
    specular, grazing = reflected_rays(sites, receivers)
    rough = roughness_factor(
        grazing, spec.wave_height_deviation_m, wavelength, miller_brown=spec.roughness == "miller_brown"
    )
    specular.coefficient[...] = fresnel_vertical(grazing, sea_permittivity(spec, frequency_hz)) * rough
    diffuse = _diffuse_rays(direct, specular, spec, rng)
    return paths_from_rays(
        join_rays(direct, specular, diffuse),
        receivers.velocity_mps,
        frequency_hz=frequency_hz,
        model={
            "kind": spec.kind,
            "wave_height_deviation_m": spec.wave_height_deviation_m,
            "roughness": spec.roughness,
            "rician_k_db": spec.rician_k_db,
            "antennas": "isotropic, vertical polarisation",
        },
    )


def _diffuse_rays(direct: Rays, specular: Rays, spec: Maritime, rng: np.random.Generator) -> Rays:
    """Return rays scattered about the specular point, with the power that the Rician factor leaves."""
    shape = (*direct.length_m.shape[:3], _DIFFUSE_PATHS)
    excess = rng.exponential(spec.diffuse_excess_m, shape)
    length = specular.length_m + excess
    gaussian = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    power = 10 ** (-spec.rician_k_db / 10) / _DIFFUSE_PATHS
    # The factor K is against the direct ray, whose free-space amplitude has another length.
    coefficient = gaussian * np.sqrt(power / 2) * (length / direct.length_m)
    azimuth = rng.uniform(-np.pi, np.pi, shape)
    radius = np.sqrt(excess * (excess + 2 * specular.length_m)) / 2
    vertex = np.repeat(specular.vertex_m, _DIFFUSE_PATHS, axis=3)
    vertex[..., 0, 0] += radius * np.cos(azimuth)
    vertex[..., 0, 1] += radius * np.sin(azimuth)
    return Rays(
        coefficient=coefficient,
        length_m=length,
        departure=np.repeat(specular.departure, _DIFFUSE_PATHS, axis=3),
        arrival=np.repeat(specular.arrival, _DIFFUSE_PATHS, axis=3),
        interaction=np.full((*shape, 1), DIFFUSE, np.int8),
        vertex_m=vertex,
    )


def rician_k_db(amplitude: Float64[np.ndarray, "*n"]) -> float:
    """Return the Rician factor of amplitudes by their second and fourth moments.

    Args:
        amplitude: Amplitudes of one narrow-band link over many draws.

    Source: C. Tepedelenlioğlu, A. Abdi, G. B. Giannakis, "The Ricean K factor: estimation and
    performance analysis", IEEE Trans. Wireless Commun., 2003, K₂,₄.
    """
    second = float(np.mean(amplitude**2))
    fourth = float(np.mean(amplitude**4))
    coherent = np.sqrt(max(0.0, 2 * second**2 - fourth))
    return float(10 * np.log10(coherent / max(second - coherent, np.finfo(float).tiny)))
