"""Blocks of transforms against the sum over paths that they stand for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.channels import propagate, response
from iqatlas.channels.propagate import FLAT_BAND, Block, Channel, band_filter, block_for
from iqatlas.channels.response import frequency_response
from iqatlas.raytracing.paths import PathSet
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ, LteWaveform

RATE_HZ = 15.36e6
REACH = 3000
"""Samples to either side that the direct sum takes part in."""


def make_paths(
    gain: np.ndarray,
    delay_s: np.ndarray,
    doppler_hz: np.ndarray | None = None,
    valid: np.ndarray | None = None,
) -> PathSet:
    """Return paths on [waypoint, receiver, site, path] with the angles left at zero."""
    zero = np.zeros(gain.shape)
    return PathSet(
        gain=gain.astype(np.complex128),
        delay_s=delay_s,
        doppler_hz=zero if doppler_hz is None else doppler_hz,
        departure_azimuth_deg=zero,
        departure_zenith_deg=zero,
        arrival_azimuth_deg=zero,
        arrival_zenith_deg=zero,
        interaction=np.zeros((*gain.shape, 1), np.int8),
        vertex_m=np.full((*gain.shape, 1, 3), np.nan),
        valid=np.ones(gain.shape, bool) if valid is None else valid,
        frequency_hz=1.8e9,
    )


def random_paths(*shape: int, seed: int = 3, longest_s: float = 12e-6) -> PathSet:
    """Return Rayleigh paths with delays up to 12 µs: a normal prefix of LTE is 4.7 µs."""
    rng = np.random.default_rng(seed)
    gain = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return make_paths(gain, np.sort(rng.uniform(0.1e-6, longest_s, shape), axis=-1))


class Downlink:
    """Windows of two cells' downlinks whose sub-channels are switched at random."""

    def __init__(self, records: int, *, bandwidth_mhz: float = 10.0, subchannels: int = 16) -> None:
        rng = np.random.default_rng(8)
        self.lte = LteDownlink(
            LteWaveform(bandwidth_mhz=bandwidth_mhz, subchannels=subchannels), cell_ids=[3, 301]
        )
        self.slot_samples = 2 * self.lte.samples_per_slot
        self.begin = rng.integers(self.slot_samples, 9 * self.slot_samples, records)
        self.occupancy = rng.random((records, 3, 2, subchannels)) < 0.5
        self.keys = np.stack([[key(1, Stage.PAYLOAD, r, s) for s in range(2)] for r in range(records)])

    def window(self, before: int, samples: int) -> np.ndarray:
        return self.lte.synthesise(
            start_sample=self.begin - before,
            samples=samples,
            occupancy=self.occupancy,
            first_slot=self.begin // self.slot_samples - 1,
            slot_samples=self.slot_samples,
            keys=self.keys,
        )


def kernel(sample: np.ndarray) -> np.ndarray:
    """Return the impulse response of the band filter at real-valued times: a raised cosine.

    Its spectrum is 1 up to FLAT_BAND of Nyquist, 0 from Nyquist on: symbol rate 0.875 fs, roll-off 1/7.
    """
    rate = (1 + FLAT_BAND) / 2
    roll = (1 - FLAT_BAND) / (1 + FLAT_BAND)
    u = rate * sample
    return rate * np.sinc(u) * np.cos(np.pi * roll * u) / (1 - (2 * roll * u) ** 2)


def direct_sum(sent: np.ndarray, lead: int, samples: int, paths: PathSet, rate_hz: float) -> np.ndarray:
    """Return Σ_sites Σ_paths a · (kernel ∗ x)(t − τ) in float64, for the first waypoint.

    Args:
        sent: [record, site, sample], beginning REACH + lead samples before the captures.
        lead: Longest delay in samples.
        samples: Samples of a capture.
        paths: The paths.
        rate_hz: Sampling rate.
    """
    records, receivers = len(sent), paths.gain.shape[1]
    received = np.zeros((records, receivers, samples), np.complex128)
    tap = np.arange(-REACH, REACH + lead + 1)
    for receiver in range(receivers):
        for site in range(sent.shape[1]):
            response = np.zeros(len(tap), np.complex128)
            for gain, delay_s in zip(
                paths.gain[0, receiver, site], paths.delay_s[0, receiver, site], strict=True
            ):
                response += gain * kernel(tap - delay_s * rate_hz)
            received[:, receiver] += scipy.signal.fftconvolve(
                sent[:, site].astype(np.complex128), response[None], mode="valid", axes=-1
            )
    return received


