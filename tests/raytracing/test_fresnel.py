"""Reflection at a plane against what textbooks say of it, and what waves leave of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.raytracing.fresnel import complex_permittivity, fresnel_vertical, roughness_factor


def test_permittivity_of_sea_water() -> None:
    # 5 S/m at 1 GHz: 5 / (2π · 1e9 · 8.8542e-12) = 89.876.
    assert complex_permittivity(70.0, 5.0, 1e9) == pytest.approx(70 - 89.876j, abs=1e-3)


@given(st.floats(1.1, 100))
def test_nothing_is_reflected_at_the_brewster_angle(permittivity: float) -> None:
    grazing = np.array([np.pi / 2 - np.arctan(np.sqrt(permittivity))])
    # Rounding alone is left.
    assert abs(fresnel_vertical(grazing, complex(permittivity))[0]) < 1e-12


@given(st.floats(1.1, 100), st.floats(0, 100))
def test_straight_down_it_is_that_of_the_two_impedances(real: float, loss: float) -> None:
    permittivity = complex(real, -loss)
    index = np.sqrt(permittivity)
    reflected = fresnel_vertical(np.array([np.pi / 2]), permittivity)[0]
    assert reflected == pytest.approx((index - 1) / (index + 1), abs=1e-12)


@given(st.floats(1.1, 100), st.floats(0, 100))
def test_at_grazing_incidence_it_is_minus_one(real: float, loss: float) -> None:
    reflected = fresnel_vertical(np.array([0.0, 1e-7]), complex(real, -loss))
    # −(1 − 2ψ ε/√(ε−1)): ε is below 142 here and √(ε−1) over 0.3.
    np.testing.assert_allclose(reflected, -1, atol=1e-4)


@given(st.floats(0, np.pi / 2), st.floats(1.01, 100), st.floats(0, 1000))
def test_no_plane_reflects_more_than_arrives(grazing: float, real: float, loss: float) -> None:
    assert abs(fresnel_vertical(np.array([grazing]), complex(real, -loss))[0]) <= 1 + 1e-12


def test_ament_and_miller_brown_by_hand() -> None:
    # σ_h = λ/(4π) at normal incidence: g = ½, 2g² = ½; exp(−½) = 0.60653, times I₀(½) = 1.06348.
    wavelength = 0.2
    deviation = wavelength / (4 * np.pi)
    down = np.array([np.pi / 2])
    ament = roughness_factor(down, deviation, wavelength, miller_brown=False)
    miller_brown = roughness_factor(down, deviation, wavelength, miller_brown=True)
    assert ament[0] == pytest.approx(0.60653, abs=1e-5)
    assert miller_brown[0] == pytest.approx(0.60653 * 1.06348, abs=1e-5)


@pytest.mark.parametrize("miller_brown", [False, True])
def test_a_calm_sea_reflects_it_all_and_a_wild_one_nothing(miller_brown: bool) -> None:
    grazing = np.array([0.0, 0.01, 0.3, 1.5])
    calm = roughness_factor(grazing, 0.0, 0.16, miller_brown=miller_brown)
    np.testing.assert_array_equal(calm, 1.0)
    rough = roughness_factor(grazing, 0.3, 0.16, miller_brown=miller_brown)
    assert rough[0] == 1.0 and np.all(np.diff(rough) < 0)
    # Ament's falls off as exp(−x), Miller and Brown's as 1/√(2πx): 2g² is 276 at 1.5 rad.
    assert rough[3] < (0.03 if miller_brown else 1e-100)
