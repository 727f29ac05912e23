"""The stored paths as the page takes them: the strongest of each link, with their ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.path_store import paths_from_dataset
from iqatlas.errors import CorpusError
from iqatlas.preview.markup import LONGEST_NAME, plain
from iqatlas.preview.packing import numbers
from iqatlas.raytracing.paths import PathSet

KINDS = ("direct", "reflection", "diffuse", "refraction", "diffraction")
"""A path's kind is the last of these among its interactions."""
MOST_PATHS = 6000
MOST_WAYPOINTS = 12
MOST_RECEIVERS = 8
MOST_SITES = 12
_PATHS_A_LINK = 100


def read_paths(corpus: Corpus, middle_m: list[float]) -> dict[str, Any] | None:
    """Return the strongest paths of each link at some waypoints, or None where a corpus stores none.

    Levels are 20·log10 of the gain's magnitude, delays in microseconds, Dopplers in hertz, corners in metres
    from the middle of the scene.

    Args:
        corpus: The corpus.
        middle_m: Middle of the scene in the local frame.

    Raises:
        StorageError: The store can't be reached.
    """
    part = _stored(corpus)
    if part is None:
        return None
    chosen, waypoints, shape = part
    try:
        paths = paths_from_dataset(chosen.load())
    except CorpusError:
        return None
    receivers, sites = paths.gain.shape[1:3]
    most = max(1, min(_PATHS_A_LINK, MOST_PATHS // max(1, len(waypoints) * receivers * sites)))
    times = _times(corpus, waypoints)
    return {
        "kinds": list(KINDS),
        "receivers": [plain(name, LONGEST_NAME) for name in chosen["receiver"].values],
        "sites": [plain(name, LONGEST_NAME) for name in chosen["site"].values],
        "uavs": _uavs(corpus, receivers),
        "waypoints": [int(waypoint) for waypoint in waypoints],
        "time_s": times,
        "of": {"waypoints": shape[0], "receivers": shape[1], "sites": shape[2]},
        "most": most,
        "links": [
            [
                [_link(paths, (waypoint, receiver, site), most, np.array(middle_m)) for site in range(sites)]
                for receiver in range(receivers)
            ]
            for waypoint in range(len(waypoints))
        ],
    }


def _stored(corpus: Corpus) -> tuple[xr.Dataset, np.ndarray, tuple[int, int, int]] | None:
    # What was recorded on the air, not generated, tells of no model of its paths.
    if not corpus.manifest.paths:
        return None
    try:
        stored = corpus.paths
    except CorpusError:
        return None
    axes = ("waypoint", "receiver", "site")
    if "gain" not in stored or not set(axes) <= set(stored.sizes):
        return None
    shape = stored.sizes["waypoint"], stored.sizes["receiver"], stored.sizes["site"]
    if not all(shape):
        return None
    few = np.linspace(0, shape[0] - 1, min(shape[0], MOST_WAYPOINTS)).astype(int)
    waypoints = np.unique(few)
    chosen = stored.isel(waypoint=waypoints, receiver=slice(MOST_RECEIVERS), site=slice(MOST_SITES))
    return chosen, waypoints, shape


def _times(corpus: Corpus, waypoints: np.ndarray) -> list[float | None]:
    times = corpus.dataset["waypoint_time"].values if "waypoint_time" in corpus.dataset.variables else None
    if times is None or len(times) <= waypoints.max():
        return [None] * len(waypoints)
    found: list[float | None] = numbers(times[waypoints], 3)
    return found


def _uavs(corpus: Corpus, receivers: int) -> list[str]:
    """Return the UAV of each receiver."""
    name = "uav" if "uav" in corpus.dataset.variables else "receiver"
    return [str(value) for value in corpus.dataset[name].values[:receivers]]


def _link(paths: PathSet, link: tuple[int, int, int], most: int, middle_m: np.ndarray) -> dict[str, Any]:
    power = np.where(paths.valid[link], np.abs(paths.gain[link]) ** 2, 0.0)
    order = np.argsort(-power, kind="stable")
    there = order[(power[order] > 0) & np.isfinite(power[order])]
    shown = np.sort(there[:most])  # as they are stored: by delay
    kind = paths.interaction[link][shown].max(axis=-1, initial=0)
    corners = [corner[np.isfinite(corner).all(axis=-1)] - middle_m for corner in paths.vertex_m[link][shown]]
    return {
        "count": len(there),
        "delay_us": numbers(paths.delay_s[link][shown] * 1e6, 4),
        "level_db": numbers(10 * np.log10(power[shown]), 2),
        "doppler_hz": numbers(paths.doppler_hz[link][shown], 1),
        "kind": np.clip(kind, 0, len(KINDS) - 1).tolist(),
        "corner_m": [numbers(corner.reshape(-1), 1) for corner in corners],
    }
