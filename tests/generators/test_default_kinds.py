"""A part that names no kind is of its default's, and only where that knows the keys."""

from __future__ import annotations

from typing import Any

import pytest

from iqatlas.errors import SpecError
from iqatlas.generators.default_kinds import fill_default_kinds
from iqatlas.generators.spec import CorpusSpec


@pytest.mark.parametrize(
    ("override", "part", "value"),
    [
        ("raytracing.max_reflections=3", "raytracing.max_reflections", 3),
        ("waveform.bandwidth_mhz=5", "waveform.bandwidth_mhz", 5.0),
        ("occupancy.p01=0.3", "occupancy.p01", 0.3),
        ("sites.power_dbm=30", "sites.power_dbm", 30.0),
        ("receivers.count=5", "receivers.count", 5),
        ("receivers.array.rows=3", "receivers.array.rows", 3),
        ("scene.buildings.city=helsinki", "scene.buildings.city", "helsinki"),
        ("scene.roofs=false", "scene.roofs", False),
    ],
)
def test_an_override_of_the_demo_needs_no_kind(override: str, part: str, value: Any) -> None:
    spec = CorpusSpec.from_tree({}, where="demo", overrides=[override])
    tree: Any = spec.tree()
    default: Any = CorpusSpec().tree()
    *above, last = part.split(".")
    for key in above:
        tree, default = tree[key], default.get(key, {})
    assert tree[last] == value
    # All the rest is as it was.
    assert {k: v for k, v in tree.items() if k != last} == {
        k: v for k, v in default.items() if k != last
    } or (above[-1] == "array")


def test_several_overrides_of_one_part_add_up() -> None:
    both = ["raytracing.max_reflections=2", "raytracing.diffraction=false"]
    asked = CorpusSpec.from_tree({}, overrides=both).raytracing.model_dump()
    assert asked["kind"] == "sionna" and (asked["max_reflections"], asked["diffraction"]) == (2, False)


def test_a_kind_that_is_given_stays() -> None:
    spec = CorpusSpec.from_tree(
        {"raytracing": {"kind": "two_ray"}}, overrides=["raytracing.ground=wet_ground"]
    )
    assert spec.raytracing.model_dump() == {"kind": "two_ray", "ground": "wet_ground"}
    with pytest.raises(SpecError, match="this key is for the kind 'sionna'"):
        CorpusSpec.from_tree({"raytracing": {"kind": "two_ray"}}, overrides=["raytracing.max_reflections=3"])


@pytest.mark.parametrize(
    ("tree", "accepted"),
    [
        ({"raytracing": {"ground": "wet_ground"}}, "accepted: sionna, free_space, two_ray"),
        ({"sites": {"path": "cells.csv"}}, "accepted: bundled, opencellid"),
        ({"scene": {"buildings": {"path": "city.osm"}}}, "accepted: bundled, osm_file"),
    ],
)
def test_keys_of_another_kind_still_ask_for_it(tree: dict[str, Any], accepted: str) -> None:
    with pytest.raises(SpecError, match="the key 'kind' is missing") as failure:
        CorpusSpec.from_tree(tree)
    assert accepted in str(failure.value)


def test_what_is_no_mapping_and_what_is_unknown_is_left_for_the_error() -> None:
    tree = {"raytracing": 3, "scene": {"buildings": None, "roof": True}, "ray": {"a": 1}, 4: {}, "seed": 3}
    assert fill_default_kinds(CorpusSpec, tree) == tree
    given: dict[str, Any] = {"raytracing": {"max_reflections": 3}}
    assert fill_default_kinds(CorpusSpec, given)["raytracing"]["kind"] == "sionna"
    assert given == {"raytracing": {"max_reflections": 3}}
