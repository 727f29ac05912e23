"""A row of a file of sites before it is placed: what it tells besides its position."""

from __future__ import annotations

from typing import NamedTuple


class SiteRow(NamedTuple):
    """What a row tells of a site; the fields are those of :class:`iqatlas.scenes.scene.Site`."""

    name: str
    azimuth_deg: float | None
    tilt_deg: float | None
    antenna: str
    earfcn: int | None
    band: int | None
