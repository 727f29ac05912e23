"""The picture of a corpus: the city with its paths, and what a UAV hears beside what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Float64, Int64
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from iqatlas.plotting.colours import INK, SITE_COLOURS
from iqatlas.plotting.land import draw_land
from iqatlas.plotting.png import write_png
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.scene import Scene

_PATHS_A_LINK = 12
_LINKS_SHOWN = 60
_RECORDS_LOOKED_AT = 1 << 14
_SLOTS_SHOWN = 120
_LARGEST_READ_BYTES = 128 << 20
_GREYS = ListedColormap(np.repeat(np.linspace(0.92, 0.25, 256)[:, None], 3, axis=1))
_BLUES = ("#ffffff", "#a9cfe8", "#4a98c9", "#1764ab", "#083370")
# Where a label may stand about its marker: offset in points, and how it is aligned.
_PLACES = (
    ((10, 0), "left", "center"),
    ((-10, 0), "right", "center"),
    ((0, -10), "center", "top"),
    ((0, 10), "center", "bottom"),
    ((9, 9), "left", "bottom"),
    ((-9, 9), "right", "bottom"),
    ((9, -9), "left", "top"),
    ((-9, -9), "right", "top"),
)


def draw_overview(scene: Scene, records: xr.Dataset, paths: PathSet, file: Path, *, title: str) -> None:
    """Draw the map with sites, UAVs and strongest paths, and a spectrogram over its occupancy.

    Args:
        scene: Buildings, sites and receivers.
        records: The records of the corpus.
        paths: The traced paths.
        file: PNG file to write.
        title: Heading of the picture.
    """
    figure = Figure(figsize=(15, 7.8), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    halves: Any = figure.subfigures(1, 2, width_ratios=(1, 1.05))
    left, right = halves
    axes = left.subplots()
    draw_map(axes, scene, paths)
    upper, lower = right.subplots(2, 1, sharex=True, sharey=True, height_ratios=(1.5, 1))
    draw_spectrum_over_slots(right, upper, lower, records)
    figure.suptitle(f"{title}\n", fontsize=15, fontweight="bold", color=INK)
    figure.text(0.5, 0.942, _summary(scene, records), ha="center", fontsize=10, color="#5a6772")
    figure.draw_without_rendering()  # labels can only be placed once everything else has its place
    _place_labels(axes, scene)
    figure.set_layout_engine("none")
    write_png(figure, file)


def _summary(scene: Scene, records: xr.Dataset) -> str:
    sites, receivers = len(scene.sites), len(scene.receivers.names)
    return (
        f"{len(scene.buildings):,} buildings  ·  {sites} {'sites' if sites > 1 else 'site'}  ·  "
        f"{receivers} {'UAVs' if receivers > 1 else 'UAV'}  ·  {records.sizes['record']:,} records  ·  "
        f"{records.attrs['carrier_frequency_hz'] / 1e6:g} MHz  ·  "
        f"{records.attrs['sample_rate_hz'] / 1e6:g} Msps"
    )


def draw_map(axes: Any, scene: Scene, paths: PathSet) -> None:
    """Draw buildings by height, land, sites, receivers at their first waypoint, and the strongest paths."""
    heights = scene.buildings["top_height_m"].to_numpy()
    order = np.argsort(heights)
    # Rings in opposite senses leave courtyards open.
    polygons = shapely.orient_polygons(scene.buildings.geometry.to_numpy()[order])
    shapes = PathCollection(
        [
            Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))
            for rings in ((polygon.exterior, *polygon.interiors) for polygon in polygons)
        ],
        array=heights[order],
        cmap=_GREYS,
        clim=(0, max(30.0, float(heights.max(initial=0)))),
        edgecolor="white",
        linewidth=0.4,
    )
    axes.add_collection(shapes)
    draw_land(axes, scene.surfaces, scene.vegetation)
    _draw_paths(axes, scene, paths)
    for index, site in enumerate(scene.sites):
        axes.plot(*site.position_m[:2], "^", ms=13, color=_colour(index), mec="white", mew=1.5, zorder=5)
    hovering = scene.receivers.position_m[0]
    axes.plot(hovering[:, 0], hovering[:, 1], "o", ms=9, color=INK, mec="white", mew=1.5, zorder=5)
    _frame(axes, scene)
    axes.set_title("Sites (triangles), UAVs (dots) and the strongest paths", fontsize=11, color=INK)
    axes.figure.colorbar(
        shapes,
        ax=axes,
        orientation="horizontal",
        label="height of buildings / m",
        shrink=0.5,
        aspect=40,
        pad=0.02,
    )


def _colour(site: int) -> str:
    return SITE_COLOURS[site % len(SITE_COLOURS)]


def _frame(axes: Any, scene: Scene) -> None:
    """Show everything, with the map's credit and nothing cut at the edge."""
    places = np.concatenate(
        [
            np.reshape(scene.buildings.total_bounds, (2, 2)),
            np.array([site.position_m[:2] for site in scene.sites]),
            scene.receivers.position_m[0, :, :2],
        ]
    )
    (west, south), (east, north) = places.min(axis=0), places.max(axis=0)
    margin = 0.04 * max(east - west, north - south)
    axes.set(
        xlim=(west - margin, east + margin),
        ylim=(south - margin, north + margin),
        aspect="equal",
        xlabel="east / m",
        ylabel="north / m",
    )
    axes.annotate(
        "© OpenStreetMap contributors",
        (1, 0),
        (-4, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize=7,
        color="#666666",
    )


def _draw_paths(axes: Any, scene: Scene, paths: PathSet) -> None:
    # Past a few dozen links, more lines hide the city and tell nothing.
    receivers = max(1, min(len(scene.receivers.names), _LINKS_SHOWN // len(scene.sites)))
    for index, site in enumerate(scene.sites):
        lines, opacity = [], []
        for receiver, position in enumerate(scene.receivers.position_m[0, :receivers]):
            power = np.where(paths.valid[0, receiver, index], np.abs(paths.gain[0, receiver, index]) ** 2, 0)
            for path in strongest(power):
                bends = paths.vertex_m[0, receiver, index, path]
                bends = bends[np.isfinite(bends[:, 0])]
                lines.append(np.vstack([site.position_m, bends, position])[:, :2])
                opacity.append(float(np.clip(1 + np.log10(power[path] / power.max()) / 3, 0.08, 1)) * 0.75)
        axes.add_collection(
            LineCollection(lines, colors=_colour(index), alpha=opacity or None, linewidths=1.1, zorder=3)
        )


def strongest(power: Float64[np.ndarray, "path"]) -> Int64[np.ndarray, "shown"]:
    """Return the strongest paths of a link, strongest first, those without power left out."""
    order = np.argsort(-power, kind="stable")[:_PATHS_A_LINK]
    return order[power[order] > 0]


def _place_labels(axes: Any, scene: Scene) -> None:
    """Name sites and UAVs, each where its name is inside the map and covers no other name or marker.

    A name for which there is no such place is left out: among many UAVs a few names serve all.
    """
    hovering = scene.receivers.position_m[0]
    labels = [
        (site.position_m[:2], f"{site.name}\n{site.position_m[2]:.0f} m", _colour(index), "bold")
        for index, site in enumerate(scene.sites)
    ] + [
        ((place[0], place[1]), f"{name}\n{place[2]:.0f} m", INK, "normal")
        for name, place in zip(scene.receivers.names, hovering, strict=True)
    ]
    renderer = axes.figure.canvas.get_renderer()
    window = axes.get_window_extent(renderer)
    marker = 8 * axes.figure.dpi / 72
    points = axes.transData.transform(np.array([place for place, *_ in labels]))
    taken = np.concatenate([points - marker, points + marker], axis=1)
    for place, words, colour, weight in labels:
        for offset, ha, va in _PLACES:
            text = axes.annotate(
                words,
                place,
                offset,
                textcoords="offset points",
                fontsize=8.5,
                ha=ha,
                va=va,
                color=colour,
                fontweight=weight,
                linespacing=1.1,
                zorder=6,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
            box = text.get_window_extent(renderer)
            inside = window.x0 < box.x0 and box.x1 < window.x1 and window.y0 < box.y0 and box.y1 < window.y1
            free = ~np.any(
                (taken[:, 0] < box.x1)
                & (taken[:, 2] > box.x0)
                & (taken[:, 1] < box.y1)
                & (taken[:, 3] > box.y0)
            )
            if inside and free:
                taken = np.concatenate([taken, [[box.x0, box.y0, box.x1, box.y1]]])
                break
            text.remove()


def draw_spectrum_over_slots(figure: Any, upper: Any, lower: Any, records: xr.Dataset) -> None:
    """Draw the spectrum that the best receiver hears slot by slot, over what the sites sent."""
    # SciPy's windows take a second to import, and maps don't need them.
    from iqatlas.features.spec import SpectrogramSpec
    from iqatlas.features.spectrogram import bin_frequency_hz, spectrogram

    records = records.isel(record=slice(0, _RECORDS_LOOKED_AT))
    levels = np.unique(records["snr_level"].values)
    thermal = bool(np.isnan(levels).all())
    chosen = np.flatnonzero(
        (records["draw"].values == 0) & (thermal | (records["snr_level"].values == levels[-1]))
    )
    per_slot = records["iq"].nbytes // max(1, records.sizes["record"]) * len(levels)
    shown = chosen[: max(1, min(_SLOTS_SHOWN, _LARGEST_READ_BYTES // per_slot))]
    part = records.isel(record=slice(0, int(shown[-1]) + 1))
    receiver = int(np.argmax(np.nan_to_num(part["snr"].values[shown], neginf=-400).mean(axis=0)))
    iq = part["iq"].isel(record=shown, receiver=receiver).values
    rate = float(records.attrs["sample_rate_hz"])
    spec = SpectrogramSpec(nperseg=min(128, 1 << int(np.log2(iq.shape[-1]))), scale="mw_per_hz")
    density = 10 * np.log10(np.maximum(spectrogram(iq, spec, sample_rate_hz=rate).mean(axis=1), 1e-35))
    frequency_mhz = bin_frequency_hz(spec, sample_rate_hz=rate) / 1e6
    slot = records["slot"].values[shown]
    low, high = np.percentile(density, [5, 99.5])
    # Each capture is a column as wide as its slot.
    edges = np.append(slot, slot[-1] + 1)
    step = frequency_mhz[1] - frequency_mhz[0]
    image = upper.pcolormesh(
        edges,
        np.append(frequency_mhz, frequency_mhz[-1] + step) - step / 2,
        density.T,
        cmap="magma",
        vmin=low,
        vmax=high,
        rasterized=True,
    )
    name = str(records["receiver"].values[receiver])
    level = "thermal noise" if thermal else f"SNR at full load {levels[-1]:g} dB"
    upper.set_title(f"What {name} hears, one capture a slot ({level})", fontsize=11, color=INK)
    upper.set_ylabel("frequency / MHz")
    figure.colorbar(image, ax=upper, label="dBm/Hz", pad=0.01)
    _draw_occupancy(figure, lower, records, part["occupancy"].values[shown], edges)


def _draw_occupancy(figure: Any, axes: Any, records: xr.Dataset, sent: np.ndarray, edges: np.ndarray) -> None:
    sites = records.sizes["site"]
    few = sites < len(_BLUES)
    raster = axes.pcolormesh(
        edges,
        np.append(records["subchannel_lower"].values, records["subchannel_upper"].values[-1]) / 1e6,
        sent.sum(axis=1).T,
        cmap=ListedColormap(_BLUES[: sites + 1]) if few else "Blues",
        norm=BoundaryNorm(np.arange(sites + 2) - 0.5, sites + 1) if few else None,
        **({} if few else {"vmin": 0, "vmax": sites}),
        rasterized=True,
    )
    axes.set_title("What was sent: how many sites occupy each sub-channel", fontsize=11, color=INK)
    axes.set(xlabel="occupancy slot", ylabel="frequency / MHz")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_facecolor("#ececec")
    ticks = range(sites + 1) if few else MaxNLocator(integer=True)
    figure.colorbar(raster, ax=axes, label="sites", ticks=ticks, pad=0.01).minorticks_off()
