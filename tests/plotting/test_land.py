"""Land on a map: each material in its colour, ponds in parks, nothing where nothing is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from iqatlas.plotting.land import COLOURS, draw_land


def _drawn(surfaces: gpd.GeoDataFrame | None, vegetation: gpd.GeoDataFrame | None) -> np.ndarray:
    """Return the picture of land on 100 m by 100 m, a pixel a metre, north up."""
    figure = Figure(figsize=(1, 1), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.axis("off")
    draw_land(axes, surfaces, vegetation)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255.0


def test_each_material_has_its_colour_and_holes_stay_open() -> None:
    pond = shapely.box(20, 20, 60, 60)
    island = shapely.box(30, 30, 40, 40)
    surfaces = gpd.GeoDataFrame(
        {"material": ["water", "paved_ground", "medium_dry_ground"]},
        geometry=[pond - island, shapely.box(0, 80, 100, 100), shapely.box(70, 0, 100, 30)],
    )
    trees = gpd.GeoDataFrame({"material": ["foliage"]}, geometry=[shapely.box(45, 45, 55, 90)])
    picture = _drawn(surfaces, trees)
    expected = {
        (25, 25): COLOURS["water"],
        (35, 35): "white",
        (10, 90): COLOURS["paved_ground"],
        (50, 50): COLOURS["foliage"],
        (50, 85): COLOURS["foliage"],
        (85, 15): "white",
    }
    for (east, north), colour in expected.items():
        # Colours have 8 bits.
        np.testing.assert_allclose(picture[north, east], to_rgb(colour), atol=0.005)


def test_nothing_known_is_nothing_drawn() -> None:
    assert (_drawn(None, None) == 1.0).all()
