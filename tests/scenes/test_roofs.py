"""Roofs: which tags make which shape, and solids whose volume has a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from iqatlas.errors import SceneError
from iqatlas.scenes.roofs import (
    DOME_RINGS,
    ROUND_FACETS,
    SHAPES,
    Roof,
    parse_direction_deg,
    roofed,
    tagged_roof,
)

LONG = shapely.box(0.0, 0.0, 20.0, 10.0)
BASE_M, TOP_M, RISE_M = 3.0, 15.0, 4.0


def _roof(polygon: shapely.Polygon, shape: str, **tags: str) -> Roof:
    given = {"roof:shape": shape} | {key.replace("_", ":"): value for key, value in tags.items()}
    return tagged_roof(given, polygon, walls_m=TOP_M - BASE_M, level_height_m=3.0)


def _solid(polygon: shapely.Polygon, roof: Roof) -> trimesh.Trimesh:
    return trimesh.Trimesh(*roofed(polygon, BASE_M, TOP_M, roof), process=False)


def _dome_part() -> float:
    """Return the volume of a dome of rings, as a part of footprint times height: a stack of frustums."""
    angle = np.linspace(0.0, np.pi / 2, DOME_RINGS + 1)
    wide, high = np.cos(angle), np.sin(angle)
    between = (wide[1:] ** 2 + wide[1:] * wide[:-1] + wide[:-1] ** 2) / 3
    return float(np.sum(np.diff(high) * between))


def _roof_volume_m3(shape: str, length: float, width: float) -> float:
    long, short = max(length, width), min(length, width)
    return {
        "gabled": RISE_M * length * width / 2,
        "skillion": RISE_M * length * width / 2,
        # Two trapezia a side: half the way to 3/4 of the height, the other half from there to the top.
        "gambrel": RISE_M * length * width * (0.75 / 2 + (0.75 + 1) / 2) / 2,
        # The inscribed polygon of 2 n facets in a half-circle, over the rectangle about it.
        "round": RISE_M * length * width * ROUND_FACETS / 2 * math.sin(math.pi / (2 * ROUND_FACETS)),
        "hipped": RISE_M * short * (3 * long - short) / 6,
        "pyramidal": RISE_M * length * width / 3,
        "dome": RISE_M * length * width * _dome_part(),
    }[shape]


@pytest.mark.parametrize("shape", SHAPES[1:])
@pytest.mark.parametrize(("length", "width"), [(20.0, 10.0), (10.0, 10.0), (8.0, 30.0)])
@pytest.mark.parametrize("orientation", ["along", "across"])
def test_volumes_over_rectangles_are_their_closed_forms(
    shape: str, length: float, width: float, orientation: str
) -> None:
    rectangle = shapely.box(100.0, -50.0, 100.0 + length, -50.0 + width)
    roof = _roof(rectangle, shape, roof_height="4", roof_orientation=orientation)
    solid = _solid(rectangle, roof)
    expected = _roof_volume_m3(shape, length, width) + length * width * (TOP_M - RISE_M - BASE_M)
    assert solid.is_watertight and solid.is_winding_consistent
    # Corners and ridges of such rectangles lie on the millimetre grid: rounding of sums alone. The creases of
    # a round roof are moved by half a millimetre at most, of 4 m.
    assert solid.volume == pytest.approx(expected, rel=2e-4 if shape == "round" else 1e-9)
    assert solid.bounds[:, 2].tolist() == [BASE_M, TOP_M]


def test_a_dome_is_two_thirds_of_its_box() -> None:
    # Six rings lie within the ellipsoid-like dome, whose sections shrink as cos²: 2/3, less 1.2%.
    assert _dome_part() == pytest.approx(2 / 3, rel=0.02)
    assert _dome_part() < 2 / 3


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(SHAPES[1:]),
    st.floats(4.0, 60.0),
    st.floats(4.0, 60.0),
    st.floats(0.0, 180.0),
    st.floats(-5e3, 5e3),
)
def test_turned_rectangles_anywhere_are_closed_and_full(
    shape: str, length: float, width: float, turn_deg: float, shift_m: float
) -> None:
    rectangle = shapely.set_precision(
        affinity.rotate(shapely.box(shift_m, 0.0, shift_m + length, width), turn_deg), 0.001
    )
    roof = _roof(rectangle, shape, roof_height="4")
    assert roof.shape == shape
    solid = _solid(rectangle, roof)
    expected = _roof_volume_m3(shape, length, width) + length * width * (TOP_M - RISE_M - BASE_M)
    assert solid.is_watertight and solid.is_winding_consistent
    # Corners are rounded to 1 mm: of 4 m that is 2.5e-4 each way, and the ridge moves by as much.
    assert solid.volume == pytest.approx(expected, rel=1.5e-3)
    # Nothing overhangs: seen from above the solid is its footprint.
    up = solid.face_normals[:, 2] > 1e-9
    corner = solid.triangles[up][:, :, :2]
    ab, ac = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    seen = np.sum(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]) / 2
    assert seen == pytest.approx(rectangle.area, rel=1e-3)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SHAPES[1:]), st.lists(st.floats(-0.4, 0.4), min_size=16, max_size=16))
def test_crooked_footprints_are_closed_too(shape: str, jolt: list[float]) -> None:
    ring = np.array([(0, 0), (7, 0), (14, 0), (20, 0), (20, 10), (14, 10), (7, 10), (0, 10)], float)
    polygon = shapely.set_precision(shapely.Polygon(ring + np.array(jolt).reshape(8, 2)), 0.001)
    roof = _roof(polygon, shape, roof_height="4")
    if roof.shape == "flat":
        assert roof.reason is not None
        return
    solid = _solid(polygon, roof)
    assert solid.is_watertight and solid.is_winding_consistent
    below, box = polygon.area * (TOP_M - RISE_M - BASE_M), polygon.area * (TOP_M - BASE_M)
    assert below < solid.volume < box


def test_ridges_run_along_unless_told_otherwise() -> None:
    assert _roof(LONG, "gabled").ridge_deg == pytest.approx(90.0)  # bearings count from north over east
    assert _roof(LONG, "gabled", roof_orientation="across").ridge_deg == pytest.approx(0.0)
    assert _roof(LONG, "gabled", roof_direction="N").ridge_deg == pytest.approx(90.0)
    assert _roof(LONG, "gabled", roof_direction="100").ridge_deg == pytest.approx(0.0)
    assert _roof(LONG, "gabled", roof_direction="E", roof_orientation="along").ridge_deg == 0.0
    assert math.isnan(_roof(LONG, "pyramidal").ridge_deg)


def test_the_ridge_of_the_solid_runs_where_the_roof_says() -> None:
    for orientation, axis in (("along", 0), ("across", 1)):
        solid = _solid(LONG, _roof(LONG, "gabled", roof_height="4", roof_orientation=orientation))
        ridge = solid.vertices[solid.vertices[:, 2] == TOP_M][:, :2]
        assert len(ridge) == 2
        assert np.ptp(ridge, axis=0)[axis] == pytest.approx([20.0, 10.0][axis])
        assert np.ptp(ridge, axis=0)[1 - axis] == 0.0


def test_a_skillion_falls_where_it_is_told() -> None:
    for direction, low in (("N", (1, 10.0)), ("180", (1, 0.0)), ("E", (0, 20.0)), ("W", (0, 0.0))):
        solid = _solid(LONG, _roof(LONG, "skillion", roof_height="4", roof_direction=direction))
        eaves = solid.vertices[np.isclose(solid.vertices[:, 2], TOP_M - RISE_M)]
        axis, place = low
        assert len(eaves) == 2 and np.all(eaves[:, axis] == place)
    assert _roof(LONG, "skillion").ridge_deg == pytest.approx(180.0)  # across the longer side
    assert _roof(LONG, "skillion", roof_orientation="across").ridge_deg == pytest.approx(270.0)
    # It rises over its whole width: 10 m at 45°, half as steep as a gable of that height.
    assert _roof(LONG, "skillion", roof_angle="45").height_m == pytest.approx(10.0)


def test_a_skillion_over_a_court_is_closed_and_half_full() -> None:
    around = LONG - shapely.box(8, 3, 12, 7)  # the court is in the middle, so the plane's mean is its half
    solid = _solid(around, _roof(around, "skillion", roof_height="4"))
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.volume == pytest.approx(around.area * (TOP_M - BASE_M - RISE_M / 2), rel=1e-9)


def test_round_and_gambrel_bulge_over_the_gable() -> None:
    """Their sections, along the middle of the house, are those that are documented."""
    for shape, at, height in (("gambrel", 2.5, 0.75), ("round", 5 * (1 - math.cos(math.pi / 4)), 0.5**0.5)):
        solid = _solid(LONG, _roof(LONG, shape, roof_height="4"))
        side = solid.vertices[np.isclose(solid.vertices[:, 1], at, atol=1e-3)]  # the footprints' grid is 1 mm
        assert side[:, 2].max() == pytest.approx(TOP_M - RISE_M + height * RISE_M, abs=1e-3)
    assert _roof(LONG, "round", roof_height="4").ridge_deg == pytest.approx(90.0)


def test_a_hip_ends_half_the_width_before_the_wall() -> None:
    solid = _solid(LONG, _roof(LONG, "hipped", roof_height="4"))
    ridge = solid.vertices[solid.vertices[:, 2] == TOP_M][:, :2]
    np.testing.assert_allclose(ridge[np.argsort(ridge[:, 0])], [[5.0, 5.0], [15.0, 5.0]], atol=1e-9)


@pytest.mark.parametrize(
    ("tags", "height_m", "assumed"),
    [
        ({"roof:height": "2.5"}, 2.5, False),
        ({"roof:height": "10 ft"}, 3.048, False),
        ({"roof:levels": "2"}, 6.0, False),
        ({"roof:levels": "2", "roof:height": "5"}, 5.0, False),
        ({"roof:angle": "45"}, 5.0, False),
        ({"roof:height": "100"}, 12.0, False),
        ({}, 5 * math.tan(math.radians(30)), True),
        ({"roof:angle": "89"}, 5 * math.tan(math.radians(30)), True),
    ],
)
def test_where_the_height_comes_from(tags: dict[str, str], height_m: float, assumed: bool) -> None:
    roof = tagged_roof({"roof:shape": "gabled"} | tags, LONG, walls_m=12.0, level_height_m=3.0)
    assert roof.height_m == pytest.approx(height_m)
    assert roof.assumed is assumed


def test_an_assumed_roof_leaves_half_the_house() -> None:
    roof = tagged_roof({"roof:shape": "dome"}, LONG, walls_m=6.0, level_height_m=3.0)
    assert (roof.height_m, roof.assumed) == (3.0, True)


@pytest.mark.parametrize(
    ("shape", "polygon", "reason"),
    [
        ("onion", LONG, "shape 'onion' is not built"),
        ("round", LONG - shapely.box(10, 4, 21, 11), "no rectangle"),
        ("gabled", LONG - shapely.box(5, 3, 8, 6), "open to a court"),
        ("hipped", LONG - shapely.box(10, 4, 21, 11), "no rectangle"),
        ("pyramidal", LONG - shapely.box(10, 4, 21, 11), "not convex"),
        ("dome", shapely.Polygon([(0, 0), (20, 0), (10, 3), (20, 20), (0, 20)]), "not convex"),
    ],
)
def test_what_is_not_built_is_flat_for_a_reason(shape: str, polygon: shapely.Polygon, reason: str) -> None:
    roof = _roof(polygon, shape)
    assert roof.shape == "flat"
    assert reason in str(roof.reason)


@pytest.mark.parametrize("tags", [{}, {"roof:shape": "flat"}, {"roof:shape": " Flat "}])
def test_flat_is_flat_without_excuse(tags: dict[str, str]) -> None:
    assert tagged_roof(tags, LONG, walls_m=9.0, level_height_m=3.0) == Roof("flat")


@pytest.mark.parametrize(
    ("text", "bearing"),
    [("0", 0.0), ("135", 135.0), ("135°", 135.0), ("SE", 135.0), ("nnw", 337.5), ("360", 360.0)],
)
def test_directions_are_read(text: str, bearing: float) -> None:
    assert parse_direction_deg(text) == bearing


@given(st.text(max_size=12))
def test_no_direction_crashes_or_leaves_the_circle(text: str) -> None:
    bearing = parse_direction_deg(text)
    assert bearing is None or 0.0 <= bearing <= 360.0


@given(
    st.dictionaries(st.sampled_from(["roof:shape", "roof:height", "roof:levels", "roof:angle"]), st.text())
)
def test_no_tag_makes_a_roof_higher_than_its_house(tags: dict[str, str]) -> None:
    roof = tagged_roof(tags, LONG, walls_m=12.0, level_height_m=3.0)
    assert roof.shape in SHAPES
    assert 0.0 <= roof.height_m <= 12.0


def test_a_shape_that_does_not_fit_is_refused_by_the_builder() -> None:
    with pytest.raises(SceneError, match="no solid is built under a roof of shape 'flat'"):
        roofed(LONG, 0.0, 9.0, Roof("flat"))
    with pytest.raises(SceneError, match="no rectangle"):
        roofed(LONG - shapely.box(10, 4, 21, 11), 0.0, 9.0, Roof("gabled", 3.0, 90.0))
