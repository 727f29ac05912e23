"""Water, paving and other ground, and foliage, below everything else on a map."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.collections import PathCollection
from matplotlib.path import Path as Outline

from iqatlas.scenes.materials import FOLIAGE_MATERIAL, PAVED_MATERIAL, WATER_MATERIAL

COLOURS = {
    WATER_MATERIAL: "#a9cfe3",
    PAVED_MATERIAL: "#e4e2dd",
    "wet_ground": "#cfdcc9",
    "very_dry_ground": "#efe3c4",
    FOLIAGE_MATERIAL: "#bcd6a8",
}
"""By radio material; what is not here has the colour of the paper."""
# Under buildings, shadows and paths, which start at 1.
_LEVEL = 0.5


def draw_land(axes: Any, surfaces: gpd.GeoDataFrame | None, vegetation: gpd.GeoDataFrame | None) -> None:
    """Draw the surfaces of a scene, and its foliage over them.

    Args:
        axes: Matplotlib's axes, in local metres.
        surfaces: Pieces of ground, as a scene has them.
        vegetation: Volumes of foliage, as a scene has them.
    """
    for table, lift in ((surfaces, 0.0), (vegetation, 0.1)):
        if table is None:
            continue
        material = table["material"].to_numpy(object)
        polygons = shapely.orient_polygons(np.asarray(table.geometry.array, dtype=object))
        for name, colour in COLOURS.items():
            chosen = polygons[material == name]
            if len(chosen):
                outlines = [_outline(polygon) for polygon in chosen]
                axes.add_collection(
                    PathCollection(outlines, facecolor=colour, edgecolor="none", zorder=_LEVEL + lift)
                )


def _outline(polygon: shapely.Polygon) -> Outline:
    rings = (polygon.exterior, *polygon.interiors)
    return Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))
