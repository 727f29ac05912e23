"""What a trace gave, as plain JSON values: gates, counts, links, and what made it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from iqatlas.raytracing.paths import INTERACTIONS
from iqatlas.raytracing.trace import Trace
from iqatlas.scenes.scene import Scene

_MOST_LINKS = 10_000


def trace_report(scene: Scene, traced: Trace) -> dict[str, Any]:
    """Return the report of a trace.

    Args:
        scene: What was traced.
        traced: Its paths, checked.
    """
    paths = traced.paths
    waypoints, receivers, sites = paths.gain.shape[:3]
    return {
        "name": scene.name,
        "scene_sha256": scene.content_hash(),
        "frequency_hz": paths.frequency_hz,
        "model": paths.model,
        "counts": {
            "waypoints": waypoints,
            "receivers": receivers,
            "sites": sites,
            "paths": traced.report.paths,
            "most_paths_of_a_link": int(paths.valid.sum(axis=-1).max(initial=0)),
            "paths_by_kind": paths_by_kind(traced),
        },
        "receivers_traced": traced.traced,
        "receivers_cached": traced.cached,
        "gates": {name: _number(value) for name, value in asdict(traced.report).items()},
        "links": _links(scene, traced),
        "attribution": list(scene.attribution),
    }


def paths_by_kind(traced: Trace) -> dict[str, int]:
    """Return how many paths there are of each kind, a path counting by its highest kind of interaction."""
    paths = traced.paths
    highest = paths.interaction.max(axis=-1, initial=0)[paths.valid]
    names = ("direct", *INTERACTIONS[1:])
    return {name: int(np.sum(highest == kind)) for kind, name in enumerate(names)}


def _links(scene: Scene, traced: Trace) -> list[dict[str, Any]]:
    """Return one entry a link, levels and counts as medians over the waypoints."""
    paths = traced.paths
    power = paths.link_power()
    count = paths.valid.sum(axis=-1)
    direct = np.any(paths.valid & np.all(paths.interaction == 0, axis=-1), axis=-1)
    first = np.min(paths.delay_s, axis=-1, where=paths.valid, initial=np.inf)
    entries: list[dict[str, Any]] = []
    for receiver, name in enumerate(scene.receivers.names):
        for index, site in enumerate(scene.sites):
            if len(entries) == _MOST_LINKS:
                return entries
            level = float(np.median(power[:, receiver, index]))
            earliest = float(np.median(first[:, receiver, index]))
            entries.append(
                {
                    "receiver": name,
                    "site": site.name,
                    "path_gain_db": _number(10 * math.log10(level) if level > 0 else -math.inf),
                    "paths": int(np.median(count[:, receiver, index])),
                    "in_sight": round(float(direct[:, receiver, index].mean()), 4),
                    "first_delay_s": _number(earliest),
                    "rms_delay_spread_s": _number(rms_delay_spread_s(traced, receiver, index)),
                }
            )
    return entries


def rms_delay_spread_s(traced: Trace, receiver: int, site: int) -> float:
    """Return the root-mean-square delay spread of a link, the median over waypoints that have paths."""
    paths = traced.paths
    power = np.where(paths.valid, np.abs(paths.gain) ** 2, 0.0)[:, receiver, site]
    total = power.sum(axis=-1)
    power, delay = power[total > 0], paths.delay_s[total > 0, receiver, site]
    if not len(power):
        return math.nan
    share = power / power.sum(axis=-1, keepdims=True)
    mean = np.sum(share * delay, axis=-1, keepdims=True)
    return float(np.median(np.sqrt(np.sum(share * (delay - mean) ** 2, axis=-1))))


def _number(value: int | float) -> int | float | None:
    """Return a number that JSON has; what is not finite is null."""
    return value if math.isfinite(value) else None
