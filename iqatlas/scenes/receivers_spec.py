"""The receivers part of a spec."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from iqatlas.scenes.geodetic import Latitude, Longitude
from iqatlas.schema import SpecModel


class ReceiverPosition(SpecModel):
    """Where one UAV hovers."""

    longitude_deg: Longitude
    """Degrees east (WGS 84)."""
    latitude_deg: Latitude
    """Degrees north (WGS 84)."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)]
    """Height above the ground."""


class RoutePoint(SpecModel):
    """A point of a UAV's route."""

    longitude_deg: Longitude
    """Degrees east (WGS 84)."""
    latitude_deg: Latitude
    """Degrees north (WGS 84)."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)] | None = None
    """Height above the ground; the receivers' altitude_m without it."""


class GroundPoint(SpecModel):
    """A place on the map."""

    longitude_deg: Longitude
    """Degrees east (WGS 84)."""
    latitude_deg: Latitude
    """Degrees north (WGS 84)."""


class PlanarArray(SpecModel):
    """Antennas in a rectangle, each heard on its own: a receiver of the corpus each."""

    kind: Literal["planar"] = "planar"
    """Rows and columns, evenly spaced."""
    rows: Annotated[int, Field(ge=1, le=16)] = 2
    """Antennas from the lower to the upper edge of the face; from rear to front where it looks down."""
    columns: Annotated[int, Field(ge=1, le=16)] = 2
    """Antennas from side to side."""
    spacing_wavelengths: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Distance of neighbours, in wavelengths of the carrier."""
    azimuth_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    """Direction that the face looks in, clockwise from north; it stays while a UAV flies."""
    tilt_deg: Annotated[float, Field(ge=-90, le=90)] = 90.0
    """How far the face looks below the horizon: 0 stands upright, 90 lies flat under the UAV."""

    @property
    def elements(self) -> int:
        """Number of antennas."""
        return self.rows * self.columns


MOST_ANTENNAS = 1000
"""Most UAVs times antennas: each one is a receiver of the corpus."""


def _refuse_too_many(uavs: int, array: PlanarArray | None) -> None:
    if array is not None and uavs * array.elements > MOST_ANTENNAS:
        raise ValueError(
            f"{uavs} UAVs with {array.elements} antennas each are more than {MOST_ANTENNAS} antennas"
        )


_FOR_DRAWN = ("altitude_m", "clearance_m", "separation_m")


class HoverReceivers(SpecModel):
    """Hovering UAVs, drawn over the scene or given one by one."""

    kind: Literal["hover"] = "hover"
    """UAVs that stay where they are."""
    count: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many UAVs are drawn."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)] = 120.0
    """Height above the ground of drawn UAVs."""
    clearance_m: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Least distance from any building."""
    separation_m: Annotated[float, Field(ge=0, le=10000)] = 100.0
    """Least distance between two drawn UAVs."""
    positions: Annotated[tuple[ReceiverPosition, ...], Field(min_length=1, max_length=1000)] | None = None
    """Given positions; count is then their number."""
    array: PlanarArray | None = None
    """Antenna array of each UAV; one antenna without it."""

    @model_validator(mode="after")
    def _drawn_or_given(self) -> HoverReceivers:
        _refuse_too_many(self.uavs, self.array)
        if self.positions is None:
            return self
        if "count" in self.model_fields_set and self.count != len(self.positions):
            raise ValueError(
                f"count is {self.count} but {len(self.positions)} positions are given: leave count out"
            )
        for name in _FOR_DRAWN:
            if name in self.model_fields_set:
                raise ValueError(f"{name} is for drawn UAVs, and positions are given: leave it out")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is stored can be read again: it leaves out what given positions refuse.
        stored: dict[str, Any] = handler(self)
        unused = ("count", *_FOR_DRAWN) if self.positions is not None else ()
        return _without_no_array({name: value for name, value in stored.items() if name not in unused})

    @property
    def uavs(self) -> int:
        """Number of UAVs."""
        return self.count if self.positions is None else len(self.positions)


def _without_no_array(stored: dict[str, Any]) -> dict[str, Any]:
    # A spec without arrays keeps the hash that it had before there were any.
    if stored.get("array") is None:
        stored.pop("array", None)
    return stored


Route = Annotated[tuple[RoutePoint, ...], Field(min_length=2, max_length=1000)]


