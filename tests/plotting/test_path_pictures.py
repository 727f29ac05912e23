"""Pictures of paths: the same bytes for the same paths, and none that fails for want of paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from iqatlas.plotting.coverage import draw_coverage
from iqatlas.plotting.links import draw_power_delay, path_kind
from iqatlas.plotting.path_map import draw_paths
from iqatlas.raytracing.coverage import Coverage
from iqatlas.raytracing.spec import TwoRay
from iqatlas.raytracing.two_ray import two_ray_paths
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import Receivers, Scene, Site

SITES = tuple(
    Site(name, 0.0, 0.0, (x, 0.0, 25.0), 43.0, 0, None, "spec", "test")
    for name, x in (("a", -50.0), ("b", 60.0))
)
RECEIVERS = Receivers(
    ("u0", "u1"), np.zeros(1), np.array([[[0.0, 80, 60], [40, -70, 90]]]), np.zeros((1, 2, 3)), "test"
)
PATHS = two_ray_paths(SITES, RECEIVERS, TwoRay(), frequency_hz=1.8e9)
NO_PATHS = replace(PATHS, **{name: array[:, :, :, :0] for name, array in PATHS.arrays().items()})
COLUMNS = {
    "osm_id": ["w1"], "kind": ["yes"], "base_height_m": [0.0], "top_height_m": [20.0],
    "height_source": ["tag"], "material": ["concrete"], "geometry": [shapely.box(-90, -90, 90, 90)],
}  # fmt: skip
SCENE = Scene(
    "block",
    LocalFrame(24.94, 60.17),
    (24.93, 60.16, 24.95, 60.18),
    gpd.GeoDataFrame(COLUMNS),
    SITES,
    RECEIVERS,
    (),
)


def test_a_path_is_named_by_its_highest_interaction() -> None:
    kinds = path_kind(np.array([[0, 0], [1, 1], [1, 4], [2, 0], [3, 1]], np.int8))
    assert kinds.tolist() == ["direct", "reflection", "diffraction", "diffuse", "refraction"]


def test_the_same_paths_give_the_same_bytes(tmp_path: Path) -> None:
    for index, paths in enumerate((PATHS, PATHS, NO_PATHS)):
        draw_paths(SCENE, paths, tmp_path / f"map{index}.png", title="t")
        draw_power_delay(
            paths, tmp_path / f"delay{index}.png", sites=("a", "b"), receivers=("u0", "u1"), title="t"
        )
    for name in ("map", "delay"):
        first, again, none = ((tmp_path / f"{name}{index}.png").read_bytes() for index in range(3))
        assert first == again != none
        assert none[:4] == b"\x89PNG"


def test_coverage_is_drawn_where_there_is_some_and_where_there_is_none(tmp_path: Path) -> None:
    east, north = np.arange(-90.0, 91, 20), np.arange(-90.0, 91, 20)
    gain = np.full((2, 10, 10), 1e-9)
    gain[:, :5] = 0
    for name, values in (("some", gain), ("none", 0 * gain)):
        draw_coverage(SCENE, Coverage(values, east, north, 60.0), tmp_path / f"{name}.png", title="t")
    some, none = ((tmp_path / f"{name}.png").read_bytes() for name in ("some", "none"))
    assert some[:4] == none[:4] == b"\x89PNG" and some != none
