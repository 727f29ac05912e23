"""Payload is the points of a modulation by counter-based words, whoever asks for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from iqatlas.seeds import Stage, key, sequence, sequence_words
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, constellation
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.lte.payload import SymbolPayload, payload_bytes
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ

KEYS = np.array([[key(1, Stage.PAYLOAD, m, s) for s in range(2)] for m in range(3)])


def of_bins(bandwidth_mhz: float, subchannels: int) -> np.ndarray:
    """Return the sub-channel of each bin, -1 where there is none."""
    numbers = numerology(bandwidth_mhz)
    places = Subchannels.centred(subchannels, numbers.resource_blocks).subcarriers
    bins = np.full(numbers.fft_size, -1)
    for number, place in enumerate(places):
        bins[numbers.subcarrier_bins[place]] = number
    return bins


def spectra(
    payload: SymbolPayload, record: np.ndarray, symbol: np.ndarray, occupied: np.ndarray, size: int
) -> np.ndarray:
    """Return the spectra of symbols, on [symbol, site, bin]."""
    random = payload.bytes(KEYS, record, symbol)
    kinds = np.broadcast_to(payload.kinds(occupied), random.shape)
    out = np.full((len(symbol) * 2, size), np.nan, np.complex64)
    payload.fill(out, payload.blank_rows(len(out)), random, kinds)
    return out.reshape(len(symbol), 2, size)


def test_bytes_are_the_words_at_the_symbols_positions() -> None:
    record, symbol = np.array([0, 1, 2]), np.array([0, 17, -4])
    payload = payload_bytes(KEYS, record, symbol, 20)
    assert payload.shape == (3, 2, 20)
    for m, s in np.ndindex(3, 2):
        words = sequence_words(sequence(KEYS[m, s]), np.array(3 * symbol[m]), 3)
        assert payload[m, s].tobytes() == words.astype("<u8").tobytes()[:20]


def test_bits_map_to_qpsk_as_in_the_standard() -> None:
    # One sub-channel over a carrier of 10 MHz: bins 1 to 300 and 724 to 1023.
    payload = SymbolPayload("qpsk", 1.0, of_bins(10.0, 1))
    symbol, record, occupied = np.array([0, 5]), np.array([0, 2]), np.ones((2, 2, 1), bool)
    sent = spectra(payload, record, symbol, occupied, 1024)
    random = payload.bytes(KEYS, record, symbol)
    for group, first in ((1, 4), (74, 296), (76, 724), (150, 1020)):
        for m, s in np.ndindex(2, 2):
            byte = int(random[m, s, group])
            pairs = [((byte >> 2 * i) & 1, (byte >> (2 * i + 1)) & 1) for i in range(4)]
            wanted = [((1 - 2 * i) + 1j * (1 - 2 * q)) / np.sqrt(2) for i, q in pairs]
            # Rounding of complex64.
            np.testing.assert_allclose(sent[m, s, first : first + 4], wanted, atol=1e-7)


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_vacant_subchannels_guards_and_dc_hold_nothing_and_leave_the_others_alone(
    modulation: str, data: st.DataObject
) -> None:
    bandwidth_mhz = data.draw(st.sampled_from(BANDWIDTHS_MHZ))
    blocks = numerology(bandwidth_mhz).resource_blocks
    subchannels = data.draw(st.integers(1, blocks))
    bins = of_bins(bandwidth_mhz, subchannels)
    payload = SymbolPayload(modulation, 1.0, bins)
    count = data.draw(st.integers(1, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    occupied = np.repeat(rng.random((count, 2, subchannels)) < 0.5, 3, axis=0)
    symbol, record = np.arange(3 * count) - 4, np.arange(3 * count) // count
    every = spectra(payload, record, symbol, np.ones_like(occupied), len(bins))
    some = spectra(payload, record, symbol, occupied, len(bins))
    silent = np.append(occupied, np.zeros((3 * count, 2, 1), bool), axis=-1)[..., bins]
    np.testing.assert_array_equal(some, every * silent)
    assert (np.abs(every[..., bins >= 0]) > 0.1).all()
    assert (every[..., bins < 0] == 0).all()


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
def test_every_point_of_a_modulation_is_equally_frequent(modulation: str) -> None:
    bins = of_bins(10.0, 50)
    payload = SymbolPayload(modulation, 0.5, bins)
    symbol = np.arange(64)
    sent = spectra(payload, np.zeros_like(symbol), symbol, np.ones((64, 2, 50), bool), 1024)
    heard = sent[..., bins >= 0].reshape(-1)
    points = constellation(BITS_PER_SYMBOL[modulation]) * np.float32(0.5)
    distance = np.abs(heard[:, None] - points)
    # Points are at least 0.15 apart; complex64 rounds to 1e-7.
    assert distance.min(axis=1).max() < 1e-6
    counts = np.bincount(distance.argmin(axis=1), minlength=len(points))
    expected = len(heard) / len(points)
    # A fair source exceeds this once in 1e6 keys; the key is fixed.
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(1e-6, len(points) - 1)


def test_symbols_sites_and_records_are_uncorrelated() -> None:
    bins = of_bins(10.0, 50)
    payload = SymbolPayload("qpsk", 1.0, bins)
    symbol, record = np.tile(np.arange(100), 3), np.repeat(np.arange(3), 100)
    sent = spectra(payload, record, symbol, np.ones((300, 2, 50), bool), 1024)[..., bins >= 0]
    rows = sent.reshape(600, 600).astype(complex)
    alike = np.abs(rows @ rows.conj().T) / 600
    np.fill_diagonal(alike, 0)
    # Squares of correlations of 600 fair symbols are nearly exponential with mean 1/600: the largest
    # of 180,000 pairs passes 0.205 once in 500 keys.
    assert alike.max() < 0.205
