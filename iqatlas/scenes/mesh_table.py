"""Which triangle belongs to which OpenStreetMap object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iqatlas.scenes.mesh import NO_BUILDING, Mesh
from iqatlas.scenes.scene import Scene

TABLE_FILE = "triangles.parquet"
GROUND_ID = "ground"
"""In the place of an OpenStreetMap id: ground that no mapped surface covers."""


def mesh_names(meshes: Sequence[Mesh]) -> tuple[str, ...]:
    """Return a name for each mesh: its material, which no other mesh of the scene has.

    Args:
        meshes: The meshes of a scene.
    """
    return tuple(mesh.material for mesh in meshes)


def triangle_table(meshes: Sequence[Mesh], scene: Scene) -> pd.DataFrame:
    """Return mesh, triangle and ``osm_id`` (such as ``way/5``, or ``ground``) of every triangle.

    Args:
        meshes: The scene's meshes.
        scene: The scene that they are of.
    """
    parts = []
    for name, mesh in zip(mesh_names(meshes), meshes, strict=True):
        table = {
            "buildings": scene.buildings,
            "vegetation": scene.vegetation,
            "surfaces": scene.surfaces,
        }[mesh.layer]
        # The place of the ground comes last, where a row of -1 finds it.
        ids = np.array([*([] if table is None else table["osm_id"]), GROUND_ID], dtype=object)
        row = np.where(mesh.building == NO_BUILDING, len(ids) - 1, mesh.building)
        parts.append(
            pd.DataFrame(
                {"mesh": name, "triangle": np.arange(len(mesh.face), dtype=np.int32), "osm_id": ids[row]}
            )
        )
    return pd.concat(parts, ignore_index=True)


def write_triangle_table(meshes: Sequence[Mesh], scene: Scene, path: Path) -> None:
    """Write the table of triangles as Parquet; the same scene gives the same bytes.

    Args:
        meshes: The scene's meshes.
        scene: The scene that they are of.
        path: The file to write.
    """
    table = triangle_table(meshes, scene)
    columns = {
        "mesh": pa.array(table["mesh"].astype(str)).dictionary_encode(),
        "triangle": pa.array(table["triangle"].to_numpy(), pa.int32()),
        "osm_id": pa.array(table["osm_id"].astype(str)).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), path, compression="zstd")
