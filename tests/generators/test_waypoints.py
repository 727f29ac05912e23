"""Records of UAVs that fly: where each one is at its time, and the phase of its distance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas.channels.propagate import Channel, block_for
from iqatlas.generators.execute import generate
from iqatlas.generators.plan import Plan, plan
from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing.free_space import free_space_paths
from iqatlas.raytracing.paths import SPEED_OF_LIGHT_MPS
from iqatlas.scenes.scene import Receivers, Site

FLIGHT = {"kind": "trajectory", "pattern": "circle", "speed_mps": 20, "interval_s": 0.01, "count": 2}


def planned(receivers: dict[str, Any], slots: int = 100) -> Plan:
    return plan(
        CorpusSpec.from_tree(
            {
                "receivers": receivers,
                "capture": {"slots": slots, "samples": 64, "snr_db": 30},
                "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
                "raytracing": {"kind": "free_space"},
                "features": {"spectrogram": None},
            }
        )
    )


@pytest.mark.parametrize(
    ("receivers", "count"),
    [
        (FLIGHT, 2),
        ({"kind": "hover", "count": 5}, 5),
        ({"count": 4}, 4),
        (
            {"kind": "trajectory", "waypoints": [[{"longitude_deg": 24.94, "latitude_deg": 60.17 + 0.001 * i}
             for i in range(2)]] * 3},
            3,
        ),
    ],
)  # fmt: skip
def test_the_plan_counts_uavs(receivers: dict[str, Any], count: int) -> None:
    assert planned(receivers).receivers == count


def test_a_record_has_the_waypoint_at_or_before_its_time() -> None:
    made = planned(FLIGHT)
    waypoint, since = made.waypoint_at(np.array([0.0, 0.0099, 0.01, 0.0299, 0.03, 0.0999]), waypoints=10)
    assert waypoint.tolist() == [0, 0, 1, 2, 3, 9]
    np.testing.assert_allclose(since, [0, 0.0099, 0, 0.0099, 0, 0.0099], atol=1e-12)
    # 0.3 / 0.1 falls short of 3 in floating point: the waypoint is the third all the same.
    tenth = planned({**FLIGHT, "interval_s": 0.1}, slots=1000)
    assert tenth.waypoint_at(np.array([0.3, 0.7]), waypoints=10)[0].tolist() == [3, 7]
    hovering, time = planned({"count": 1}).waypoint_at(np.array([0.05]), waypoints=1)
    assert (hovering.tolist(), time.tolist()) == ([0], [0.05])


def test_phases_are_those_of_the_true_distance() -> None:
    """A tone from one site to a UAV that flies straight past it, at times between the waypoints."""
    made = planned(FLIGHT)
    waypoints, interval, speed = 10, 0.01, 20.0
    time = np.arange(waypoints) * interval
    position = np.stack([speed * time, np.full(waypoints, 150.0), np.full(waypoints, 120.0)], axis=-1)[
        :, None
    ]
    velocity = np.broadcast_to([speed, 0.0, 0.0], position.shape).copy()
    receivers = Receivers(("uav0",), time, position, velocity, "straight")
    site = Site("a", 0.0, 0.0, (-80.0, 0.0, 30.0), 0.0, 0, None, "spec", "test")
    frequency = 1.8e9
    paths = free_space_paths((site,), receivers, frequency_hz=frequency)
    block = block_for(64, max_delay_s=paths.max_delay_s, sample_rate_hz=1.92e6)
    channel = Channel(paths, block, sample_rate_hz=1.92e6, site_power_mw=np.ones(1))
    at = np.random.default_rng(3).uniform(0, 0.0999, 200)
    waypoint, since = made.waypoint_at(at, waypoints=waypoints)
    tone = np.ones((200, 1, block.length), np.complex64)
    received, _ = channel.receive(tone, waypoint=waypoint, time_s=since)
    distance = np.hypot(speed * at + 80.0, np.hypot(150.0, 90.0))
    true = np.exp(-2j * np.pi * frequency * distance / SPEED_OF_LIGHT_MPS)
    error = np.angle(received[:, 0, 32] * np.conj(true))
    # The range accelerates by at most v²/d = 2.1 m/s²: ½ · 2.1 · (10 ms)² is 0.11 mm, 0.004 rad; the delay
    # is held between waypoints, which a tone at 0 Hz doesn't feel.
    assert np.abs(error).max() < 0.005


def test_a_corpus_of_flying_uavs(tmp_path: Path) -> None:
    """Positions and records of the bundled city, generated whole and in two pieces of work."""
    tree = {
        "name": "flight",
        "receivers": FLIGHT,
        "capture": {"slots": 80, "samples": 64, "snr_db": 30},
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
        "raytracing": {"kind": "free_space"},
        "features": {"spectrogram": None},
    }
    dataset = generate(CorpusSpec.from_tree(tree), tmp_path / "flight").dataset
    assert dataset.sizes["waypoint"] == 8
    expected = np.floor(dataset["time"].values / 0.01 + 1e-6)
    np.testing.assert_array_equal(dataset["waypoint"].values, expected)
    assert set(dataset["waypoint"].values.tolist()) == set(range(8))
    np.testing.assert_allclose(dataset["waypoint_time"].values, np.arange(8) * 0.01)
    step = np.linalg.norm(np.diff(dataset["position"].values, axis=0), axis=-1)
    # Chords of 0.2 m on a circle of 100 m.
    np.testing.assert_allclose(step, 0.2, rtol=1e-5)
    faster = generate(
        CorpusSpec.from_tree({**tree, "receivers": {**FLIGHT, "speed_mps": 21}}), tmp_path / "faster"
    ).dataset
    # At time 0 both are at one place, and before the first waypoint after it Doppler tells them apart.
    iq, other = dataset["iq"].values, faster["iq"].values
    assert not np.array_equal(iq, other)
