"""Sectors of eNodeBs: which cells look the same way, and which way that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float64

from iqatlas.scenes.frame import LocalFrame

SECTOR_COLUMNS = ("row", "sector", "azimuth_deg", "azimuth_source", "cells", "samples", "pci", "earfcn")
"""Columns of the table that :func:`find_sectors` returns."""

SAME_SECTOR_DEG = 45.0
"""Cells whose bearings differ by less are one sector on several carriers."""
LEAST_OFFSET_M = 50.0
"""A cell's position this near to the site tells no bearing: it is within what positions are good for."""
# Two cells lie on both sides of their own mean, wherever the mast is.
_LEAST_CELLS = 3
# A misplaced cell tells no bearing either.
_MOST_OFFSET_UNCERTAINTIES = 3.0


def find_sectors(cells: pd.DataFrame, enodebs: pd.DataFrame, *, frame: LocalFrame) -> pd.DataFrame:
    """Return the sectors of some eNodeBs with their azimuths, estimated from where their cells are heard.

    The centroid of a cell's measurements lies out along its main beam, so its bearing from the site is the
    sector's azimuth (``azimuth_source`` is ``measured``); cells are gone through by falling samples, and one
    within 45° of a sector that is there joins it. Where the eNodeB has fewer than three cells, or none lies
    50 m or more from the site and within three uncertainties of it, the cells are three sectors at 0°, 120°
    and 240° in the order of their numbers (``default``). Cells without a bearing beside others with one are
    left out.

    Args:
        cells: LTE cells, with ``pci`` and ``earfcn`` where the database tells them.
        enodebs: eNodeBs as :func:`iqatlas.scenes.enodebs.gather_enodebs` gives them.
        frame: Local frame of their positions.

    Returns:
        One row a sector with :data:`SECTOR_COLUMNS`: ``row`` is the position in ``enodebs``, ``sector``
        the number (cell mod 256) of its best-sampled cell, ``azimuth_deg`` clockwise from north, ``pci``
        and ``earfcn`` −1 where unknown. Sectors of a site are in the order of falling samples.

    Source: TS 36.413, section 9.2.1.37 (cell identity); the rules are this project's own.
    """
    east, north = frame.to_local(
        cells["longitude_deg"].to_numpy(np.float64), cells["latitude_deg"].to_numpy(np.float64)
    )
    unknown = np.full(len(cells), -1, np.int64)
    table = pd.DataFrame(
        {
            "mcc": cells["mcc"].to_numpy(np.int64),
            "mnc": cells["mnc"].to_numpy(np.int64),
            "enodeb": cells["cell"].to_numpy(np.int64) // 256,
            "sector": cells["cell"].to_numpy(np.int64) % 256,
            "samples": cells["samples"].to_numpy(np.int64),
            "pci": cells["pci"].to_numpy(np.int64) if "pci" in cells else unknown,
            "earfcn": cells["earfcn"].to_numpy(np.int64) if "earfcn" in cells else unknown,
            "cell_east_m": east,
            "cell_north_m": north,
        }
    )
    keyed = enodebs.reset_index(drop=True).rename_axis("row").reset_index()
    keys = ["mcc", "mnc", "enodeb"]
    own = table.merge(keyed[[*keys, "row", "east_m", "north_m", "position_uncertainty_m"]], on=keys)
    rows: list[dict[str, int | float | str]] = []
    for row, site in own.groupby("row", sort=True):
        rows += [{"row": int(str(row)), **sector} for sector in _sectors_of(site)]
    return pd.DataFrame(rows, columns=list(SECTOR_COLUMNS))


def _sectors_of(site: pd.DataFrame) -> list[dict[str, int | float | str]]:
    aside = (site["cell_east_m"] - site["east_m"]).to_numpy(np.float64)
    ahead = (site["cell_north_m"] - site["north_m"]).to_numpy(np.float64)
    offset = np.hypot(aside, ahead)
    told = (offset >= LEAST_OFFSET_M) & (
        offset <= _MOST_OFFSET_UNCERTAINTIES * site["position_uncertainty_m"].to_numpy(np.float64)
    )
    if len(site) < _LEAST_CELLS or not told.any():
        by_number = site.sort_values("sector", kind="stable")
        groups = [by_number.iloc[first::3] for first in range(min(3, len(by_number)))]
        found = [_sector(group, 120.0 * turn, "default") for turn, group in enumerate(groups)]
    else:
        bearing = np.mod(np.rad2deg(np.arctan2(aside, ahead)), 360.0)
        fit = site.assign(bearing=bearing)[told].sort_values(
            ["samples", "sector"], ascending=[False, True], kind="stable"
        )
        leader = _joined(fit["bearing"].to_numpy(np.float64))
        found = []
        for first in np.unique(leader):
            group = fit[leader == first]
            found.append(_sector(group, _mean_bearing(group), "measured"))
    return sorted(found, key=lambda sector: (-int(sector["samples"]), int(sector["sector"])))


def _joined(bearing_deg: Float64[np.ndarray, "cell"]) -> np.ndarray:
    """Return for each cell the first one that it is in one sector with."""
    leader = np.full(len(bearing_deg), -1, np.int64)
    for cell in range(len(bearing_deg)):
        if leader[cell] < 0:
            apart = np.abs(np.mod(bearing_deg - bearing_deg[cell] + 180.0, 360.0) - 180.0)
            leader[(leader < 0) & (apart < SAME_SECTOR_DEG)] = cell
    return leader


def _mean_bearing(group: pd.DataFrame) -> float:
    angle = np.deg2rad(group["bearing"].to_numpy(np.float64))
    weight = group["samples"].to_numpy(np.float64) + 1.0
    mean = np.arctan2(np.sum(weight * np.sin(angle)), np.sum(weight * np.cos(angle)))
    return float(np.mod(np.rad2deg(mean), 360.0))


def _sector(group: pd.DataFrame, azimuth_deg: float, source: str) -> dict[str, int | float | str]:
    best = group.sort_values(["samples", "sector"], ascending=[False, True], kind="stable").iloc[0]
    return {
        "sector": int(best["sector"]),
        "azimuth_deg": azimuth_deg,
        "azimuth_source": source,
        "cells": len(group),
        "samples": int(group["samples"].sum()),
        "pci": int(best["pci"]),
        "earfcn": int(best["earfcn"]),
    }
