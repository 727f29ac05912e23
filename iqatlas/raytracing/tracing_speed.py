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
_COUNTS = ("rays_per_site", "max_reflections")
_KINDS = ("diffraction", "edge_diffraction", "refraction", "diffuse_scattering")
"""Settings that decide how long a link takes: numbers, and what is on or off."""

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
    diffraction: bool
    edge_diffraction: bool
    refraction: bool
    diffuse_scattering: bool

    def seconds(self, links: int) -> float:
        """Return about how long some links take.

        Args:
            links: How many.
        """
        return self.start_s + links * self.link_s

    def is_of(self, spec: SionnaRaytracing) -> bool:
        """Return whether the links were traced with the rays and interactions of a spec."""
        return self._settings() == _settings(spec)

    def settings_text(self) -> str:
        """Return the rays and interactions that the links were traced with, in words."""
        kinds = [name.replace("_", " ") for name in _KINDS if getattr(self, name)]
        listed = "".join(f", {kind}" for kind in kinds) or ", specular alone"
        return f"{self.rays_per_site:,} rays, {self.max_reflections} reflections{listed}"

    def _settings(self) -> dict[str, int | bool]:
        return {name: getattr(self, name) for name in (*_COUNTS, *_KINDS)}


def _settings(spec: SionnaRaytracing) -> dict[str, int | bool]:
    """Return what of a spec decides how long a link takes; how much is scattered doesn't."""
    return {name: getattr(spec, name) for name in _COUNTS} | {
        name: bool(getattr(spec, name)) for name in _KINDS
    }


def speed_of(spec: SionnaRaytracing, *, start_s: float, link_s: list[float]) -> TracingSpeed | None:
    """Return the speed that times of links tell; the first one's holds what compilers take, too.

    Args:
        spec: Settings of the solver.
        start_s: What came before the first link.
        link_s: Time of each link; of one alone nothing can be told, and None is returned.
    """
    if len(link_s) < 2:
        return None
    mean_s = sum(link_s[1:]) / (len(link_s) - 1)
    return TracingSpeed(start_s=max(0.0, start_s + link_s[0] - mean_s), link_s=mean_s, **_settings(spec))


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
