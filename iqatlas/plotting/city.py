"""The picture of a scene: buildings by height, sites with their uncertainty, UAVs with their ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Wedge
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from iqatlas.errors import StorageError
from iqatlas.plotting.colours import INK
from iqatlas.plotting.land import draw_land
from iqatlas.plotting.png import write_png
from iqatlas.scenes.scene import Scene

MAP_FILE = "map.png"
"""File that :func:`draw_city` writes."""

_FAINT, _PAPER = "#6b7680", "#f4f1ea"
_SITES = ("#c8384f", "#00798c", "#b86f00", "#7a4fa3", "#2e8b57", "#8c5a2b")
_UAV = "#1b3a8a"
_ROOFS = LinearSegmentedColormap.from_list("roofs", ["#e3dccb", "#c9b79c", "#a3876a", "#6f5748", "#3b2f2f"])
_SOURCES = {
    "tag": "#2e7d6b",
    "levels": "#7fb7a3",
    "part": "#4f9d8a",
    "neighbour": "#e3b566",
    "default": "#cf7a4b",
}
_OTHER_SOURCE = "#9aa3ab"
_SHADOW = "#8d8371"
# The sun stands in the north-west, as on drawn maps.
_SHADOW_PER_HEIGHT = (0.22, -0.22)
_LONGEST_SHADOW_M = 40.0
_SCALES_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_LABELS = 40
_WIDTH_IN, _MAP_PART = 13.5, 0.735
_WEDGE_DEG = 65.0


def draw_city(scene: Scene, file: Path) -> None:
    """Draw the map of a scene, and beside it where the heights of its buildings come from.

    Sites are triangles within the circle of their uncertainty, with a wedge to where a sector looks; UAVs
    are dots, with their ways.

    Args:
        scene: The scene.
        file: PNG file to write; the same scene gives the same bytes.

    Raises:
        StorageError: The file can't be written.
    """
    west, south, east, north = _extent(scene)
    # As high as the map is over its width, but no lower than what stands beside it.
    height = max(_WIDTH_IN * _MAP_PART * min((north - south) / (east - west), 1.8) + 1.4, 7.5)
    figure = Figure(figsize=(_WIDTH_IN, height), dpi=110, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.35 / height, _MAP_PART, 1 - 1.4 / height))
    _draw_ground(axes, scene)
    _draw_uavs(axes, scene)
    _draw_sites(axes, scene)
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal", xticks=[], yticks=[], facecolor=_PAPER)
    axes.set_anchor("N")
    for spine in axes.spines.values():
        spine.set(color="#cfc8b8", linewidth=0.8)
    left = 0.785
    figure.text(0.02, 1 - 0.42 / height, scene.name, fontsize=20, fontweight="bold", color=INK, va="center")
    figure.text(0.02, 1 - 0.75 / height, _subtitle(scene), fontsize=10.5, color=_FAINT, va="center")
    _draw_heights(figure.add_axes((left, 1 - 4.15 / height, 0.195, 2.6 / height)), scene)
    _write_facts(figure, scene, left, height)
    canvas.draw()  # labels can only be placed once everything else has its place
    _draw_scale(axes)
    _place_labels(axes, scene)
    try:
        write_png(figure, file)
    except OSError as error:
        raise StorageError(
            f"the picture can't be written ({error.strerror or error})",
            where=str(file),
            remedy="choose a folder that may be written to and has room",
        ) from error


def _extent(scene: Scene) -> tuple[float, float, float, float]:
    """Return west, south, east and north of what is drawn: the scene, its sites and UAVs, and a margin."""
    bbox = scene.bbox
    corner = scene.frame.to_local(np.array([bbox[0], bbox[2]]), np.array([bbox[1], bbox[3]]))
    places = np.concatenate(
        [
            np.stack(corner, axis=-1),
            np.array([site.position_m[:2] for site in scene.sites], np.float64).reshape(-1, 2),
            scene.receivers.position_m[..., :2].reshape(-1, 2),
        ]
    )
    (west, south), (east, north) = places.min(axis=0), places.max(axis=0)
    margin = 0.03 * max(east - west, north - south, 1.0)
    return float(west - margin), float(south - margin), float(east + margin), float(north + margin)


def _subtitle(scene: Scene) -> str:
    area = np.ptp(scene.frame.to_local(np.array(scene.bbox[::2]), np.array(scene.bbox[1::2])), axis=1)
    words = [
        f"{len(scene.buildings):,} buildings on {float(area[0] * area[1]) / 1e6:.2f} km²",
        _counted(len(scene.sites), "site"),
        _counted(len(scene.receivers.names), "UAV"),
    ]
    if len(scene.receivers.time_s) > 1:
        words.append(f"{len(scene.receivers.time_s):,} waypoints in {scene.receivers.time_s[-1]:.3g} s")
    return "  ·  ".join(words)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"


def _draw_ground(axes: Any, scene: Scene) -> None:
    height = scene.buildings["top_height_m"].to_numpy(np.float64)
    order = np.argsort(height, kind="stable")
    footprint = np.asarray(scene.buildings.geometry.array, dtype=object)[order]
    height = height[order]
    fall = np.minimum(height[:, None] * _SHADOW_PER_HEIGHT[0], _LONGEST_SHADOW_M) * np.array([[1.0, -1.0]])
    shadow = [
        _outline(polygon, move) for polygon, move in zip(footprint, fall, strict=True) if polygon is not None
    ]
    axes.add_collection(PathCollection(shadow, facecolor=_SHADOW, edgecolor="none", alpha=0.28, zorder=1))
    roofs = PathCollection(
        [_outline(polygon, np.zeros(2)) for polygon in footprint],
        array=height,
        cmap=_ROOFS,
        # Low houses are many and towers few: half of the colours are for the lowest third.
        norm=PowerNorm(0.6, 0.0, max(40.0, float(np.percentile(height, 99.5)) if len(height) else 0.0)),
        edgecolor="#ffffff",
        linewidth=0.35,
        zorder=2,
    )
    axes.add_collection(roofs)
    draw_land(axes, scene.surfaces, scene.vegetation)
    inset = axes.inset_axes((0.015, 0.018, 0.24, 0.016), zorder=9)
    bar = axes.figure.colorbar(roofs, cax=inset, orientation="horizontal", extend="max")
    bar.outline.set_visible(False)
    inset.xaxis.set_ticks_position("top")
    inset.tick_params(labelsize=8, colors=INK, length=2)
    text = inset.set_title("height of buildings / m", fontsize=8, color=INK, pad=4)
    for label in (text, *inset.get_xticklabels()):
        label.set_path_effects([withStroke(linewidth=2.5, foreground=_PAPER)])


def _outline(polygon: shapely.Polygon, move: np.ndarray) -> Outline:
    # Rings in opposite senses leave courtyards open.
    turned = shapely.orient_polygons(polygon)
    rings = (turned.exterior, *turned.interiors)
    return Outline.make_compound_path(
        *(Outline(shapely.get_coordinates(ring) + move, closed=True) for ring in rings)
    )


def _colour(site: int) -> str:
    return _SITES[site % len(_SITES)]


def _draw_sites(axes: Any, scene: Scene) -> None:
    span = max(_extent(scene)[2] - _extent(scene)[0], 1.0)
    for index, site in enumerate(scene.sites):
        place, colour = site.position_m[:2], _colour(index)
        # A ring that leaves the map on all sides tells less than the number beside it.
        if site.position_uncertainty_m is not None and site.position_uncertainty_m < 0.75 * span:
            circle = {"radius": site.position_uncertainty_m, "zorder": 3}
            # A tint over half of the map would only dull it.
            tint = 0.08 if site.position_uncertainty_m < span / 4 else 0.0
            axes.add_patch(Circle(place, facecolor=colour, alpha=tint, edgecolor="none", **circle))
            axes.add_patch(
                Circle(place, facecolor="none", edgecolor=colour, alpha=0.7, ls=(0, (4, 3)), lw=1, **circle)
            )
        if site.azimuth_deg is not None:
            # Azimuths turn clockwise from north, a wedge's angles the other way from east.
            middle = 90.0 - site.azimuth_deg
            axes.add_patch(
                Wedge(
                    place,
                    0.05 * span,
                    middle - _WEDGE_DEG / 2,
                    middle + _WEDGE_DEG / 2,
                    facecolor=colour,
                    alpha=0.2 if site.azimuth_source == "default" else 0.5,
                    edgecolor="white",
                    lw=0.8,
                    zorder=5,
                )
            )
        axes.plot(*place, "^", ms=13, color=colour, mec="white", mew=1.6, zorder=7)


def _draw_uavs(axes: Any, scene: Scene) -> None:
    position = scene.receivers.position_m
    halo = [withStroke(linewidth=3.2, foreground="white", alpha=0.7)]
    if len(position) > 1:
        for way in np.moveaxis(position, 1, 0):
            axes.plot(way[:, 0], way[:, 1], "-", lw=1.5, color=_UAV, alpha=0.9, zorder=4, path_effects=halo)
    axes.plot(
        position[0, :, 0], position[0, :, 1], "o", ms=9, color=_UAV, mec="white", mew=1.6, ls="", zorder=8
    )


def _draw_heights(axes: Any, scene: Scene) -> None:
    """Draw a histogram of the heights, in the colours of where they come from."""
    height = scene.buildings["top_height_m"].to_numpy(np.float64)
    source = scene.buildings["height_source"].to_numpy(dtype=str)
    found = sorted(
        set(source), key=lambda name: (list(_SOURCES).index(name) if name in _SOURCES else 99, name)
    )
    top = max(20.0, float(np.percentile(height, 99))) if len(height) else 20.0
    axes.hist(
        [np.minimum(height[source == name], top) for name in found],
        bins=np.linspace(0, top, 25),
        stacked=True,
        color=[_SOURCES.get(name, _OTHER_SOURCE) for name in found],
        label=[f"{name}  {_share(float(np.mean(source == name)))}" for name in found],
    )
    axes.margins(x=0.02)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.5)  # room for the legend
    axes.set_xlabel("height / m", fontsize=9, color=_FAINT)
    axes.set_title("How the heights are known", fontsize=11, fontweight="bold", color=INK, loc="left")
    axes.tick_params(labelsize=8, colors=_FAINT, length=0)
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK, handlelength=1, handleheight=1)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cfc8b8")
    axes.grid(axis="y", color="#ece7dc", lw=0.8)
    axes.set_axisbelow(True)


def _share(part: float) -> str:
    return "under 1%" if part < 0.005 else f"{part:.0%}"


def _write_facts(figure: Any, scene: Scene, left: float, height: float) -> None:
    """Write a line a site, in its colour, and the credit of the data."""
    down = 5.05
    figure.text(left, 1 - down / height, "Sites", fontsize=11, fontweight="bold", color=INK)
    room = int(max(1, (height - down - 1.6) / 0.44))
    for index, site in enumerate(scene.sites[:room]):
        down += 0.28
        figure.text(
            left, 1 - down / height, f"▲ {site.name}", fontsize=9, fontweight="bold", color=_colour(index)
        )
        down += 0.17
        sure = site.position_uncertainty_m
        words = [f"{site.position_m[2]:.0f} m ({site.height_source})", f"{site.power_dbm:g} dBm"]
        words += [f"±{sure:.0f} m"] if sure is not None else []
        words += [f"{site.azimuth_deg:.0f}°"] if site.azimuth_deg is not None else []
        figure.text(left + 0.014, 1 - down / height, ", ".join(words), fontsize=8.5, color=_FAINT)
    if len(scene.sites) > room:
        down += 0.28
        figure.text(left, 1 - down / height, f"and {len(scene.sites) - room} more", fontsize=9, color=_FAINT)
    credit = "  ·  ".join(line.split(", https")[0] for line in scene.attribution)
    figure.text(0.02, 0.14 / height, credit, fontsize=7.5, color=_FAINT)


def _draw_scale(axes: Any) -> None:
    """Draw a bar of a round length, about a fifth of the map, and an arrow to the north."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    span = east - west
    length = max((scale for scale in _SCALES_M if scale <= 0.2 * span), default=_SCALES_M[0])
    right, low = east - 0.02 * span, south + 0.022 * (north - south)
    halo = [withStroke(linewidth=4, foreground=_PAPER)]
    axes.plot([right - length, right], [low, low], "-", lw=2.4, color=INK, zorder=9, path_effects=halo)
    words = f"{length:g} m" if length < 1000 else f"{length / 1000:g} km"
    at = (right - length / 2, low)
    axes.annotate(
        words, at, (0, 5), textcoords="offset points", ha="center", fontsize=9, color=INK, zorder=9,
        path_effects=halo,
    )  # fmt: skip
    axes.annotate(
        "N",
        (0.978, 0.925),
        (0.978, 0.972),
        xycoords="axes fraction",
        textcoords="axes fraction",
        ha="center",
        fontsize=10,
        fontweight="bold",
        color=INK,
        zorder=9,
        arrowprops={"arrowstyle": "<|-", "color": INK, "lw": 1.4},
        path_effects=halo,
    )


