"""``--set``: a new kind drops what it does not know, null removes what can not be null, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iqatlas.errors import SpecError
from iqatlas.generators.new_spec import Answers, new_spec
from iqatlas.generators.overrides import apply_overrides
from iqatlas.generators.plain_yaml import read_plain_yaml
from iqatlas.generators.spec import CorpusSpec

FILE: dict[str, Any] = {
    "raytracing": {"kind": "sionna", "max_reflections": 5, "diffraction": True},
    "waveform": {"bandwidth_mhz": 5, "subchannels": 8},
    "sites": {"kind": "opencellid", "path": "cells.csv", "mcc": 234, "count": 2},
    "receivers": {"kind": "hover", "count": 3, "altitude_m": 120},
    "scene": {"buildings": {"kind": "osm_file", "path": "city.osm"}},
    "occupancy": {"p01": 0.1},
    "capture": {"snr_db": {"start": -5, "stop": 5}, "slots": 64},
}


def applied(*overrides: str) -> tuple[dict[str, Any], list[str]]:
    told: list[str] = []
    return apply_overrides(CorpusSpec, FILE, overrides, tell=told.append), told


@pytest.mark.parametrize(
    ("override", "part", "left"),
    [
        ("raytracing.kind=free_space", "raytracing", {"kind": "free_space"}),
        ("waveform.kind=marine_vhf", "waveform", {"kind": "marine_vhf"}),
        ("sites.kind=placed", "sites", {"kind": "placed", "count": 2}),
        ("occupancy.kind=trace", "occupancy", {"kind": "trace"}),
    ],
)
def test_a_new_kind_leaves_out_what_it_does_not_know_and_says_so(
    override: str, part: str, left: dict[str, Any]
) -> None:
    changed, told = applied(override)
    assert changed[part] == left
    assert {name: value for name, value in changed.items() if name != part} == {
        name: value for name, value in FILE.items() if name != part
    }
    dropped = ", ".join(key for key in FILE[part] if key not in left and key != "kind")
    assert told == [f"{override} leaves out what that kind doesn't know: {part}.{{{dropped}}}"]
    assert FILE["raytracing"]["max_reflections"] == 5, "the tree that is given stays as it is"


def test_a_kind_within_a_part_does_too() -> None:
    changed, told = applied("scene.buildings.kind=bundled")
    assert changed["scene"] == {"buildings": {"kind": "bundled"}}
    assert len(told) == 1 and "scene.buildings.{path}" in told[0]


def test_what_is_typed_beside_a_new_kind_stays_in_either_order() -> None:
    for overrides in (
        ["raytracing.kind=stored", "raytracing.path=demo"],
        ["raytracing.path=demo", "raytracing.kind=stored"],
    ):
        assert applied(*overrides)[0]["raytracing"] == {"kind": "stored", "path": "demo"}
    wrong = ["raytracing.kind=stored", "raytracing.path=demo", "raytracing.max_reflections=2"]
    with pytest.raises(SpecError, match=r"raytracing\.max_reflections: this key is for the kind 'sionna'"):
        CorpusSpec.from_tree({}, overrides=wrong)


def test_the_last_kind_of_a_part_alone_drops_keys() -> None:
    """A kind set and taken back leaves the file as it is, and nothing is told that doesn't hold."""
    assert applied("raytracing.kind=free_space", "raytracing.kind=sionna") == (FILE, [])
    changed, told = applied("raytracing.kind=free_space", "raytracing.kind=two_ray")
    assert changed["raytracing"] == {"kind": "two_ray"}
    assert told == [
        "raytracing.kind=two_ray leaves out what that kind doesn't know: "
        "raytracing.{max_reflections, diffraction}"
    ]
    whole = "raytracing={kind: sionna, max_reflections: 2}"
    changed, told = applied("raytracing.kind=free_space", whole)
    assert (changed["raytracing"], told) == ({"kind": "sionna", "max_reflections": 2}, [])
    changed, told = applied("scene.buildings.kind=bundled", "scene={}")
    assert (changed["scene"], told) == ({}, [])


def test_the_same_kind_and_misspelt_keys_change_nothing() -> None:
    assert applied("raytracing.kind=sionna") == (FILE, [])
    with pytest.raises(SpecError, match=r"raytracing\.max_reflection: unknown key"):
        CorpusSpec.from_tree({"raytracing": {"max_reflection": 2}}, overrides=["raytracing.kind=free_space"])
    with pytest.raises(SpecError, match="unknown kind 'freespace', did you mean 'free_space'"):
        CorpusSpec.from_tree(FILE, overrides=["raytracing.kind=freespace"])


def test_null_removes_a_key_that_cannot_be_null_and_no_other() -> None:
    changed, _ = applied(
        "capture.snr_db=null", "capture.noise=thermal", "features.spectrogram=null", "seed=~"
    )
    assert changed["capture"] == {"slots": 64, "noise": "thermal"}
    assert changed["features"] == {"spectrogram": None} and "seed" not in changed
    spec = CorpusSpec.from_tree(FILE, overrides=["capture.snr_db=null", "capture.noise=thermal"])
    assert spec.capture.noise == "thermal" and spec.features.spectrogram is not None
    assert applied("sites.mcc=null")[0]["sites"]["mcc"] is None
    with pytest.raises(SpecError, match="slotz: unknown key"):
        CorpusSpec.from_tree(FILE, overrides=["capture.slotz=null"])


def test_every_kind_can_be_set_over_the_spec_that_init_writes() -> None:
    """A kind that needs a key of its own says so; none blames a key that nobody typed."""
    tree = read_plain_yaml(new_spec(Answers(), Path()), where="")
    for part in ("sites", "receivers", "raytracing", "waveform", "occupancy"):
        schema = CorpusSpec.model_json_schema()["properties"][part]
        for kind in (
            schema["discriminator"]["mapping"] if "discriminator" in schema else ("lte", "marine_vhf")
        ):
            try:
                CorpusSpec.from_tree(tree, overrides=[f"{part}.kind={kind}"])
            except SpecError as refused:
                assert "unknown key" not in str(refused)
