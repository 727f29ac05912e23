"""How long links took when some were last traced on this machine, kept beside the cache of paths."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqatlas.raytracing.spec import SionnaRaytracing

_FILE = "speed.json"
_LARGEST_BYTES = 4096

Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class TracingSpeed(BaseModel):
    """What tracing took: a start, of imports, surfaces and compilers, and then each link."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_s: Seconds
    """Once, however many links there are."""
    link_s: Seconds
    """A link: one site, one UAV, one waypoint."""
    rays_per_site: Annotated[int, Field(ge=1)]
    max_reflections: Annotated[int, Field(ge=0)]

    def seconds(self, links: int) -> float:
        """Return about how long some links take.

        Args:
            links: How many.
        """
        return self.start_s + links * self.link_s

    def is_of(self, spec: SionnaRaytracing) -> bool:
        """Return whether the links were traced with the rays and reflections of a spec."""
        return (self.rays_per_site, self.max_reflections) == (spec.rays_per_site, spec.max_reflections)


def speed_of(spec: SionnaRaytracing, *, start_s: float, uav_s: list[float], links_a_uav: int) -> TracingSpeed:
    """Return the speed that times of UAVs tell; the first one's holds what compilers take, too.

    Args:
        spec: Settings of the solver.
        start_s: What came before the first UAV.
        uav_s: Time of each UAV.
        links_a_uav: Links of each.
    """
    later = uav_s[1:] or uav_s
    link_s = sum(later) / (len(later) * links_a_uav)
    return TracingSpeed(
        start_s=max(0.0, start_s + uav_s[0] - links_a_uav * link_s),
        link_s=link_s,
        rays_per_site=spec.rays_per_site,
        max_reflections=spec.max_reflections,
    )


def keep_speed(speed: TracingSpeed, folder: Path) -> None:
    """Keep a speed for later plans; a folder that can't be written is left as it is.

    Args:
        speed: What tracing took.
        folder: The folder of the cache of paths.
    """
    temporary = folder / f".{_FILE}.{os.getpid()}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(speed.model_dump_json(), encoding="utf-8")
        temporary.replace(folder / _FILE)


def last_speed(folder: Path) -> TracingSpeed | None:
    """Return the speed that was kept last, or None.

    Args:
        folder: The folder of the cache of paths.
    """
    try:
        with (folder / _FILE).open("rb") as stream:
            return TracingSpeed.model_validate_json(stream.read(_LARGEST_BYTES))
    except (OSError, ValidationError):
        return None
