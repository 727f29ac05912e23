"""What energy should find: shares of power that add up, spilt power, and control by the clock of LTE."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.control_share import ControlShare
from iqatlas.detectors.energy import known_signal_detection, threshold
from iqatlas.detectors.expected import Expectation
from iqatlas.detectors.leakage import spilt_shares
from iqatlas.features.subchannel_energy import subchannel_bins
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.spec import LteWaveform

RATE_HZ = 15.36e6
EDGES_HZ = LteDownlink(LteWaveform(), cell_ids=[0]).subchannel_edges_hz


def test_snr_of_subchannels_adds_up_to_the_records(sound_corpus: Corpus) -> None:
    """Powers of sub-channels sum to the record's SNR but for what spills outside: some 2% at 256 samples."""
    expectation = Expectation(sound_corpus, 0.1)
    part = sound_corpus.dataset[list(expectation.variables)].load()
    expected = expectation.of(part)
    bins = subchannel_bins(256, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ).sum(axis=1)
    whole = (expected.snr * bins).sum(axis=-1) / 256 * RATE_HZ / 8.64e6
    realised = 10 ** (part["snr"].values.astype(np.float64) / 10)
    some = realised > 0
    assert np.all(np.abs(whole[some] / realised[some] - 1) < 0.06)
    assert np.all((expected.probability >= 0.0999) & (expected.probability <= 1))


def test_captures_that_begin_while_the_slot_before_is_heard(sound_corpus: Corpus) -> None:
    """Delays of the sound corpus are under 5 us, some 75 samples: captures begin later, where they can."""
    expectation = Expectation(sound_corpus, 0.1)
    part = sound_corpus.dataset[[*expectation.variables, "slot"]].isel(record=slice(0, 40)).load()
    assert not expectation.early(part).any()
    slot_s = float(sound_corpus.dataset.attrs["slot_duration_s"])
    first = part["slot"].astype(np.float64) * slot_s
    assert expectation.early(part.assign(time=first)).all()
    assert expectation.early(part.assign(time=first + 1 / RATE_HZ)).all()
    assert not expectation.early(part.assign(time=first + 1e-4)).any()


def test_a_signal_of_known_energy() -> None:
    """Marcum's law by 200,000 draws of 5 bins: within five sigma; without a signal it is P."""
    count, drawn, snr = np.array([5]), 200_000, 0.8
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((drawn, 5, 2)) / np.sqrt(2)
    noise[:, 0, 0] += np.sqrt(5 * snr)  # wherever among the bins its energy is
    energy = np.square(noise).sum(axis=(1, 2)) / 5
    expected = known_signal_detection(count, 0.1, np.array([snr]))[0]
    sigma = np.sqrt(expected * (1 - expected) / drawn)
    assert np.mean(energy > threshold(count, 0.1)[0]) == pytest.approx(expected, abs=5 * sigma)
    np.testing.assert_allclose(known_signal_detection(count, 0.1, np.array([0.0])), 0.1, rtol=1e-6)


@pytest.mark.parametrize("samples", [64, 1024])
def test_spilt_shares_are_those_of_noise_in_a_band(samples: int) -> None:
    """Noise of one sub-channel, cut from a long stretch of it: shares within 2% of the whole."""
    bins = subchannel_bins(samples, edges_hz=EDGES_HZ, sample_rate_hz=RATE_HZ)
    shares = spilt_shares(bins, EDGES_HZ, RATE_HZ)
    assert np.all(shares.sum(axis=0) <= 1 + 1e-9)
    size = 1 << 18
    frequency = np.fft.fftfreq(size, 1 / RATE_HZ)
    rng = np.random.default_rng(5)
    spectrum = rng.standard_normal(size) + 1j * rng.standard_normal(size)
    spectrum[(frequency < EDGES_HZ[4, 0]) | (frequency >= EDGES_HZ[4, 1])] = 0
    windows = np.fft.ifft(spectrum).reshape(-1, samples)
    power = np.square(np.abs(np.fft.fft(windows, axis=-1))).mean(axis=0)
    np.testing.assert_allclose(bins @ power / power.sum(), shares[:, 4], atol=0.02)


def test_control_follows_the_clock() -> None:
    """Reference signals in symbols 0 and 4 of 7, 1/6 of the elements a port; others in the middle."""
    share = ControlShare({"bandwidth_mhz": 10.0}, EDGES_HZ)
    symbol, prefix = 1024, 80
    at = lambda sample: np.array([sample / RATE_HZ])  # noqa: E731
    np.testing.assert_allclose(share.of(at(prefix), symbol), 1 / 6)
    assert np.all(share.of(at(prefix + 1104), symbol) == 0)
    # Half in symbol 0, half in symbol 1.
    np.testing.assert_allclose(share.of(at(prefix + symbol - 512), 1024)[0, 0], 1 / 12, rtol=1e-9)
    sync = share.of(at(7680 - 1024), 1024)[0]
    assert np.all(sync[[7, 8]] > 0.98) and np.all(sync[[0, 6, 9, 15]] == 0)
    two = ControlShare({"bandwidth_mhz": 10.0, "antenna_ports": 2, "cyclic_prefix": "extended"}, EDGES_HZ)
    np.testing.assert_allclose(two.of(at(256), 1024)[0, 0], 2 / 6)
    # A frame later all is the same, and over whole frames it is the mean.
    later = share.of(np.array([3.3e-4, 10e-3 + 3.3e-4]), 700)
    np.testing.assert_allclose(later[0], later[1])
    mean = share.of(np.array([0.0]), 153_600)[0, 0]
    assert mean == pytest.approx((2208 + 2192) / 15_360 / 6, rel=1e-3)
