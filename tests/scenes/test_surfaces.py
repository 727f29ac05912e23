"""Surfaces: what is water, what is paved, and pieces of ground that don't overlap."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import shapely

from iqatlas.scenes._osmium import NO_LAND, LandFeatures, read_osm
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.materials import MATERIALS
from iqatlas.scenes.surfaces import SURFACE_COLUMNS, find_surfaces, ground_material

FRAME = LocalFrame(24.94, 60.165)
BOUNDS = (-1000.0, -1000.0, 1000.0, 1000.0)


def land(*rows: tuple[dict[str, str], shapely.Geometry]) -> LandFeatures:
    """Return land features of shapes in local metres."""

    def to_degrees(place: np.ndarray) -> np.ndarray:
        return np.stack(FRAME.to_geodetic(*np.ascontiguousarray(place.T)), axis=-1)

    shapes = [shapely.MultiPolygon([shape]) if shape.geom_type == "Polygon" else shape for _, shape in rows]
    return LandFeatures(
        tuple(f"way/{number}" for number in range(len(rows))),
        tuple(tags for tags, _ in rows),
        shapely.transform(np.array(shapes, dtype=object), to_degrees),
    )


@pytest.mark.parametrize(
    ("tags", "material"),
    [
        ({"natural": "water"}, "water"),
        ({"waterway": "riverbank"}, "water"),
        ({"natural": "water", "tunnel": "culvert"}, None),
        ({"natural": "water", "layer": "-1"}, None),
        ({"natural": "water", "intermittent": "yes"}, None),
        ({"natural": "wetland"}, "wet_ground"),
        ({"natural": "beach"}, "very_dry_ground"),
        ({"natural": "beach", "surface": "pebblestone"}, "very_dry_ground"),
        ({"landuse": "grass"}, "medium_dry_ground"),
        ({"landuse": "residential"}, None),
        ({"leisure": "park", "surface": "asphalt"}, "paved_ground"),
        ({"surface": "Asphalt;gravel"}, "paved_ground"),
        ({"highway": "pedestrian", "surface": "sett"}, None),
        ({"highway": "pedestrian", "area": "yes", "surface": "sett"}, "paved_ground"),
        ({"area:highway": "footway", "surface": "sett", "highway": "footway"}, "paved_ground"),
        ({"leisure": "track", "surface": "asphalt"}, None),
        ({"natural": "coastline"}, None),
        ({}, None),
    ],
)
def test_what_the_ground_is_made_of(tags: dict[str, str], material: str | None) -> None:
    assert ground_material(tags) == material
    assert material is None or material in MATERIALS


def test_water_wins_and_then_the_smaller_area() -> None:
    park, plaza, lawn, pond = (
        shapely.box(0, 0, 400, 400),
        shapely.box(100, 100, 300, 300),
        shapely.box(120, 120, 180, 180),
        shapely.box(50, 50, 250, 250),
    )
    table, report = find_surfaces(
        land(
            ({"natural": "sand"}, park),
            ({"surface": "asphalt"}, plaza),
            ({"landuse": "grass"}, lawn),
            ({"natural": "water"}, pond),
        ),
        FRAME,
        BOUNDS,
    )
    assert tuple(table.columns) == SURFACE_COLUMNS
    area = {row.material: row.geometry.area for row in table.itertuples()}
    # Corners are rounded to 1 mm: along 1.6 km of outline at most half of that.
    assert area["water"] == pytest.approx(200.0**2, abs=1.0)
    assert area["paved_ground"] == pytest.approx(200.0**2 - 150.0**2, abs=1.0)
    assert area["very_dry_ground"] == pytest.approx(400.0**2 - 250.0**2 + 50.0**2, abs=60_000.0)
    assert table.union_all().area == pytest.approx(sum(area.values()), abs=0.1)
    assert report["surfaces_water"] == 1
    assert report["water_m2"] == pytest.approx(area["water"])


def test_a_lawn_cuts_the_pavement_below_it_and_is_ground_like_the_rest() -> None:
    table, _ = find_surfaces(
        land(
            ({"surface": "concrete"}, shapely.box(0, 0, 100, 100)),
            ({"landuse": "grass"}, shapely.box(20, 20, 40, 40)),
        ),
        FRAME,
        BOUNDS,
    )
    assert table["material"].tolist() == ["paved_ground"]
    assert table.geometry[0].area == pytest.approx(100.0**2 - 20.0**2, abs=0.5)  # corners to 1 mm
    assert len(table.geometry[0].interiors) == 1


def test_surfaces_end_at_the_bounds_and_specks_are_left_out() -> None:
    table, _ = find_surfaces(
        land(
            ({"natural": "water"}, shapely.box(900, 0, 1500, 100)),
            ({"natural": "water"}, shapely.box(0, 0, 4, 4)),
            ({"natural": "water"}, shapely.Point(5, 5)),
        ),
        FRAME,
        BOUNDS,
    )
    assert table["osm_id"].tolist() == ["way/0"]
    assert table.geometry[0].area == pytest.approx(100.0**2, abs=0.5)  # corners to 1 mm


def test_nothing_gives_an_empty_table() -> None:
    table, report = find_surfaces(NO_LAND, FRAME, BOUNDS)
    assert len(table) == 0
    assert tuple(table.columns) == SURFACE_COLUMNS
    assert report == {"surface_areas_read": 0, "water_m2": 0.0}


@pytest.mark.parametrize(("name", "water_m2"), [("helsinki.osm.pbf", 3_800.0), ("monaco.osm.pbf", 9_000.0)])
def test_real_ground_does_not_overlap(shared_data: Path, name: str, water_m2: float) -> None:
    features = read_osm(shared_data / name, where="here").land
    west, south, east, north = shapely.total_bounds(features.geometry).tolist()
    frame = LocalFrame((west + east) / 2, (south + north) / 2)
    table, report = find_surfaces(features, frame, (-3000.0, -3000.0, 3000.0, 3000.0))
    assert float(str(report["water_m2"])) > water_m2
    assert table.is_valid.all()
    # Pieces that share an edge share it to 1 mm.
    assert table.union_all().area == pytest.approx(table.area.sum(), rel=1e-5)
    again, _ = find_surfaces(dataclasses.replace(features), frame, (-3000.0, -3000.0, 3000.0, 3000.0))
    assert (table.geometry.to_wkb() == again.geometry.to_wkb()).all()
