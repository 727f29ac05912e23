"""Every parameter of sites and receivers changes the scene: nothing is accepted and then ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from iqatlas.scenes import build
from iqatlas.scenes._osmium import Mast
from iqatlas.scenes.building_sources import SourcedBuildings
from iqatlas.scenes.buildings import BuildingTable
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.spec import (
    CellMapperSites,
    GroundPoint,
    HoverReceivers,
    ListedSites,
    OpenCellIdSites,
    OsmMastSites,
    PlacedSites,
    RoutePoint,
    SceneSpec,
    SiteFile,
    TrajectoryReceivers,
)

FRAME = LocalFrame(-0.08, 51.51)
BBOX = (-0.09, 51.505, -0.07, 51.515)  # 1388 m by 1113 m about the origin


def place(east: float, north: float) -> tuple[float, float]:
    longitude, latitude = FRAME.to_geodetic(float(east), float(north))
    return float(longitude), float(latitude)


def block(east: float, north: float, height: float) -> tuple[shapely.Polygon, float]:
    return shapely.box(east, north, east + 40, north + 40), height


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small town with two masts, and a cell database, a recording and a list of sites for it."""
    solids = [
        block(0, 0, 30),
        block(300, 0, 40),
        block(-300, 100, 50),
        block(0, 300, 55),
        block(200, -300, 20),
    ]
    buildings = gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(len(solids))],
            "kind": "yes",
            "base_height_m": 0.0,
            "top_height_m": [height for _, height in solids],
            "height_source": "tag",
            "material": "concrete",
        },
        geometry=[footprint for footprint, _ in solids],
    )
    masts = tuple(
        Mast(f"node/{number}", *place(east, north), {"telecom": "mast"})
        for number, east, north in ((1, 20, 20), (2, -400, -300), (3, 400, 300))
    )
    table = BuildingTable(buildings, FRAME, BBOX, masts)
    source = SourcedBuildings(table, "none")
    monkeypatch.setattr(build, "read_building_source", lambda *arguments, **options: source)
    cells = "mcc,net,area,cell,lon,lat,range,samples\n"
    recorded = ""
    for mnc, number, east, north, samples, pci, earfcn in (
        (30, 700, 20, 20, 9, 11, 1300),
        (30, 701, -400, -300, 20, 12, 6200),
        (30, 702, 400, 300, 15, 13, 1300),
        (10, 703, 0, -300, 50, 14, 1300),
    ):
        for sector, (aside, ahead) in enumerate([(0, 120), (104, -60), (-104, -60)]):
            longitude, latitude = place(east + aside, north + ahead)
            cells += f"234,{mnc},7,{number * 256 + sector},{longitude},{latitude},1000,{samples}\n"
            for step in range(samples // 3):
                longitude, latitude = place(east + aside + 15 * step, north + ahead)
                recorded += f"{latitude},{longitude},0,234,{mnc},7,{number * 256 + sector},-90,LTE,LTE,"
                recorded += f"{earfcn},{pci + 20 * sector}\n"
    (tmp_path / "cells.csv").write_text(cells)
    (tmp_path / "other.csv").write_text(cells.replace(",7,", ",8,").replace(",1000,20", ",1000,2"))
    (tmp_path / "signal.csv").write_text(recorded)
    (tmp_path / "signal2.csv").write_text(recorded.replace(",1300,", ",1301,"))
    rows = [place(20, 20), place(-400, -300), place(400, 300)]
    listing = "lon,lat\n" + "".join(f"{longitude},{latitude}\n" for longitude, latitude in rows)
    (tmp_path / "sites.csv").write_text(listing)
    (tmp_path / "sites2.csv").write_text(listing.replace("51.51", "51.511", 1))
    return tmp_path


UAVS = HoverReceivers(
    positions=tuple(
        {"longitude_deg": place(*at)[0], "latitude_deg": place(*at)[1], "altitude_m": 120}
        for at in ((350, 250), (420, 330), (-100, -200))
    )
)
LISTED = ListedSites(
    sites=({"name": "a", "longitude_deg": -0.0801, "latitude_deg": 51.5101, "height_m": 60},)
)


def key(folder: Path, sites: Any, receivers: Any, seed: int = 7) -> str:
    scene = build.build_scene(
        "town", SceneSpec(), sites, receivers, seed=seed, base_folder=folder, duration_s=60.0
    )
    return scene.content_hash()


CELLS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "mcc": ({}, 234, None),
    "mnc": ({"count": 1}, 30, 10),
    "count": ({}, 1, 2),
    "choose": ({"count": 2}, "best_sampled", "coverage"),
    "by_sector": ({"count": 2}, False, True),
    "power_dbm": ({}, 43, 40),
    "height_above_roof_m": ({"count": 3}, 4, 5),
    "default_height_m": ({}, 25, 26),
}
SITES: dict[type, dict[str, tuple[dict[str, Any], Any, Any]]] = {
    OpenCellIdSites: {**CELLS, "path": ({"count": 2}, "cells.csv", "other.csv")},
    CellMapperSites: {
        **CELLS,
        "path": ({}, "signal.csv", "signal2.csv"),
        "band": ({"count": 1}, 3, 20),
    },
    OsmMastSites: {
        "count": ({}, 1, 2),
        "choose": ({"count": 2}, "nearest", "coverage"),
        "power_dbm": ({}, 43, 40),
        "height_above_roof_m": ({}, 4, 5),
        "default_height_m": ({}, 25, 26),
    },
    PlacedSites: {
        "count": ({}, 1, 2),
        "separation_m": ({"count": 2}, 100, 365),
        "power_dbm": ({}, 43, 40),
        "height_above_roof_m": ({}, 4, 5),
    },
    SiteFile: {
        "path": ({}, "sites.csv", "sites2.csv"),
        "count": ({}, 1, 2),
        "choose": ({"count": 2}, "in_order", "nearest"),
        "power_dbm": ({}, 43, 40),
        "height_above_roof_m": ({}, 4, 5),
        "default_height_m": ({}, 25, 26),
    },
}
PATHS = {OpenCellIdSites: "cells.csv", CellMapperSites: "signal.csv", SiteFile: "sites.csv"}
SITE_CASES = [(model, name) for model, cases in SITES.items() for name in cases]


