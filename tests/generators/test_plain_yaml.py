"""YAML of a spec: what is accepted, and that nothing else gets through or brings the reader down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.generators.plain_yaml import override_value, read_plain_yaml


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: !!python/object/apply:os.system [ls]", "tags are not accepted"),
        ("a: !!str 5", "tags are not accepted"),
        ("a: !own {}", "tags are not accepted"),
        ("a: &x [1]\nb: *x", "aliases are not accepted"),
        ("a: 1\na: 2", "the key 'a' is there twice"),
        ("a: {b: 1, b: 2}", "the key 'b' is there twice"),
        ("? [a, b]\n: 1", "a key is a word"),
        ("{{a: 1}: 2}", "a key is a word"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [1", "line 1, column 6"),
        ("\ta: 1", "line 1"),
        ("a: 2024-13-45", "in quotes"),
        ("a: " + "9" * 5000, "in quotes"),
        ("[" * 3000, "nested too deep"),
        ("{a: " * 3000, "nested too deep"),
        ("a: \x00", "not plain YAML"),
    ],
)
def test_what_is_not_plain_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(SpecError, match="not plain YAML") as caught:
        read_plain_yaml(text, where="city.yaml")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("city.yaml: ")
    assert "\n" not in str(caught.value)


def test_plain_values_are_read_as_yaml_1_1_reads_them() -> None:
    tree = read_plain_yaml("a: on\nb: [1, 2.5]\nc: {d: null}\ne: '5'", where="")
    assert tree == {"a": True, "b": [1, 2.5], "c": {"d": None}, "e": "5"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("-30:30", "-30:30"), ("1:30.5", "1:30.5"), ("1:00", "1:00"), ("0b11", "0b11")],
        *[("010", 10), ("089", 89), ("0o17", 15), ("0x1F", 31), ("-12", -12), ("+1_000", 1000)],
        ("-1.5e+3", -1500.0),
    ],
)
def test_numbers_are_those_of_yaml_1_2(text: str, value: object) -> None:
    """YAML 1.1 has -1770 for -30:30, in base 60, and 8 for a network code of 010."""
    assert read_plain_yaml(f"a: {text}", where="") == {"a": value}


def test_an_empty_text_holds_nothing() -> None:
    assert read_plain_yaml("# only a comment\n", where="") is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_more(text: str) -> None:
    """Hypothesis looks for a text whose reading ends in another error than ours."""
    try:
        read_plain_yaml(text, where="")
    except SpecError as refusal:
        assert "\n" not in str(refusal)


def test_an_override_replaces_one_value_and_leaves_the_given_tree_alone() -> None:
    tree = {"capture": {"slots": 5, "draws": 2}, "seed": 1}
    assert override_value(tree, "capture.slots=9") == {"capture": {"slots": 9, "draws": 2}, "seed": 1}
    assert override_value(tree, "features.spectrogram=null")["features"] == {"spectrogram": None}
    assert override_value(tree, "occupancy.p01=[0.1, 0.2]")["occupancy"] == {"p01": [0.1, 0.2]}
    assert override_value(tree, "seed.deep=3")["seed"] == {"deep": 3}
    assert tree == {"capture": {"slots": 5, "draws": 2}, "seed": 1}


@pytest.mark.parametrize("override", ["slots", "=3", "a..b=3", "", ".=1"])
def test_an_override_of_another_form_is_refused(override: str) -> None:
    with pytest.raises(SpecError, match=r"--set: .* is not an override; accepted: key.key=value"):
        override_value({}, override)


def test_an_override_whose_value_is_no_yaml_names_its_key() -> None:
    with pytest.raises(SpecError, match=r"--set capture\.slots: not plain YAML"):
        override_value({}, "capture.slots=[1")
