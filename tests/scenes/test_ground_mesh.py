"""The ground's mesh: one face in each place, upward, at the ground's height, each piece in its material."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.scenes.ground_mesh import PLAIN, Piece, ground_pieces
from iqatlas.scenes.materials import GROUND_MATERIAL
from iqatlas.scenes.terrain import FLAT_GROUND, Ground

BOUNDS = (-300.0, -300.0, 300.0, 300.0)
LAKE = shapely.Point(20, 30).buffer(100, 16) - shapely.box(0, 0, 40, 40)
# The sand touches the lake's bank, and the yard touches itself: a hole at its rim.
SAND = (shapely.box(100, -50, 250, 200) - LAKE).buffer(0)
YARD = shapely.Polygon(
    [(-280, -280), (-200, -280), (-200, -200), (-280, -200)], [[(-280, -240), (-240, -260), (-240, -220)]]
)
rng = np.random.default_rng(5)
ROUGH = Ground(-250.0, -250.0, 25.0, rng.normal(0.0, 5.0, (21, 21)).round(2))


def _surfaces(*rows: tuple[str, shapely.Polygon]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{number}" for number in range(len(rows))],
            "kind": "",
            "material": [row[0] for row in rows],
        },
        geometry=[row[1] for row in rows],
    )


SURFACES = _surfaces(("water", LAKE), ("very_dry_ground", SAND), ("paved_ground", YARD))


def _seen_m2(piece: Piece) -> np.ndarray:
    """Return the area of each face as seen from above, negative for one that looks down."""
    corner = piece[1][piece[2]][:, :, :2]
    ab, ac = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    return (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]) / 2


@pytest.mark.parametrize("ground", [FLAT_GROUND, ROUGH], ids=["flat", "rough"])
def test_the_pieces_fill_the_ground_once(ground: Ground) -> None:
    pieces = ground_pieces(BOUNDS, SURFACES, ground)
    assert [piece[0] for piece in pieces] == ["paved_ground", "very_dry_ground", "water", GROUND_MATERIAL]
    for piece, whole, row in zip(pieces[:3], (YARD, SAND, LAKE), (2, 1, 0), strict=True):
        assert (_seen_m2(piece) > 0).all()
        # Corners are rounded to 1 mm along some hundred metres of outline.
        assert _seen_m2(piece).sum() == pytest.approx(whole.area, abs=0.5)
        assert np.unique(piece[3]).tolist() == [row]
        # No face leaves its outline: the middle of each lies in it.
        middle = piece[1][piece[2]].mean(axis=1)
        assert shapely.dwithin(shapely.points(middle[:, 0], middle[:, 1]), whole, 0.002).all()
    assert np.unique(pieces[3][3]).tolist() == [PLAIN]
    total = sum(_seen_m2(piece).sum() for piece in pieces)
    # As above; the whole is a square of 600 m.
    assert total == pytest.approx(600.0**2, abs=1.0)


@pytest.mark.parametrize("surfaces", [None, SURFACES], ids=["plain", "divided"])
def test_every_vertex_is_at_the_ground_s_height_and_so_is_every_middle(
    surfaces: gpd.GeoDataFrame | None,
) -> None:
    for _, vertex, face, _ in ground_pieces(BOUNDS, surfaces, ROUGH):
        for place in (vertex, vertex[face].mean(axis=1)):
            expected = ROUGH.height_m(place[:, 0].copy(), place[:, 1].copy())
            # Cuts are rounded to 1 mm, and faces slope by a half: pieces end within a millimetre of a plane.
            np.testing.assert_allclose(place[:, 2], expected, atol=2e-3)


def test_a_terrain_has_two_triangles_a_cell_and_is_one_sheet() -> None:
    ((_, vertex, face, _),) = ground_pieces((-250.0, -250.0, 250.0, 250.0), None, ROUGH)
    assert len(face) == 2 * 20 * 20
    assert len(vertex) == 21 * 21
    edge = np.sort(np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]]), axis=1)
    _, count = np.unique(edge, axis=0, return_counts=True)
    assert (count == 1).sum() == 4 * 20  # only the rim is open


def test_ground_beyond_the_grid_goes_on_to_the_bounds() -> None:
    ((_, vertex, _, _),) = ground_pieces((-1000.0, -100.0, 900.0, 100.0), None, ROUGH)
    assert vertex[:, 0].min() == -1000.0 and vertex[:, 0].max() == 900.0
    # To the south and north it ends at lines of the grid.
    assert vertex[:, 1].min() >= -125.0 and vertex[:, 1].max() <= 125.0
    assert vertex[:, 1].min() <= -100.0 and vertex[:, 1].max() >= 100.0


def test_a_flat_ground_without_surfaces_is_two_triangles() -> None:
    ((material, vertex, face, row),) = ground_pieces(BOUNDS, None, FLAT_GROUND)
    assert material == GROUND_MATERIAL
    assert face.shape == (2, 3)
    assert vertex[:, 2].tolist() == [0.0] * 4
    assert row.tolist() == [PLAIN] * 2