class TrajectoryReceivers(SpecModel):
    """UAVs that fly for as long as a draw lasts; the paths are traced at waypoints along their way."""

    kind: Literal["trajectory"] = "trajectory"
    """UAVs that fly."""
    pattern: Literal["waypoints", "circle", "lawn_mower", "random_waypoint"] = "waypoints"
    """waypoints: straight legs between given points; circle: one circle, the UAVs spread evenly over it;
    lawn_mower: parallel lanes over the area, a strip for each UAV; random_waypoint: straight legs
    between random points of the area."""
    count: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of UAVs; for waypoints it is the number of routes."""
    speed_mps: Annotated[float, Field(gt=0, le=100)] = 10.0
    """Speed over ground."""
    altitude_m: Annotated[float, Field(gt=0, le=20000)] = 120.0
    """Height above the ground; 120 m is what most of the world allows without a permit."""
    interval_s: Annotated[float, Field(gt=0, le=3600)] = 0.1
    """Time between two waypoints at which paths are traced; in between, Doppler turns their phases."""
    clearance_m: Annotated[float, Field(ge=0, le=1000)] = 5.0
    """Least distance from any building, sideways and upwards."""
    waypoints: Route | Annotated[tuple[Route, ...], Field(min_length=1, max_length=100)] | None = None
    """For waypoints: the points of one UAV's route, or a list of them for each UAV."""
    at_end: Literal["hover", "return", "refuse"] | None = None
    """For waypoints, when a route ends before the draw: hover at its last point (default), fly back and
    forth, or refuse the spec."""
    centre: GroundPoint | None = None
    """For circle: its centre; the middle of the scene without it."""
    radius_m: Annotated[float, Field(gt=0, le=50000)] | None = None
    """For circle: its radius; 100 m without it."""
    lane_m: Annotated[float, Field(gt=0, le=10000)] | None = None
    """For lawn_mower: distance between two lanes; 50 m without it."""
    area: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """For lawn_mower and random_waypoint: west, south, east, north; the scene's middle
    90% without it."""
    array: PlanarArray | None = None
    """Antenna array of each UAV; one antenna without it."""

    @model_validator(mode="after")
    def _fits_the_pattern(self) -> TrajectoryReceivers:
        for key, patterns in _PATTERNS_OF.items():
            if getattr(self, key) is not None and self.pattern not in patterns:
                raise ValueError(f"{key} is for pattern: {' or '.join(patterns)}")
        if self.pattern == "waypoints":
            if self.waypoints is None:
                raise ValueError("pattern: waypoints needs waypoints, two points or more")
            if "count" in self.model_fields_set and self.count != len(self.routes):
                raise ValueError(
                    f"count is {self.count} but {len(self.routes)} routes are given: leave it out"
                )
        if self.area is not None and not (self.area[0] < self.area[2] and self.area[1] < self.area[3]):
            raise ValueError("area is west, south, east, north: west < east and south < north")
        _refuse_too_many(self.uavs, self.array)
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_no_array(handler(self))

    @property
    def routes(self) -> tuple[Route, ...]:
        """The given routes, one a UAV."""
        if self.waypoints is None:
            return ()
        first = self.waypoints[0]
        return (self.waypoints,) if isinstance(first, RoutePoint) else self.waypoints  # type: ignore[return-value]

    @property
    def uavs(self) -> int:
        """Number of UAVs."""
        return len(self.routes) or self.count

    def waypoint_count(self, duration_s: float) -> int:
        """Return how many waypoints a flight has: one at time 0 and one at each interval within it.

        Args:
            duration_s: Length of the flight, that of a draw.
        """
        # A waypoint at the very end would belong to no record, whatever the rounding.
        return max(1, math.ceil(duration_s / self.interval_s - 1e-6))


_PATTERNS_OF = {
    "waypoints": ("waypoints",),
    "at_end": ("waypoints",),
    "centre": ("circle",),
    "radius_m": ("circle",),
    "lane_m": ("lawn_mower",),
    "area": ("lawn_mower", "random_waypoint"),
}


def _receivers_kind(value: Any) -> str | None:
    # Receivers hover unless the spec says otherwise, so that `receivers: {count: 5}` is enough.
    kind = value.get("kind", "hover") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) else None


ReceiversSpec = Annotated[
    Annotated[HoverReceivers, Tag("hover")] | Annotated[TrajectoryReceivers, Tag("trajectory")],
    Discriminator(_receivers_kind),
]
