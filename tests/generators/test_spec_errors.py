"""What a wrong value is told: the key, the value, what is accepted."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from iqatlas import CorpusSpec
from iqatlas.errors import SpecError


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        ({"occupancy": {"p01": 1.3}}, "s: occupancy.p01: 1.3: input should be less than or equal to 1"),
        (
            {"occupancy": {"p01": [0.1, 1.3]}},
            "s: occupancy.p01.1: 1.3: input should be less than or equal to 1",
        ),
        ({"occupancy": {"p01": []}}, "s: occupancy.p01: []: list should have at least 1 item"),
        ({"receivers": {"count": 0}}, "s: receivers.count: 0: input should be greater than or equal to 1"),
        ({"sites": {"kind": "opencelid"}}, "s: sites: unknown kind 'opencelid', did you mean 'opencellid'?"),
        (
            {"sites": {"kind": "opencelid"}},
            "accepted: bundled, opencellid, cellmapper, osm_masts, placed, file, list",
        ),
        (
            {"sites": {"count": 3}},
            "s: sites: the key 'kind' is missing; accepted: bundled, opencellid, cellm",
        ),
        (
            {"sites": {"counts": 3}},
            "s: sites.counts: unknown key, did you mean 'count'?; name the kind, too: bundled, opencellid",
        ),
        ({"receivers": {"kind": "hoover"}}, "s: receivers: unknown kind 'hoover', did you mean 'hover'?"),
        ({"receivers": {"kind": "fixed"}}, "accepted: hover, trajectory"),
        ({"receivers": {"kind": 3}}, "s: receivers: unknown kind 3; accepted: hover, trajectory"),
        ({"receivers": {"kind": None}}, "accepted: hover, trajectory"),
        ({"receivers": {"hight_m": 3}}, "s: receivers.hight_m: unknown key"),
        ({"receivers": "hover"}, "s: receivers: 'hover': input should be a mapping of keys to values"),
        (
            {"receivers": {"kind": "trajectory", "lane": 3}},
            "receivers.lane: unknown key, did you mean 'lane_m'?",
        ),
        ({"waveform": {"kind": "lt"}}, "s: waveform: unknown kind 'lt', did you mean 'lte'?"),
        (
            {"waveform": {"bandwith_mhz": 5}},
            "waveform.bandwith_mhz: unknown key, did you mean 'bandwidth_mhz'?",
        ),
        ({"waveform": 5}, "s: waveform: 5: input should be a mapping of keys to values"),
        ({"waveform": {"kind": [1]}}, "s: waveform: unknown kind [1]; accepted: lte, marine_vhf"),
        ({"sites": "bundled"}, "s: sites: 'bundled': input should be a mapping of keys to values"),
        ({"occupancy": {"kind": "marcov"}}, "s: occupancy: unknown kind 'marcov', did you mean 'markov'?"),
        ({"occupancy": {"p01": {"low": 0.3, "high": 0.2}}}, "s: occupancy.p01: high is below low"),
        (
            {"occupancy": {"p01": [[0.1, 1.3]]}},
            "s: occupancy.p01.0.1: 1.3: input should be less than or equal",
        ),
        ({"receiver": {"iq_gain_db": [1, 0]}}, "s: receiver.iq_gain_db: [1, 0]: the second number is below"),
        (
            {"capture": {"snr_db": "x"}},
            "input should be a mapping of keys to values or a list or a valid number",
        ),
        ({"capture": {"snr_db": {"start": 1, "stop": 0}}}, "s: capture.snr_db: stop is below start"),
        (
            {"capture": {"snr_db": {"strat": 1}}},
            "s: capture.snr_db.strat: unknown key, did you mean 'start'?",
        ),
        ({"capture": {"slots": 2.5}}, "s: capture.slots: 2.5: input should be a valid integer"),
        ({"capture": 3}, "s: capture: 3: input should be a mapping of keys to values"),
        ({"capture": {"noise": "thermal", "snr_db": 3}}, "thermal noise follows from the noise figure"),
        ({"capture": {"noise_figure_db": 3}}, "noise_figure_db is for noise: thermal"),
        ({"carrier": {"frequency_hz": 2e9, "earfcn": 1}}, "s: carrier: give either frequency_hz or earfcn"),
        ({"carrier": {"frequency_hz": float("nan")}}, "input should be a finite number"),
        ({"scene": {"bbox": [1, 2, 3]}}, "s: scene.bbox.3: too few values"),
        ({"scene": {"bbox": [3, 2, 1, 4]}}, "west < east and south < north"),
        ({"splits": {"train": 0.5}}, "s: splits: train, validation and test add up to 0.8, not to 1"),
        ({"waveform": {"bandwidth_mhz": 7}}, "LTE has 1.4, 3, 5, 10, 15, 20 MHz"),
        ({"storage": {"format": "sigmf"}}, "s: storage.format: 'sigmf': input should be 'zarr' or 'hdf5'"),
        ({"name": "../x"}, "s: name: '../x': string should match pattern"),
        (
            {"features": {"spectrogram": {"hop": 256}}},
            "s: features.spectrogram: hop is at most nperseg (128)",
        ),
        (
            {"sites": {"kind": "list", "sites": [{"name": "a"}]}},
            "s: sites.sites.0.longitude_deg: this key is needed",
        ),
        (
            {
                "receivers": {
                    "positions": [{"longitude_deg": 1, "latitude_deg": 2, "altitude_m": 3}],
                    "count": 4,
                }
            },
            "count is 4 but 1 positions are given: leave count out",
        ),
        (
            {
                "receivers": {
                    "positions": [{"longitude_deg": 1, "latitude_deg": 2, "altitude_m": 3}],
                    "altitude_m": 9,
                }
            },
            "altitude_m is for drawn UAVs, and positions are given: leave it out",
        ),
        ({1: 2}, "s: 1: unknown key"),
        ({"sites": {"kind": "list", "list": 3}}, "s: sites.list: unknown key"),
        ({"a-b (c) [d]": 1}, "s: a-b (c) [d]: unknown key"),
    ],
)
def test_a_wrong_value_is_told_what_is_accepted(tree: dict[Any, Any], line: str) -> None:
    with pytest.raises(SpecError) as caught:
        CorpusSpec.from_tree(tree, where="s")
    assert line in str(caught.value)


def test_long_values_and_keys_are_cut() -> None:
    """A thousand positions in the wrong place must not fill the screen."""
    place = {"longitude_deg": 1, "latitude_deg": 2, "altitude_m": 3}
    for tree in ({"receivers": {"positions": [place] * 1001}}, {"k" * 5000: 1}):
        with pytest.raises(SpecError) as caught:
            CorpusSpec.from_tree(tree)
        assert len(str(caught.value)) < 300
        assert "…" in str(caught.value)


def test_all_faults_of_a_spec_are_told_a_line_each() -> None:
    """The first is what the error reads as; those that follow from a misspelt key go unsaid."""
    tree = {
        "reciever": {},
        "sites": {"kind": "placed", "counts": 2},
        "capture": {"snr_db": {"strat": 1}, "slots": 0},
        "carrier": {"earfcm": 1},
    }
    with pytest.raises(SpecError) as caught:
        CorpusSpec.from_tree(tree, where="s")
    lines = pickle.loads(pickle.dumps(caught.value)).lines()
    assert [line.split(": ")[1] for line in lines] == [
        "sites.counts",
        "carrier.earfcm",
        "capture.snr_db.strat",
        "reciever",
        "capture.slots",
    ]
    assert str(caught.value) == lines[0] and caught.value.__notes__ == list(lines[1:])


def test_more_faults_than_fit_are_counted() -> None:
    with pytest.raises(SpecError) as caught:
        CorpusSpec.from_tree({f"key{number}": 1 for number in range(25)})
    assert len(caught.value.lines()) == 11 and caught.value.lines()[-1] == "and 15 more"


@pytest.mark.parametrize("text", ["-30:30", "-30:5:30", "0:20"])
def test_a_range_as_other_languages_have_it_is_told_how_it_is_written(text: str) -> None:
    with pytest.raises(SpecError, match=r"capture\.snr_db: '.*': a range of levels is .*\{start: -30, stop"):
        CorpusSpec.from_tree({}, overrides=[f"capture.snr_db={text}"])
