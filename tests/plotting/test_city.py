"""The map of a scene: it is drawn, for a few sites or many, standing or flying, the same bytes each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from matplotlib.image import imread

from iqatlas.errors import StorageError
from iqatlas.plotting.city import draw_city
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.scene import BUILDING_COLUMNS, Receivers, Scene, Site

FRAME = LocalFrame(24.9443, 60.1687)


@pytest.fixture
def scene() -> Scene:
    corner = [(east, north) for east in range(-400, 400, 100) for north in range(-300, 300, 100)]
    footprints = [
        shapely.box(east, north, east + 70, north + 70)
        - shapely.box(east + 20, north + 20, east + 50, north + 40)
        for east, north in corner
    ]
    count = len(corner)
    buildings = gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(count)],
            "kind": "yes",
            "base_height_m": 0.0,
            "top_height_m": np.linspace(5, 80, count),
            "height_source": np.resize(["tag", "levels", "default", "kite"], count),
            "material": "concrete",
        },
        geometry=footprints,
    )[list(BUILDING_COLUMNS)]
    site = Site(
        "a", 24.9443, 60.1687, (0.0, 0.0, 30.0), 43.0, 5, 120.0, "roof", "somewhere", azimuth_deg=90.0
    )
    position = np.array([[[100.0, 50.0, 120.0]], [[200.0, 90.0, 120.0]]])
    receivers = Receivers(("uav0",), np.array([0.0, 1.0]), position, np.zeros_like(position), "flown")
    bbox = (24.937, 60.166, 24.9515, 60.1715)
    return Scene("test city", FRAME, bbox, buildings, (site,), receivers, ("© somebody",))


def test_a_picture_with_something_on_it(scene: Scene, tmp_path: Path) -> None:
    draw_city(scene, tmp_path / "deep" / "map.png")
    picture = imread(tmp_path / "deep" / "map.png")
    assert picture.shape[0] > 600 and picture.shape[1] > 1200
    # Roofs from pale to dark, and white paper: a blank picture has one colour.
    assert picture[..., :3].std() > 0.05
    draw_city(scene, tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "deep" / "map.png").read_bytes()


def test_what_is_drawn_follows_from_the_scene(scene: Scene, tmp_path: Path) -> None:
    site = scene.sites[0]
    others = {
        "site": replace(scene, sites=(replace(site, position_m=(50.0, 0.0, 30.0)),)),
        "uncertainty": replace(scene, sites=(replace(site, position_uncertainty_m=None),)),
        "azimuth": replace(scene, sites=(replace(site, azimuth_deg=None),)),
        "buildings": replace(scene, buildings=scene.buildings.iloc[1:]),
        "way": replace(
            scene, receivers=replace(scene.receivers, position_m=scene.receivers.position_m[:, :, :] * 0.9)
        ),
    }
    draw_city(scene, tmp_path / "known.png")
    for name, other in others.items():
        draw_city(other, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes() != (tmp_path / "known.png").read_bytes(), name


def test_many_sites_and_uavs_still_fit(scene: Scene, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    sites = tuple(
        replace(scene.sites[0], name=f"s{i}", position_m=(*rng.uniform(-300, 300, 2).tolist(), 30.0))
        for i in range(64)
    )
    position = np.concatenate([rng.uniform(-300, 300, (1, 200, 2)), np.full((1, 200, 1), 120.0)], axis=-1)
    receivers = Receivers(
        tuple(f"uav{i}" for i in range(200)), np.zeros(1), position, np.zeros_like(position), "drawn"
    )
    draw_city(replace(scene, sites=sites, receivers=receivers), tmp_path / "map.png")
    assert imread(tmp_path / "map.png").shape[0] < 2500


def test_a_file_that_cannot_be_written_is_named(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"map\.png.*can't be written"):
        draw_city(scene, tmp_path / "file" / "map.png")
