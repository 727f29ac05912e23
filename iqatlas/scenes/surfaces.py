"""Ground that differs from the rest: water, pavements, sand and wetland, as pieces that don't overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from iqatlas.scenes._osmium import LandFeatures
from iqatlas.scenes.coastline import find_sea
from iqatlas.scenes.footprints import GRID_M, clean_polygons, grouped
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.materials import GROUND_MATERIAL, PAVED_MATERIAL, WATER_MATERIAL

SURFACE_COLUMNS = ("osm_id", "kind", "material", "geometry")
LEAST_SURFACE_M2 = 25.0
"""Smaller pieces of ground are left out: a Fresnel zone at 1 GHz and 100 m is wider."""

_BY_SURFACE = {
    "asphalt": PAVED_MATERIAL,
    "chipseal": PAVED_MATERIAL,
    "cobblestone": PAVED_MATERIAL,
    "concrete": PAVED_MATERIAL,
    "concrete:plates": PAVED_MATERIAL,
    "paved": PAVED_MATERIAL,
    "paving_stones": PAVED_MATERIAL,
    "sett": PAVED_MATERIAL,
    "unhewn_cobblestone": PAVED_MATERIAL,
    "compacted": "very_dry_ground",
    "fine_gravel": "very_dry_ground",
    "gravel": "very_dry_ground",
    "pebblestone": "very_dry_ground",
    "rock": "very_dry_ground",
    "sand": "very_dry_ground",
    "mud": "wet_ground",
    "dirt": GROUND_MATERIAL,
    "earth": GROUND_MATERIAL,
    "grass": GROUND_MATERIAL,
    "ground": GROUND_MATERIAL,
}
_BY_LAND = {
    ("natural", "water"): WATER_MATERIAL,
    ("natural", "bay"): WATER_MATERIAL,
    ("waterway", "riverbank"): WATER_MATERIAL,
    ("waterway", "dock"): WATER_MATERIAL,
    ("landuse", "reservoir"): WATER_MATERIAL,
    ("landuse", "basin"): WATER_MATERIAL,
    ("landuse", "pond"): WATER_MATERIAL,
    ("leisure", "swimming_pool"): WATER_MATERIAL,
    ("natural", "wetland"): "wet_ground",
    ("natural", "mud"): "wet_ground",
    ("landuse", "salt_pond"): "wet_ground",
    ("natural", "beach"): "very_dry_ground",
    ("natural", "sand"): "very_dry_ground",
    ("natural", "shingle"): "very_dry_ground",
    ("natural", "scree"): "very_dry_ground",
    ("natural", "bare_rock"): "very_dry_ground",
    ("landuse", "quarry"): "very_dry_ground",
    ("landuse", "grass"): GROUND_MATERIAL,
    ("landuse", "meadow"): GROUND_MATERIAL,
    ("landuse", "forest"): GROUND_MATERIAL,
    ("landuse", "flowerbed"): GROUND_MATERIAL,
    ("landuse", "village_green"): GROUND_MATERIAL,
    ("natural", "wood"): GROUND_MATERIAL,
    ("natural", "scrub"): GROUND_MATERIAL,
    ("natural", "heath"): GROUND_MATERIAL,
    ("natural", "grassland"): GROUND_MATERIAL,
    ("leisure", "park"): GROUND_MATERIAL,
    ("leisure", "garden"): GROUND_MATERIAL,
}
# A closed line of these is the line, not what it goes round, unless it says so.
_LINES = ("highway", "barrier", "railway", "aeroway")


def ground_material(tags: Mapping[str, str]) -> str | None:
    """Return the radio material of a mapped piece of ground, or None where its tags don't tell.

    Water first, then ``surface``, then what grows or lies there. Covered water (``tunnel``, ``covered``, a
    negative ``layer``) and closed lines that are no areas tell nothing.

    Args:
        tags: Tags of an area.
    """
    is_line = any(key in tags for key in _LINES) and tags.get("area") != "yes" and "area:highway" not in tags
    if is_line or tags.get("area") == "no" or tags.get("leisure") == "track":
        return None
    by_land = next((_BY_LAND[item] for item in tags.items() if item in _BY_LAND), None)
    if by_land == WATER_MATERIAL:
        is_covered = tags.get("tunnel", "no") != "no" or tags.get("covered", "no") != "no"
        is_dry = tags.get("intermittent") == "yes" or tags.get("layer", "0").startswith("-")
        return None if is_covered or is_dry else WATER_MATERIAL
    return _BY_SURFACE.get(tags.get("surface", "").split(";")[0].strip().lower()) or by_land


def find_surfaces(
    land: LandFeatures,
    frame: LocalFrame,
    bounds_m: tuple[float, float, float, float],
    scene_m: tuple[float, float, float, float] | None = None,
) -> tuple[gpd.GeoDataFrame, dict[str, int | float | str | list[str]]]:
    """Return the pieces of ground whose material is not that of the rest, and a tally.

    Where areas lie over each other, water counts first and then the smaller one, so that a pond in a park is
    a pond. The pieces share no area: a mesh made of them has one face in each place.

    Args:
        land: What covers the ground, in degrees.
        frame: Local frame of the scene.
        bounds_m: West, south, east, north of the ground, in the local frame.
        scene_m: The same of the scene, where coastlines may end at its edge.
    """
    told = [ground_material(tags) for tags in land.tags]
    is_area = shapely.get_type_id(land.geometry) == shapely.GeometryType.MULTIPOLYGON
    chosen = np.flatnonzero(np.array([name is not None for name in told], dtype=bool) & is_area)
    polygons, source = clean_polygons(projected(land.geometry[chosen], frame))
    material = np.array([told[index] for index in chosen], dtype=object)[source]
    feature = chosen[source]
    coast = np.flatnonzero([tags.get("natural") == "coastline" for tags in land.tags])
    sea = find_sea(
        projected(land.geometry[coast], frame), (bounds_m,) if scene_m is None else (bounds_m, scene_m)
    )
    polygons = np.concatenate([polygons, sea.polygons])
    material = np.concatenate([material, np.full(len(sea.polygons), WATER_MATERIAL, dtype=object)])
    # Which of the coastlines bounds a piece says nothing: the first stands for all.
    feature = np.concatenate([feature, np.full(len(sea.polygons), coast[0] if coast.size else 0)])
    order = np.lexsort((feature, shapely.area(polygons), material != WATER_MATERIAL))
    polygons, material, feature = polygons[order], material[order], feature[order]
    pieces = shapely.intersection(_less_earlier(polygons), shapely.box(*bounds_m), grid_size=GRID_M)
    # Ground like the rest has done its part once it has cut the pieces under it.
    differs = material != GROUND_MATERIAL
    cleaned, row = clean_polygons(pieces[differs])
    large = shapely.area(cleaned) >= LEAST_SURFACE_M2
    cleaned, row = cleaned[large], np.flatnonzero(differs)[row[large]]
    table = gpd.GeoDataFrame(
        {
            "osm_id": [land.osm_id[index] for index in feature[row]],
            "kind": [_kind(land.tags[index]) for index in feature[row]],
            "material": material[row],
        },
        geometry=cleaned,
        crs=frame.definition,
    )
    counts = Counter(table["material"])
    report: dict[str, int | float | str | list[str]] = {"surface_areas_read": int(is_area.sum())}
    if coast.size:
        report["coastlines_read"] = int(coast.size)
        report["sea_pieces"] = len(sea.polygons)
        report["sea_not_told"] = [
            f"{count}: {reason}"
            for count, reason in (
                (sea.unclosed, "coastline that ends inside the scene"),
                (sea.contradictory, "piece whose coasts disagree on which side is water"),
            )
            if count
        ]
    report |= {f"surfaces_{name}": counts[name] for name in sorted(counts)}
    report["water_m2"] = float(table.area[table["material"] == WATER_MATERIAL].sum())
    return table, report


def projected(geometry: np.ndarray, frame: LocalFrame) -> np.ndarray:
    """Return geometries in degrees (WGS 84) in the metres of a local frame.

    Args:
        geometry: Geometries, longitude before latitude.
        frame: The local frame.
    """

    def to_local(degrees: np.ndarray) -> np.ndarray:
        longitude, latitude = np.ascontiguousarray(degrees.T)
        return np.stack(frame.to_local(longitude, latitude), axis=-1)

    return np.asarray(shapely.transform(geometry, to_local), dtype=object)


def _less_earlier(polygons: np.ndarray) -> np.ndarray:
    """Return each polygon less all that come before it in the order."""
    later, earlier = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    pairs = earlier < later
    later, earlier = later[pairs], earlier[pairs]
    result = polygons.copy()
    for row, cutters in grouped(later, earlier):
        taken = shapely.union_all(polygons[cutters], grid_size=GRID_M)
        result[row] = shapely.difference(polygons[row], taken, grid_size=GRID_M)
    return result


def _kind(tags: Mapping[str, str]) -> str:
    keys = ("natural", "waterway", "landuse", "leisure", "area:highway", "landcover")
    return next((f"{key}={tags[key]}" for key in keys if key in tags), f"surface={tags.get('surface', '')}")
