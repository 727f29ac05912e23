"""Every parameter of a spec changes what is made: nothing is accepted and then ignored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_places import places

BASE: dict[str, Any] = {
    "scene": {"buildings": {"kind": "osm_file", "path": "city.osm"}},
    "sites": {"kind": "opencellid", "path": "cells.csv", "count": 2},
    "receivers": {"kind": "hover", "count": 2, "altitude_m": 60, "separation_m": 50},
    "raytracing": {"kind": "free_space"},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 64, "snr_db": {"start": 0, "stop": 10, "step": 5}},
    "features": {"spectrogram": {"nperseg": 16}},
}
AT = {"longitude_deg": -0.0890, "latitude_deg": 51.5012}
SITE = {"name": "a", **AT, "height_m": 40}
LISTED = {"sites": {"kind": "list", "sites": [SITE]}}
GIVEN = {"receivers": {"positions": [{**AT, "altitude_m": 70}]}}
THERMAL = {"capture": {"slots": 80, "samples": 64, "noise": "thermal"}}
VOICE = {"waveform": {"kind": "marine_vhf", "channels": [6, 16]}}
AM = {"waveform": {"kind": "marine_vhf", "channels": [6, 16], "modulation": "am"}}
BUNDLED = {"scene": {}, "sites": {"kind": "bundled"}}

# path of the parameter → what stands in the spec beside it, and two values that must make a difference.
CHANGES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "name": ({}, "a", "b"),
    "seed": ({}, 1, 2),
    "scene.buildings[osm_file].path": ({}, "city.osm", "other.osm"),
    "scene.bbox": ({}, None, [-0.0901, 51.4999, -0.0865, 51.5025]),
    "scene.default_height_m": ({"scene": {"buildings": {"kind": "osm_file", "path": "bare.osm"}}}, 9, 10),
    "scene.level_height_m": ({}, 3.2, 4),
    "sites[bundled].power_dbm": (BUNDLED, 40, 43),
    "sites[opencellid].path": ({}, "cells.csv", "others.csv"),
    "sites[opencellid].mcc": ({}, 234, 235),
    "sites[opencellid].mnc": ({}, 30, 10),
    "sites[opencellid].count": ({}, 2, 3),
    "sites[opencellid].power_dbm": ({}, 40, 43),
    "sites[opencellid].height_above_roof_m": ({}, 4, 5),
    "sites[opencellid].default_height_m": ({"sites": {**BASE["sites"], "path": "gaps.csv"}}, 25, 26),
    "sites[list].sites.name": (LISTED, "a", "b"),
    "sites[list].sites.longitude_deg": (LISTED, -0.0890, -0.0891),
    "sites[list].sites.latitude_deg": (LISTED, 51.5012, 51.5013),
    "sites[list].sites.height_m": (LISTED, 40, 41),
    "sites[list].sites.power_dbm": (LISTED, 40, 43),
    "sites[list].sites.cell_id": (LISTED, 1, 2),
    "receivers.count": ({}, 2, 3),
    "receivers.altitude_m": ({}, 60, 61),
    "receivers.clearance_m": ({"receivers": {"altitude_m": 25, "separation_m": 0}}, 0, 20),
    "receivers.separation_m": ({}, 50, 200),
    "receivers.positions.longitude_deg": (GIVEN, -0.0890, -0.0891),
    "receivers.positions.latitude_deg": (GIVEN, 51.5012, 51.5013),
    "receivers.positions.altitude_m": (GIVEN, 70, 71),
    "carrier.frequency_hz": ({}, 1.8e9, 1.9e9),
    "carrier.earfcn": ({}, 1617, 1618),
    "waveform[lte].bandwidth_mhz": ({}, 1.4, 3),
    "waveform[lte].subchannels": ({}, 2, 3),
    "waveform[lte].control": ({}, True, False),
    "waveform[marine_vhf].channels": (VOICE, [6, 16], [6, 67]),
    "waveform[marine_vhf].modulation": (VOICE, "fm", "am"),
    "waveform[marine_vhf].deviation_hz": (VOICE, 5000, 4000),
    "waveform[marine_vhf].depth": (AM, 0.85, 0.5),
    "waveform[marine_vhf].sample_rate_hz": (VOICE, 800e3, 1.6e6),
    "transmitter.frame_timing": ({}, "aligned", "random"),
    "transmitter.carrier_offset_ppm": ({}, 0, 0.1),
    "transmitter.sampling_offset_ppm": ({}, 0, 1),
    "transmitter.phase_noise.linewidth_hz": ({}, 10, 20),
    "transmitter.amplifier.back_off_db": ({}, 9, 6),
    "transmitter.amplifier.smoothness": ({}, 3, 2),
    "transmitter.edge_window": ({}, 0, 0.5),
    "occupancy.p01": ({}, 0.05, 0.06),
    "occupancy.p10": ({}, 0.2, 0.21),
    "occupancy.slot_s": ({}, 1e-3, 2e-3),
    "capture.samples": ({}, 64, 65),
    "capture.slots": ({}, 80, 81),
    "capture.draws": ({}, 1, 2),
    "capture.snr_db": ({}, 3, 4),
    "capture.snr_db.start": ({}, 0, 1),
    "capture.snr_db.stop": ({}, 10, 15),
    "capture.snr_db.step": ({}, 5, 6),
    "capture.noise": ({}, "common_floor", "per_receiver"),
    "capture.noise_figure_db": (THERMAL, 7, 8),
    "features.spectrogram.nperseg": ({}, 16, 32),
    "features.spectrogram.hop": ({}, 8, 4),
    "features.spectrogram.scale": ({}, "dbm_per_hz", "mw_per_hz"),
    "splits.train": ({"splits": {"validation": 0.15}}, 0.7, 0.5),
    "splits.validation": ({"splits": {"train": 0.7}}, 0.15, 0.1),
    "splits.test": ({"splits": {"train": 0.7}}, 0.15, 0.1),
}
TRACED = {
    "raytracing[sionna].max_reflections": (3, 2),
    "raytracing[sionna].diffraction": (True, False),
    "raytracing[sionna].rays_per_site": (1000, 300_000),
}
ONE_CHOICE = {
    "scene.buildings[bundled].city",
    "sites[opencellid].radio",
    "waveform[lte].modulation",
    "storage.format",
    "storage.iq",
    "splits.by",
}
# The shares add up to 1, so that one of them changes with another.
SHARES = {"splits.train": "test", "splits.validation": "test", "splits.test": "validation"}


def with_value(beside: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the spec of the base, of what stands beside, and of one value at its path."""
    tree = {**BASE, **{name: dict(part) for name, part in beside.items()}}
    keys = [key.partition("[")[0] for key in path.split(".")]
    holder: Any = tree
    for key in keys[:-1]:
        below = holder.get(key, {})
        holder[key] = [dict(below[0])] if isinstance(below, list) else dict(below)
        holder = holder[key][0] if isinstance(below, list) else holder[key]
    holder[keys[-1]] = value
    if path in SHARES:
        holder[SHARES[path]] = 1 - sum(holder.values())
    return tree


