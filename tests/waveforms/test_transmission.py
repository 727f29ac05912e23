"""A transmission: nothing by default, each option as its closed form says, windows of one signal."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform, MarineVhfWaveform, Transmitter
from iqatlas.waveforms.transmission import FRAME_S, Baseband, Transmission

CARRIER_HZ = 1.8467e9
LTE = LteWaveform(bandwidth_mhz=1.4, subchannels=3)
VOICE = MarineVhfWaveform(channels=(6, 16), modulation="am")
SLOT = 1920
OPTIONS: dict[str, dict[str, object]] = {
    "frame_timing": {"frame_timing": "random"},
    "carrier_offset_ppm": {"carrier_offset_ppm": (-0.1, 0.1)},
    "sampling_offset_ppm": {"sampling_offset_ppm": (-20.0, 20.0)},
    "phase_noise": {"phase_noise": {"linewidth_hz": 200.0}},
    "amplifier": {"amplifier": {"back_off_db": 6.0}},
    "edge_window": {"edge_window": 0.5},
}
ALL = {name: value for option in OPTIONS.values() for name, value in option.items()}


def make(
    seed: int = 5, waveform: LteWaveform | MarineVhfWaveform = LTE, cells: int = 2, **options: object
) -> Transmission:
    return Transmission(
        waveform,
        Transmitter.model_validate(options),
        cell_ids=range(10, 10 + cells),
        carrier_hz=156.55e6 if isinstance(waveform, MarineVhfWaveform) else CARRIER_HZ,
        seed=seed,
    )


def send(
    maker: Baseband,
    start: int = 0,
    samples: int = 19_200,
    occupancy: np.ndarray | None = None,
    first_slot: int = 0,
    sites: int = 2,
) -> np.ndarray:
    if occupancy is None:
        occupancy = np.ones((1, sites, len(maker.subchannel_edges_hz)), bool)
    return maker.synthesise(
        start_sample=np.array([start]),
        samples=samples,
        occupancy=occupancy[None],
        first_slot=np.array([first_slot]),
        slot_samples=SLOT,
        keys=np.array([[key(1, Stage.PAYLOAD, s) for s in range(sites)]], np.uint64),
    )[0]


def test_with_everything_off_it_is_the_waveform_bit_for_bit() -> None:
    occupancy = np.random.default_rng(1).random((12, 2, 3)) < 0.5
    ideal = LteDownlink(LTE, cell_ids=[10, 11])
    assert (
        send(make(), -500, 20_000, occupancy, -1).tobytes()
        == send(ideal, -500, 20_000, occupancy, -1).tobytes()
    )
    assert make().settling_samples == 0
    assert make().occupied_bandwidth_hz == 72 * 15e3
    np.testing.assert_array_equal(make().full_load_spectrum(), ideal.full_load_spectrum())


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_changes_what_is_sent(name: str) -> None:
    plain, changed = send(make()), send(make(**OPTIONS[name]))
    assert np.abs(plain - changed).max() > 0.01


@pytest.mark.parametrize("options", [*OPTIONS.values(), ALL], ids=[*OPTIONS, "all"])
def test_a_window_equals_the_same_samples_of_the_whole(options: dict[str, object]) -> None:
    start, samples, first = -30_000, 90_000, -17
    occupancy = np.random.default_rng(2).random((50, 2, 3)) < 0.5
    maker = make(**options)
    whole = send(maker, start, samples, occupancy, first)
    for offset, length in ((0, 1), (29_990, 700), (1000, 5000), (89_000, 1000)):
        window = send(maker, start + offset, length, occupancy, first)
        # Sums of float32 over 32 taps, in whatever order.
        np.testing.assert_allclose(window, whole[:, offset : offset + length], atol=5e-6)


def test_a_record_is_the_same_alone_and_in_a_batch() -> None:
    maker, records = make(**ALL), 6
    rng = np.random.default_rng(3)
    arguments = {
        "start_sample": rng.integers(-(10**9), 10**9, records),
        "occupancy": rng.random((records, 3, 2, 3)) < 0.5,
        "keys": rng.integers(0, 2**63, (records, 2, 2)).astype(np.uint64),
    }
    arguments["first_slot"] = arguments["start_sample"] // SLOT - 1
    together = maker.synthesise(samples=300, slot_samples=SLOT, **arguments)
    for record in range(records):
        alone = {name: value[record : record + 1] for name, value in arguments.items()}
        np.testing.assert_allclose(
            maker.synthesise(samples=300, slot_samples=SLOT, **alone)[0], together[record], atol=5e-6
        )


def test_one_site_alone_sends_what_it_sends_among_others() -> None:
    maker = make(cells=3, **ALL)
    keys = np.array([[key(1, Stage.PAYLOAD, s) for s in range(3)]], np.uint64)
    arguments = {
        "start_sample": np.array([777]),
        "samples": 2000,
        "first_slot": np.zeros(1, np.int64),
        "slot_samples": SLOT,
    }
    together = maker.synthesise(occupancy=np.ones((1, 2, 3, 3), bool), keys=keys, **arguments)
    for site in range(3):
        alone = maker.alone(site).synthesise(
            occupancy=np.ones((1, 2, 1, 3), bool), keys=keys[:, site : site + 1], **arguments
        )
        np.testing.assert_allclose(alone[0, 0], together[0, site], atol=5e-6)


def test_frames_begin_late_by_what_was_drawn() -> None:
    maker = make(frame_timing="random")
    late = maker.timing_samples
    assert ((late >= 0) & (late < FRAME_S * maker.sample_rate_hz)).all()
    assert late[0] != late[1]
    sent = send(maker, 0, 30_000)
    for site in range(2):
        plain = send(make(), -int(late[site]), 30_000)
        np.testing.assert_array_equal(sent[site], plain[site])


def test_occupancy_keeps_true_time_while_frames_are_late() -> None:
    waveform = LteWaveform(bandwidth_mhz=1.4, subchannels=1, control=False)
    maker = make(waveform=waveform, frame_timing="random", sampling_offset_ppm=50.0)
    busy = np.zeros((40, 2, 1), bool)
    busy[10:20] = True
    # Hours from time zero, where 50 ppm are half a second of drift.
    for first in (0, 10_000_000):
        start = first * SLOT
        power = np.abs(send(maker, start, 40 * SLOT, busy, first)) ** 2
        slots = power.reshape(2, 40, SLOT)
        settled = maker.settling_samples
        assert settled < SLOT / 5
        # Interpolation reaches over 16 samples beyond either edge.
        assert slots[:, :10, :-16].max() == 0
        assert slots[:, 20, settled + 16 :].max() == 0
        assert slots[:, 21:].max() == 0
        smooth = slots[:, 10:20].reshape(2, -1, 128).mean(axis=-1).reshape(2, 10, -1)
        assert smooth[:, 1:].min() > 0.2
        assert smooth[:, 0, settled // 128 + 1 :].min() > 0.2


def test_a_clock_that_is_fast_sends_each_moment_early() -> None:
    # A symbol's body is a sum of subcarriers, so that it is known between samples too.
    error = 40e-6
    maker = make(sampling_offset_ppm=error * 1e6)
    ideal = LteDownlink(LTE, cell_ids=[10, 11])
    begin = int(ideal.symbol_start_samples[100]) + 9
    body = send(ideal, begin, 128)
    lines = np.fft.fft(body) / 128
    signed = np.fft.fftfreq(128, 1 / 128)
    inside = np.arange(30, 100) + begin
    moment = inside * (1 + error) - begin
    wanted = lines @ np.exp(2j * np.pi * np.outer(signed, moment) / 128)
    # The interpolator's -100 dB and float32, on a signal of power 1.
    np.testing.assert_allclose(send(maker, int(inside[0]), 70), wanted, atol=1e-4)


def test_carrier_offsets_shift_the_lines_of_am_carriers() -> None:
    maker = make(waveform=VOICE, carrier_offset_ppm=(-2.0, 2.0))
    assert maker.carrier_offset_hz[0] != maker.carrier_offset_hz[1]
    assert np.abs(maker.carrier_offset_hz).max() <= 2e-6 * 156.55e6
    samples = int(maker.sample_rate_hz)  # one second: bins of 1 Hz
    sent = send(maker, 0, samples)
    power = np.abs(np.fft.fft(sent))
    frequency = np.fft.fftfreq(samples, 1 / maker.sample_rate_hz)
    for site in range(2):
        for low, high in maker.subchannel_edges_hz:
            near = (frequency > low) & (frequency < high)
            line = frequency[near][power[site, near].argmax()]
            assert line == pytest.approx((low + high) / 2 + maker.carrier_offset_hz[site], abs=0.6)


def test_phase_noise_turns_the_signal_and_leaves_its_amplitude() -> None:
    plain, noisy = send(make()), send(make(phase_noise={"linewidth_hz": 100.0}))
    np.testing.assert_allclose(np.abs(noisy), np.abs(plain), atol=1e-6)
    used = np.abs(plain) > 0.1
    turn = np.unwrap(np.angle(noisy[used] / plain[used]))
    assert 0.01 < np.std(turn) < 30  # 10 ms at 100 Hz: about √(2π) rad


def test_an_amplifier_takes_from_the_power_what_full_load_says() -> None:
    maker = make(amplifier={"back_off_db": 3.0})
    sent = send(maker, 0, 192_000)
    # The sum over a frame's elements; 1% is the waver of peaks over ten frames.
    wanted = maker.full_load_spectrum().sum(axis=1)
    np.testing.assert_allclose(np.mean(np.abs(sent) ** 2, axis=1), wanted, rtol=0.02)
    assert wanted.max() < 0.85 * make().full_load_spectrum().sum(axis=1).max()


def test_what_is_drawn_follows_from_the_seed() -> None:
    one, again, other = make(5, **ALL), make(5, **ALL), make(6, **ALL)
    for name in ("timing_samples", "carrier_offset_hz", "clock_error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert (getattr(one, name) != getattr(other, name)).all()


@pytest.mark.parametrize("name", ["frame_timing", "sampling_offset_ppm", "edge_window"])
def test_voice_has_no_frames_symbols_or_clock(name: str) -> None:
    with pytest.raises(SpecError, match="analogue voice") as caught:
        make(waveform=VOICE, **OPTIONS[name])
    assert caught.value.where == f"transmitter.{name}"


def test_voice_takes_the_other_options_window_by_window() -> None:
    options = {name: ALL[name] for name in ("carrier_offset_ppm", "phase_noise", "amplifier")}
    maker = make(waveform=VOICE, **options)
    whole = send(maker, -100, 6000)
    np.testing.assert_allclose(send(maker, 1900, 500), whole[:, 2000:2500], atol=5e-6)
    assert np.abs(whole - send(make(waveform=VOICE), -100, 6000)).max() > 0.01


@pytest.mark.parametrize(
    "options",
    [
        {"frame_timing": "late"},
        {"carrier_offset_ppm": 101.0},
        {"sampling_offset_ppm": (1.0, -1.0)},
        {"edge_window": 1.5},
        {"phase_noise": {"linewidth_hz": 0.0}},
        {"amplifier": {"kind": "saleh"}},
        {"jitter": 1.0},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Transmitter.model_validate(options)
