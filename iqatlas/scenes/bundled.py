"""The city that comes with iqatlas: about 1 km² of central Helsinki."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from iqatlas.errors import SceneError, nearest

BUNDLED_CITIES = ("helsinki",)
BUNDLED_BBOX = (24.9352, 60.1642, 24.9534, 60.1732)
"""West, south, east, north of the bundled city in degrees: 1.01 km by 1.00 km."""
ATTRIBUTION = "Map data © OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
"""The line of credit that the map's licence asks for."""


def bundled_city_path(city: str) -> Path:
    """Return the path of a bundled city's OpenStreetMap file.

    Args:
        city: One of :data:`BUNDLED_CITIES`.

    Raises:
        SceneError: No such city comes with iqatlas, or its file is missing from the installation.
    """
    if city not in BUNDLED_CITIES:
        guess = nearest(city, BUNDLED_CITIES)
        raise SceneError(
            f"no bundled city {city!r}",
            accepted=", ".join(BUNDLED_CITIES),
            remedy=f"did you mean {guess}?" if guess else "take buildings of kind osm_file",
        )
    path = Path(str(files("iqatlas.scenes").joinpath("data", f"{city}.osm.pbf")))
    if not path.is_file():
        raise SceneError(
            f"the bundled map {path.name} is missing from this installation",
            remedy="install iqatlas again from its wheel",
        )
    return path