def _place_labels(axes: Any, scene: Scene) -> None:
    """Write names where they cover no marker and no other name; a name without such a place is left out."""
    sites = [
        (site.position_m[:2], f"{site.name}  {site.position_m[2]:.0f} m", _colour(index), "bold")
        for index, site in enumerate(scene.sites)
    ]
    uavs = [
        (tuple(place[:2]), f"{name}  {place[2]:.0f} m", _UAV, "normal")
        for name, place in zip(scene.receivers.names, scene.receivers.position_m[0], strict=True)
    ]
    labels = (sites + uavs)[:_LABELS]
    points = axes.transData.transform(np.array([place for place, *_ in sites + uavs], np.float64))
    reach = 9 * axes.figure.dpi / 72
    taken = [np.concatenate([point - reach, point + reach]) for point in points]
    window = axes.get_window_extent()
    renderer = axes.figure.canvas.get_renderer()
    for place, words, colour, weight in labels:
        text = axes.annotate(
            words, place, (0, 0), textcoords="offset points", fontsize=9, color=colour, fontweight=weight,
            zorder=10, path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip
        for right, up in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, 1), (-1, 1), (1, -1), (-1, -1)):
            text.set_position((11 * right, 11 * up))
            text.set(ha=("right", "center", "left")[right + 1], va=("top", "center", "bottom")[up + 1])
            box = text.get_window_extent(renderer)
            inside = box.x0 > window.x0 and box.x1 < window.x1 and box.y0 > window.y0 and box.y1 < window.y1
            if inside and all(
                box.x1 < other[0] or box.x0 > other[2] or box.y1 < other[1] or box.y0 > other[3]
                for other in taken
            ):
                taken.append(np.array([box.x0, box.y0, box.x1, box.y1]))
                break
        else:
            text.remove()
