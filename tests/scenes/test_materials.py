"""Radio materials: the numbers of Recommendation ITU-R P.2040-3, and which walls have which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SceneError
from iqatlas.scenes.materials import (
    GROUND_MATERIAL,
    MATERIALS,
    building_material,
    extrapolated_materials,
    material_at,
)

# Relative permittivity and conductivity in S/m, worked out from the rows of table 3 of P.2040-3.
TABLE = [
    ("concrete", 1e9, 5.24, 0.0462),
    ("concrete", 1.8153e9, 5.24, 0.073653),
    ("concrete", 28e9, 5.24, 0.626050),
    ("concrete", 200e9, 5.17, 4.671869),
    ("brick", 1.8153e9, 3.91, 0.026182),
    ("plasterboard", 2e9, 2.73, 0.016302),
    ("wood", 0.7e9, 1.99, 0.003207),
    ("glass", 0.7e9, 6.31, 0.002233),
    ("glass", 2e9, 6.31, 0.009110),
    ("marble", 2e9, 7.074, 0.010451),
    ("metal", 2e9, 1.0, 1e7),
    ("very_dry_ground", 2e9, 3.0, 0.000860),
    ("medium_dry_ground", 1e9, 15.0, 0.035),
    ("medium_dry_ground", 2e9, 13.995495, 0.108330),
    ("wet_ground", 2e9, 22.735748, 0.369343),
]


@pytest.mark.parametrize(("name", "frequency_hz", "permittivity", "conductivity"), TABLE)
def test_values_are_those_of_the_recommendation(
    name: str, frequency_hz: float, permittivity: float, conductivity: float
) -> None:
    material = material_at(name, frequency_hz)
    # The table above is written with six decimals.
    assert material.relative_permittivity == pytest.approx(permittivity, abs=1e-6)
    assert material.conductivity_s_per_m == pytest.approx(conductivity, abs=1e-6)
    assert not material.extrapolated


@pytest.mark.parametrize(
    ("name", "frequency_hz", "extrapolated"),
    [
        ("concrete", 0.999e9, True),
        ("concrete", 0.7815e9, True),
        ("concrete", 1e9, False),
        ("concrete", 100e9, False),
        ("concrete", 105e9, True),
        ("brick", 40e9, False),
        ("brick", 41e9, True),
        ("glass", 0.7815e9, False),
        ("wood", 0.7815e9, False),
        ("metal", 0.7815e9, True),
        ("medium_dry_ground", 10e9, False),
        ("medium_dry_ground", 10.1e9, True),
    ],
)
def test_outside_its_range_a_material_says_so(name: str, frequency_hz: float, extrapolated: bool) -> None:
    assert material_at(name, frequency_hz).extrapolated is extrapolated


def test_extrapolation_carries_the_nearest_curve_on() -> None:
    below = material_at("concrete", 0.8e9)
    assert below.relative_permittivity == 5.24
    assert below.conductivity_s_per_m == pytest.approx(0.0462 * 0.8**0.7822, rel=1e-12)  # one formula
    assert material_at("concrete", 101e9).relative_permittivity == 5.24
    assert material_at("concrete", 109e9).relative_permittivity == 5.17


def test_water_follows_its_relaxation() -> None:
    # Static permittivity of water at 20 °C: 80.1 to 80.2 in every handbook.
    assert material_at("water", 1e6).relative_permittivity == pytest.approx(80.1, abs=0.1)
    low, high = material_at("water", 1e9), material_at("water", 17e9)
    # Salts alone conduct at low frequencies; the loss of the first relaxation peaks near 17 GHz at half its
    # step of 74.7.
    assert material_at("water", 1e6).conductivity_s_per_m == pytest.approx(0.02, rel=1e-3)
    assert high.conductivity_s_per_m / (2 * np.pi * 17e9 * 8.854e-12) == pytest.approx(37.4, rel=0.02)
    assert 0.2 < low.conductivity_s_per_m < 0.35
    assert not low.extrapolated and "P.527" in low.source


@pytest.mark.parametrize("frequency_hz", [0.4e9, 0.9e9, 1.8e9, 3.5e9, 28e9])
def test_foliage_is_next_to_air_and_loses_what_was_measured(frequency_hz: float) -> None:
    foliage = material_at("foliage", frequency_hz)
    index = np.sqrt(
        foliage.relative_permittivity
        - 1j * foliage.conductivity_s_per_m / (2 * np.pi * frequency_hz * 8.8541878128e-12)
    )
    assert abs((1 - index) / (1 + index)) < 0.01  # below -40 dB at normal incidence
    loss_db_per_m = 8.685889638 * 2 * np.pi * frequency_hz / 299792458.0 * -index.imag
    # The conductivity follows from the weak-loss limit, which errs by the loss tangent's square.
    assert loss_db_per_m == pytest.approx(0.45 * (frequency_hz / 1e9) ** 0.284, rel=1e-3)
    # Two faces of a crown together: some decibels, not a wall.
    assert 1.5 < 2 * foliage.thickness_m * loss_db_per_m < 6.0


def test_extrapolated_materials_are_listed() -> None:
    names = ["water", "concrete", "glass", "concrete", "paved_ground", "foliage"]
    assert extrapolated_materials(names, 751e6) == ["concrete", "paved_ground"]
    assert extrapolated_materials(names, 2e9) == []
    assert extrapolated_materials(names, 120e9) == ["foliage", "glass"]


@given(st.sampled_from(MATERIALS), st.floats(1e7, 3e11))
def test_every_material_is_physical_at_every_frequency(name: str, frequency_hz: float) -> None:
    material = material_at(name, frequency_hz)
    assert material.relative_permittivity >= 1.0
    assert material.conductivity_s_per_m > 0.0
    assert material.thickness_m > 0.0


def test_the_ground_has_no_far_side() -> None:
    ground = material_at(GROUND_MATERIAL, 0.7e9)
    # One-way loss through the slab in a low-loss medium: 377 σ d / (2 √ε) neper. 20 dB down and back hides
    # the far side.
    loss_db = 8.686 * 376.73 * ground.conductivity_s_per_m * ground.thickness_m
    assert loss_db / ground.relative_permittivity**0.5 > 20.0


@pytest.mark.parametrize("frequency_hz", [0.0, -1e9, float("nan"), float("inf")])
def test_a_frequency_that_is_none_is_refused(frequency_hz: float) -> None:
    with pytest.raises(SceneError, match="positive number of Hz"):
        material_at("concrete", frequency_hz)


def test_an_unknown_material_is_refused_with_the_nearest() -> None:
    with pytest.raises(SceneError, match="did you mean concrete"):
        material_at("concrte", 2e9)


@pytest.mark.parametrize(
    ("tags", "material"),
    [
        ({"building": "yes"}, "concrete"),
        ({}, "concrete"),
        ({"building": "house"}, "brick"),
        ({"building": "shed"}, "wood"),
        ({"building": "greenhouse"}, "glass"),
        ({"building": "yes", "building:material": "brick"}, "brick"),
        ({"building": "house", "building:material": "glass"}, "glass"),
        ({"building": "yes", "building:material": "Metal"}, "metal"),
        ({"building": "yes", "building:material": "limestone"}, "marble"),
        ({"building": "yes", "building:material": "moon rock;brick"}, "brick"),
        ({"building": "yes", "building:material": "moon rock"}, "concrete"),
        ({"building": "yes", "building:facade:material": "glass"}, "glass"),
        ({"building": "house", "building:part": "greenhouse"}, "glass"),
    ],
)
def test_which_walls_have_which_material(tags: dict[str, str], material: str) -> None:
    assert building_material(tags) == material
    assert material in MATERIALS
