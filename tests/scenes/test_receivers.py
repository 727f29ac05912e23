"""Hovering UAVs: clear of buildings, apart from each other, and the same for the same stream."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import ReceiversError
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.receivers import hover_receivers
from iqatlas.scenes.spec import HoverReceivers, ReceiverPosition
from iqatlas.seeds import Stage, stream

FRAME = LocalFrame(-0.08, 51.51)
BBOX = (-0.09, 51.505, -0.07, 51.515)


def city(*boxes: tuple[float, float, float, float, float]) -> gpd.GeoDataFrame:
    """Boxes given by west, south, east, north and height."""
    return gpd.GeoDataFrame(
        {
            "osm_id": [f"way/{i}" for i in range(len(boxes))],
            "base_height_m": np.zeros(len(boxes)),
            "top_height_m": np.array([box[4] for box in boxes], np.float64),
        },
        geometry=[shapely.box(*box[:4]) for box in boxes],
    )


CITY = city(
    *((e, n, e + 60, n + 60, 30 + (e + n) % 97) for e in range(-700, 700, 90) for n in range(-600, 600, 90))
)


def hover(seed: int = 7, buildings: gpd.GeoDataFrame = CITY, **spec):
    return hover_receivers(
        HoverReceivers(**spec), frame=FRAME, bbox=BBOX, buildings=buildings, rng=stream(seed, Stage.RECEIVERS)
    )


def test_shape_and_names() -> None:
    receivers = hover()
    assert receivers.names == ("uav0", "uav1", "uav2")
    assert receivers.position_m.shape == receivers.velocity_mps.shape == (1, 3, 3)
    assert receivers.time_s.tolist() == [0.0]
    assert not receivers.velocity_mps.any()
    assert (receivers.position_m[..., 2] == 120.0).all()
    assert "120 m" in receivers.provenance


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.floats(2, 130), st.floats(0, 25), st.floats(0, 120))
def test_drawn_ones_keep_their_distances(
    seed: int, count: int, altitude: float, clearance: float, separation: float
) -> None:
    """Checked against Shapely's own distances, building by building."""
    spec = {"altitude_m": altitude, "clearance_m": clearance, "separation_m": separation}
    try:
        position = hover(seed, count=count, **spec).position_m[0]
    except ReceiversError:
        # Streets are 30 m wide: over 15 m of clearance leaves no room between them.
        assert clearance > 14 and altitude < 130
        return
    longitude, latitude = FRAME.to_geodetic(position[:, 0].copy(), position[:, 1].copy())
    # The middle 90% of the bbox, and a rounding error.
    assert np.all(np.abs(longitude + 0.08) <= 0.009 + 1e-9)
    assert np.all(np.abs(latitude - 51.51) <= 0.0045 + 1e-9)
    for east, north, up in position:
        aside = CITY.geometry.distance(shapely.Point(east, north)).to_numpy()
        above = np.maximum(up - CITY["top_height_m"].to_numpy(), 0)
        distance = np.hypot(aside, above)
        assert distance.min() >= clearance * (1 - 1e-12) and distance.min() > 0
    gap = np.linalg.norm(position[:, None] - position[None], axis=-1) + np.diag(np.full(count, np.inf))
    assert gap.min() >= separation


def test_the_stream_decides() -> None:
    np.testing.assert_array_equal(hover(7).position_m, hover(7).position_m)
    assert not np.array_equal(hover(7).position_m, hover(8).position_m)


def test_more_receivers_leave_the_first_where_they_were() -> None:
    np.testing.assert_array_equal(hover(count=3).position_m, hover(count=9).position_m[:, :3])


def test_drawn_uniformly() -> None:
    """Mean and spread of a uniform square: half-width over √3, to 4 sigmas of 1000 draws."""
    position = hover(count=1000, separation_m=0, buildings=city()).position_m[0]
    half = np.array([0.9 * 694.2, 0.9 * 556.4])
    np.testing.assert_allclose(position[:, :2].mean(axis=0), 0, atol=float(4 * half[0] / np.sqrt(3000)))
    np.testing.assert_allclose(position[:, :2].std(axis=0), half / np.sqrt(3), rtol=0.06)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"count": 200, "separation_m": 400}, r"found room for \d+ of 200 receivers 400 m apart"),
        ({"altitude_m": 10, "clearance_m": 40}, r"found room for 0 of 3 receivers"),
    ],
)
def test_no_room(spec: dict[str, float], what: str) -> None:
    with pytest.raises(ReceiversError, match=what) as caught:
        hover(**spec)
    assert "lower count, separation_m or clearance_m" in str(caught.value)


def place(longitude: float = -0.08, latitude: float = 51.51, altitude: float = 100.0) -> ReceiverPosition:
    return ReceiverPosition(longitude_deg=longitude, latitude_deg=latitude, altitude_m=altitude)


def test_given_positions_are_taken_as_they_are() -> None:
    receivers = hover(positions=(place(), place(longitude=-0.0805, altitude=45.5)))
    np.testing.assert_allclose(receivers.position_m[0, 0], (0, 0, 100), atol=1e-6)
    assert receivers.position_m[0, 1, 2] == 45.5
    assert receivers.provenance == "positions given in the spec"
    np.testing.assert_array_equal(
        hover(8, positions=(place(),)).position_m, hover(7, positions=(place(),)).position_m
    )


@pytest.mark.parametrize(
    ("position", "what"),
    [
        (place(altitude=19), "uav1 at 19 m is inside the building way/0; .*20 m"),
        (place(51.51, -0.08), "uav1 is .* km from the scene; .*swapped"),
        (place().model_copy(update={"altitude_m": -2.0}), "uav1 at -2 m is not above the ground"),
    ],
)
def test_given_positions_that_cannot_be(position: ReceiverPosition, what: str) -> None:
    with pytest.raises(ReceiversError, match=what):
        hover(positions=(place(), position), buildings=city((-9, -9, 9, 9, 20)))
