"""What there is to say of meshes: sizes, open ones, volumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32

from iqatlas.scenes.mesh import Mesh


def open_edges(face: Int32[np.ndarray, "face 3"]) -> int:
    """Return how many edges are not run through as often in one direction as in the other.

    A closed, evenly oriented mesh has none.

    Args:
        face: Three vertices each.
    """
    edge = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]]).astype(np.int64)
    count = int(edge.max(initial=0)) + 1
    low, high = edge.min(axis=1), edge.max(axis=1)
    _, index = np.unique(low * count + high, return_inverse=True)
    balance = np.bincount(index, weights=np.where(edge[:, 0] == low, 1.0, -1.0))
    return int(np.count_nonzero(balance))


def enclosed_m3(mesh: Mesh) -> float:
    """Return the volume that a closed mesh encloses, positive where its faces look outwards.

    Args:
        mesh: Closed solids.

    Source: the divergence theorem over triangles.
    """
    if len(mesh.face) == 0:
        return 0.0
    corner = mesh.vertex_m[mesh.face].astype(np.float64)
    # About one corner, so that large coordinates don't eat the digits.
    corner -= corner[0, 0]
    return float(np.sum(corner[:, 0] * np.cross(corner[:, 1], corner[:, 2])) / 6.0)


def mesh_report(meshes: Sequence[Mesh]) -> dict[str, int | float | str | list[str]]:
    """Return the part of a scene's quality report that its meshes make.

    Args:
        meshes: The scene's meshes. The ground is open by its nature and not counted among the open ones.
    """
    solids = [mesh for mesh in meshes if mesh.layer != "surfaces"]
    gaping = {mesh.material: open_edges(mesh.face) for mesh in solids}
    return {
        "triangles": sum(len(mesh.face) for mesh in meshes),
        "triangles_by_mesh": [f"{mesh.material}: {len(mesh.face)}" for mesh in meshes],
        "open_meshes": sum(count > 0 for count in gaping.values()),
        "open_edges": sum(gaping.values()),
        "building_volume_m3": sum(enclosed_m3(mesh) for mesh in solids if mesh.layer == "buildings"),
        "foliage_volume_m3": sum(enclosed_m3(mesh) for mesh in solids if mesh.layer == "vegetation"),
    }
