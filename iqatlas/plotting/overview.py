"""The picture of a corpus: the city with its paths, and what a UAV hears beside what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Float64, Int64
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from iqatlas.features.spec import SpectrogramSpec
from iqatlas.features.spectrogram import bin_frequency_hz, spectrogram
from iqatlas.raytracing.paths import PathSet
from iqatlas.scenes.scene import Scene

_PATHS_A_LINK = 12
_SLOTS_SHOWN = 120
_LARGEST_READ_BYTES = 128 << 20
_SITE_COLOURS = ("#d1495b", "#00798c", "#edae49", "#7a4fa3", "#2e8b57", "#c86b1f")
_INK = "#22303c"


def draw_overview(scene: Scene, records: xr.Dataset, paths: PathSet, file: Path, *, title: str) -> None:
    """Draw the map with sites, UAVs and strongest paths, and a spectrogram over its occupancy.

    Args:
        scene: Buildings, sites and receivers.
        records: The records of the corpus.
        paths: The traced paths.
        file: PNG file to write.
        title: Heading of the picture.
    """
    figure = Figure(figsize=(15, 7.6), dpi=110, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.05, 1), height_ratios=(1, 0.62))
    draw_map(figure.add_subplot(grid[:, 0]), scene, paths)
    upper, lower = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    draw_spectrum_over_slots(figure, upper, lower, records)
    figure.suptitle(title, fontsize=15, fontweight="bold", color=_INK)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Software": None})


def draw_map(axes: Any, scene: Scene, paths: PathSet) -> None:
    """Draw buildings by height, sites, receivers at their first waypoint, and the strongest paths."""
    rings = [np.asarray(polygon.exterior.coords) for polygon in scene.buildings.geometry]
    heights = scene.buildings["top_height_m"].to_numpy()
    order = np.argsort(heights)
    shapes = PolyCollection(
        [rings[i] for i in order],
        array=heights[order],
        cmap="Greys",
        clim=(-15, max(60.0, float(heights.max(initial=0)))),
        edgecolor="white",
        linewidth=0.4,
    )
    axes.add_collection(shapes)
    _draw_paths(axes, scene, paths)
    outline = withStroke(linewidth=3, foreground="white")
    for index, site in enumerate(scene.sites):
        east, north, up = site.position_m
        colour = _SITE_COLOURS[index % len(_SITE_COLOURS)]
        axes.plot(east, north, "^", ms=13, color=colour, mec="white", mew=1.5, zorder=5)
        text = axes.annotate(
            f"{site.name}\n{up:.0f} m",
            (east, north),
            (0, -26),
            textcoords="offset points",
            fontsize=8,
            ha="center",
            color=colour,
            fontweight="bold",
            zorder=6,
        )
        text.set_path_effects([outline])
    for name, position in zip(scene.receivers.names, scene.receivers.position_m[0], strict=True):
        axes.plot(position[0], position[1], "o", ms=9, color=_INK, mec="white", mew=1.5, zorder=5)
        text = axes.annotate(
            f"{name}  {position[2]:.0f} m",
            (position[0], position[1]),
            (8, 6),
            textcoords="offset points",
            fontsize=9,
            color=_INK,
            zorder=6,
        )
        text.set_path_effects([outline])
    west, south, east, north = shapely.box(*scene.buildings.total_bounds).bounds
    margin = 0.02 * max(east - west, north - south)
    axes.set(
        xlim=(west - margin, east + margin),
        ylim=(south - margin, north + margin),
        aspect="equal",
        xlabel="east / m",
        ylabel="north / m",
    )
    axes.set_title("Sites (triangles), UAVs (dots) and the strongest paths", fontsize=11, color=_INK)
    axes.annotate(
        "© OpenStreetMap contributors",
        (0.995, 0.006),
        xycoords="axes fraction",
        ha="right",
        fontsize=7,
        color="#666666",
    )
    axes.figure.colorbar(shapes, ax=axes, label="height of buildings / m", shrink=0.5, pad=0.01)


def _draw_paths(axes: Any, scene: Scene, paths: PathSet) -> None:
    for index, site in enumerate(scene.sites):
        lines, weights = [], []
        for receiver, position in enumerate(scene.receivers.position_m[0]):
            power = np.where(paths.valid[0, receiver, index], np.abs(paths.gain[0, receiver, index]) ** 2, 0)
            for path in strongest(power):
                bends = paths.vertex_m[0, receiver, index, path]
                bends = bends[np.isfinite(bends[:, 0])]
                lines.append(np.vstack([site.position_m, bends, position])[:, :2])
                weights.append(float(10 * np.log10(power[path] / power.max())))
        if not lines:
            continue
        opacity = np.clip(1 + np.array(weights) / 30, 0.08, 1) * 0.75
        colour = _SITE_COLOURS[index % len(_SITE_COLOURS)]
        axes.add_collection(
            LineCollection(lines, colors=colour, alpha=list(opacity), linewidths=1.1, zorder=3)
        )


def strongest(power: Float64[np.ndarray, "path"]) -> Int64[np.ndarray, "shown"]:
    """Return the strongest paths of a link, strongest first, those without power left out."""
    order = np.argsort(-power, kind="stable")[:_PATHS_A_LINK]
    return order[power[order] > 0]


def draw_spectrum_over_slots(figure: Any, upper: Any, lower: Any, records: xr.Dataset) -> None:
    """Draw the spectrum that the best receiver hears slot by slot, over what the sites sent."""
    levels = np.unique(records["snr_level"].values)
    best_level = levels[-1] if np.isfinite(levels).any() else levels[0]
    chosen = np.flatnonzero(
        (records["draw"].values == 0) & (np.isnan(levels[0]) | (records["snr_level"].values == best_level))
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
    level = "thermal noise" if np.isnan(best_level) else f"{best_level:g} dB"
    upper.set_title(f"What {name} hears, one capture a slot ({level})", fontsize=11, color=_INK)
    upper.set(ylabel="frequency / MHz", xticklabels=[])
    figure.colorbar(image, ax=upper, label="dBm/Hz", pad=0.01)
    sent = part["occupancy"].values[shown].sum(axis=1)
    lower_edge = records["subchannel_lower"].values / 1e6
    upper_edge = records["subchannel_upper"].values / 1e6
    raster = lower.pcolormesh(
        edges,
        np.append(lower_edge, upper_edge[-1]),
        sent.T,
        cmap="Blues",
        vmin=0,
        vmax=max(1, records.sizes["site"]),
        rasterized=True,
    )
    lower.set_title("What was sent: sites that occupy each sub-channel", fontsize=11, color=_INK)
    lower.set(xlabel="occupancy slot", ylabel="frequency / MHz", ylim=upper.get_ylim())
    lower.set_facecolor("#f2f2f2")
    lower.set_xlim(upper.get_xlim())
    figure.colorbar(raster, ax=lower, label="sites", ticks=range(records.sizes["site"] + 1), pad=0.01)