@pytest.mark.parametrize(("model", "name"), SITE_CASES, ids=[f"{m.__name__}.{n}" for m, n in SITE_CASES])
def test_a_parameter_of_sites_changes_the_scene(folder: Path, model: type, name: str) -> None:
    beside, one, other = SITES[model][name]
    base = {"path": PATHS[model]} if model in PATHS else {}
    if name == "mcc":
        # The only country there is: another one finds nothing.
        with pytest.raises(ValueError, match="no LTE eNodeB of 999"):
            key(folder, model(**base, mcc=999), UAVS)
        return
    first = key(folder, model(**{**base, **beside, name: one}), UAVS)
    assert first != key(folder, model(**{**base, **beside, name: other}), UAVS)


def test_no_parameter_of_sites_is_forgotten() -> None:
    for model, cases in SITES.items():
        assert set(cases) == set(model.model_fields) - {"kind", "radio"}, model.__name__


def points(*places: tuple[float, float]) -> tuple[RoutePoint, ...]:
    return tuple(RoutePoint(longitude_deg=place(*at)[0], latitude_deg=place(*at)[1]) for at in places)


CIRCLE = {"pattern": "circle"}
LANES = {"pattern": "lawn_mower"}
RANDOM = {"pattern": "random_waypoint"}
ROUTE = {"waypoints": points((0, 0), (100, 0))}
FLIGHTS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "pattern": ({}, "circle", "lawn_mower"),
    "count": (CIRCLE, 1, 2),
    "speed_mps": (LANES, 10, 11),
    "altitude_m": (RANDOM, 120, 121),
    "interval_s": (CIRCLE, 1, 2),
    # Legs that a wider clearance forbids are drawn again.
    "clearance_m": ({**RANDOM, "altitude_m": 50}, 0, 40),
    "waypoints": ({}, points((0, 0), (100, 0)), (points((0, 0), (100, 0)), points((0, 50), (90, 0)))),
    "at_end": (ROUTE, "hover", "return"),
    "centre": (CIRCLE, None, GroundPoint(longitude_deg=-0.081, latitude_deg=51.51)),
    "radius_m": (CIRCLE, None, 101),
    "lane_m": (LANES, None, 70),
    "area": (RANDOM, None, (-0.085, 51.508, -0.075, 51.512)),
}


@pytest.mark.parametrize("name", FLIGHTS)
def test_a_parameter_of_flights_changes_the_scene(folder: Path, name: str) -> None:
    beside, one, other = FLIGHTS[name]
    first = key(folder, LISTED, TrajectoryReceivers(**{**beside, name: one}))
    assert first != key(folder, LISTED, TrajectoryReceivers(**{**beside, name: other}))
    assert first == key(folder, LISTED, TrajectoryReceivers(**{**beside, name: one}))


def test_no_parameter_of_flights_is_forgotten(folder: Path) -> None:
    assert set(FLIGHTS) == set(TrajectoryReceivers.model_fields) - {
        "kind",
        "array",
    }  # scenes/test_antenna_array.py
    drawn = TrajectoryReceivers(**RANDOM)
    assert key(folder, LISTED, drawn, seed=7) != key(folder, LISTED, drawn, seed=8)


def test_sites_and_flights_are_told_in_the_report(folder: Path) -> None:
    scene = build.build_scene(
        "town",
        SceneSpec(),
        CellMapperSites(path="signal.csv", count=2),
        TrajectoryReceivers(**RANDOM),
        seed=7,
        base_folder=folder,
        duration_s=2.0,
    )
    assert np.shape(scene.receivers.position_m) == (20, 1, 3)
    assert "random waypoint" in str(scene.report["receivers"])
    assert any("CellMapper" in line for line in scene.attribution)
    assert scene.report["cells_kept"] == 12
