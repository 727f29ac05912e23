"""A maritime corpus is one spec: records of voice through paths, repeatable, with truth."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import Plan, Shard, plan
from iqatlas.generators.shard import make_shard
from iqatlas.generators.spec import CorpusSpec

CHANNELS = [6, 8, 16, 72]


def sea(**transmitter: object) -> Plan:
    return plan(
        CorpusSpec.from_tree(
            {
                "waveform": {"kind": "marine_vhf", "channels": CHANNELS},
                "occupancy": {"slot_s": 0.02, "p01": 0.3, "p10": 0.3},
                "capture": {"samples": 4096, "slots": 40, "snr_db": 20},
                "features": {"spectrogram": {"nperseg": 512}},
                "transmitter": transmitter,
            }
        )
    )


def test_occupied_channels_hold_the_power_and_vacant_ones_do_not() -> None:
    made = sea()
    assert made.sample_rate_hz == 800e3
    assert made.shape["subchannel"] == 4
    records = make_shard(stand_in_recipe(made), Shard(0, 0, 40))
    iq = records["iq"].values[:, 0].astype(complex)
    power = np.abs(np.fft.fft(iq * np.hanning(4096))) ** 2
    frequency = np.fft.fftfreq(4096, 1 / 800e3)
    # 156.3, 156.4, 156.625 and 156.8 MHz around their middle.
    offset = np.array([156.3e6, 156.4e6, 156.625e6, 156.8e6]) - 156.55e6
    band = np.array([power[:, np.abs(frequency - hz) < 8e3].sum(axis=1) for hz in offset]).T
    busy = records["label"].values
    assert 0.2 < busy.mean() < 1
    # 20 dB over four channels of three sites: one carrier is 15 dB above the noise in its channel.
    assert np.median(band[busy]) > 20 * np.median(band[~busy])
    # Sites on the same channel may cancel for the 5 ms of a capture, which few do.
    assert np.mean(band[busy] < 5 * band[~busy].max()) < 0.05


def test_snr_at_full_load_is_the_one_asked_for() -> None:
    made = sea()
    records = make_shard(stand_in_recipe(made), Shard(0, 0, 40))
    shares = records["occupancy"].values.mean(axis=(1, 2))
    snr = records["snr"].values[:, 0]
    sent = ~np.isinf(snr)
    # Each of twelve carriers gives its share of the power. They beat against each other within one
    # channel, and fade between paths: 6 dB either way for a capture of 5 ms, 3 for their mean.
    wanted = 20 + 10 * np.log10(shares[sent])
    assert np.abs(snr[sent] - wanted).max() < 8
    assert abs(np.mean(snr[sent] - wanted)) < 3


@pytest.mark.parametrize(
    "option", [{"carrier_offset_ppm": [-5.0, 5.0]}, {"phase_noise": {"linewidth_hz": 100.0}}]
)
def test_transmitter_options_reach_the_records(option: dict[str, object]) -> None:
    plain = make_shard(stand_in_recipe(sea()), Shard(0, 0, 8))
    changed = make_shard(stand_in_recipe(sea(**option)), Shard(0, 0, 8))
    np.testing.assert_array_equal(plain["occupancy"].values, changed["occupancy"].values)
    assert not np.array_equal(plain["iq"].values, changed["iq"].values)
    again = make_shard(stand_in_recipe(sea(**option)), Shard(0, 0, 8))
    np.testing.assert_array_equal(again["iq"].values, changed["iq"].values)


def test_with_late_frames_captures_begin_when_the_slot_before_has_ended() -> None:
    tree = {
        "capture": {"samples": 512, "slots": 300, "snr_db": 60},
        "occupancy": {"p01": 0.3, "p10": 0.6},
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 1, "control": False},
        "transmitter": {"frame_timing": "random"},
    }
    made = plan(CorpusSpec.from_tree(tree))
    records = make_shard(stand_in_recipe(made), Shard(0, 0, 300))
    power = np.abs(records["iq"].values[:, 0]) ** 2
    busy = records["label"].values[:, 0]
    assert 50 < busy.sum() < 290
    noise = 10 ** (records["noise_power"].values[0, 0] / 10)
    # 60 dB of SNR: a single sample of the slot before would stand out. Noise passes 20 times its
    # mean in one sample of e^20.
    assert power[~busy].max() < 20 * noise
    assert power[busy].mean(axis=1).min() > 1e4 * noise
