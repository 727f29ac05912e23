"""Meshes as files: binary PLY, one a material, and the Mitsuba XML that Sionna RT's ``load_scene`` opens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from iqatlas.errors import StorageError
from iqatlas.scenes.materials import extrapolated_materials, material_at
from iqatlas.scenes.mesh import Mesh, meshes_of
from iqatlas.scenes.mesh_quality import mesh_report
from iqatlas.scenes.mesh_table import TABLE_FILE, mesh_names, write_triangle_table
from iqatlas.scenes.scene import Scene

MESH_FOLDER = "meshes"
SCENE_FILE = "scene.xml"
MESH_FILES = (MESH_FOLDER, SCENE_FILE, TABLE_FILE)
"""What :func:`write_meshes` writes."""
MATERIAL_PREFIX = "radio_"
"""Before the name of a material in the scene file: Sionna RT keeps the bare names for its own materials."""
# Mitsuba 3 says which syntax its scenes are written in; Sionna RT's own scenes carry the same version.
_MITSUBA_VERSION = "2.1.0"


def ply_bytes(mesh: Mesh) -> bytes:
    """Return a mesh as binary little-endian PLY: float32 vertices and triangles.

    Args:
        mesh: The mesh.

    Source: G. Turk, "The PLY Polygon File Format" (1994).
    """
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        "comment east, north and up in metres about the scene's origin\n"
        f"element vertex {len(mesh.vertex_m)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.face)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    faces = np.empty(len(mesh.face), np.dtype([("corners", "u1"), ("vertex", "<i4", 3)]))
    faces["corners"] = 3
    faces["vertex"] = mesh.face
    return header.encode("ascii") + mesh.vertex_m.astype("<f4").tobytes() + faces.tobytes()


def scene_xml(meshes: Sequence[Mesh], *, frequency_hz: float) -> str:
    """Return a Mitsuba scene of PLY files with a ``radio-material`` each, at one carrier.

    Permittivity and conductivity are written out, so that the scene loads at any carrier, below the range of
    Sionna's own materials too; they are right at ``frequency_hz``.

    Args:
        meshes: The scene's meshes, one a material.
        frequency_hz: Carrier that the materials are for.

    Raises:
        SceneError: The frequency is not a positive number.
    """
    lines = [f'<scene version="{_MITSUBA_VERSION}">']
    for name, mesh in zip(mesh_names(meshes), meshes, strict=True):
        material = material_at(mesh.material, frequency_hz)
        note = f"{material.source}, at {frequency_hz / 1e6:.6g} MHz"
        note += ", extrapolated" if material.extrapolated else ""
        values = {
            "relative_permittivity": material.relative_permittivity,
            "conductivity": material.conductivity_s_per_m,
            "thickness": material.thickness_m,
        }
        lines.append(f"  <!-- {name}: {note} -->")
        lines.append(f'  <bsdf type="radio-material" id={quoteattr(MATERIAL_PREFIX + name)}>')
        lines += [f'    <float name="{key}" value="{value!r}"/>' for key, value in values.items()]
        lines.append("  </bsdf>")
    for name in mesh_names(meshes):
        lines += [
            f'  <shape type="ply" id={quoteattr("mesh-" + name)}>',
            f'    <string name="filename" value={quoteattr(f"{MESH_FOLDER}/{name}.ply")}/>',
            '    <boolean name="face_normals" value="true"/>',
            f'    <ref id={quoteattr(MATERIAL_PREFIX + name)} name="bsdf"/>',
            "  </shape>",
        ]
    return "\n".join([*lines, "</scene>", ""])


def write_meshes(
    scene: Scene, folder: Path, *, frequency_hz: float
) -> dict[str, int | float | str | list[str]]:
    """Write ``scene.xml``, ``meshes/<material>.ply`` and ``triangles.parquet``.

    The same scene gives the same bytes. ``sionna.rt.load_scene(folder / "scene.xml")`` opens the result. The
    table gives the OpenStreetMap id of every triangle.

    Args:
        scene: The scene.
        folder: Where to write; it is made where it is missing.
        frequency_hz: Carrier that the materials are for.

    Returns:
        What a quality report says of the meshes: sizes, open ones, materials beyond their range.

    Raises:
        SceneError: A footprint can't be divided into triangles.
        StorageError: The folder can't be written to.
    """
    meshes = meshes_of(scene)
    xml = scene_xml(meshes, frequency_hz=frequency_hz)
    try:
        (folder / MESH_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, mesh in zip(mesh_names(meshes), meshes, strict=True):
            (folder / MESH_FOLDER / f"{name}.ply").write_bytes(ply_bytes(mesh))
        (folder / SCENE_FILE).write_text(xml, encoding="utf-8", newline="\n")
        write_triangle_table(meshes, scene, folder / TABLE_FILE)
    except OSError as error:
        raise StorageError(
            f"the scene's meshes can't be written ({error.strerror or error})",
            where=str(folder),
            remedy="choose a folder that may be written to and has room",
        ) from error
    report = mesh_report(meshes)
    report["materials_extrapolated"] = extrapolated_materials(
        (mesh.material for mesh in meshes), frequency_hz
    )
    return report
