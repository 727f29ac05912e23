"""Cells gathered into eNodeBs: where a mast stands, as far as a cell database can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from iqatlas.scenes.frame import LocalFrame

ENODEB_COLUMNS = (
    "mcc",
    "mnc",
    "enodeb",
    "east_m",
    "north_m",
    "cells",
    "outliers",
    "samples",
    "position_uncertainty_m",
)
"""Columns of the table that :func:`gather_enodebs` returns."""

# A cell's centroid misses the mast by the sector's offset, which more samples don't lessen, and by
# the scatter of the measurements, which they do: a weight proportional to the inverse of the sum
# of both variances is n / (n + ratio of the variances).
_SATURATION_SAMPLES = 10.0
_OUTLIER_SIGMAS = 3.0
# Positions come rounded and cluster along streets: nearer than this nothing is called an outlier.
_OUTLIER_FLOOR_M = 200.0
# Median distance from the centre of a two-dimensional Gaussian, over its sigma: sqrt(2 ln 2).
_RAYLEIGH_MEDIAN = 1.1774
# How many samples of spread the cells' own range counts for.
_PRIOR_WEIGHT = 0.5
_PRIOR_RANGE_M = (250.0, 2000.0)
UNCERTAINTY_FLOOR_M = 50.0
"""Least uncertainty that is claimed: crowd-sourced positions hold no better."""

_UNKNOWN_CELL = (1 << 28) - 1


def lte_cells(cells: pd.DataFrame, *, has_radio: bool) -> pd.DataFrame:
    """Return the rows that hold an LTE cell identity.

    Args:
        cells: Cells with the columns of :data:`iqatlas.scenes.opencellid.CELL_COLUMNS`.
        has_radio: Whether ``radio`` says anything; where not, all rows are taken for LTE.

    Source: 3GPP TS 36.413, section 9.2.1.37: 28 bits, of which all ones mean unknown in practice.
    """
    fits = (cells["cell"] >= 256) & (cells["cell"] < _UNKNOWN_CELL)
    return cells[fits & (cells["radio"] == "LTE")] if has_radio else cells[fits]


def gather_enodebs(cells: pd.DataFrame, *, frame: LocalFrame) -> pd.DataFrame:
    """Gather LTE cells into eNodeBs and estimate where each stands.

    An eNodeB is cell // 256, its sector cell % 256. Its position is the mean of its cells' positions
    with weights that grow with ``samples`` and level off, after cells were dropped that lie farther
    from the weighted median than three robust sigmas (and 200 m); one or two cells are all kept.

    The uncertainty u is a spread of cells, not a standard error, for the sectors' offsets do not
    average out when some sectors are missing: u² = (½ r² + 2 (k − 1) s²) / (½ + 2 (k − 1)), with s²
    the mean squared distance of the kept cells from the site (k / (k − 1) times, for small k), k the
    effective number of cells (Kish), and r the weighted median of their ``range``, held between 250
    and 2000 m. So u = r for one cell, and u → s for many; 50 m is the least. It errs on the safe side: in
    made-up databases with known masts, one cell in ten of them misplaced by 1.5 km, 95% of the masts lie
    within u.

    Args:
        cells: LTE cells with the columns of :data:`iqatlas.scenes.opencellid.CELL_COLUMNS`.
        frame: Local frame of the positions.

    Returns:
        One row an eNodeB with :data:`ENODEB_COLUMNS`, sorted by operator and eNodeB.

    Source: TS 36.413, section 9.2.1.37 (an eNodeB identity is the leading 20 bits of the cell's).
    """
    if cells.empty:
        return pd.DataFrame({name: pd.Series(dtype=np.float64) for name in ENODEB_COLUMNS})
    keys = pd.DataFrame(
        {"mcc": cells["mcc"], "mnc": cells["mnc"], "enodeb": cells["cell"] // 256}
    ).reset_index(drop=True)
    grouped = keys.groupby(["mcc", "mnc", "enodeb"], sort=True)
    group = grouped.ngroup().to_numpy(np.int64)
    count = int(group.max()) + 1
    east, north = frame.to_local(
        cells["longitude_deg"].to_numpy(np.float64), cells["latitude_deg"].to_numpy(np.float64)
    )
    samples = np.maximum(cells["samples"].to_numpy(np.float64), 1.0)
    weight = samples / (samples + _SATURATION_SAMPLES)

    distance = np.hypot(
        east - weighted_medians(east, weight, group)[group],
        north - weighted_medians(north, weight, group)[group],
    )
    sigma = weighted_medians(distance, weight, group) / _RAYLEIGH_MEDIAN
    size = np.bincount(group, minlength=count)
    limit = np.where(size > 2, np.maximum(_OUTLIER_SIGMAS * sigma, _OUTLIER_FLOOR_M), np.inf)
    kept = distance <= limit[group]
    weight = np.where(kept, weight, 0.0)

    def total(values: Float64[np.ndarray, "cell"]) -> Float64[np.ndarray, "enodeb"]:
        return np.bincount(group, values, minlength=count)

    mass = total(weight)
    east_m, north_m = total(weight * east) / mass, total(weight * north) / mass
    squared = (east - east_m[group]) ** 2 + (north - north_m[group]) ** 2
    effective = np.maximum(mass**2 / total(weight**2), 1.0)
    freedom = 2 * (effective - 1)
    # s² times 2 (k − 1), written so that one cell needs no division by zero.
    spread = 2 * effective * total(weight * squared) / mass
    prior = np.clip(weighted_medians(cells["range_m"].to_numpy(np.float64), weight, group), *_PRIOR_RANGE_M)
    variance = (_PRIOR_WEIGHT * prior**2 + spread) / (_PRIOR_WEIGHT + freedom)

    table = grouped.size().index.to_frame(index=False)
    identity = pd.DataFrame({"group": group, "cell": cells["cell"].to_numpy()})
    table["east_m"], table["north_m"] = east_m, north_m
    table["cells"] = identity[kept].groupby("group")["cell"].nunique().to_numpy(np.int64)
    table["outliers"] = np.bincount(group, ~kept, minlength=count).astype(np.int64)
    table["samples"] = total(np.where(kept, samples, 0.0)).astype(np.int64)
    table["position_uncertainty_m"] = np.maximum(np.sqrt(variance), UNCERTAINTY_FLOOR_M)
    return table[list(ENODEB_COLUMNS)]


def weighted_medians(
    values: Float64[np.ndarray, "cell"],
    weights: Float64[np.ndarray, "cell"],
    group: Int64[np.ndarray, "cell"],
) -> Float64[np.ndarray, "group"]:
    """Return the weighted median of each group: the least value with half of the weight at or below it.

    Args:
        values: What to take the median of.
        weights: Weights, not negative, of which each group has some.
        group: Number of each value's group; groups 0 to the largest all have values.
    """
    order = np.lexsort((values, group))
    sorted_group = group[order]
    running = np.cumsum(weights[order])
    starts = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    before = np.where(starts > 0, running[starts - 1], 0.0)
    half = (before + running[ends]) / 2
    # `running` never falls over the whole table, so one search serves all groups.
    place = np.minimum(np.maximum(np.searchsorted(running, half), starts), ends)
    return np.asarray(values[order][place], np.float64)
