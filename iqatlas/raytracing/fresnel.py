"""Reflection at a plane: Fresnel coefficients, and what roughness leaves of them."""

from __future__ import annotations

import numpy as np
import scipy.special
from jaxtyping import Complex128, Float64

VACUUM_PERMITTIVITY_F_PER_M = 8.8541878128e-12


def complex_permittivity(
    relative_permittivity: float, conductivity_s_per_m: float, frequency_hz: float
) -> complex:
    """Return ε − jσ/(ωε₀), for a time dependence exp(+jωt).

    Args:
        relative_permittivity: Real part ε.
        conductivity_s_per_m: Conductivity σ.
        frequency_hz: Frequency.
    """
    loss = conductivity_s_per_m / (2 * np.pi * frequency_hz * VACUUM_PERMITTIVITY_F_PER_M)
    return complex(relative_permittivity, -loss)


def fresnel_vertical(
    grazing_rad: Float64[np.ndarray, "*n"], permittivity: complex
) -> Complex128[np.ndarray, "*n"]:
    """Return the reflection coefficient of a vertically polarised wave; −1 at grazing incidence.

    Args:
        grazing_rad: Angle between ray and plane.
        permittivity: Complex relative permittivity of the plane.

    Source: ITU-R P.2040-3, section 2.2.2.1, for a half space, parallel polarisation with the sign
    that belongs to the vertical component of the field.
    """
    sine = np.sin(grazing_rad)
    root = np.sqrt(permittivity - np.cos(grazing_rad) ** 2 + 0j)
    coefficient: Complex128[np.ndarray, "*n"] = (permittivity * sine - root) / (permittivity * sine + root)
    return coefficient


def roughness_factor(
    grazing_rad: Float64[np.ndarray, "*n"],
    height_deviation_m: float,
    wavelength_m: float,
    *,
    miller_brown: bool,
) -> Float64[np.ndarray, "*n"]:
    """Return what a rough surface leaves of the specular reflection.

    Args:
        grazing_rad: Angle between ray and plane.
        height_deviation_m: Standard deviation σ_h of the surface's height.
        wavelength_m: Wavelength.
        miller_brown: Whether the modified Bessel function of Miller and Brown multiplies Ament's
            exponential; it fits measurements over high seas better.

    Source: W. S. Ament, "Toward a theory of reflection by a rough surface", Proc. IRE 1953:
    exp(−2g²), g = 2πσ_h sinψ/λ; A. R. Miller, R. M. Brown, E. Vegh, "New derivation for the
    rough-surface reflection coefficient", IEE Proc. H 1984: exp(−2g²)·I₀(2g²).
    """
    twice = 2 * (2 * np.pi * height_deviation_m * np.sin(grazing_rad) / wavelength_m) ** 2
    factor: Float64[np.ndarray, "*n"] = scipy.special.i0e(twice) if miller_brown else np.exp(-twice)
    return factor
