"""The quality report: its counts, its meshes, and what a person reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iqatlas.errors import StorageError
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.mesh import Mesh, scene_meshes
from iqatlas.scenes.report import report_text, scene_report, write_report
from iqatlas.scenes.scene import Scene
from iqatlas.scenes.spec import BundledSites, HoverReceivers, SceneSpec


@pytest.fixture(scope="module")
def helsinki(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("nothing")
    return build_scene("helsinki", SceneSpec(), BundledSites(), HoverReceivers(), seed=7, base_folder=folder)


@pytest.fixture(scope="module")
def meshes(helsinki: Scene) -> list[Mesh]:
    west, south, east, north = helsinki.buildings.total_bounds.tolist()
    return scene_meshes(helsinki.buildings, 0.0, (west, south, east, north))


def test_counts_are_those_of_the_scene(helsinki: Scene, meshes: list[Mesh]) -> None:
    report = scene_report(helsinki, meshes)
    buildings = report["buildings"]
    assert buildings["rows"] == len(helsinki.buildings)
    assert sum(told["count"] for told in buildings["height_sources"].values()) == len(helsinki.buildings)
    # Shares are rounded to 1e-4, of five sources at most.
    assert sum(told["share"] for told in buildings["height_sources"].values()) == pytest.approx(1, abs=3e-4)
    assert buildings["footprint_area_m2"] == pytest.approx(helsinki.buildings.area.sum(), abs=0.1)
    assert sum(buildings["materials"].values()) == len(helsinki.buildings)
    assert report["area_km2"] == pytest.approx(1.01, abs=0.01)
    assert [site["name"] for site in report["sites"]] == [site.name for site in helsinki.sites]
    assert report["sites"][0]["position_uncertainty_m"] == 5.0
    assert report["receivers"]["waypoints"] == 1 and len(report["receivers"]["uavs"]) == 3
    assert report["made_from"] == helsinki.report
    assert sum(mesh.get("open_edges", 0) for mesh in report["meshes"]) == 0
    assert report["links"]["looked_at"] == 9


def test_lines_of_sight_without_and_behind_buildings(helsinki: Scene, meshes: list[Mesh]) -> None:
    empty = replace(helsinki, buildings=helsinki.buildings.iloc[:1])
    assert scene_report(empty, meshes)["links"]["line_of_sight"] == 9
    low = helsinki.receivers.position_m.copy()
    low[..., 2] = 2.0
    grounded = replace(helsinki, receivers=replace(helsinki.receivers, position_m=low))
    shares = [scene_report(scene, meshes)["links"]["line_of_sight"] for scene in (grounded, helsinki)]
    assert shares[0] < shares[1]


def test_an_open_mesh_is_counted(helsinki: Scene, meshes: list[Mesh]) -> None:
    solid = next(mesh for mesh in meshes if mesh.layer == "buildings")
    torn = replace(solid, face=solid.face[1:], building=solid.building[1:])
    told = scene_report(helsinki, [torn, *meshes])["meshes"]
    # A missing triangle leaves the three edges of its neighbours alone; the ground has a rim by its nature.
    assert told[0]["open_edges"] == 3
    assert all(entry.get("open_edges", 0) == 0 for entry in told[1:])
    assert [entry["of"] for entry in told if "open_edges" not in entry] == ["surfaces"]


def test_a_person_can_read_it(helsinki: Scene, meshes: list[Mesh], tmp_path: Path) -> None:
    report = scene_report(helsinki, meshes)
    written = write_report(report, tmp_path / "new" / "folder")
    assert json.loads(written[0].read_text(encoding="utf-8")) == report
    text = written[1].read_text(encoding="utf-8")
    assert text == report_text(report)
    for words in (
        "helsinki: 1.01 km²",
        "all solids are watertight",
        "within 5 m",
        "neighbour",
        "ODbL",
        "uav2: 120 m",
    ):
        assert words in text
    torn = replace(meshes[0], face=meshes[0].face[1:], building=meshes[0].building[1:])
    assert "3 open edges: not watertight" in report_text(scene_report(helsinki, [torn]))


def test_a_folder_that_cannot_be_written_is_named(helsinki: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file.*can't be written"):
        write_report(scene_report(helsinki, []), tmp_path / "file")
