"""Antenna arrays: where elements are, and which specs are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from iqatlas.scenes.antenna_array import antenna_array
from iqatlas.scenes.spec import HoverReceivers, PlanarArray, TrajectoryReceivers

ROUTE = [{"longitude_deg": 24.94, "latitude_deg": 60.17}, {"longitude_deg": 24.95, "latitude_deg": 60.17}]


def elements(**spec: Any) -> np.ndarray:
    return antenna_array(PlanarArray(**spec), wavelength_m=0.2).element_m


def test_flat_under_the_uav_rows_lead_ahead_and_columns_across() -> None:
    """Looking down and north: element 0 in front on the right, then the one behind it."""
    # Half of 0.2 m apart: 0.05 m from the middle either way. East, north, up.
    expected = [[0.05, 0.05, 0], [0.05, -0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0]]
    np.testing.assert_allclose(elements(), expected, atol=1e-12)


def test_upright_it_looks_along_its_azimuth() -> None:
    # Face to the east: rows from the upper to the lower edge, columns from south to north.
    expected = [[0, -0.05, 0.05], [0, -0.05, -0.05], [0, 0.05, 0.05], [0, 0.05, -0.05]]
    np.testing.assert_allclose(elements(azimuth_deg=90, tilt_deg=0), expected, atol=1e-12)


@pytest.mark.parametrize("tilt", [-90.0, -20.0, 0.0, 35.0, 90.0])
@pytest.mark.parametrize("azimuth", [0.0, 77.0, 250.0])
def test_elements_lie_in_the_face_evenly_about_the_middle(azimuth: float, tilt: float) -> None:
    place = elements(rows=3, columns=4, spacing_wavelengths=1.5, azimuth_deg=azimuth, tilt_deg=tilt)
    down, around = np.deg2rad([tilt, azimuth])
    look = [np.cos(down) * np.sin(around), np.cos(down) * np.cos(around), -np.sin(down)]
    # Rounding alone is left.
    np.testing.assert_allclose(place @ look, 0, atol=1e-12)
    np.testing.assert_allclose(place.sum(axis=0), 0, atol=1e-12)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
    np.testing.assert_allclose(np.sort(apart, axis=1)[:, 1], 0.3, atol=1e-12)


def test_every_parameter_moves_the_elements_and_is_in_the_name() -> None:
    base = antenna_array(PlanarArray(), wavelength_m=0.2)
    for change in (
        {"rows": 3},
        {"columns": 1},
        {"spacing_wavelengths": 0.7},
        {"azimuth_deg": 30.0},
        {"tilt_deg": 10.0},
    ):
        other = antenna_array(PlanarArray(**change), wavelength_m=0.2)
        assert other.name != base.name
        assert other.element_m.shape != base.element_m.shape or not np.allclose(
            other.element_m, base.element_m
        )


def test_a_spec_without_an_array_is_stored_as_before() -> None:
    for spec in (HoverReceivers(), TrajectoryReceivers(waypoints=ROUTE)):
        assert "array" not in spec.model_dump(mode="json")
    array = HoverReceivers(array={"rows": 1}).model_dump(mode="json")["array"]
    assert array["kind"] == "planar" and PlanarArray(**array).elements == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"count": 5, "array": {"rows": 16, "columns": 16}},
            "5 UAVs with 256 antennas each are more than 1000",
        ),
        ({"array": {"rows": 0}}, "greater than or equal to 1"),
        ({"array": {"spacing_wavelengths": 0}}, "greater than 0"),
        ({"array": {"spacing": 0.5}}, "Extra inputs"),
    ],
)
def test_arrays_that_can_t_be_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HoverReceivers(**spec)
    flight = {"pattern": "circle", **spec}
    with pytest.raises(ValidationError, match=message):
        TrajectoryReceivers(**flight)
