"""Signal and noise stored beside their sum, and receivers that do something to it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from test_shard import recipe, whole

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.invariants import _part_problems
from iqatlas.generators.shard import Workshop

PLAIN = {
    "capture": {"samples": 1024, "slots": 60, "snr_db": [-10, 20]},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "features": {"spectrogram": None},
    "receivers": {"count": 2},
}


def made(**changes: Any) -> tuple[Workshop, xr.Dataset]:
    return _made(json.dumps(changes))


@cache
def _made(changes: str) -> tuple[Workshop, xr.Dataset]:
    workshop = Workshop(recipe({**PLAIN, **json.loads(changes)}))
    return workshop, workshop.make_shard(whole(workshop.plan))


def draw_nothing(scene: object, dataset: object, paths: object, file: Path, *, title: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture of " + title.encode())


def test_captures_are_the_sum_and_the_same_without_components() -> None:
    _, plain = made()
    _, debug = made(storage={"components": True})
    assert "signal" not in plain and "noise" not in plain
    assert np.array_equal(debug["iq"].values, debug["signal"].values + debug["noise"].values)
    for name, variable in plain.items():
        assert variable.values.tobytes() == debug[name].values.tobytes(), name


def test_the_realised_snr_is_that_of_the_components() -> None:
    """The signal's power is exact; that of 1,024 samples of noise is known to 0.14 dB: it is averaged."""
    workshop, records = made(storage={"components": True})
    share = workshop.noise_bandwidth_hz / workshop.plan.sample_rate_hz
    signal = np.mean(np.abs(records["signal"].values) ** 2, axis=-1, dtype=np.float64)
    noise = np.mean(np.abs(records["noise"].values) ** 2, axis=-1, dtype=np.float64)
    stated = 10 ** (records["noise_power"].values.astype(np.float64) / 10)
    # 120 × 2 captures of 1,024 samples: 1/√245,760 = 0.009 dB; three of it.
    assert 10 * np.log10((noise / stated).mean()) == pytest.approx(0, abs=0.03)
    measured = 10 * np.log10(signal / (noise / (noise / stated).mean() * share))
    heard = np.isfinite(records["snr"].values)
    difference = measured[heard] - records["snr"].values[heard]
    assert abs(difference.mean()) < 0.1
    exact = 10 * np.log10(signal[heard] / (stated[heard] * share)) - records["snr"].values[heard]
    assert np.abs(exact).max() < 1e-4  # float32 of the stored levels


@pytest.mark.parametrize(
    "receiver",
    [
        {"carrier_offset_hz": 200.0},
        {"sampling_offset_ppm": [-20, 20]},
        {"phase_noise": {"linewidth_hz": 100}},
    ],
)
def test_oscillators_and_clocks_act_on_the_signal_and_keep_its_power(receiver: dict[str, Any]) -> None:
    _, plain = made(storage={"components": True})
    _, real = made(storage={"components": True}, receiver=receiver)
    assert np.array_equal(plain["noise"].values, real["noise"].values)
    assert not np.array_equal(plain["signal"].values, real["signal"].values)
    assert np.array_equal(real["iq"].values, real["signal"].values + real["noise"].values)
    heard = np.isfinite(plain["snr"].values)
    # A turned capture has the same power; one of another clock loses or gains a part of a sample.
    np.testing.assert_allclose(real["snr"].values[heard], plain["snr"].values[heard], atol=0.02)


def test_mixers_and_converters_act_on_the_sum_and_leave_the_levels_of_the_antenna_port() -> None:
    receiver = {"iq_gain_db": 0.5, "iq_phase_deg": 2, "dc_offset_db": -30, "adc": {"bits": 10}}
    _, plain = made(storage={"components": True})
    workshop, real = made(storage={"components": True}, receiver=receiver)
    for name in ("signal", "noise", "snr", "noise_power", "signal_power"):
        assert plain[name].values.tobytes() == real[name].values.tobytes(), name
    error = real["iq"].values - plain["iq"].values
    assert np.abs(error).max() > 0
    again = workshop.front_end.converted(real["signal"].values + real["noise"].values)
    assert again.tobytes() == real["iq"].values.tobytes()


def test_of_coded_captures_a_different_start_is_a_different_clock_only() -> None:
    """A clock that is off makes its margin of signal that is there: the first sample is the same."""
    _, plain = made(storage={"components": True})
    _, real = made(storage={"components": True}, receiver={"sampling_offset_ppm": 100})
    one, other = plain["signal"].values, real["signal"].values
    scale = np.sqrt(np.mean(np.abs(one) ** 2))
    # At the first sample no drift has built up: interpolation between samples at 0 is exact, but the
    # longer block is cut from other transforms (1e-4 of the RMS).
    assert np.abs(one[..., 0] - other[..., 0]).max() < 1e-3 * scale
    assert np.abs(one[..., -1] - other[..., -1]).max() > 0.05 * scale


@pytest.fixture(scope="module")
def real_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    spec = CorpusSpec.from_tree(
        {
            "name": "real",
            "raytracing": {"kind": "free_space"},
            "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
            "capture": {"slots": 60, "snr_db": [0, 20], "samples": 256},
            "storage": {"components": True},
            "receiver": {
                "carrier_offset_ppm": [-0.1, 0.1],
                "iq_gain_db": [-1, 1],
                "iq_phase_deg": 3,
                "dc_offset_db": -20,
                "adc": {"bits": 6},
            },
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.plotting.overview.draw_overview", draw_nothing)
        return generate(spec, tmp_path_factory.mktemp("real") / "real")


def test_a_corpus_of_real_receivers_verifies_and_says_what_was_drawn(real_corpus: Corpus) -> None:
    assert real_corpus.verify().problems == ()
    receivers = real_corpus.dataset
    assert np.ptp(receivers["carrier_offset"].values) > 0
    assert np.abs(receivers["carrier_offset"].values).max() <= 184.67
    assert np.ptp(receivers["iq_gain"].values) > 0
    assert receivers["iq_phase"].values.tolist() == [3.0] * 3
    assert receivers["sampling_offset"].values.tolist() == [0.0] * 3
    assert receivers["dc_power"].attrs["units"] == "dBm"
    assert receivers["signal"].dims == ("record", "receiver", "sample")


def test_components_that_do_not_add_up_are_found() -> None:
    workshop, records = made(storage={"components": True})
    part = records.assign_attrs(
        sample_rate_hz=workshop.plan.sample_rate_hz,
        noise_bandwidth_hz=workshop.noise_bandwidth_hz,
        slot_duration_s=1e-3,
    ).assign_coords(receiver=["a", "b"])
    assert list(_part_problems(part, 0, ideal=True)) == []
    broken = part.copy(deep=True)
    broken["signal"].values[7, 1, 3] += 1e-9
    assert next(_part_problems(broken, 0, ideal=True)) == "iq: not the sum of signal and noise in record 7"
    # Behind a real mixer iq tells nothing; its components are held to the stated powers all the same.
    broken["noise"].values[9] *= np.float32(2)
    assert any(
        "its power is not what snr and noise_power say" in p for p in _part_problems(broken, 0, ideal=False)
    )
    bare = broken.drop_vars(["signal", "noise"])
    bare["iq"].values[9] *= np.float32(100)
    assert list(_part_problems(bare, 0, ideal=False)) == []