def test_every_parameter_is_in_the_tables() -> None:
    """Kinds are left out: each has parameters, or a test, of its own."""
    leaves = {leaf for place in places() for leaf in place.leaves if not leaf.endswith(".kind")}
    # Lists of models, whose own parameters are looked at.
    leaves -= {"sites[list].sites", "receivers.positions", "features.spectrogram"}
    leaves -= {"transmitter.phase_noise", "transmitter.amplifier"}
    assert leaves | {"capture.snr_db"} == set(CHANGES) | set(TRACED) | ONE_CHOICE


@pytest.mark.parametrize("path", CHANGES)
def test_a_parameter_changes_the_output(
    path: str, box_city: Path, fingerprint: Callable[[dict[str, Any], Path], str]
) -> None:
    beside, one, other = CHANGES[path]
    first = fingerprint(with_value(beside, path, one), box_city)
    second = fingerprint(with_value(beside, path, other), box_city)
    again = fingerprint(with_value(beside, path, one), box_city)
    assert first != second
    assert first == again  # else any two hashes would differ


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"features": {"spectrogram": None}}, {}),
        ({"scene": {}, "sites": {"kind": "bundled"}}, {}),
        (LISTED, {}),
        (GIVEN, {}),
        (THERMAL, {}),
        (VOICE, {}),
        ({"transmitter": {"phase_noise": {}}}, {}),
        ({"transmitter": {"amplifier": {}}}, {}),
    ],
)
def test_a_kind_changes_the_output(
    one: dict[str, Any], other: dict[str, Any], box_city: Path, fingerprint: Callable[..., str]
) -> None:
    assert fingerprint({**BASE, **one}, box_city) != fingerprint({**BASE, **other}, box_city)


@pytest.mark.slow
@pytest.mark.parametrize("path", TRACED)
def test_a_parameter_of_the_ray_tracer_changes_the_output(
    path: str, box_city: Path, fingerprint: Callable[..., str]
) -> None:
    # Both are between the boxes, lower than the roofs, so that there is no line of sight.
    base = {
        "sites": {"kind": "list", "sites": [{**SITE, "longitude_deg": -0.0893, "height_m": 12}]},
        "receivers": {"positions": [{"longitude_deg": -0.0868, "latitude_deg": 51.5007, "altitude_m": 15}]},
        "raytracing": {"kind": "sionna", "max_reflections": 3, "rays_per_site": 100_000},
    }
    one, other = TRACED[path]
    first = fingerprint(with_value(base, path, one), box_city)
    second = fingerprint(with_value(base, path, other), box_city)
    assert first != second
    assert first != fingerprint({**BASE, **base, "raytracing": {"kind": "free_space"}}, box_city)