@cache
def case(samples: int, bandwidth_mhz: float) -> tuple[Downlink, PathSet, np.ndarray]:
    """Return a downlink, 60 paths a link, and what two receivers get of it by the direct sum."""
    downlink = Downlink(4, bandwidth_mhz=bandwidth_mhz, subchannels=6)
    paths = random_paths(1, 2, 2, 60)
    lead = int(np.ceil(paths.max_delay_s * downlink.lte.sample_rate_hz))
    sent = downlink.window(REACH + lead, samples + 2 * REACH + lead)
    return downlink, paths, direct_sum(sent, lead, samples, paths, downlink.lte.sample_rate_hz)


def receive(downlink: Downlink, paths: PathSet, samples: int) -> tuple[np.ndarray, np.ndarray]:
    rate = downlink.lte.sample_rate_hz
    block = block_for(samples, max_delay_s=paths.max_delay_s, sample_rate_hz=rate)
    channel = Channel(paths, block, sample_rate_hz=rate, site_power_mw=np.ones(2))
    records = len(downlink.begin)
    return channel.receive(
        downlink.window(block.lead, block.length),
        waypoint=np.zeros(records, np.int64),
        time_s=np.zeros(records),
    )


def error(got: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Return the RMS and the largest error over the RMS of what is wanted."""
    scale = np.sqrt(np.mean(np.abs(wanted) ** 2))
    off = np.abs(got - wanted) / scale
    return float(np.sqrt(np.mean(off**2))), float(off.max())


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
@pytest.mark.parametrize("samples", [16, 1024])
def test_received_samples_are_the_sum_over_paths(samples: int, bandwidth_mhz: float) -> None:
    """60 paths from each of two sites, up to 12 µs late, over the borders of symbols and slots.

    Samples are complex64: 2e-7 of the RMS. What the guard lets pass stays below 2e-5, and below 1e-4
    at the worst sample. Over 16 draws of the payload the worst sample at 3 MHz is 3e-5 to 8.5e-5 off, at
    10 MHz 4e-6 to 1.0e-5.
    """
    downlink, paths, wanted = case(samples, bandwidth_mhz)
    got, _ = receive(downlink, paths, samples)
    rms, worst = error(got, wanted)
    assert rms < 2e-5
    assert worst < 1e-4
    if bandwidth_mhz >= 10:  # where the filter begins far from the outermost subcarrier
        assert worst < 2e-5


def test_the_guard_is_as_long_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 3 MHz, whose subcarriers come nearest to the filter: 1e-4 needs between 32 and 64 samples.

    A guard of twice the length lets a quarter pass.
    """
    downlink, paths, wanted = case(1024, 3.0)
    worst = {}
    for guard in (16, 32, 64, 128):
        monkeypatch.setattr(propagate, "GUARD_SAMPLES", guard)
        worst[guard] = error(receive(downlink, paths, 1024)[0], wanted)[1]
    assert worst[16] > 2 * worst[32] > 2e-4
    assert worst[32] > 1e-4 > worst[64] > 2 * worst[128]


def test_without_the_filter_no_guard_would_be_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Borders of symbols reach to Nyquist, and a fractional delay spreads them as 1/t."""
    downlink, paths, _ = case(1024, 10.0)
    monkeypatch.setattr(propagate, "band_filter", lambda frequency_hz, _: np.ones_like(frequency_hz))
    results = []
    for guard in (200, 4000):
        monkeypatch.setattr(propagate, "GUARD_SAMPLES", guard)
        results.append(receive(downlink, paths, 1024)[0])
    assert error(*results)[1] > 5e-4


def test_the_filter_leaves_every_subcarrier_alone() -> None:
    for bandwidth_mhz in BANDWIDTHS_MHZ:
        numbers = numerology(bandwidth_mhz)
        edges = np.array([-1, 1]) * (np.abs(numbers.subcarrier_hz).max() + 7.5e3)
        assert np.array_equal(band_filter(edges, numbers.sample_rate_hz), [1.0, 1.0])
        at_nyquist = band_filter(np.array([-0.5, 0.5]) * numbers.sample_rate_hz, numbers.sample_rate_hz)
        np.testing.assert_allclose(at_nyquist, 0, atol=1e-15)


def test_a_capture_doesn_t_depend_on_its_place_in_a_batch() -> None:
    downlink, paths, _ = case(1024, 10.0)
    together, power = receive(downlink, paths, 1024)
    alone = Downlink(4, subchannels=6)
    for name in ("begin", "occupancy", "keys"):
        setattr(alone, name, getattr(alone, name)[2:3])
    got, alone_power = receive(alone, paths, 1024)
    # Transforms of other batches may round otherwise.
    np.testing.assert_allclose(got[0], together[2], atol=1e-6 * np.abs(together).max())
    np.testing.assert_allclose(alone_power[0], power[2], rtol=1e-6)


@given(
    samples=st.integers(16, 40_000),
    max_delay_s=st.floats(0, 50e-6),
    rate_hz=st.sampled_from([1.92e6, 15.36e6, 30.72e6]),
)
def test_a_block_holds_capture_history_and_guards(samples: int, max_delay_s: float, rate_hz: float) -> None:
    block = block_for(samples, max_delay_s=max_delay_s, sample_rate_hz=rate_hz)
    assert block.samples == samples
    history = max_delay_s * rate_hz
    assert block.lead >= history + propagate.GUARD_SAMPLES  # echoes come from whole samples
    assert block.length - block.lead - samples == propagate.GUARD_SAMPLES
    # The next fast length costs little: at most a tenth more, or a few samples.
    assert block.length <= 1.1 * (samples + history + 2 * propagate.GUARD_SAMPLES) + 8


def flat_band_noise(records: int, sites: int, length: int) -> np.ndarray:
    """Return complex noise that fills the flat part of the band."""
    rng = np.random.default_rng(4)
    spectrum = rng.standard_normal((records, sites, length)) + 1j * rng.standard_normal(
        (records, sites, length)
    )
    spectrum *= np.abs(np.fft.fftfreq(length)) < 0.5 * FLAT_BAND
    return np.fft.ifft(spectrum, axis=-1).astype(np.complex64)


def test_link_powers_are_mean_squares_and_add_up() -> None:
    """One path a link: the power of a link is the transmitted power times |a|² times the site's."""
    site_power_mw = np.array([2.0, 30.0])
    gain = np.array([[[[0.5], [0.02]], [[0.1j], [0.3]]]])
    paths = make_paths(gain, np.full(gain.shape, 3.3e-6))
    block = block_for(16384, max_delay_s=paths.max_delay_s, sample_rate_hz=RATE_HZ)
    sent = flat_band_noise(3, 2, block.length)
    power_sent = np.mean(np.abs(sent) ** 2, axis=-1)
    channel = Channel(paths, block, sample_rate_hz=RATE_HZ, site_power_mw=site_power_mw)
    received, power = channel.receive(sent.copy(), waypoint=np.zeros(3, np.int64), time_s=np.zeros(3))
    expected = power_sent[:, None] * np.abs(gain[0, :, :, 0]) ** 2 * site_power_mw
    # Means over 16,384 samples and over the block with its faded ends: 1/√16384 = 0.8%, four sigma.
    np.testing.assert_allclose(power, expected, rtol=0.03)
    # Independent sites: the cross term is another 0.8% of their geometric mean.
    np.testing.assert_allclose(np.mean(np.abs(received) ** 2, axis=-1), power.sum(axis=-1), rtol=0.06)


def test_a_silent_site_has_no_power() -> None:
    paths = random_paths(1, 2, 2, 5)
    block = block_for(256, max_delay_s=paths.max_delay_s, sample_rate_hz=RATE_HZ)
    sent = flat_band_noise(2, 2, block.length)
    sent[:, 1] = 0
    channel = Channel(paths, block, sample_rate_hz=RATE_HZ, site_power_mw=np.ones(2))
    _, power = channel.receive(sent, waypoint=np.zeros(2, np.int64), time_s=np.zeros(2))
    assert np.all(power[..., 1] == 0)
    assert np.all(power[..., 0] > 0)


def test_invalid_places_are_no_paths() -> None:
    paths = random_paths(1, 1, 1, 6)
    kept = np.array([True, False, True, True, False, False])
    masked = make_paths(paths.gain, paths.delay_s, valid=kept.reshape(paths.gain.shape))
    only = make_paths(paths.gain[..., kept], paths.delay_s[..., kept])
    frequency = np.linspace(-5e6, 5e6, 33)
    np.testing.assert_allclose(
        frequency_response(masked, frequency), frequency_response(only, frequency), rtol=1e-12
    )
    direct = np.sum(only.gain * np.exp(-2j * np.pi * frequency[:, None] * only.delay_s[0, 0, 0]), axis=-1)
    np.testing.assert_allclose(frequency_response(only, frequency)[0, 0, 0], direct[0, 0], rtol=1e-12)


def test_long_captures_are_worked_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    paths, frequency = random_paths(1, 2, 2, 7), np.linspace(-5e6, 5e6, 1001)
    whole = frequency_response(paths, frequency)
    monkeypatch.setattr(response, "_FREQUENCIES_AT_ONCE", 64)
    np.testing.assert_allclose(frequency_response(paths, frequency), whole, rtol=1e-12)


class TestMoving:
    """Receivers that fly: paths turn with their Doppler shift, captures stand at their waypoints."""

    samples = 1024

    def channel(self, paths: PathSet) -> tuple[Channel, Block]:
        block = block_for(self.samples, max_delay_s=12e-6, sample_rate_hz=RATE_HZ)
        return Channel(paths, block, sample_rate_hz=RATE_HZ, site_power_mw=np.ones(1)), block

    def test_a_path_turns_from_capture_to_capture(self) -> None:
        """Two paths with different shifts, captures milliseconds and hours apart."""
        gain, delay = np.array([[[[1.0, 0.6]]]]), np.array([[[[1e-6, 4e-6]]]])
        doppler = np.array([[[[180.0, -95.0]]]])
        time_s = np.array([0.0, 1e-3, 0.25, 7200.0 + 1e-3])
        channel, block = self.channel(make_paths(gain, delay, doppler))
        sent = np.repeat(flat_band_noise(1, 1, block.length), len(time_s), axis=0)
        got, _ = channel.receive(sent.copy(), waypoint=np.zeros(len(time_s), np.int64), time_s=time_s)
        for record, time in enumerate(time_s):
            turned = make_paths(gain * np.exp(2j * np.pi * doppler * time), delay, doppler)
            fresh, _ = self.channel(turned)
            wanted, _ = fresh.receive(
                sent[record : record + 1].copy(), waypoint=np.zeros(1, np.int64), time_s=np.zeros(1)
            )
            # Phases in float64: two hours at 180 Hz are 1.3e6 turns, good to 1e-9 of a turn.
            assert error(got[record], wanted[0])[1] < 1e-5

    def test_each_capture_is_taken_at_its_waypoint(self) -> None:
        waypoint = np.array([2, 0, 1, 2])
        for doppler in (0.0, 50.0):
            paths = random_paths(3, 1, 1, 4)
            moving = make_paths(paths.gain, paths.delay_s, np.full(paths.gain.shape, doppler))
            channel, block = self.channel(moving)
            sent = flat_band_noise(4, 1, block.length)
            got, power = channel.receive(sent.copy(), waypoint=waypoint, time_s=np.zeros(4))
            for record, place in enumerate(waypoint):
                alone, _ = self.channel(
                    make_paths(paths.gain[[place]], paths.delay_s[[place]], moving.doppler_hz[[place]])
                )
                wanted, wanted_power = alone.receive(
                    sent[[record]].copy(), waypoint=np.zeros(1, np.int64), time_s=np.zeros(1)
                )
                assert error(got[record], wanted[0])[1] < 1e-5
                np.testing.assert_allclose(power[record], wanted_power[0], rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(delay=st.floats(0, 12e-6), phase=st.floats(-np.pi, np.pi))
def test_a_tone_through_one_path_is_the_tone_shifted(delay: float, phase: float) -> None:
    gain = np.exp(1j * phase).reshape(1, 1, 1, 1)
    paths = make_paths(gain, np.full((1, 1, 1, 1), delay))
    block = block_for(512, max_delay_s=12e-6, sample_rate_hz=RATE_HZ)
    time_s = (np.arange(block.length) - block.lead) / RATE_HZ
    tone_hz = 3.21e6
    sent = np.exp(2j * np.pi * tone_hz * time_s).astype(np.complex64)[None, None]
    channel = Channel(paths, block, sample_rate_hz=RATE_HZ, site_power_mw=np.array([4.0]))
    got, _ = channel.receive(sent, waypoint=np.zeros(1, np.int64), time_s=np.zeros(1))
    wanted = 2 * gain.item() * np.exp(2j * np.pi * tone_hz * (np.arange(512) / RATE_HZ - delay))
    # A tone of full strength up to the guard is harder than OFDM: 1e-4 of it gets through.
    assert np.abs(got[0, 0] - wanted).max() < 3e-4
