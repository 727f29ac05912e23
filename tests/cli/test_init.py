"""``iqatlas init`` asks, or takes options; what it writes is planned and made, and no file is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from iqatlas import CorpusSpec, open_corpus, plan
from iqatlas.cli.app import app
from iqatlas.errors import IqAtlasError
from iqatlas.generators.new_spec import SIZES, Answers, new_spec
from iqatlas.waveforms.carrier import BANDS

QUICKLY = [
    "--set",
    "raytracing={kind: free_space}",
    "--set",
    "capture.samples=32",
    "--set",
    "features.spectrogram=null",
]


def _no_picture(scene: object, dataset: object, paths: object, file: Path, *, title: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_asks_for_city_band_and_size() -> None:
    said = CliRunner().invoke(app, ["init", "mine.yaml"], input="helsinki\n20\n360\n")
    assert said.exit_code == 0, said.output
    assert said.output.count("City:") == said.output.count("Band:") == said.output.count("Size:") == 1
    spec = CorpusSpec.from_yaml("mine.yaml")
    assert (spec.name, spec.carrier.earfcn, plan(spec).records) == ("helsinki", 6299, 360)


def test_enter_takes_what_is_shown() -> None:
    said = CliRunner().invoke(app, ["init"], input="\n\n\n")
    assert said.exit_code == 0, said.output
    assert plan(CorpusSpec.from_yaml("helsinki.yaml")).records == SIZES["small"]


def test_what_it_writes_is_made(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", _no_picture)
    assert command("init", "--city", "helsinki", "--band", "3", "--size", "small").code == 0
    assert command("generate", "helsinki.yaml", "-o", "out", "--workers", "1", *QUICKLY).code == 0
    assert open_corpus("out").manifest.records == SIZES["small"]


def test_a_map_and_cells_are_named_from_where_the_spec_lies(
    command: Callable[..., Any], shared_data: Path, tmp_path: Path
) -> None:
    cells = shared_data / "nyc-lower-east-side-opencellid.csv"
    city = shared_data / "nyc-lower-east-side.osm.pbf"
    assert command("init", "specs/nyc.yaml", "-y", "--city", city, "--cells", cells).code == 0
    tree = yaml.safe_load(Path("specs/nyc.yaml").read_text())
    assert tree["name"] == "nyc-lower-east-side"
    for key in (tree["scene"]["buildings"]["path"], tree["sites"]["path"]):
        assert not Path(key).is_absolute()
        assert (tmp_path / "specs" / key).is_file()


@pytest.mark.parametrize(
    ("options", "levels_db", "remark"),
    [
        (["--snr", "-15,-5,5,15"], [-15.0, -5.0, 5.0, 15.0], "times 4 levels of SNR = records"),
        (["--snr=-2.5"], [-2.5], "at one level of SNR = records"),
        ([], [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0], "times 9 levels of SNR = records"),
    ],
)
def test_it_takes_snr_levels(
    options: list[str], levels_db: list[float], remark: str, command: Callable[..., Any]
) -> None:
    assert command("init", "mine.yaml", "--yes", "--size", "720", *options).code == 0
    spec = CorpusSpec.from_yaml("mine.yaml")
    assert spec.capture.snr_levels_db().tolist() == levels_db
    assert plan(spec).records == 720
    assert remark in Path("mine.yaml").read_text()


def test_nothing_is_replaced_without_force(command: Callable[..., Any]) -> None:
    Path("mine.yaml").write_text("name: dear\n")
    said = CliRunner().invoke(app, ["init", "mine.yaml"], input="\n\n\n")
    assert "City" not in said.output  # before anything is asked
    refused = command("init", "mine.yaml", "--yes")
    assert (refused.code, len(refused.error_lines)) == (2, 1)
    assert "--force replaces it" in refused.err
    assert Path("mine.yaml").read_text() == "name: dear\n"
    assert command("init", "mine.yaml", "--yes", "--force").code == 0
    assert CorpusSpec.from_yaml("mine.yaml").name == "helsinki"


def test_without_anybody_to_ask_it_says_so(process: Callable[..., Any], tmp_path: Path) -> None:
    said = process("init", "--city", "helsinki", cwd=tmp_path)
    assert said.code == 2
    assert "--band: nobody is there to be asked; give --band, or --yes for defaults" in said.err
    assert "Traceback" not in said.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--band", "54"], "--band: '54' is no band, did you mean"),
        (["--size", "huge"], "--size: 'huge' is no size; accepted: small, medium, large"),
        (["--size", "9"], "capture.slots: 1 slots are too few"),
        (["--city", "no.osm"], "--city no.osm: no such map file"),
        (["--cells", "no.csv"], "--cells no.csv: no such file of cells"),
        (["--bbox", "1,2,3"], "--bbox: '1,2,3' is no bbox"),
        (["--bbox", "3,2,1,4"], "west < east"),
        (["--band", "0.001MHz"], "carrier.frequency_hz"),
        (["--snr", "loud"], "--snr: 'loud' is no list of SNR levels; accepted: levels in dB, such as -15,-5"),
        (["--snr", "5,"], "--snr: '5,' is no list of SNR levels"),
        (["--snr", "0,300"], "capture.snr_db.1: 300: input should be less than or equal to 200"),
        (["--snr", "nan"], "capture.snr_db.0: 'nan'"),
    ],
)
def test_a_wrong_answer_is_one_line(arguments: list[str], words: str, command: Callable[..., Any]) -> None:
    refused = command("init", "--yes", *arguments)
    assert (refused.code, len(refused.error_lines)) == (2, 1)
    assert words in refused.err
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("band", [*(str(row.number) for row in BANDS), "vhf", "2.6 GHz"])
def test_every_band_gives_a_spec_that_is_planned(band: str) -> None:
    text = new_spec(Answers(band=band), Path())
    spec = CorpusSpec.from_tree(yaml.safe_load(text))
    assert plan(spec).records >= SIZES["small"]


@example(city=":\x85:", folder="")  # ends of lines in YAML, not in JSON
@example(city="a\u2028b", folder="")
@given(city=st.text(max_size=60), folder=st.sampled_from(["", "a b", "ü: #"]))
@settings(max_examples=25, deadline=None)
def test_any_name_of_a_place_is_one_value_of_the_spec(city: str, folder: str) -> None:
    """Whatever is typed stands in the spec as it is, or is refused; it never becomes YAML of its own."""
    try:
        text = new_spec(Answers(city=city), Path(folder))
    except IqAtlasError:
        return
    spec = CorpusSpec.from_tree(yaml.safe_load(text))
    if spec.scene.buildings.kind == "overpass":
        assert spec.scene.buildings.place == city.strip()
