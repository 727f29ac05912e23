"""``iqatlas scene`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest

from iqatlas.cli.app import run

SPEC = """name: {name}
scene:
  buildings: {{kind: osm_file, path: {data}/{map}}}
  bbox: {bbox}
sites: {sites}
receivers: {receivers}
capture: {{slots: 2000}}
"""
CITIES = {
    "london": (
        "london-city.osm",
        "[-0.0880, 51.5080, -0.0740, 51.5154]",
        "{{kind: opencellid, path: {data}/london-city-opencellid.csv, mnc: 30, count: 3}}",
        "{kind: hover}",
    ),
    "new-york": (
        "nyc-lower-east-side.osm.pbf",
        "null",
        "{{kind: opencellid, path: {data}/nyc-lower-east-side-opencellid.csv, by_sector: true}}",
        "{kind: trajectory, pattern: circle, count: 2}",
    ),
    "monaco": (
        "monaco.osm.pbf",
        "null",
        "{{kind: placed, count: 5}}",
        "{kind: trajectory, pattern: random_waypoint, altitude_m: 60}",
    ),
}


@pytest.mark.parametrize(
    "city", [city if city == "new-york" else pytest.param(city, marks=pytest.mark.slow) for city in CITIES]
)
def test_a_scene_of_each_city(
    city: str, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    osm, bbox, sites, receivers = CITIES[city]
    spec = tmp_path / "city.yaml"
    told = sites.format(data=shared_data)
    spec.write_text(
        SPEC.format(name=city, data=shared_data, map=osm, bbox=bbox, sites=told, receivers=receivers)
    )
    folder = tmp_path / "scene"
    assert run(["scene", str(spec), "-o", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "watertight" in shown and "OpenStreetMap" in shown
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["name"] == city and sum(mesh.get("open_edges", 0) for mesh in report["meshes"]) == 0
    buildings = gpd.read_parquet(folder / "buildings.parquet")
    assert len(buildings) == report["buildings"]["rows"]
    table = gpd.read_parquet(folder / "sites.parquet")
    assert len(table) == len(report["sites"])
    if city == "new-york":
        assert table["azimuth_deg"].notna().all() and set(table["azimuth_source"]) <= {"measured", "default"}
    if city == "monaco":
        assert table["provenance"].str.startswith("placed by iqatlas").all()
    flown = gpd.read_parquet(folder / "receivers.parquet")
    # 2 s of flight, a waypoint every 0.1 s.
    assert flown["waypoint"].max() == (0 if city == "london" else 19)
    assert (folder / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_a_folder_of_the_spec_s_name_and_one_line_for_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["scene", "--set", "name=mine"]) == 0
    assert (tmp_path / "mine-scene" / "map.png").is_file()
    capsys.readouterr()
    assert run(["scene", "--set", "receivers={kind: trajectory, pattern: circle, altitude_m: 20}"]) == 2
    assert "flies through the building" in capsys.readouterr().err.replace("\n", " ")
