"""Meshes on disk: PLY that others read, a scene that Sionna RT opens, a table of triangles, equal bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trimesh

from iqatlas.errors import StorageError
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.materials import material_at
from iqatlas.scenes.mesh import Mesh, meshes_of
from iqatlas.scenes.mesh_export import MATERIAL_PREFIX, ply_bytes, scene_xml, write_meshes
from iqatlas.scenes.mesh_table import GROUND_ID, triangle_table
from iqatlas.scenes.scene import Scene
from iqatlas.scenes.spec import HoverReceivers, ListedSite, ListedSites, OsmFileBuildings, SceneSpec

FREQUENCY_HZ = 751e6


@pytest.fixture(scope="module")
def scene(shared_data: Path) -> Scene:
    spec = SceneSpec(buildings=OsmFileBuildings(path="helsinki.osm.pbf"), vegetation=True)
    mast = ListedSite(name="mast", longitude_deg=24.944, latitude_deg=60.171, height_m=80.0)
    return build_scene(
        "helsinki",
        spec,
        ListedSites(sites=(mast,)),
        HoverReceivers(),
        seed=7,
        base_folder=shared_data,
    )


@pytest.fixture(scope="module")
def meshes(scene: Scene) -> list[Mesh]:
    return meshes_of(scene)


@pytest.fixture(scope="module")
def folder(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scene")
    write_meshes(scene, made, frequency_hz=FREQUENCY_HZ)
    return made


def test_another_reader_gets_the_same_triangles(folder: Path, meshes: list[Mesh]) -> None:
    for mesh in meshes:
        read = trimesh.load(folder / "meshes" / f"{mesh.material}.ply", process=False)
        assert np.array_equal(np.asarray(read.vertices, np.float32), mesh.vertex_m)
        assert np.array_equal(read.faces, mesh.face)
    assert {path.stem for path in (folder / "meshes").iterdir()} == {mesh.material for mesh in meshes}


def test_an_empty_mesh_is_a_ply_too() -> None:
    mesh = Mesh("wood", np.empty((0, 3), np.float32), np.empty((0, 3), np.int32), np.empty(0, np.int32))
    assert b"element face 0\n" in ply_bytes(mesh)


def test_the_same_scene_gives_the_same_bytes(scene: Scene, folder: Path, tmp_path: Path) -> None:
    write_meshes(scene, tmp_path, frequency_hz=FREQUENCY_HZ)

    def hashes(root: Path) -> dict[str, str]:
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert hashes(folder) == hashes(tmp_path)
    assert len(hashes(folder)) >= 7


def test_the_report_tells_of_open_meshes_and_extrapolated_materials(scene: Scene, tmp_path: Path) -> None:
    report = write_meshes(scene, tmp_path, frequency_hz=FREQUENCY_HZ)
    assert report["open_meshes"] == 0
    extrapolated = report["materials_extrapolated"]
    assert isinstance(extrapolated, list)
    # P.2040 gives glass and wood below 1 GHz, concrete and ground from there on.
    assert {"concrete", "medium_dry_ground", "paved_ground", "wet_ground"} <= set(extrapolated)
    assert not {"glass", "wood", "water", "foliage"} & set(extrapolated)


def test_every_triangle_has_its_osm_object(scene: Scene, folder: Path, meshes: list[Mesh]) -> None:
    table = pd.read_parquet(folder / "triangles.parquet")
    assert list(table.columns) == ["mesh", "triangle", "osm_id"]
    pd.testing.assert_frame_equal(
        table.astype({"mesh": object, "osm_id": object}),
        triangle_table(meshes, scene).astype({"mesh": object, "osm_id": object}),
    )
    for mesh in meshes:
        rows = table[table["mesh"] == mesh.material]
        assert rows["triangle"].tolist() == list(range(len(mesh.face)))
    buildings = table[table["mesh"].isin(["concrete", "glass", "wood"])]
    assert set(buildings["osm_id"]) <= set(scene.buildings["osm_id"])
    # A building that others of its height enclose on all sides may have no face of its own.
    assert buildings["osm_id"].nunique() > 0.98 * scene.buildings["osm_id"].nunique()
    assert set(table[table["mesh"] == "medium_dry_ground"]["osm_id"]) == {GROUND_ID}
    assert scene.surfaces is not None
    water = scene.surfaces[scene.surfaces["material"] == "water"]["osm_id"]
    assert set(table[table["mesh"] == "water"]["osm_id"]) == set(water)


def test_the_xml_says_where_values_come_from(meshes: list[Mesh]) -> None:
    xml = scene_xml(meshes, frequency_hz=FREQUENCY_HZ)
    assert "concrete: ITU-R P.2040-3, at 751 MHz, extrapolated" in xml
    assert "glass: ITU-R P.2040-3, at 751 MHz -->" in xml
    assert xml.count("<bsdf") == xml.count("<shape") == len(meshes)


_LOAD = """
import json, sys
import sionna.rt as rt
scene = rt.load_scene(sys.argv[1])
scene.frequency = float(sys.argv[2])
scene.tx_array = scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
scene.add(rt.Transmitter("tx", position=[0.0, 0.0, 90.0]))
scene.add(rt.Receiver("rx", position=[60.0, 10.0, 100.0]))
paths = rt.PathSolver()(scene, max_depth=1, samples_per_src=20000, refraction=False)
scene = rt.load_scene(sys.argv[1], merge_shapes=False)
found = {
    name: [
        scene.objects[name].radio_material.name,
        float(scene.objects[name].radio_material.relative_permittivity[0]),
        float(scene.objects[name].radio_material.conductivity[0]),
        float(scene.objects[name].radio_material.thickness[0]),
        int(scene.objects[name].mi_mesh.face_count()),
    ]
    for name in scene.objects
}
json.dump({"objects": found, "paths": int(paths.valid.numpy().sum())}, sys.stdout)
"""


@pytest.mark.slow
def test_plain_sionna_opens_the_scene_with_its_materials(folder: Path, meshes: list[Mesh]) -> None:
    from iqatlas.raytracing.llvm import VARIABLE, cuda_driver_present, find_llvm

    environment = dict(os.environ)
    if not cuda_driver_present():
        environment[VARIABLE] = find_llvm().path
    # A process of its own, without iqatlas: what is loaded is what is on the disk.
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(folder / "scene.xml"), str(FREQUENCY_HZ)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded["paths"] >= 2  # the direct one and one by a roof or the ground
    assert len(loaded["objects"]) == len(meshes)
    for mesh in meshes:
        (values,) = [
            value for value in loaded["objects"].values() if value[0] == MATERIAL_PREFIX + mesh.material
        ]
        material = material_at(mesh.material, FREQUENCY_HZ)
        expected = (material.relative_permittivity, material.conductivity_s_per_m, material.thickness_m)
        assert values[1:4] == pytest.approx(expected, rel=1e-6)  # float32
        assert values[4] == len(mesh.face)


def test_a_folder_that_cannot_be_written_is_named(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file.*meshes can't be written"):
        write_meshes(scene, tmp_path / "file", frequency_hz=FREQUENCY_HZ)
