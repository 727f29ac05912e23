"""A city of a few boxes with its cell database, and fingerprints of everything that a spec decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from iqatlas import CorpusSpec, plan
from iqatlas.generators import execute
from iqatlas.generators.describe import coordinates
from iqatlas.generators.shard import Recipe, Workshop
from iqatlas.generators.tracing import paths_of
from iqatlas.scenes.scene import Scene

WEST, SOUTH = -0.0900, 51.5000
STEP = 0.0010
"""Degrees between the boxes: 111 m to the north, 69 m to the east."""


def box_osm(tags: list[dict[str, str]]) -> str:
    """Return OpenStreetMap XML with a row of boxes of 0.0004 degrees, one for each set of tags."""
    nodes, ways = [], []
    for number, of_box in enumerate(tags):
        lon, lat = WEST + STEP * (number % 5), SOUTH + STEP * (number // 5)
        corners = [(0, 0), (4e-4, 0), (4e-4, 4e-4), (0, 4e-4)]
        first = 1 + 4 * number
        nodes += [
            f'<node id="{first + i}" version="1" lon="{lon + x:.6f}" lat="{lat + y:.6f}"/>'
            for i, (x, y) in enumerate(corners)
        ]
        refs = "".join(f'<nd ref="{first + i % 4}"/>' for i in range(5))
        marks = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in of_box.items())
        ways.append(f'<way id="{1000 + number}" version="1">{refs}{marks}</way>')
    return f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>'


def cell_csv(operators: list[tuple[int, int]], sites: int, *, north: float = 0) -> str:
    """Return an OpenCelliD download file: for each operator some eNodeBs of three cells."""
    lines = ["radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"]
    for place, (mcc, mnc) in enumerate(operators):
        for site in range(sites - place):
            # Far enough apart that no two are taken for one, and inside the middle of the boxes.
            lon, lat = (
                WEST + 8e-4 + 9e-4 * (site % 4),
                SOUTH + 6e-4 + 1.2e-3 * (site // 4) + 2e-4 * place + north,
            )
            lines += [
                f"LTE,{mcc},{mnc},1,{(100 * (place + 1) + site) * 256 + sector},0,"
                f"{lon:.6f},{lat:.6f},800,{50 - site},1,1,1,0"
                for sector in range(3)
            ]
    return "\n".join(lines) + "\n"


def write_footprints(path: Path, boxes: int) -> None:
    """Write a GeoPackage of boxes with columns of every kind, and with a few of them in another layer."""
    at = [(WEST + STEP * (number % 5), SOUTH + STEP * (number // 5)) for number in range(boxes)]
    columns = {
        "height": [12 + number for number in range(boxes)],
        "levels": [2 + number % 3 for number in range(boxes)],
        "wall": ["glass"] * boxes,
        "use": ["garage"] * boxes,
    }
    squares = [shapely.box(lon, lat, lon + 4e-4, lat + 4e-4) for lon, lat in at]
    table = gpd.GeoDataFrame(columns, geometry=squares, crs=4326)
    table.to_file(path, driver="GPKG", layer="houses")
    table.iloc[:-1].to_file(path, driver="GPKG", layer="sheds")


def write_hill(path: Path, metres_a_degree: float) -> None:
    """Write an elevation file of the boxes and their surroundings: a ground that rises and sways."""
    side, step = 200, 2e-4
    east, north = np.meshgrid(np.arange(side) * step, np.arange(side)[::-1] * step)
    height = metres_a_degree * east + 5 * np.sin(north / 3e-4)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "float32"}
    corner = from_origin(WEST - side * step / 2, SOUTH + side * step / 2, step, step)
    with rasterio.open(path, "w", crs="EPSG:4326", transform=corner, **profile) as file:
        file.write(height.astype(np.float32), 1)


@pytest.fixture(scope="session")
def box_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two maps, ``city.osm`` and ``other.osm``, and two databases of cells."""
    folder = tmp_path_factory.mktemp("boxes")
    plain = [{"building": "yes", "height": "20"}] * 13
    (folder / "city.osm").write_text(
        box_osm([*plain, {"building": "yes", "building:levels": "5"}, {"building": "yes"}])
    )
    (folder / "bare.osm").write_text(box_osm([{"building": "yes"}] * 15))
    (folder / "rich.osm").write_text(
        box_osm(
            [
                *({"building": "yes", "height": str(height)} for height in (15, 18, 21, 24, 30)),
                {"building": "yes"},
                {"building": "yes", "height": "20", "roof:shape": "gabled", "roof:height": "6"},
                {"building": "yes"},
                {"natural": "water"},
                {"natural": "wood"},
            ]
        )
    )
    write_footprints(folder / "prints.gpkg", 20)
    write_footprints(folder / "others.gpkg", 16)
    for name, slope in (("hill.tif", 2e4), ("steep.tif", 4e4)):
        write_hill(folder / name, slope)
    (folder / "other.osm").write_text(box_osm([{"building": "yes", "height": "30"}] * 15))
    (folder / "cells.csv").write_text(cell_csv([(234, 30), (234, 10), (235, 1)], 8))
    (folder / "others.csv").write_text(cell_csv([(234, 30)], 4, north=3e-4))
    for name, seed in (("trace.csv", 1), ("other.csv", 2)):
        bits = np.random.default_rng(seed).random((80, 2, 2)) < 0.3
        rows = [f"{s},{b},{int(x)},{int(y)}" for s, at in enumerate(bits) for b, (x, y) in enumerate(at)]
        (folder / name).write_text("\n".join(["slot,site,0,1", *rows]) + "\n")
    # Half-way between two rows, 33 m from any box: too far for a roof to be theirs.
    (folder / "gaps.csv").write_text(cell_csv([(234, 30)], 4, north=1e-4))
    return folder


@lru_cache(maxsize=64)
def _scene(key: str, folder: Path) -> Scene:
    return execute.scene_of(CorpusSpec.from_tree(json.loads(key), folder=folder))


def _fingerprint(tree: dict[str, Any], folder: Path) -> str:
    spec = CorpusSpec.from_tree(tree, folder=folder)
    made = plan(spec)
    parts = {"scene", "sites", "receivers", "seed"}
    if spec.receivers.kind == "trajectory":
        parts |= {"capture", "occupancy"}  # UAVs fly for as long as a draw lasts
    if spec.receivers.array is not None:
        parts |= {"carrier"}  # elements are set apart in wavelengths
    scene = _scene(json.dumps({name: tree[name] for name in sorted(parts) if name in tree}), folder)
    paths = paths_of(spec, scene).paths
    recipe = Recipe(
        made, paths, tuple(s.cell_id for s in scene.sites), tuple(s.power_dbm for s in scene.sites)
    )
    workshop = Workshop(recipe)
    digest = hashlib.sha256(repr((made.shape, sorted(made.bytes_by_variable))).encode())
    datasets = [workshop.make_shard(shard) for shard in made.shards]
    for dataset in (coordinates(made, scene, workshop), *datasets):
        digest.update(json.dumps(dataset.attrs, sort_keys=True, default=str).encode())
        for name in sorted(dataset.variables, key=str):
            values = dataset[name].values
            text = values.dtype.kind in "TO"
            digest.update(str(name).encode())
            digest.update(repr(values.tolist()).encode() if text else np.ascontiguousarray(values).tobytes())
    digest.update(scene.content_hash().encode())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def fingerprint() -> Callable[[dict[str, Any], Path], str]:
    """Give a function (tree of a spec, folder): a hash of the scene, and of all that is stored."""
    return _fingerprint
