"""Every parameter of a spec changes what is made: nothing is accepted and then ignored."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spec_places import places

from iqatlas.features.registry import FEATURES

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
TWICE = {"slots": 80, "samples": 64, "snr_db": 0, "draws": 2}
THERMAL = {"capture": {"slots": 80, "samples": 64, "noise": "thermal"}}
VOICE = {"waveform": {"kind": "marine_vhf", "channels": [6, 16]}}
AM = {"waveform": {"kind": "marine_vhf", "channels": [6, 16], "modulation": "am"}}
CODED = {"waveform": {"bandwidth_mhz": 1.4, "subchannels": 2, "payload": "coded"}}
SEA = {"raytracing": {"kind": "maritime"}}
AERIAL = {"raytracing": {"kind": "aerial_urban_macro"}}
RICH = {"scene": {"buildings": {"kind": "osm_file", "path": "rich.osm"}}}
HILLY = {"scene": {**BASE["scene"], "terrain": {"kind": "elevation_file", "path": "hill.tif"}}}
CENTRE = {"longitude_deg": -0.0885, "latitude_deg": 51.5012}
FLIGHT = {"receivers": {"kind": "trajectory", "pattern": "circle", "radius_m": 50, "interval_s": 0.04,
                        "centre": CENTRE}}  # fmt: skip
ARRAYS = {"receivers": {**BASE["receivers"], "array": {}}}
ROUTE = {"receivers": {"kind": "trajectory", "interval_s": 0.04, "waypoints": [AT, CENTRE]}}
PRINTS = {"scene": {"buildings": {"kind": "footprints", "path": "prints.gpkg", "layer": "houses"}}}
AGC = {"receiver": {"adc": {"bits": 8, "gain": {"kind": "agc"}}}}
FIXED = {"receiver": {"adc": {"bits": 8, "gain": {"kind": "fixed"}}}}
RANGE = {"occupancy": {"p01": {"low": 0.05, "high": 0.1}, "p10": {"low": 0.1, "high": 0.3}}}
DAY = {"occupancy": {"profile": {"by_hour": [0.2] * 8 + [1.5] * 8 + [1.0] * 8, "span_h": 24}}}
TAIL = {"kind": "pareto", "mean_slots": 5, "tail_index": 5}
TAILS = {"occupancy": {"kind": "semi_markov", "busy": TAIL, "idle": TAIL}}
LOG = {"kind": "log_normal", "mean_slots": 5, "log_deviation": 0.5}
LOGS = {"occupancy": {"kind": "semi_markov", "busy": LOG, "idle": LOG}}
RUN = {"kind": "geometric", "mean_slots": 5}
RUNS = {"occupancy": {"kind": "semi_markov", "busy": RUN, "idle": RUN}}
USERS = {"occupancy": {"kind": "users", "users": 2, "width": 1, "p01": 0.05}}
TRACE = {"occupancy": {"kind": "trace", "path": "trace.csv"}}
BUNDLED = {"scene": {}, "sites": {"kind": "bundled"}}

# path of the parameter → what stands in the spec beside it, and two values that must make a difference.
CHANGES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "name": ({}, "a", "b"),
    "seed": ({}, 1, 2),
    "scene.buildings[osm_file].path": ({}, "city.osm", "other.osm"),
    "scene.bbox": ({}, None, [-0.0901, 51.4999, -0.0865, 51.5025]),
    "scene.default_height_m": ({"scene": {"buildings": {"kind": "osm_file", "path": "bare.osm"}}}, 9, 10),
    "scene.level_height_m": ({}, 3.2, 4),
    "scene.imputation": (RICH, "median", "sampled"),
    "scene.roofs": (RICH, True, False),
    "scene.surfaces": (RICH, True, False),
    "scene.vegetation": (RICH, True, False),
    "scene.buildings[footprints].path": (PRINTS, "prints.gpkg", "others.gpkg"),
    "scene.buildings[footprints].layer": (PRINTS, "houses", "sheds"),
    "scene.buildings[footprints].height_column": (PRINTS, None, "height"),
    "scene.buildings[footprints].levels_column": (PRINTS, None, "levels"),
    "scene.buildings[footprints].material_column": (PRINTS, None, "wall"),
    "scene.buildings[footprints].kind_column": (PRINTS, None, "use"),
    "scene.terrain[elevation_file].path": (HILLY, "hill.tif", "steep.tif"),
    "scene.terrain[elevation_file].step_m": (HILLY, 20, 40),
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
    "receivers[hover].count": ({}, 2, 3),
    "receivers[hover].altitude_m": ({}, 60, 61),
    "receivers[hover].clearance_m": ({"receivers": {"altitude_m": 25, "separation_m": 0}}, 0, 20),
    "receivers[hover].separation_m": ({}, 50, 200),
    "receivers[hover].positions.longitude_deg": (GIVEN, -0.0890, -0.0891),
    "receivers[hover].positions.latitude_deg": (GIVEN, 51.5012, 51.5013),
    "receivers[hover].positions.altitude_m": (GIVEN, 70, 71),
    "receivers[trajectory].waypoints.longitude_deg": (ROUTE, -0.0890, -0.0889),
    "receivers[trajectory].waypoints.latitude_deg": (ROUTE, 51.5012, 51.5013),
    "receivers[trajectory].waypoints.altitude_m": (ROUTE, 70, 71),
    "receivers[trajectory].centre.longitude_deg": (FLIGHT, -0.0885, -0.0884),
    "receivers[trajectory].centre.latitude_deg": (FLIGHT, 51.5012, 51.5013),
    "receivers[trajectory].speed_mps": (FLIGHT, 10, 20),
    "receivers[trajectory].interval_s": (FLIGHT, 0.04, 0.02),
    **{
        f"receivers[hover].array.{key}": (ARRAYS, one, other)
        for key, one, other in (
            ("rows", 2, 3),
            ("columns", 2, 1),
            ("spacing_wavelengths", 0.5, 0.6),
            ("azimuth_deg", 0, 20),
            ("tilt_deg", 90, 30),
        )
    },
    "carrier.frequency_hz": ({}, 1.8e9, 1.9e9),
    "carrier.earfcn": ({}, 1617, 1618),
    "waveform[lte].bandwidth_mhz": ({}, 1.4, 3),
    "waveform[lte].subchannels": ({}, 2, 3),
    "waveform[lte].control": ({}, True, False),
    "waveform[lte].payload": ({}, "symbols", "coded"),
    "waveform[lte].modulation": ({}, "qpsk", "16qam"),
    "waveform[lte].antenna_ports": ({}, 1, 2),
    "waveform[lte].cyclic_prefix": ({}, "normal", "extended"),
    "waveform[lte].power.payload_db": ({}, 0, 1),
    "waveform[lte].power.reference_db": ({}, 0, 1),
    "waveform[lte].power.synchronisation_db": ({}, 0, 1),
    "waveform[lte].power.broadcast_db": ({}, 0, 1),
    "waveform[lte].power.control_db": (CODED, 0, 1),
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
    "raytracing[two_ray].ground": ({"raytracing": {"kind": "two_ray"}}, "wet_ground", "concrete"),
    "raytracing[maritime].wave_height_deviation_m": (SEA, 0.3, 0.5),
    "raytracing[maritime].roughness": (SEA, "ament", "miller_brown"),
    "raytracing[maritime].rician_k_db": (SEA, 12, 6),
    "raytracing[maritime].diffuse_excess_m": (SEA, 15, 30),
    "raytracing[maritime].relative_permittivity": (SEA, 70, 60),
    "raytracing[maritime].conductivity_s_per_m": (SEA, 5, 4),
    "raytracing[aerial_urban_macro].delay_spread_s": (AERIAL, 1e-7, 3e-7),
    "receiver.carrier_offset_ppm": ({}, 0, 0.1),
    "receiver.carrier_offset_hz": ({}, 0, 100),
    "receiver.sampling_offset_ppm": ({}, 0, 1),
    "receiver.phase_noise.linewidth_hz": ({}, 10, 20),
    "receiver.iq_gain_db": ({}, 0, 1),
    "receiver.iq_phase_deg": ({}, 0, 1),
    "receiver.dc_offset_db": ({}, None, -20),
    "receiver.adc.bits": ({}, 8, 9),
    "receiver.adc.gain[agc].back_off_db": (AGC, 12, 13),
    "receiver.adc.gain[agc].step_db": (AGC, 0, 6),
    "receiver.adc.gain[fixed].full_scale_dbm": (FIXED, -40, -41),
    "occupancy[markov].p01": ({}, 0.05, 0.06),
    "occupancy[markov].p01.low": (RANGE, 0.05, 0.06),
    "occupancy[markov].p01.high": (RANGE, 0.1, 0.2),
    "occupancy[markov].p10": ({}, 0.2, 0.21),
    "occupancy[markov].p10.low": (RANGE, 0.1, 0.11),
    "occupancy[markov].p10.high": (RANGE, 0.2, 0.3),
    "occupancy[markov].profile.by_hour": (DAY, [0.5] * 24, [1.5] * 24),
    "occupancy[markov].profile.start_hour": (DAY, 0, 6),
    "occupancy[markov].profile.span_h": (DAY, None, 24),
    "occupancy[markov].slot_s": ({}, 1e-3, 2e-3),
    "occupancy[semi_markov].busy[geometric].mean_slots": (RUNS, 5, 6),
    "occupancy[semi_markov].busy[pareto].mean_slots": (TAILS, 5, 6),
    "occupancy[semi_markov].busy[pareto].tail_index": (TAILS, 5, 4),
    "occupancy[semi_markov].idle[geometric].mean_slots": (RUNS, 5, 6),
    "occupancy[semi_markov].idle[pareto].mean_slots": (TAILS, 5, 6),
    "occupancy[semi_markov].idle[pareto].tail_index": (TAILS, 5, 4),
    "occupancy[semi_markov].busy[log_normal].mean_slots": (LOGS, 5, 6),
    "occupancy[semi_markov].busy[log_normal].log_deviation": (LOGS, 0.5, 0.7),
    "occupancy[semi_markov].idle[log_normal].mean_slots": (LOGS, 5, 6),
    "occupancy[semi_markov].idle[log_normal].log_deviation": (LOGS, 0.5, 0.7),
    "occupancy[semi_markov].slot_s": (RUNS, 1e-3, 2e-3),
    "occupancy[users].users": (USERS, 2, 3),
    "occupancy[users].width": (USERS, 1, 2),
    "occupancy[users].p01": (USERS, 0.05, 0.06),
    "occupancy[users].p10": (USERS, 0.2, 0.21),
    "occupancy[users].slot_s": (USERS, 1e-3, 2e-3),
    "occupancy[trace].path": (TRACE, "trace.csv", "other.csv"),
    "occupancy[trace].slot_s": (TRACE, 1e-3, 2e-3),
    "capture.samples": ({}, 64, 65),
    "capture.slots": ({}, 80, 81),
    "capture.draws": ({}, 1, 2),
    "capture.snr_db": ({}, 3, 4),
    "capture.snr_db.start": ({}, 0, 1),
    "capture.snr_db.stop": ({}, 10, 15),
    "capture.snr_db.step": ({}, 5, 6),
    "capture.noise": ({}, "common_floor", "per_receiver"),
    "capture.noise_figure_db": (THERMAL, 7, 8),
    "capture.motion_error": (FLIGHT, 1e-6, 0.1),
    "capture.payload": ({}, "fresh", "fixed"),
    "features.spectrogram.nperseg": ({}, 16, 32),
    "features.spectrogram.hop": ({}, 8, 4),
    "features.spectrogram.scale": ({}, "dbm_per_hz", "mw_per_hz"),
    "splits.by": ({"sites": {**BASE["sites"], "count": 3}}, "time", "site"),
    "storage.components": ({}, False, True),
    "storage.iq": ({}, "complex64", "int16"),
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
    "sites[cellmapper].radio",
}
# Parameters whose effect a test of their own part shows, on what they need: a map server, walls, masts.
SITES_TEST = "scenes/test_scene_parameters.py::test_a_parameter_of_sites_changes_the_scene"
FLIGHTS_TEST = "scenes/test_scene_parameters.py::test_a_parameter_of_flights_changes_the_scene"
SERVER = "scenes/test_overpass_maps.py::test_"
OPTIONS = "raytracing/test_sionna_options.py::test_"
CELLS = "mcc mnc count choose by_sector power_dbm height_above_roof_m default_height_m"
BY_TEST = {
    SITES_TEST: {
        "sites[opencellid]": "choose by_sector",
        "sites[cellmapper]": f"path band {CELLS}",
        "sites[osm_masts]": "count choose power_dbm height_above_roof_m default_height_m",
        "sites[placed]": "count separation_m power_dbm height_above_roof_m",
        "sites[file]": "path count choose power_dbm height_above_roof_m default_height_m",
    },
    FLIGHTS_TEST: {
        "receivers[trajectory]": "pattern count altitude_m clearance_m at_end radius_m lane_m area",
    },
    f"{SERVER}a_place_gives_the_buildings_inside_its_outline": {"scene.buildings[overpass]": "place"},
    f"{SERVER}an_answer_is_asked_for_once": {"scene.buildings[overpass]": "date"},
    f"{SERVER}years_later_the_archive_stands_in_for_the_servers": {"scene.buildings[overpass]": "archive"},
    f"{SERVER}a_server_that_is_not_there_ends_in_one_line": {
        "scene.buildings[overpass]": "endpoint attempts"
    },
    f"{SERVER}a_place_that_is_asked_of_another_server": {"scene.buildings[overpass]": "geocoder"},
    f"{SERVER}trouble_that_passes_is_waited_out": {"scene.buildings[overpass]": "timeout_s"},
    "generators/test_provenance.py::test_footprints_carry_their_own_licence_and_credit": {
        "scene.buildings[footprints]": "licence attribution"
    },
    "occupancy/test_occupancy_trace.py::test_a_short_trace_is_refused_or_repeated": {
        "occupancy[trace]": "repeat"
    },
    "catalogs/test_citation.py::test_what_is_said_of_a_corpus_is_on_every_card": {
        "about": "title description authors licence doi"
    },
    "catalogs/test_record_store.py::test_the_format_is_what_lies_on_the_disk": {"storage": "format"},
    "generators/test_stored_paths.py::test_records_are_remade_bit_by_bit_without_the_ray_tracer": {
        "raytracing[stored]": "path"
    },
    "scenes/test_antenna_array.py::test_every_parameter_moves_the_elements_and_is_in_the_name": {
        "receivers[trajectory].array": "rows columns spacing_wavelengths azimuth_deg tilt_deg"
    },
    f"{OPTIONS}free_edges_diffract_only_when_asked": {"raytracing[sionna]": "edge_diffraction"},
    f"{OPTIONS}a_wave_passes_a_wall_as_a_slab": {"raytracing[sionna]": "refraction"},
    f"{OPTIONS}rough_walls_scatter_more_and_mirror_less": {"raytracing[sionna]": "diffuse_scattering"},
    f"{OPTIONS}a_dipole_is_a_doughnut": {"raytracing[sionna]": "site_antenna receiver_antenna"},
    f"{OPTIONS}a_sector_looks_where_azimuth_and_tilt_say": {"raytracing[sionna]": "downtilt_deg"},
    "features/test_registry.py::test_an_option_changes_what_a_feature_gives": {
        "features.power_spectrum": "nperseg hop window scale",
        "features.subchannel_energy": "scale",
        "features.cyclic_spectrum": "method channels window hop conjugate cyclic_resolution_hz coherence "
        "scale",
        "features.cyclic_spectrum.output[profile]": "size pool",
        "features.cyclic_spectrum.output[plane]": "grid pool",
        "features.cyclic_autocorrelation": "lag_samples cyclic_frequency_hz harmonics output normalised",
        "features.wavelet": "wavelet levels threshold noise",
        "features.tabular": "nperseg hop duty_false_alarm duty_guard duty_threshold_db",
    },
}  # fmt: skip
SHOWN_BY = {
    f"{place}.{name}": test
    for test, parameters in BY_TEST.items()
    for place, names in parameters.items()
    for name in names.split()
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
        holder[key] = [dict(below[0]), *below[1:]] if isinstance(below, list) else dict(below)
        holder = holder[key][0] if isinstance(below, list) else holder[key]
    holder[keys[-1]] = value
    if path in SHARES:
        holder[SHARES[path]] = 1 - sum(holder.values())
    return tree


def test_every_parameter_is_in_the_tables() -> None:
    """Kinds are left out: each has parameters, or a test, of its own."""
    leaves = {leaf for place in places() for leaf in place.leaves if not leaf.endswith(".kind")}
    # Lists of models, whose own parameters are looked at.
    leaves -= {"sites[list].sites", "receivers[hover].positions", "receivers[trajectory].waypoints"}
    leaves -= {"receivers[trajectory].centre", "receivers[hover].array", "receivers[trajectory].array"}
    leaves -= {f"features.{name}" for name in FEATURES} | {"features.cyclic_spectrum.output"}
    leaves -= {"transmitter.phase_noise", "transmitter.amplifier"}
    leaves -= {"receiver.phase_noise", "receiver.adc", "occupancy[markov].profile"}
    assert leaves | {"capture.snr_db"} == set(CHANGES) | set(TRACED) | set(SHOWN_BY) | ONE_CHOICE


@pytest.mark.parametrize("path", SHOWN_BY)
def test_the_test_that_is_named_is_there_and_knows_the_parameter(path: str) -> None:
    file, _, name = SHOWN_BY[path].partition("::")
    text = (Path(__file__).parents[1] / file).read_text()
    assert re.search(rf"^def {name}\(", text, re.MULTILINE)
    assert re.search(rf"\b{path.rpartition('.')[2]}\b", text)


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
        ({"receiver": {"phase_noise": {}}}, {}),
        ({"receiver": {"adc": {}}}, {}),
        (FIXED, {"receiver": {"adc": {"bits": 8}}}),
        (USERS, {}),
        (RUNS, {}),
        (TRACE, {}),
        ({"splits": {"train": 0.7, "by": "receiver", "validation": 0, "test": 0.3}}, {}),
        (
            {"splits": {"train": 0.7, "by": "draw", "validation": 0.3, "test": 0}, "capture": TWICE},
            {"splits": {"train": 0.7, "by": "time", "validation": 0.3, "test": 0}, "capture": TWICE},
        ),
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
