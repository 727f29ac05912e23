"""How strong noise is, that it is noise, and what a signal-to-noise ratio means."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from test_propagate import make_paths, random_paths

from iqatlas.channels.noise import add_noise, full_load_power_mw, noise_power_mw
from iqatlas.channels.propagate import Channel, block_for
from iqatlas.channels.spec import CaptureSpec, SnrRange
from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

RATE_HZ, SUBCHANNELS_HZ = 15.36e6, 8.64e6
FULL_LOAD_MW = np.array([1e-6, 4e-5, 2e-7])


def levels(spec: CaptureSpec, full_load_mw: np.ndarray = FULL_LOAD_MW) -> np.ndarray:
    return noise_power_mw(
        spec, full_load_mw=full_load_mw, sample_rate_hz=RATE_HZ, reference_bandwidth_hz=SUBCHANNELS_HZ
    )


def test_a_common_floor_gives_the_strongest_receiver_the_snr_asked_for() -> None:
    noise = levels(CaptureSpec(snr_db=(-10.0, 0.0, 15.0), noise="common_floor"))
    assert noise.shape == (3, 3)
    assert np.all(noise == noise[:, :1])  # one floor for all: differences of power survive
    in_subchannels = noise * SUBCHANNELS_HZ / RATE_HZ
    snr_db = 10 * np.log10(FULL_LOAD_MW / in_subchannels)
    np.testing.assert_allclose(snr_db[:, 1], [-10, 0, 15], atol=1e-9)
    np.testing.assert_allclose(snr_db[:, 0] - snr_db[:, 1], 10 * np.log10(1e-6 / 4e-5), atol=1e-9)


def test_per_receiver_gives_each_the_snr_asked_for() -> None:
    noise = levels(CaptureSpec(snr_db=SnrRange(start=-20, stop=20, step=20), noise="per_receiver"))
    snr_db = 10 * np.log10(FULL_LOAD_MW / (noise * SUBCHANNELS_HZ / RATE_HZ))
    np.testing.assert_allclose(snr_db, np.repeat([[-20.0], [0.0], [20.0]], 3, axis=1), atol=1e-9)


def test_thermal_noise_is_ktb_and_the_noise_figure() -> None:
    noise = levels(CaptureSpec(noise="thermal", noise_figure_db=9.0))
    assert noise.shape == (1, 3)
    # −174 dBm/Hz is the engineer's rounding of −173.975 at 290 K.
    np.testing.assert_allclose(10 * np.log10(noise / RATE_HZ), np.full((1, 3), -173.975 + 9.0), atol=0.001)


def test_a_receiver_that_hears_nothing_has_no_snr() -> None:
    deaf = np.array([1e-6, 0.0, 0.0])
    with pytest.raises(SpecError, match=r"reaches receiver 1, 2.*noise: thermal"):
        levels(CaptureSpec(noise="per_receiver"), deaf)
    assert np.all(np.isfinite(levels(CaptureSpec(noise="common_floor"), deaf)))  # the loudest sets it
    with pytest.raises(SpecError, match="reaches receiver 0, 1, 2"):
        levels(CaptureSpec(noise="common_floor"), 0 * deaf)
    assert np.all(levels(CaptureSpec(noise="thermal"), 0 * deaf) > 0)


@pytest.mark.parametrize(
    ("snr_db", "expected"),
    [
        (SnrRange(start=-20, stop=20, step=5), np.arange(-20, 21, 5)),
        (SnrRange(start=0, stop=1, step=0.1), np.linspace(0, 1, 11)),  # ten tenths make a whole
        (SnrRange(start=0, stop=9, step=4), [0, 4, 8]),
        ((3.0, -7.5), [3, -7.5]),
        (12.0, [12]),
    ],
)
def test_snr_levels(snr_db: object, expected: object) -> None:
    np.testing.assert_allclose(CaptureSpec(snr_db=snr_db).snr_levels_db(), expected, atol=1e-9)


def test_noise_is_white_circular_gaussian_of_its_power() -> None:
    """Six records and receivers of a quarter of a million samples; every bound is five sigma."""
    power = np.array([[1.0, 3e-12, 50.0], [2e-9, 0.5, 7.0]])  # 3e-12 mW is thermal noise at 1 MHz
    samples = 250_000
    received = np.zeros((2, 3, samples), np.complex64)
    add_noise(received, power, rng=np.random.default_rng(12))
    noise = received.astype(np.complex128) / np.sqrt(power)[..., None]
    five_sigma = 5 / np.sqrt(samples)
    np.testing.assert_allclose(np.mean(np.abs(noise) ** 2, axis=-1), 1, atol=five_sigma)
    assert np.abs(np.mean(noise, axis=-1)).max() < five_sigma
    assert np.abs(np.mean(noise**2, axis=-1)).max() < np.sqrt(2) * five_sigma  # circular
    for lag in (1, 2, 17):
        assert np.abs(np.mean(noise[..., lag:] * noise[..., :-lag].conj(), axis=-1)).max() < five_sigma
    # No two records or receivers share their noise.
    rows = noise.reshape(6, samples)
    cross = np.abs(rows @ rows.conj().T / samples - np.eye(6) * np.mean(np.abs(rows) ** 2, axis=-1))
    assert cross.max() < five_sigma
    # Gaussian in both parts: Kolmogorov-Smirnov at 1e-4.
    for part in (rows[0].real, rows[0].imag):
        assert scipy.stats.kstest(part * np.sqrt(2), "norm").pvalue > 1e-4


def test_noise_is_added_to_what_is_there_and_repeats_with_its_stream() -> None:
    there = np.full((1, 1, 64), 3 - 4j, np.complex64)
    alone = np.zeros_like(there)
    add_noise(there, np.array([[0.01]]), rng=np.random.default_rng(1))
    add_noise(alone, np.array([[0.01]]), rng=np.random.default_rng(1))
    np.testing.assert_allclose(there - (3 - 4j), alone, atol=1e-6)
    other = np.zeros_like(alone)
    add_noise(other, np.array([[0.01]]), rng=np.random.default_rng(2))
    assert not np.any(other == alone)


@pytest.mark.parametrize("control", [True, False])
def test_full_load_is_what_a_full_downlink_brings(control: bool) -> None:
    """A whole frame of two cells through twelve paths each, all sub-channels on: within 0.1 dB.

    What is left is the chance product of the two cells' payloads: 10,080 elements, 0.04 dB.
    """
    lte = LteDownlink(LteWaveform(bandwidth_mhz=1.4, subchannels=4, control=control), cell_ids=[3, 301])
    paths = random_paths(1, 3, 2, 12, longest_s=4e-6)
    site_power_mw = np.array([20.0, 5.0])
    samples = lte.samples_per_frame
    block = block_for(samples, max_delay_s=paths.max_delay_s, sample_rate_hz=lte.sample_rate_hz)
    sent = lte.synthesise(
        start_sample=np.array([-block.lead]),
        samples=block.length,
        occupancy=np.ones((1, 1, 2, 4), bool),
        first_slot=np.zeros(1, np.int64),
        slot_samples=lte.samples_per_slot,
        keys=np.stack([key(5, Stage.PAYLOAD, site) for site in range(2)])[None],
    )
    channel = Channel(paths, block, sample_rate_hz=lte.sample_rate_hz, site_power_mw=site_power_mw)
    received, _ = channel.receive(sent, waypoint=np.zeros(1, np.int64), time_s=np.zeros(1))
    frequency = np.fft.fftfreq(samples, 1 / lte.sample_rate_hz)
    edges = lte.subchannel_edges_hz
    switched = ((frequency >= edges[:, :1]) & (frequency < edges[:, 1:])).any(axis=0)
    brought = np.sum(np.abs(np.fft.fft(received[0], axis=-1)[:, switched]) ** 2, axis=-1) / samples**2
    subcarriers = lte.subchannel_subcarriers.reshape(-1)
    expected = full_load_power_mw(
        paths,
        site_power_mw=site_power_mw,
        subcarrier_hz=lte.subcarrier_hz[subcarriers],
        subcarrier_power=lte.full_load_spectrum()[:, subcarriers],
    )
    np.testing.assert_allclose(10 * np.log10(brought / expected), 0, atol=0.1)


def test_full_load_is_a_mean_over_waypoints() -> None:
    gain = np.array([1.0, 0.0, 3.0]).reshape(3, 1, 1, 1)
    paths = make_paths(gain, np.zeros(gain.shape))
    power = full_load_power_mw(
        paths,
        site_power_mw=np.array([2.0]),
        subcarrier_hz=np.array([-1e5, 0.0, 1e5]),
        subcarrier_power=np.full((1, 3), 0.1),
    )
    np.testing.assert_allclose(power, [2 * 0.3 * (1 + 0 + 9) / 3])
