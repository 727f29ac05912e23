"""Columns of a file of sites: their names, what else is there, and names that were meant otherwise."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from iqatlas.errors import SitesError

ANTENNAS = ("isotropic", "tr38901")
"""Names of antenna patterns that a file may tell."""

NAMES = {
    "name": "name",
    "id": "name",
    "lon": "longitude_deg",
    "lng": "longitude_deg",
    "longitude": "longitude_deg",
    "longitude_deg": "longitude_deg",
    "lat": "latitude_deg",
    "latitude": "latitude_deg",
    "latitude_deg": "latitude_deg",
    "height": "height_m",
    "height_m": "height_m",
    "power_dbm": "power_dbm",
    "pci": "cell_id",
    "cell_id": "cell_id",
    "physical_cell_id": "cell_id",
    "azimuth": "azimuth_deg",
    "azimuth_deg": "azimuth_deg",
    "tilt": "tilt_deg",
    "tilt_deg": "tilt_deg",
    "antenna": "antenna",
    "operator": "operator",
    "earfcn": "earfcn",
    "band": "band",
    "position_uncertainty_m": "position_uncertainty_m",
}
"""What a column may be called, in small letters, and what it tells."""
WORDS = ("name", "antenna", "operator")
"""What is told in words."""
LIMITS = {
    "longitude_deg": (-180.0, 180.0),
    "latitude_deg": (-90.0, 90.0),
    "height_m": (0.1, 1000.0),
    "power_dbm": (-30.0, 80.0),
    "cell_id": (0, 503),
    "azimuth_deg": (-360.0, 360.0),
    "tilt_deg": (-90.0, 90.0),
    "earfcn": (0, 262143),
    "band": (1, 255),
    "position_uncertainty_m": (0.0, 1e5),
}
"""What is told in numbers, and the smallest and largest; whole numbers where they are."""

_MEANINGS = {
    "power": "power_dbm",
    "pwr": "power_dbm",
    "eirp": "power_dbm",
    "erp": "power_dbm",
    "height": "height_m",
    "hgt": "height_m",
    "hght": "height_m",
    "agl": "height_m",
    "altitude": "height_m",
    "elevation": "height_m",
    "tilt": "tilt_deg",
    "downtilt": "tilt_deg",
    "azimuth": "azimuth_deg",
    "azim": "azimuth_deg",
    "azi": "azimuth_deg",
    "az": "azimuth_deg",
    "direction": "azimuth_deg",
    "bearing": "azimuth_deg",
    "heading": "azimuth_deg",
    "pci": "cell_id",
    "pcid": "cell_id",
    "earfcn": "earfcn",
    "band": "band",
    "antenna": "antenna",
    "pattern": "antenna",
    "uncertainty": "position_uncertainty_m",
    "accuracy": "position_uncertainty_m",
}
"""Words in the name of a column that tell what it was meant for; the first one that is there counts."""
_NAME = re.compile(r"(site|station|enodeb|enb|cell|mast|tower)(_?(id|name|no|number))?")
"""What a site is called by, where no column is its name."""
_IDENTITY = re.compile(r"phy(s|sical)?_?(layer_?)?cell(_?(id|identity|number))?")
"""Ways to write a physical cell identity, which no word alone tells from a cell's name."""
MOST_COLUMNS = 1000
_LONGEST_NAME = 100
_TYPO = 0.8
"""Likeness (difflib's ratio) from which on a word is a known one, misspelt."""


def known_columns(columns: Sequence[str], where: str) -> tuple[list[str], tuple[str, ...]]:
    """Return what each column tells, an empty word where that is nothing known, and the columns without use.

    Args:
        columns: Names in the header.
        where: What to name in an error.

    Raises:
        SitesError: No coordinates, two columns that tell the same, or one that is not known and seems to be
            meant for what no other column tells.
    """
    if len(columns) > MOST_COLUMNS:
        raise SitesError(
            f"{len(columns)} columns", where=where, accepted=f"at most {MOST_COLUMNS}, a row a transmitter"
        )
    names = [NAMES.get(column.strip().lower(), "") for column in columns]
    known = [name for name in names if name]
    missing = [name for name in ("longitude_deg", "latitude_deg") if name not in known]
    accepted = ", ".join(dict.fromkeys(NAMES.values()))
    if len(set(known)) < len(known):
        raise SitesError(
            f"two columns tell the same in {', '.join(columns)[:200]}", where=where, accepted=accepted
        )
    unused = tuple(
        column.strip()[:_LONGEST_NAME] for column, name in zip(columns, names, strict=True) if not name
    )
    for column in unused:
        meant = _meant(column)
        if meant is not None and meant not in known:
            raise SitesError(
                f"unknown column {column[:60]!r}, did you mean {meant!r}?",
                where=where,
                accepted=accepted,
                remedy="rename it, with its values in that unit, or take it out",
            )
    if missing:
        raise SitesError(
            f"no column for {', '.join(missing)} in {', '.join(columns)[:200]}",
            where=where,
            accepted=accepted,
        )
    return names, unused


def _meant(column: str) -> str | None:
    """Return the known column that another name seems to stand for."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column[:_LONGEST_NAME]).lower())
    # Of antenna_height_m the height is meant, and of site_height too.
    by_word = next((meant for word, meant in _MEANINGS.items() if word in words), None)
    if by_word is not None:
        return by_word
    word = "_".join(words)
    if _IDENTITY.fullmatch(word):
        return "cell_id"
    if _NAME.fullmatch(word):
        return "name"
    near = difflib.get_close_matches(word, list(NAMES), n=1, cutoff=_TYPO)
    return NAMES[near[0]] if near else None
