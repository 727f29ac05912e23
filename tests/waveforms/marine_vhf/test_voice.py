"""Marine VHF voice: bandwidth, deviation, the way back to audio, keying, windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.marine_vhf.voice import RAMP_S, MarineVhfVoice
from iqatlas.waveforms.spec import MarineVhfWaveform

CARRIER_HZ = 156.8e6


def voice(sites: int = 1, carrier_hz: float = CARRIER_HZ, **fields: object) -> MarineVhfVoice:
    return MarineVhfVoice(
        MarineVhfWaveform(**({"channels": (16,)} | fields)), sites=sites, carrier_hz=carrier_hz
    )


def keys_of(records: int, sites: int = 1) -> np.ndarray:
    return np.array([[key(r, Stage.PAYLOAD, s) for s in range(sites)] for r in range(records)], np.uint64)


def send(
    maker: MarineVhfVoice,
    start: int,
    samples: int,
    occupancy: np.ndarray | None = None,
    slot_samples: int = 10**9,
    first_slot: int = 0,
) -> np.ndarray:
    channels = len(maker.offset_hz)
    if occupancy is None:
        occupancy = np.ones((1, maker.sites, channels), bool)
    return maker.synthesise(
        start_sample=np.array([start]),
        samples=samples,
        occupancy=occupancy[None],
        first_slot=np.array([first_slot]),
        slot_samples=slot_samples,
        keys=keys_of(1, maker.sites),
    )[0]


def instantaneous_hz(signal: np.ndarray, rate: float) -> np.ndarray:
    return np.angle(signal[1:] * signal[:-1].conj()) * rate / (2 * np.pi)


@pytest.mark.parametrize("deviation_hz", [2500.0, 5000.0])
def test_peak_deviation_is_that_of_the_loudest_syllable(deviation_hz: float) -> None:
    maker = voice(deviation_hz=deviation_hz, sample_rate_hz=200e3)
    signal = send(maker, 0, 4_000_000)[0].astype(complex)  # 20 s, a hundred syllables
    peak = np.abs(instantaneous_hz(signal, 200e3)).max() / deviation_hz
    # Syllables are set to their level at knots of 50 kHz: between them a tone of 3 kHz rises by up to
    # 0.5%; phases in float32 of up to 30 rad add 2e-6 rad a sample, which is 0.1 Hz.
    assert 0.95 < peak < 1.006


def test_carson_bandwidth_holds_98_percent_of_the_power_and_the_channel_all_of_it() -> None:
    maker = voice(sample_rate_hz=200e3)
    signal = send(maker, 0, 2_000_000)[0].astype(complex)
    power = np.abs(np.fft.fft(signal * np.hanning(len(signal)))) ** 2
    offset = np.abs(np.fft.fftfreq(len(signal), 1 / 200e3))
    carson = 2 * (5000 + 3000)
    share = [power[offset <= width / 2].sum() / power.sum() for width in (carson, 25_000)]
    assert share[0] >= 0.98
    # 25 kHz channels: 70 dB would be the limit of an adjacent channel at 30 dB less power.
    assert 1 - share[1] < 1e-5
    # The louder the speech, the wider: 2 kHz would hold much less than all.
    assert power[offset <= 1000].sum() / power.sum() < 0.95


def receive(signal: np.ndarray, rate: float) -> np.ndarray:
    """Return audio: limit to the channel, discriminate, keep 300 to 3000 Hz, de-emphasise."""
    frequency = np.fft.fftfreq(len(signal), 1 / rate)
    channel = np.fft.ifft(np.where(np.abs(frequency) < 8000, np.fft.fft(signal), 0))
    spectrum = np.fft.fft(np.append(instantaneous_hz(channel, rate), 0.0))
    audible = (np.abs(frequency) >= 300) & (np.abs(frequency) <= 3000)
    flat = np.divide(spectrum, 1j * frequency / 1000, where=audible, out=np.zeros_like(spectrum))
    return np.fft.ifft(flat).real


def test_a_discriminator_gives_the_audio_back_at_30_db() -> None:
    maker, rate, samples = voice(sample_rate_hz=200e3), 200e3, 1_000_000
    signal = send(maker, 0, samples)[0].astype(complex)
    source = maker.speech(
        channel=0, start_sample=np.zeros(1, np.int64), samples=samples, keys=keys_of(1)[:, 0]
    )[0].astype(float)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(samples) + 1j * rng.standard_normal(samples)
    clean = np.corrcoef(receive(signal, rate), source)[0, 1]
    # 30 dB with the noise counted in the channel of 25 kHz.
    noisy = np.corrcoef(receive(signal + noise * np.sqrt(1e-3 * rate / 25e3 / 2), rate), source)[0, 1]
    # What the receiver's filter of ±8 kHz, Carson's bandwidth, cuts off is below 1e-3.
    assert clean > 0.999
    # Noise of the phase at 30 dB in 16 kHz is 1e-3·16/25/2 rad², of which 2.7/8 is audible: 1e-4
    # against some 0.5 rad² of speech, so that the correlation stays above 0.999; measured: 0.9996.
    assert noisy > 0.999
    # Nothing of it comes from the discriminator alone.
    assert abs(np.corrcoef(receive(noise, rate), source)[0, 1]) < 0.05


def test_am_has_carrier_depth_and_audio_in_its_envelope() -> None:
    maker = voice(modulation="am", depth=0.7, sample_rate_hz=200e3)
    samples = 2_000_000
    envelope = np.abs(send(maker, 0, samples)[0].astype(complex))
    source = maker.speech(
        channel=0, start_sample=np.zeros(1, np.int64), samples=samples, keys=keys_of(1)[:, 0]
    )[0].astype(float)
    carrier = np.sqrt(np.mean(envelope**2) / (1 + 0.49 * np.mean(source**2)))
    # Exactly the textbook's: rounding of float32.
    np.testing.assert_allclose(envelope, carrier * (1 + 0.7 * source), atol=2e-6)
    assert envelope.min() > carrier * 0.29
    # The mean power is 1 mW over many syllables; fifty of them differ from the mean by about 1%.
    assert np.mean(envelope**2) == pytest.approx(1.0, rel=0.05)


def test_fm_has_constant_power_shared_by_the_channels() -> None:
    maker = voice(channels=(16,))
    np.testing.assert_allclose(np.abs(send(maker, 5, 30_000)), 1.0, atol=1e-6)
    maker = voice(channels=(6, 16, 67, 72), carrier_hz=156.55e6)
    power = np.mean(np.abs(send(maker, 0, 800_000)) ** 2)
    # Channels beat against each other at 75 kHz and more, which averages out over 1 s.
    assert power == pytest.approx(1.0, rel=1e-3)
    assert maker.full_load_spectrum().sum() == pytest.approx(1.0)


def test_channels_lie_where_their_edges_say() -> None:
    maker = voice(channels=(16, 6, 67), carrier_hz=156.55e6)
    np.testing.assert_allclose(maker.offset_hz, [-250e3, -175e3, 250e3])  # by frequency: 6, 67, 16
    for channel in range(3):
        occupancy = np.zeros((1, 1, 3), bool)
        occupancy[..., channel] = True
        signal = send(maker, 0, 400_000, occupancy)[0]
        power = np.abs(np.fft.fft(signal * np.hanning(signal.size))) ** 2
        frequency = np.fft.fftfreq(signal.size, 1 / maker.sample_rate_hz)
        low, high = maker.subchannel_edges_hz[channel]
        inside = power[(frequency >= low) & (frequency <= high)].sum()
        assert inside / power.sum() > 0.9999


@pytest.mark.parametrize("modulation", ["fm", "am"])
def test_full_load_spectrum_is_that_of_long_speech(modulation: str) -> None:
    maker = voice(modulation=modulation, sample_rate_hz=100e3)
    signal = send(maker, 0, 4_000_000)[0]
    power = np.abs(np.fft.fft(signal.reshape(-1, 2000) * np.hanning(2000))) ** 2
    frequency = np.fft.fftfreq(2000, 1 / 100e3)
    measured = [power[:, np.abs(frequency - hz) < 500].sum() / power.sum() for hz in maker.subcarrier_hz]
    # 40 s against the 51 s of another key: some 170 syllables each, of shapes that differ by about 100%.
    assert np.abs(np.array(measured) - maker.full_load_spectrum()[0]).sum() < 0.15


WHOLE = voice(sites=2, channels=(6, 16, 72), carrier_hz=156.55e6)
WHOLE_START, WHOLE_SAMPLES, WHOLE_SLOT = -300_000, 900_000, 40_000
WHOLE_OCCUPANCY = np.random.default_rng(5).random((26, 2, 3)) < 0.5
WHOLE_FIRST = WHOLE_START // WHOLE_SLOT - 1


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    """Return a second of two sites around time zero, synthesised at once."""
    return send(WHOLE, WHOLE_START, WHOLE_SAMPLES, WHOLE_OCCUPANCY, WHOLE_SLOT, WHOLE_FIRST)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_window_equals_the_same_samples_of_the_whole(data: st.DataObject, whole: np.ndarray) -> None:
    samples = data.draw(st.integers(1, 3000))
    start = data.draw(st.integers(0, WHOLE_SAMPLES - samples))
    window = send(WHOLE, WHOLE_START + start, samples, WHOLE_OCCUPANCY, WHOLE_SLOT, WHOLE_FIRST)
    # Phases of up to 15 rad in float32: an ulp is 1e-6.
    np.testing.assert_allclose(window, whole[:, start : start + samples], atol=2e-6)


def test_records_are_the_same_alone_and_in_a_batch() -> None:
    records = 30
    rng = np.random.default_rng(7)
    arguments = {
        "start_sample": rng.integers(-(10**9), 10**9, records),
        "occupancy": rng.random((records, 3, 2, 3)) < 0.4,
        "keys": keys_of(records, 2),
    }
    arguments["first_slot"] = arguments["start_sample"] // 800 - 1
    together = WHOLE.synthesise(samples=500, slot_samples=800, **arguments)
    assert np.abs(together).max() > 0
    for record in range(records):
        alone = {name: value[record : record + 1] for name, value in arguments.items()}
        single = WHOLE.synthesise(samples=500, slot_samples=800, **alone)
        np.testing.assert_allclose(single[0], together[record], atol=2e-6)


def test_phases_are_continuous_from_syllable_to_syllable() -> None:
    maker = voice(sample_rate_hz=200e3)
    frequency = instantaneous_hz(send(maker, 0, 400_000)[0].astype(complex), 200e3)
    # Nothing that is modulated at up to 3 kHz by up to 5 kHz can turn faster from sample to sample.
    assert np.abs(np.diff(frequency)).max() < 2 * np.pi * 3000 * 5000 / 200e3 * 1.01


def test_carriers_rise_and_fall_inside_the_slots_that_they_are_sent_in() -> None:
    maker, slot = voice(sample_rate_hz=200e3), 2000
    occupancy = np.array([False, True, True, False]).reshape(4, 1, 1)
    power = np.abs(send(maker, 0, 4 * slot, occupancy, slot)[0])
    ramp = round(RAMP_S * 200e3)
    assert (power[:slot] == 0).all()
    assert (power[3 * slot :] == 0).all()
    np.testing.assert_allclose(power[slot + ramp : 3 * slot - ramp], 1.0, atol=1e-6)
    assert (np.diff(power[slot : slot + ramp]) > 0).all()
    np.testing.assert_allclose(power[slot : slot + ramp], power[3 * slot - ramp : 3 * slot][::-1], atol=1e-6)


def test_switching_does_not_splatter_over_the_neighbours() -> None:
    maker, slot = voice(sample_rate_hz=200e3), 2000
    occupancy = (np.arange(200) % 2 == 0).reshape(200, 1, 1)
    signal = send(maker, 0, 200 * slot, occupancy, slot)[0]
    power = np.abs(np.fft.fft(signal * np.hanning(signal.size))) ** 2
    beyond = np.abs(np.fft.fftfreq(signal.size, 1 / 200e3)) > 25_000
    # A hundred keyings a second, half of the time on the air: -60 dB beyond the next channel.
    assert power[beyond].sum() < 1e-6 * power.sum()


def test_each_site_and_channel_says_something_else() -> None:
    maker = voice(sites=2, channels=(16, 72), carrier_hz=CARRIER_HZ)
    talks = [
        maker.speech(channel=c, start_sample=np.zeros(1, np.int64), samples=200_000, keys=keys_of(1, 2)[:, s])
        for c in (0, 1)
        for s in (0, 1)
    ]
    for i in range(4):
        for j in range(i):
            # Independent speech of 2 s and 2.7 kHz: correlations of about 0.03.
            assert abs(np.corrcoef(talks[i][0], talks[j][0])[0, 1]) < 0.2


@pytest.mark.parametrize(("channels", "rate"), [((16,), 50e3), ((6, 16), 800e3), ((6, 26), 12.8e6)])
def test_the_rate_is_the_smallest_that_holds_the_channels(channels: tuple[int, ...], rate: float) -> None:
    spec = MarineVhfWaveform(channels=channels)
    from iqatlas.waveforms.marine_vhf.channels import band_centre_hz

    maker = MarineVhfVoice(spec, sites=1, carrier_hz=band_centre_hz(channels))
    assert maker.sample_rate_hz == rate
    assert np.abs(maker.subchannel_edges_hz).max() <= 0.4 * rate


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"channels": (99,)}, "waveform.channels"),
        ({"channels": (1, 2001)}, "waveform.channels"),
        ({"sample_rate_hz": 130e3}, "waveform.sample_rate_hz"),
        ({"channels": (6,), "sample_rate_hz": 200e3}, "waveform.sample_rate_hz"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(fields: dict[str, object], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        voice(**fields)
    assert caught.value.where == where


def test_a_carrier_far_from_the_channels_is_refused_with_the_right_one() -> None:
    with pytest.raises(SpecError, match=r"156\.8") as caught:
        voice(carrier_hz=1846.7e6)
    assert caught.value.where == "carrier"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"samples": 0}, "samples"),
        ({"slot_samples": 0}, "slot_samples"),
        ({"occupancy": np.ones((1, 1, 2, 4), bool)}, "occupancy"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change: dict[str, object], where: str) -> None:
    arguments: dict[str, object] = {
        "start_sample": np.zeros(1, np.int64),
        "samples": 100,
        "occupancy": np.ones((1, 1, 2, 3), bool),
        "first_slot": np.zeros(1, np.int64),
        "slot_samples": 400,
        "keys": keys_of(1, 2),
    }
    with pytest.raises(SpecError) as caught:
        WHOLE.synthesise(**(arguments | change))
    assert caught.value.where == where
