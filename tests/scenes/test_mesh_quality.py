"""Reports on meshes: open edges are seen, volumes are right."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from iqatlas.scenes.mesh import Mesh, extrude
from iqatlas.scenes.mesh_quality import enclosed_m3, mesh_report, open_edges


def _box(layer: str = "buildings", faces: slice = slice(None)) -> Mesh:
    vertex, face = extrude(shapely.box(1000, 1000, 1020, 1010), 0.0, 5.0)
    face = face[faces].astype(np.int32)
    return Mesh("brick", vertex.astype(np.float32), face, np.zeros(len(face), np.int32), layer)


def test_a_closed_box_has_no_open_edge_and_its_volume() -> None:
    assert open_edges(_box().face) == 0
    assert enclosed_m3(_box()) == pytest.approx(1000.0, rel=1e-12)  # whole metres are exact in float32


def test_a_missing_or_a_turned_face_is_seen() -> None:
    assert open_edges(_box(faces=slice(1, None)).face) == 3
    turned = _box().face.copy()
    turned[0] = turned[0, ::-1]
    assert open_edges(turned) == 3
    assert open_edges(np.empty((0, 3), np.int32)) == 0


def test_the_report_adds_up_and_leaves_the_ground_out() -> None:
    report = mesh_report([_box(), _box("vegetation", slice(2, None)), _box("surfaces", slice(0, 2))])
    assert report["triangles"] == 12 + 10 + 2
    assert report["triangles_by_mesh"] == ["brick: 12", "brick: 10", "brick: 2"]
    assert report["open_meshes"] == 1
    assert report["open_edges"] == 4  # the floor's two triangles share their fifth edge
    assert report["building_volume_m3"] == pytest.approx(1000.0)
