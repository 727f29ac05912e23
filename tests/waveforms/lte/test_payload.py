"""Payload is QPSK of counter-based words, whoever asks for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from iqatlas.seeds import Stage, key, words
from iqatlas.waveforms.lte.modulation import BITS_PER_SYMBOL, constellation
from iqatlas.waveforms.lte.payload import SymbolPayload, payload_bytes, qpsk, qpsk_table


def keys_of(symbols: int, sites: int) -> np.ndarray:
    return np.array([[key(1, Stage.PAYLOAD, m, s) for s in range(sites)] for m in range(symbols)])


def test_bytes_are_the_words_at_the_symbols_counters() -> None:
    keys, symbol = keys_of(3, 2), np.array([0, 17, -4])
    payload = payload_bytes(keys, symbol, 40)
    for m, s in np.ndindex(3, 2):
        counter = np.array([[int(symbol[m]) % 2**64, block] for block in range(3)], np.uint64)
        assert payload[m, s].tobytes() == words(keys[m, s], counter).astype("<u8").tobytes()[:40]


def test_a_shorter_payload_begins_a_longer_one() -> None:
    keys, symbol = keys_of(2, 2), np.array([5, 6])
    np.testing.assert_array_equal(payload_bytes(keys, symbol, 9), payload_bytes(keys, symbol, 150)[..., :9])


def test_bits_map_to_qpsk_as_in_the_standard() -> None:
    table = qpsk_table(1.0)
    for byte in (0b00000000, 0b11100100, 0b10110001):
        pairs = [((byte >> 2 * i) & 1, (byte >> (2 * i + 1)) & 1) for i in range(4)]
        wanted = [((1 - 2 * i) + 1j * (1 - 2 * q)) / np.sqrt(2) for i, q in pairs]
        np.testing.assert_allclose(table[byte], wanted, atol=1e-7)  # rounding of complex64
    assert (table[256] == 0).all()


def test_vacant_subchannels_hold_nothing_and_leave_the_others_alone() -> None:
    payload = payload_bytes(keys_of(4, 3), np.arange(4), 48)
    occupied = np.random.default_rng(2).random((4, 3, 16)) < 0.5
    table = qpsk_table(1.0)
    every = qpsk(table, payload, np.ones_like(occupied)).reshape(4, 3, 16, 12)
    some = qpsk(table, payload, occupied).reshape(4, 3, 16, 12)
    np.testing.assert_array_equal(some, every * occupied[..., None])


def test_the_four_symbols_are_equally_frequent() -> None:
    payload = payload_bytes(keys_of(40, 2), np.arange(40), 150)
    elements = qpsk(qpsk_table(1.0), payload, np.ones((40, 2, 50), bool))
    counts = np.unique(np.round(elements * 2), return_counts=True)[1]
    assert len(counts) == 4
    expected = elements.size / 4
    statistic = ((counts - expected) ** 2 / expected).sum()
    # A fair source exceeds this once in 1e6 keys; the key is fixed.
    assert statistic < chi2.isf(1e-6, 3)


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
def test_every_point_of_a_modulation_is_equally_frequent_and_vacant_subchannels_are_empty(
    modulation: str,
) -> None:
    occupied = np.ones((64, 2, 50), bool)
    occupied[:, :, 7] = False
    elements = SymbolPayload(modulation, 0.5).elements(keys_of(64, 2), np.arange(64), 600, occupied)
    parts = elements.reshape(64, 2, 50, 12)
    assert (parts[:, :, 7] == 0).all()
    heard = np.delete(parts, 7, axis=2).reshape(-1)
    points = constellation(BITS_PER_SYMBOL[modulation]) * np.float32(0.5)
    distance = np.abs(heard[:, None] - points)
    # Points are at least 0.15 apart; complex64 rounds to 1e-7.
    assert distance.min(axis=1).max() < 1e-6
    counts = np.bincount(distance.argmin(axis=1), minlength=len(points))
    expected = len(heard) / len(points)
    # A fair source exceeds this once in 1e6 keys; the key is fixed.
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(1e-6, len(points) - 1)
