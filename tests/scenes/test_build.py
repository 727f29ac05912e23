"""Whole scenes: the bundled city, London and New York, from spec to sites on roofs and UAVs in the air."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iqatlas.errors import MissingFileError, SitesError, SpecError
from iqatlas.scenes.build import build_scene
from iqatlas.scenes.building_sources import SourcedBuildings, read_building_source
from iqatlas.scenes.clearance import building_distance_m, containing_building, roof_height_m
from iqatlas.scenes.scene import BUILDING_COLUMNS, Scene
from iqatlas.scenes.spec import (
    BundledSites,
    HoverReceivers,
    ListedSite,
    ListedSites,
    OpenCellIdSites,
    OsmFileBuildings,
    SceneSpec,
)
from iqatlas.scenes.tables import write_scene_tables

LONDON_BBOX = (-0.0880, 51.5080, -0.0740, 51.5154)
LONDON = SceneSpec(buildings=OsmFileBuildings(path="london-city.osm"), bbox=LONDON_BBOX)
LONDON_CELLS = OpenCellIdSites(path="london-city-opencellid.csv", mcc=234, mnc=30, count=3)
NEW_YORK = SceneSpec(buildings=OsmFileBuildings(path="nyc-lower-east-side.osm.pbf"))
NEW_YORK_CELLS = OpenCellIdSites(path="nyc-lower-east-side-opencellid.csv")


@pytest.fixture(scope="module")
def helsinki(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The bundled city needs no file from outside the package."""
    folder = tmp_path_factory.mktemp("nothing")
    return build_scene("helsinki", SceneSpec(), BundledSites(), HoverReceivers(), seed=7, base_folder=folder)


