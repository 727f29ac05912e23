"""Whatever a user gets wrong: one line that says what and where, exit code 2, and nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OSM = '<osm version="0.6"><node id="1" version="1" lat="51.5" lon="-0.09"><tag k="a" v="b"/></node></osm>'
AT = {"longitude_deg": 24.944, "latitude_deg": 60.1685}
SWAPPED = {"longitude_deg": 60.1685, "latitude_deg": 24.944}

SPECS: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt key": ({"captures": {}}, "captures: unknown key, did you mean 'capture'?"),
    "a misspelt key within": ({"capture": {"slotz": 80}}, "slotz: unknown key, did you mean 'slots'?"),
    "a probability above 1": ({"occupancy": {"p01": 1.3}}, "occupancy.p01: 1.3: input should be less than"),
    "rates for other sub-channels": ({"occupancy": {"p01": [0.1] * 3}}, "3 rates for 2 sub-channels"),
    "no receivers": ({"receivers": {"count": 0}}, "receivers.count: 0: input should be greater"),
    "a wrong kind": ({"raytracing": {"kind": "freespace"}}, "'freespace', did you mean 'free_space'?"),
    "more sub-channels than blocks": (
        {"waveform": {"bandwidth_mhz": 1.4, "subchannels": 7}},
        "waveform.subchannels: 7 sub-channels in 6 resource blocks",
    ),
    "captures longer than a slot": (
        {"capture": {"samples": 2000, "slots": 80}},
        "2000 samples are longer than an occupancy slot of 1920 samples; accepted: at most 1920",
    ),
    "too few slots": ({"capture": {"slots": 20, "samples": 64}}, "20 slots are too few for 3 splits"),
    "a slot that is no multiple": ({"occupancy": {"slot_s": 0.0012}}, "accepted: multiples of 0.0005"),
    "thermal noise with an SNR": (
        {"capture": {"noise": "thermal", "snr_db": 3}},
        "thermal noise follows from the noise figure: leave snr_db out",
    ),
    "an unknown channel": ({"carrier": {"earfcn": 262143}}, "262143 is not a downlink EARFCN"),
    "a missing map": (
        {"scene": {"buildings": {"kind": "osm_file", "path": "none.osm"}}},
        "scene.buildings.path: no such file: ",
    ),
    "no sites": (
        {"sites": {"kind": "list", "sites": []}},
        "sites.sites: []: list should have at least 1 item",
    ),
    "a map without buildings": (
        {
            "scene": {"buildings": {"kind": "osm_file", "path": "../bare.osm"}},
            "sites": {"kind": "list", "sites": [{"name": "a", **AT, "height_m": 30}]},
        },
        "scene.buildings.path: bare.osm holds no building that has an area",
    ),
    "a map that is none": (
        {
            "scene": {"buildings": {"kind": "osm_file", "path": "../city.txt"}},
            "sites": {"kind": "list", "sites": [{"name": "a", **AT, "height_m": 30}]},
        },
        "accepted: a file that ends in .osm, .osm.bz2",
    ),
    "a bbox elsewhere": ({"scene": {"bbox": [2.3, 48.8, 2.4, 48.9]}}, "lie in the bbox [2.3000, 48.8000"),
    "a missing database": ({"sites": {"kind": "opencellid", "path": "none.csv"}}, "no such file: "),
    "cells without coordinates": (
        {"sites": {"kind": "opencellid", "path": "../cells.csv"}},
        "no column for longitude_deg, latitude_deg",
    ),
    "cells elsewhere": ({"sites": {"kind": "opencellid", "path": "../paris.csv"}}, "sites"),
    "sites outside the world": (
        {"sites": {"kind": "list", "sites": [{"name": "a", **AT, "height_m": 9, "latitude_deg": 95}]}},
        "sites.sites.0.latitude_deg: 95: input should be less than or equal to 90",
    ),
    "sites in another country": (
        {"sites": {"kind": "list", "sites": [{"name": "a", **SWAPPED, "height_m": 9}]}},
        "longitude and latitude are not swapped",
    ),
    "UAVs below the roofs": ({"receivers": {"count": 60, "altitude_m": 20}}, "receivers: found room for"),
}  # fmt: skip


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "bare.osm").write_text(OSM)
    (tmp_path / "city.txt").write_text("no map")
    (tmp_path / "cells.csv").write_text("radio,mcc,net,area,cell\nLTE,244,91,1,256\n")
    (tmp_path / "paris.csv").write_text("radio,mcc,net,area,cell,lon,lat\nLTE,208,1,1,256,2.35,48.85\n")
    return tmp_path


def refused(outcome: Any, words: str) -> None:
    """Check the one line: no traceback, no second line, nothing on the standard output."""
    assert outcome.code == 2
    assert len(outcome.error_lines) == 1
    assert outcome.error_lines[0].startswith("iqatlas: ")
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("mistake", SPECS)
def test_a_mistake_in_the_spec(
    mistake: str, inputs: Path, spec_file: Callable[..., Path], command: Callable[..., Any]
) -> None:
    changes, words = SPECS[mistake]
    spec = spec_file(**changes)
    refused(command("generate", spec, "-o", inputs / "out"), words)
    assert not (inputs / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: !!python/object/apply:os.getcwd []", "tags are not accepted"),
        ("a: &x 1\nb: *x", "aliases are not accepted"),
        ("seed: 1\nseed: 2", "the key 'seed' is there twice"),
        ("- a\n- b", "a spec is a mapping of keys to values, not list"),
        ("42", "a spec is a mapping of keys to values, not int"),
        ("seed: [", "not plain YAML (line 1"),
        ("\x00\x01", "not plain YAML"),
        ("name: 2026-02-30", "put dates and words that look like numbers in quotes"),
    ],
)
def test_a_file_that_is_no_spec(text: str, words: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text)
    for name in ("generate", "plan"):
        options = ["-o", tmp_path / "out"] if name == "generate" else []
        refused(command(name, file, *options), words)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.yaml"]


def test_a_binary_file_and_a_missing_file(tmp_path: Path, command: Callable[..., Any]) -> None:
    (tmp_path / "spec.yaml").write_bytes(bytes(range(128, 256)) * 8)
    refused(command("generate", tmp_path / "spec.yaml"), "not a text file in UTF-8")
    refused(command("generate", tmp_path / "none.yaml"), "no such spec file")
    refused(command("generate", tmp_path), "no such spec file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "--set", "capture.slots"], "--set: 'capture.slots' is not an override"),
        (["generate", "--set", "capture.slots=[1"], "--set capture.slots: not plain YAML"),
        (["generate", "--set", "capture.slot=80"], "capture.slot: unknown key, did you mean 'slots'?"),
        (["generate", "--set", "a.b.c=80"], "a: unknown key"),
        (["generate", "--set", "capture=80"], "capture: 80: input should be a mapping"),
        (["generate", "--workers", "0"], "--workers"),
        (["generate", "--workers", "two"], "--workers"),
        (["generate", "--wrokers", "2"], "No such option: --wrokers"),
        (["genrate"], "No such command 'genrate'"),
        (["generate", "a.yaml", "b.yaml"], "unexpected extra argument"),
        (["info"], "Missing argument 'CORPUS'"),
        (["validate", "x", "--pfa", "often"], "--pfa"),
        (["--colour"], "No such option"),
        (["info", "none"], "none: no such corpus folder"),
        (["verify", "none"], "none: no such corpus folder"),
        (["validate", "none"], "none: no such corpus folder"),
        (["info", "."], "no manifest.json in this folder"),
    ],
)
def test_a_mistake_on_the_command_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(command(*arguments), words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("probability", ["0", "1", "-3", "nan"])
def test_an_impossible_probability(probability: str, small_corpus: Any, command: Callable[..., Any]) -> None:
    refused(command("validate", small_corpus.path, "--pfa", probability), "is no probability of false alarm")


def test_an_output_that_holds_something_else(
    tmp_path: Path, spec_file: Callable[..., Path], command: Callable[..., Any]
) -> None:
    spec = spec_file()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    refused(command("generate", spec, "-o", tmp_path / "folder"), "this folder holds something else")
    refused(command("generate", spec, "-o", tmp_path / "folder", "--overwrite"), "holds something else")
    refused(command("generate", spec, "-o", tmp_path / "file"), "this is a file, not a folder")
    # Root may write anywhere, but nobody below a file.
    refused(command("generate", spec, "-o", tmp_path / "file" / "out"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["notes.txt"]


def test_another_corpus_is_kept_unless_told_otherwise(
    tmp_path: Path, small_corpus: Any, spec_file: Callable[..., Path], command: Callable[..., Any]
) -> None:
    there = Path(shutil.copytree(small_corpus.path, tmp_path / "there"))
    refused(command("generate", spec_file(), "-o", there), "this folder holds a finished corpus")
    assert command("verify", there).code == 0
    replaced = command("generate", spec_file(), "-o", there, "--overwrite", "--workers", "1")
    assert replaced.code == 0
    assert "quick: 160 records" in replaced.out
    assert command("verify", there).code == 0


def test_brackets_in_names_are_shown_as_they_are(
    tmp_path: Path, spec_file: Callable[..., Path], command: Callable[..., Any]
) -> None:
    """Rich takes brackets for markup: a folder or a site must neither vanish nor bring the command down."""
    site = {"name": "[/b] [red]mast", **AT, "height_m": 60}
    spec = spec_file(sites={"kind": "list", "sites": [site]})
    out = tmp_path / "[bold]x[" / "y[1]"
    made = command("generate", spec, "-o", out, "--workers", "1")
    assert made.code == 0
    assert str(out) in made.out
    assert "[/b] [red]mast" in command("info", out).out
    assert str(out) in command("verify", out).out
    (out / "[i].txt").write_text("not of the corpus")
    found = command("verify", out)
    assert found.code == 1
    assert "[i].txt: not in the manifest" in found.out
    refused(command("info", tmp_path / "[/none]"), "[/none]: no such corpus folder")


def test_mistakes_in_a_process_of_its_own(
    tmp_path: Path, spec_file: Callable[..., Path], process: Callable[..., Any]
) -> None:
    """What the shell sees: the same line, and the exit code."""
    refused(process("generate", spec_file(capture={"slotz": 1}), cwd=tmp_path), "did you mean 'slots'?")
    refused(process("generate", tmp_path / "none.yaml", cwd=tmp_path), "no such spec file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["specs"]


@pytest.mark.parametrize(
    ("library", "words"),
    [("/no/such/libLLVM.so", "no such LLVM library"), (__file__, "not a library that can be loaded")],
)
def test_a_library_that_is_none(
    library: str, words: str, tmp_path: Path, spec_file: Callable[..., Path], process: Callable[..., Any]
) -> None:
    spec = spec_file(raytracing={"kind": "sionna"})
    outcome = process("generate", spec, "-o", tmp_path / "out", DRJIT_LIBLLVM_PATH=library)
    if outcome.code == 0:
        pytest.skip("this machine traces on a GPU and needs no LLVM")
    refused(outcome, words)
    assert f"DRJIT_LIBLLVM_PATH={library}" in outcome.err
    assert "iqatlas doctor" in outcome.err
    assert not (tmp_path / "out").exists()
