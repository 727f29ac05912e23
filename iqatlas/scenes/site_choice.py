"""Which of many possible sites are taken: in order, the nearest, or those that cover the receivers best."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

SITE_SEPARATION_M = 100.0
"""Least distance between two sites that are chosen from a database."""

Rule = Literal["in_order", "nearest", "coverage"]

# A flight of many waypoints is covered as well as some of them, evenly taken, are.
_MOST_RECEIVER_PLACES = 2000


def choose_sites(
    position_m: Float64[np.ndarray, "site 3"],
    count: int,
    *,
    rule: Rule,
    separation_m: float,
    receivers_m: Float64[np.ndarray, "receiver 3"],
) -> list[int]:
    """Return the rows of up to ``count`` sites, the first choice first, none nearer to another than told.

    ``in_order`` takes them as they come; ``nearest`` by rising horizontal distance from the middle of the
    receivers; ``coverage`` adds, again and again, the site that raises most the mean over the receivers of
    the free-space gain in dB of their best site. That sum can't fall behind the best possible choice by
    more than a factor of 1 − 1/e, counted from the worst site.

    Args:
        position_m: Possible sites, the preferred ones first: earlier ones win ties.
        count: How many to take.
        rule: How to choose.
        separation_m: Least horizontal distance between two sites.
        receivers_m: Where the receivers are, over all waypoints.

    Source: Nemhauser, Wolsey, Fisher, "An analysis of approximations for maximizing submodular set
    functions", Mathematical Programming 14, 1978, section 4 (greedy choice); Friis for the gain.
    """
    if rule == "coverage":
        return _covering(position_m, count, separation_m, receivers_m)
    order = np.arange(len(position_m))
    if rule == "nearest":
        middle = receivers_m[:, :2].mean(axis=0)
        order = np.argsort(np.linalg.norm(position_m[:, :2] - middle, axis=-1), kind="stable")
    return [int(order[row]) for row in far_apart(position_m[order, :2], count, separation_m)]


def far_apart(place_m: Float64[np.ndarray, "site 2"], count: int, separation_m: float) -> list[int]:
    """Return up to ``count`` rows, in order, each at least the separation from those before it.

    Args:
        place_m: East and north of each site.
        count: How many to take.
        separation_m: Least distance.
    """
    chosen: list[int] = []
    for row in range(len(place_m)):
        if len(chosen) == count:
            break
        gap = np.linalg.norm(place_m[chosen] - place_m[row], axis=-1)
        if np.all(gap >= separation_m):
            chosen.append(row)
    return chosen


def _covering(
    position_m: Float64[np.ndarray, "site 3"],
    count: int,
    separation_m: float,
    receivers_m: Float64[np.ndarray, "receiver 3"],
) -> list[int]:
    step = -(-len(receivers_m) // _MOST_RECEIVER_PLACES)
    ray = position_m[:, None, :] - receivers_m[None, ::step, :]
    gain_db = -20 * np.log10(np.maximum(np.linalg.norm(ray, axis=-1), 1.0))
    best = np.full(gain_db.shape[1], gain_db.min(initial=0.0))
    free = np.ones(len(position_m), bool)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        total = np.where(free, np.maximum(gain_db, best).mean(axis=-1), -np.inf)
        row = int(np.argmax(total))
        chosen.append(row)
        best = np.maximum(best, gain_db[row])
        free &= np.linalg.norm(position_m[:, :2] - position_m[row, :2], axis=-1) >= separation_m
        free[row] = False
    return chosen


def rows_inside(
    longitude_deg: Float64[np.ndarray, "site"],
    latitude_deg: Float64[np.ndarray, "site"],
    bbox: tuple[float, float, float, float],
    *,
    margin: float = 0.0,
) -> Int64[np.ndarray, "inside"]:
    """Return the rows that lie inside a bbox.

    Args:
        longitude_deg, latitude_deg: Where each site stands.
        bbox: West, south, east, north in degrees.
        margin: Part of the bbox's width that is left out on each side.
    """
    west, south, east, north = bbox
    aside, up = margin * (east - west), margin * (north - south)
    inside = (
        (longitude_deg >= west + aside)
        & (longitude_deg <= east - aside)
        & (latitude_deg >= south + up)
        & (latitude_deg <= north - up)
    )
    return np.flatnonzero(inside).astype(np.int64)