@pytest.fixture(scope="module")
def helsinki_again(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The same spec in another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return build_scene("helsinki", SceneSpec(), BundledSites(), HoverReceivers(), seed=7, base_folder=folder)


@pytest.fixture(scope="module")
def london(shared_data: Path) -> Scene:
    return build_scene("london", LONDON, LONDON_CELLS, HoverReceivers(), seed=7, base_folder=shared_data)


@pytest.fixture(scope="module")
def london_buildings(shared_data: Path) -> SourcedBuildings:
    """The buildings of London, for what goes wrong once they are read."""
    return read_building_source(LONDON, seed=7, base_folder=shared_data)


@pytest.fixture(scope="module")
def new_york(shared_data: Path) -> Scene:
    return build_scene("nyc", NEW_YORK, NEW_YORK_CELLS, HoverReceivers(), seed=7, base_folder=shared_data)


@pytest.fixture(scope="module", params=["helsinki", "london", "new_york"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return request.getfixturevalue(request.param)


def test_every_scene_holds_what_ray_tracing_needs(scene: Scene) -> None:
    assert tuple(scene.buildings.columns)[: len(BUILDING_COLUMNS)] == BUILDING_COLUMNS
    assert len(scene.buildings) > 400
    assert len(scene.sites) == 3 and len(scene.receivers.names) == 3
    assert len({site.cell_id % 3 for site in scene.sites}) == 3
    assert all(site.provenance for site in scene.sites)
    west, south, east, north = scene.bbox
    for site in scene.sites:
        assert west < site.longitude_deg < east and south < site.latitude_deg < north


def test_no_antenna_is_inside_a_building(scene: Scene) -> None:
    antennas = np.array([site.position_m for site in scene.sites])
    assert containing_building(scene.buildings, antennas).tolist() == [-1, -1, -1]
    uavs = scene.receivers.position_m[0]
    # Their clearance, less a rounding error.
    assert (building_distance_m(scene.buildings, uavs, limit_m=1000.0) >= 10 - 1e-9).all()


def test_antennas_on_roofs_are_4_m_above_them(scene: Scene) -> None:
    for site in scene.sites:
        east, north, up = (np.array([x]) for x in site.position_m)
        roof = roof_height_m(scene.buildings, east, north, within_m=30.0)[0]
        if site.height_source == "roof":
            assert up[0] == pytest.approx(roof + 4.0)
        else:
            assert (site.height_source, up[0]) == ("default", 25.0)


def test_helsinki_has_its_mapped_stations_and_a_rooftop(helsinki: Scene) -> None:
    assert [site.name for site in helsinki.sites] == ["osm1682211174", "osm3329837193", "rooftop"]
    place = np.array([site.position_m[:2] for site in helsinki.sites])
    # 0.0037727° of latitude between the two nodes: 420 m.
    assert np.hypot(*(place[0] - place[1])) == pytest.approx(420.4, abs=0.5)
    assert np.hypot(*(place[2] - place[:2]).T).min() >= 250.0
    assert len(helsinki.attribution) == 1 and "ODbL" in helsinki.attribution[0]


def test_london_names_its_operator_and_both_licences(london: Scene) -> None:
    assert {site.operator for site in london.sites} == {"234-30"}
    assert any("ODbL" in line for line in london.attribution)
    assert any("CC BY-SA 4.0" in line for line in london.attribution)
    assert london.report["cell_rows_read"] == 1328
    # All of the file lies within the 2 km that are read around the scene.
    assert london.report["cells_kept"] == 1328
    assert london.report["features_kept"] > 400
    assert all((site.position_uncertainty_m or 0) >= 50 for site in london.sites)


def test_without_a_named_operator_the_largest_is_taken(new_york: Scene) -> None:
    assert {site.operator for site in new_york.sites} == {"310-260"}


@pytest.mark.parametrize(
    ("sites", "what"),
    [
        (LONDON_CELLS.model_copy(update={"count": 60}), r"234-30 has \d+ LTE eNodeBs .* 234-10 \(\d+\)"),
        (LONDON_CELLS.model_copy(update={"mnc": 99}), r"no LTE eNodeB of 234-99"),
        (OpenCellIdSites(path="nyc-lower-east-side-opencellid.csv"), "eNodeBs here: none"),
        (OpenCellIdSites(path="README.md"), r"sites\.path \(README\.md\): the first line is neither"),
    ],
)
def test_too_few_sites(
    shared_data: Path,
    london_buildings: SourcedBuildings,
    monkeypatch: pytest.MonkeyPatch,
    sites: OpenCellIdSites,
    what: str,
) -> None:
    monkeypatch.setattr("iqatlas.scenes.build.read_building_source", lambda *_, **__: london_buildings)
    with pytest.raises(SitesError, match=what):
        build_scene("london", LONDON, sites, HoverReceivers(), seed=7, base_folder=shared_data)


def test_bundled_sites_stand_in_the_bundled_city_only(shared_data: Path) -> None:
    with pytest.raises(SpecError, match=r"sites\.kind: bundled sites .* list the sites"):
        build_scene("london", LONDON, BundledSites(), HoverReceivers(), seed=7, base_folder=shared_data)


def test_paths_start_from_the_folder_of_the_spec(
    shared_data: Path,
    london_buildings: SourcedBuildings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(MissingFileError, match=r"london-city\.osm"):
        build_scene("london", LONDON, LONDON_CELLS, HoverReceivers(), seed=7, base_folder=tmp_path)
    monkeypatch.setattr("iqatlas.scenes.build.read_building_source", lambda *_, **__: london_buildings)
    absolute = LONDON_CELLS.model_copy(update={"path": shared_data / "gone.csv"})
    with pytest.raises(MissingFileError, match=r"sites\.path: .*gone\.csv"):
        build_scene("london", LONDON, absolute, HoverReceivers(), seed=7, base_folder=shared_data)


def test_listed_sites_in_the_bundled_city(tmp_path: Path) -> None:
    sites = ListedSites(
        sites=(ListedSite(name="harbour", longitude_deg=24.9443, latitude_deg=60.1650, height_m=60),)
    )
    scene = build_scene("helsinki", SceneSpec(), sites, HoverReceivers(count=1), seed=7, base_folder=tmp_path)
    assert [site.name for site in scene.sites] == ["harbour"]
    assert scene.report["sites"] == ["harbour: placed in the spec"]


def test_seed_and_spec_decide_the_scene(helsinki: Scene, helsinki_again: Scene, tmp_path: Path) -> None:
    def again(seed: int = 7, scene: SceneSpec | None = None, sites: BundledSites | None = None) -> Scene:
        return build_scene(
            "x",
            scene or SceneSpec(),
            sites or BundledSites(),
            HoverReceivers(),
            seed=seed,
            base_folder=tmp_path,
        )

    known = helsinki.content_hash()
    assert helsinki_again.content_hash() == known
    others = [
        again(seed=8),
        again(scene=SceneSpec(level_height_m=3.0)),
        again(scene=SceneSpec(default_height_m=9.0)),
        again(scene=SceneSpec(bbox=(24.9360, 60.1645, 24.9520, 60.1730))),
        again(sites=BundledSites(power_dbm=40)),
    ]
    assert len({known, *(other.content_hash() for other in others)}) == 6
    moved = ~np.isclose(others[0].receivers.position_m[..., :2], helsinki.receivers.position_m[..., :2])
    assert moved.all()


def test_tables_of_a_real_scene_repeat_byte_for_byte(
    helsinki: Scene, helsinki_again: Scene, tmp_path: Path
) -> None:
    first = write_scene_tables(helsinki, tmp_path / "one")
    second = write_scene_tables(helsinki_again, tmp_path / "two")
    for path, other in zip(first, second, strict=True):
        assert path.read_bytes() == other.read_bytes()
