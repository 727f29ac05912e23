"""The spec: defaults, round trips, files and folders, and misspelt keys at every level."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spec_places import Place, places

from iqatlas import CorpusSpec, IqAtlasError
from iqatlas.errors import MissingFileError, SpecError

EVERY_KEY = [(place, key) for place in places() for key in place.model.model_fields]


def similarity(word: str, other: str) -> float:
    return difflib.SequenceMatcher(a=other, b=word).ratio()


def test_the_walk_finds_every_level() -> None:
    found = {place.path for place in places()}
    assert {
        "",
        "capture.snr_db",
        "sites[list].sites",
        "receivers[hover].positions",
        "scene.buildings[osm_file]",
    } <= found


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(EVERY_KEY))
def test_a_misspelt_key_is_named_with_the_nearest_right_one(
    data: st.DataObject, at: tuple[Place, str]
) -> None:
    """A letter is left out, doubled or replaced; ties between two right keys are left to chance."""
    place, key = at
    letter = data.draw(st.integers(0, len(key) - 1))
    middle = data.draw(st.sampled_from(["", key[letter] * 2, "x"]))
    misspelt = key[:letter] + middle + key[letter + 1 :]
    siblings = list(place.model.model_fields)
    assume(misspelt and all(misspelt != right for _, right in EVERY_KEY))
    likeness = similarity(misspelt, key)
    assume(likeness >= 0.6 and all(similarity(misspelt, o) < likeness for o in siblings if o != key))
    with pytest.raises(SpecError) as caught:
        CorpusSpec.from_tree(place.wrap({misspelt: 1}), where="city.yaml")
    line = str(caught.value)
    path = ".".join(part.partition("[")[0] for part in place.path.split(".") if part)
    assert line.startswith("city.yaml: ")
    assert f"{misspelt}: unknown key, did you mean {key!r}?" in line
    assert all(part in line for part in path.split("."))
    assert f"accepted: {', '.join(sorted(siblings))}" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"capture": {"noise": "thermal", "noise_figure_db": 3}},
        {"capture": {"snr_db": [0, 5.5]}, "features": {"spectrogram": None}},
        {"receivers": {"positions": [{"longitude_deg": 1, "latitude_deg": 2, "altitude_m": 3}]}},
        {"carrier": {"frequency_hz": 2.1e9}, "waveform": {"control": "off"}},
        {
            "scene": {"buildings": {"kind": "osm_file", "path": "a/b.osm"}, "bbox": [1, 2, 3, 4]},
            "sites": {"kind": "opencellid", "path": "c.csv", "mcc": 1},
        },
    ],
)
def test_what_a_manifest_keeps_of_a_spec_is_the_spec(tree: dict[str, Any]) -> None:
    """A published corpus can be remade only if its stored spec can be read again."""
    spec = CorpusSpec.from_tree(tree)
    again = CorpusSpec.from_tree(json.loads(json.dumps(spec.tree())))
    assert again == spec
    assert again.sha256() == spec.sha256()


def test_the_hash_is_of_the_meaning_not_of_the_spelling() -> None:
    plain = CorpusSpec.from_tree({})
    assert CorpusSpec.from_tree({"seed": 7, "capture": {"slots": 256}}).sha256() == plain.sha256()
    assert CorpusSpec.from_tree({"seed": 8}).sha256() != plain.sha256()


def test_the_example_of_the_design_is_accepted(tmp_path: Path) -> None:
    """Feature kinds that are not there yet are refused by name; all else of the example is read."""
    file = tmp_path / "london.yaml"
    file.write_text(
        """
name: london-city
seed: 7
scene:
  buildings: {kind: osm_file, path: london-city.osm}
  bbox: [-0.0880, 51.5080, -0.0740, 51.5154]
sites: {kind: opencellid, path: london-city-opencellid.csv, radio: LTE, mcc: 234, mnc: 30, count: 3}
receivers: {kind: hover, count: 3, altitude_m: 120}
carrier: {earfcn: 1617}
raytracing: {kind: sionna, max_reflections: 5, diffraction: true}
waveform: {kind: lte, bandwidth_mhz: 10, subchannels: 16, control: on}
occupancy: {kind: markov, p01: 0.05, p10: 0.3}
capture: {samples: 1024, slots: 2000, snr_db: {start: -20, stop: 20, step: 5}, noise: common_floor}
features: {spectrogram: {nperseg: 128}}
storage: {format: zarr, iq: complex64}
splits: {train: 0.7, validation: 0.15, test: 0.15, by: time}
"""
    )
    spec = CorpusSpec.from_yaml(file)
    assert spec.folder == tmp_path
    assert spec.waveform.control is True
    assert len(spec.capture.snr_levels_db()) == 9


def test_an_empty_file_asks_for_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing yet\n")
    assert CorpusSpec.from_yaml(file).tree() == CorpusSpec().tree()


@pytest.mark.parametrize("text", ["[]", "false", "0", "''", "- a", "hello"])
def test_a_file_of_anything_but_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text)
    with pytest.raises(SpecError, match="a spec is a mapping of keys to values, not"):
        CorpusSpec.from_yaml(file)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(SpecError, match="not a text file"):
        CorpusSpec.from_yaml(file)
    file.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(SpecError, match="over 1 MiB"):
        CorpusSpec.from_yaml(file)
    for missing in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(MissingFileError, match="no such spec file"):
            CorpusSpec.from_yaml(missing)


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that can't be read")
def test_a_file_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SpecError, match="can't be read"):
        CorpusSpec.from_yaml("/proc/self/mem")


def test_overrides_win_over_the_file_and_are_checked_alike(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("capture: {slots: 100}")
    spec = CorpusSpec.from_yaml(file, overrides=["capture.slots=200", "seed=9", "waveform.control=off"])
    assert (spec.capture.slots, spec.seed, spec.waveform.control) == (200, 9, False)
    with pytest.raises(SpecError, match=r"capture\.slot: unknown key, did you mean 'slots'"):
        CorpusSpec.from_yaml(file, overrides=["capture.slot=200"])


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        CorpusSpec().capture.slots = 5  # type: ignore[misc]


KEYS = st.sampled_from([key for _, key in EVERY_KEY]) | st.text(max_size=6) | st.integers() | st.none()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_tree_is_a_spec_or_an_error_of_one_short_line(tree: dict[Any, Any]) -> None:
    """Hypothesis looks for a tree that ends in another error, or in a page of text."""
    try:
        CorpusSpec.from_tree(tree)
    except IqAtlasError as refusal:
        assert "\n" not in str(refusal)
        assert len(str(refusal)) < 400


def test_fresh_payload_is_not_stored_so_that_older_specs_keep_their_hash() -> None:
    fixed = CorpusSpec.from_tree({"capture": {"payload": "fixed"}})
    assert "payload" not in CorpusSpec().tree()["capture"]
    assert fixed.tree()["capture"]["payload"] == "fixed"
    assert CorpusSpec.from_tree(fixed.tree()).sha256() == fixed.sha256() != CorpusSpec().sha256()
