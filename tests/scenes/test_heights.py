"""Heights: what OpenStreetMap's free text means, and what stands in for it where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.scenes.heights import (
    MAX_LENGTH_M,
    TaggedHeight,
    neighbour_heights_m,
    parse_length_m,
    parse_levels,
    tagged_height,
)

FOOT_M = 0.3048
INCH_M = 0.0254

LENGTHS: list[tuple[str | None, float | None]] = [
    # Plain numbers are metres.
    ("12", 12.0),
    ("12.5", 12.5),
    ("12.", 12.0),
    (".5", 0.5),
    ("0", 0.0),
    ("007", 7.0),
    ("  12  ", 12.0),
    ("1000", 1000.0),
    # Metres, in the ways that people write them.
    ("12 m", 12.0),
    ("12m", 12.0),
    ("12.5m", 12.5),
    ("12 M", 12.0),
    ("12 m.", 12.0),
    ("12\u00a0m", 12.0),
    ("12 metres", 12.0),
    ("12 meter", 12.0),
    ("1250 cm", 12.5),
    ("0.3 km", 300.0),
    ("~12 m", 12.0),
    ("ca. 12 m", 12.0),
    ("approx 12", 12.0),
    ("≈12", 12.0),
    # A comma before one or two digits is decimal; before three it may part thousands.
    ("12,5", 12.5),
    ("12,25 m", 12.25),
    ("1,200", None),
    ("12,500", None),
    ("1.234,5", None),
    # Feet and inches.
    ("40'", 40 * FOOT_M),
    ("40 ft", 40 * FOOT_M),
    ("40ft", 40 * FOOT_M),
    ("40 ft.", 40 * FOOT_M),
    ("40 feet", 40 * FOOT_M),
    ("1 foot", FOOT_M),
    ("40.5 ft", 40.5 * FOOT_M),
    ("130'6\"", 130 * FOOT_M + 6 * INCH_M),
    ("130' 6\"", 130 * FOOT_M + 6 * INCH_M),
    ("130'6", 130 * FOOT_M + 6 * INCH_M),
    ("130'6''", 130 * FOOT_M + 6 * INCH_M),
    ("130′6″", 130 * FOOT_M + 6 * INCH_M),
    ("130’6”", 130 * FOOT_M + 6 * INCH_M),
    ("5'11.5\"", 5 * FOOT_M + 11.5 * INCH_M),
    ("40 ft 6 in", 40 * FOOT_M + 6 * INCH_M),
    ("40 feet 6 inches", 40 * FOOT_M + 6 * INCH_M),
    ('6"', 6 * INCH_M),
    ("6 in", 6 * INCH_M),
    ("5'13\"", None),
    # Lists: the largest that can be read.
    ("12;15", 15.0),
    ("15; 12", 15.0),
    ("12 m;40'", 12.192),
    ("12;", 12.0),
    ("tall;12", 12.0),
    (";", None),
    # Nothing to go by.
    (None, None),
    ("", None),
    (" ", None),
    ("yes", None),
    ("unknown", None),
    ("m", None),
    ("ft", None),
    ("'", None),
    ("12 storeys", None),
    ("12 mm", None),
    ("12 m high", None),
    ("12-15", None),
    ("10..12", None),
    ("12/15", None),
    ("12 m (roof)", None),
    ("12 15", None),
    ("-3", None),
    ("-3 m", None),
    ("--5", None),
    ("1e3", None),
    ("0x10", None),
    ("nan", None),
    ("inf", None),
    ("-inf", None),
    ("1001", None),
    ("12000", None),
    ("4000 ft", None),
    ("2 km", None),
    ("9" * 400, None),
    ("12<script>", None),
    ("１２", None),
    ("١٢", None),
    ("12\x00", None),
]


@pytest.mark.parametrize(("text", "length_m"), LENGTHS)
def test_what_a_length_means(text: str | None, length_m: float | None) -> None:
    # Products of decimal fractions: a few units in the last place.
    expected = length_m if length_m is None else pytest.approx(length_m, rel=1e-12)
    assert parse_length_m(text) == expected


@given(st.text(max_size=40))
def test_any_text_gives_a_sane_length_or_none(text: str) -> None:
    length = parse_length_m(text)
    assert length is None or 0.0 <= length <= MAX_LENGTH_M


@given(st.text(alphabet="0123456789 .,;'\"-~mftin ", max_size=20))
def test_text_that_looks_like_a_length_gives_a_sane_one_or_none(text: str) -> None:
    for value in (parse_length_m(text), parse_levels(text)):
        assert value is None or 0.0 <= value <= MAX_LENGTH_M


@given(st.floats(0.0, 1000.0).map(lambda value: round(value, 2)), st.sampled_from(["", " m", "m", " metres"]))
def test_a_printed_length_comes_back(length_m: float, unit: str) -> None:
    assert parse_length_m(f"{length_m:.2f}{unit}") == length_m  # two decimals print and read back exactly
    assert parse_length_m(f"{length_m:.2f}{unit}".replace(".", ",")) == length_m


@given(st.integers(0, 3000), st.integers(0, 11))
def test_feet_and_inches_add_up(feet: int, inches: int) -> None:
    expected = feet * FOOT_M + inches * INCH_M
    # Rounding of two products and a sum.
    assert parse_length_m(f"{feet}'{inches}\"") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("5", 5.0),
        ("5.5", 5.5),
        ("5,5", 5.5),
        (" 5 ", 5.0),
        ("4;6", 6.0),
        ("0", 0.0),
        ("200", 200.0),
        ("201", None),
        ("-1", None),
        ("3-4", None),
        ("many", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_number_of_storeys_means(text: str | None, levels: float | None) -> None:
    assert parse_levels(text) == levels


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, TaggedHeight(None, 0.0, None)),
        ({"height": "20", "building:levels": "3"}, TaggedHeight(20.0, 0.0, "tag")),
        ({"height": "high", "building:levels": "3"}, TaggedHeight(9.0, 0.0, "levels")),
        ({"height": "0", "building:levels": "3"}, TaggedHeight(9.0, 0.0, "levels")),
        ({"building:height": "20"}, TaggedHeight(20.0, 0.0, "tag")),
        ({"est_height": "20"}, TaggedHeight(20.0, 0.0, "tag")),
        # Storeys alone are enough, and the roof stands above them.
        ({"building:levels": "3"}, TaggedHeight(9.0, 0.0, "levels")),
        ({"building:levels": "3", "roof:levels": "1"}, TaggedHeight(12.0, 0.0, "levels")),
        ({"building:levels": "3", "roof:levels": "1", "roof:height": "2"}, TaggedHeight(11.0, 0.0, "levels")),
        ({"building:levels": "0"}, TaggedHeight(None, 0.0, None)),
        ({"roof:height": "3"}, TaggedHeight(None, 0.0, None)),
        # Parts that hang in the air.
        ({"height": "20", "min_height": "8"}, TaggedHeight(20.0, 8.0, "tag")),
        ({"building:levels": "5", "building:min_level": "2"}, TaggedHeight(15.0, 6.0, "levels")),
        ({"building:levels": "2", "building:min_level": "2"}, TaggedHeight(12.0, 6.0, "levels")),
    ],
)
def test_what_tags_say_of_a_height(tags: dict[str, str], expected: TaggedHeight) -> None:
    assert tagged_height(tags, level_height_m=3.0) == expected


def test_a_storey_is_as_high_as_asked() -> None:
    assert tagged_height({"building:levels": "10"}, level_height_m=4.0).top_m == 40.0


def _on_a_line(east_m: list[float]) -> np.ndarray:
    return shapely.points(np.array(east_m), 0.0)


def test_neighbours_of_the_same_kind_come_first() -> None:
    kinds = np.array(["house", "house", "house", "office", "office", "office", "house"], dtype=object)
    top = np.array([6.0, 8.0, 10.0, 40.0, 50.0, 60.0, np.nan])
    found = neighbour_heights_m(_on_a_line([0, 10, 20, 30, 40, 50, 60]), kinds, top, np.isfinite(top))
    assert found[6] == 8.0  # the median house, and not the median of all six, 25 m
    assert np.isnan(found[:6]).all()  # known heights are left alone


def test_other_kinds_stand_in_where_too_few_are_of_the_same() -> None:
    kinds = np.array(["house", "office", "office", "office", "house"], dtype=object)
    top = np.array([6.0, 40.0, 50.0, 60.0, np.nan])
    found = neighbour_heights_m(_on_a_line([0, 10, 20, 30, 40]), kinds, top, np.isfinite(top))
    assert found[4] == 45.0  # the median of all four


def test_a_shed_takes_no_height_from_offices() -> None:
    kinds = np.array(["office", "office", "office", "shed"], dtype=object)
    top = np.array([40.0, 50.0, 60.0, np.nan])
    found = neighbour_heights_m(_on_a_line([0, 10, 20, 30]), kinds, top, np.isfinite(top))
    assert np.isnan(found).all()


def test_what_is_farther_than_200_m_is_no_neighbour() -> None:
    kinds = np.full(4, "house", dtype=object)
    top = np.array([6.0, 8.0, 10.0, np.nan])
    near = neighbour_heights_m(_on_a_line([0, 10, 20, 199]), kinds, top, np.isfinite(top))
    far = neighbour_heights_m(_on_a_line([0, 10, 20, 201]), kinds, top, np.isfinite(top))
    assert near[3] == 8.0
    assert np.isnan(far[3])  # two are left within 200 m, which is too few


@given(st.permutations(range(7)))
def test_the_order_of_buildings_changes_no_height(order: list[int]) -> None:
    east = np.array([0.0, 30, 60, 90, 120, 150, 180])
    kinds = np.array(["a", "a", "b", "a", "b", "a", "b"], dtype=object)
    top = np.array([5.0, 9.0, 7.0, np.nan, np.nan, 20.0, 8.0])
    straight = neighbour_heights_m(_on_a_line(list(east)), kinds, top, np.isfinite(top))
    shuffled = neighbour_heights_m(
        _on_a_line(list(east[order])), kinds[order], top[order], np.isfinite(top[order])
    )
    np.testing.assert_array_equal(shuffled, straight[order])  # medians of the same sets: equal to the bit
