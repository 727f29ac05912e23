"""Carrier offset and phase noise: closed forms, and one function of time for all windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.oscillator import carrier_turn, turned, wiener_phase

RATE_HZ = 1.92e6
KEYS = np.random.default_rng(3).integers(0, 2**63, (2000, 1, 2)).astype(np.uint64)


def walk(keys: np.ndarray, start: int, samples: int, linewidth_hz: float = 100.0) -> np.ndarray:
    return wiener_phase(
        keys, np.full(len(keys), start), samples, linewidth_hz=linewidth_hz, sample_rate_hz=RATE_HZ
    )


@pytest.mark.parametrize("linewidth_hz", [1.0, 100.0])
@pytest.mark.parametrize("lag", [1, 7, 64, 999])
def test_the_variance_of_the_phase_grows_by_2_pi_times_the_linewidth_a_second(
    linewidth_hz: float, lag: int
) -> None:
    phase = walk(KEYS, 123_457, 1000, linewidth_hz)[:, 0]
    theory = 2 * np.pi * linewidth_hz * lag / RATE_HZ
    # 2000 independent walks: the variance has a relative deviation of √(2/2000) = 3.2%; five of them.
    assert np.var(phase[:, lag] - phase[:, 0]) == pytest.approx(theory, rel=0.16)


def test_steps_are_independent_and_normal() -> None:
    step = np.diff(walk(KEYS[:200], -501, 1001)[:, 0])
    step /= np.sqrt(2 * np.pi * 100 / RATE_HZ)
    # 200,000 steps: deviations of 1/√n = 0.0022 for mean and correlation, √(96/n) = 0.022 for kurtosis.
    assert abs(step.mean()) < 0.011
    assert abs(np.mean(step[:, 1:] * step[:, :-1])) < 0.011
    assert np.mean(step**4) == pytest.approx(3, abs=0.11)


@settings(max_examples=40, deadline=None)
@given(st.integers(-(10**12), 10**11), st.integers(0, 2000), st.integers(1, 500))
def test_a_window_looks_at_the_same_walk(start: int, offset: int, samples: int) -> None:
    whole = walk(KEYS[:2], start, offset + samples)
    # The same sums in the same order: nothing differs at all.
    np.testing.assert_array_equal(walk(KEYS[:2], start + offset, samples), whole[..., offset:])


def test_windows_far_from_each_other_are_ends_of_one_walk() -> None:
    gap = 10**6
    near, far = walk(KEYS, 0, 1)[:, 0, 0], walk(KEYS, gap, 1)[:, 0, 0]
    theory = 2 * np.pi * 100 * gap / RATE_HZ
    assert np.var(far - near) == pytest.approx(theory, rel=0.16)  # 5 of 3.2% again


def test_keys_and_sites_have_walks_of_their_own() -> None:
    keys = np.array([[[1, 2], [1, 3]], [[1, 2], [4, 2]]], np.uint64)
    step = np.diff(wiener_phase(keys, np.zeros(2, np.int64), 4001, linewidth_hz=10.0, sample_rate_hz=RATE_HZ))
    np.testing.assert_array_equal(step[0, 0], step[1, 0])
    for other in (step[0, 1], step[1, 1]):
        # 4000 independent steps: correlations of 0.016.
        assert abs(np.corrcoef(step[0, 0], other)[0, 1]) < 0.08


def test_the_line_is_a_lorentzian_of_the_linewidth() -> None:
    samples, linewidth = 1 << 16, 2000.0
    phase = walk(KEYS[:40], 0, samples, linewidth)[:, 0]
    power = np.mean(np.abs(np.fft.fft(np.exp(1j * phase))) ** 2, axis=0) / samples / RATE_HZ
    frequency = np.fft.fftfreq(samples, 1 / RATE_HZ)
    for offset in (500.0, 2000.0, 10_000.0, 50_000.0):
        near = (np.abs(np.abs(frequency) - offset) < 0.1 * offset) & (frequency != 0)
        theory = linewidth / 2 / np.pi / (frequency[near] ** 2 + (linewidth / 2) ** 2)
        # Forty periodograms of six bins and more on either side: 5% and less; four deviations.
        assert power[near].mean() == pytest.approx(theory.mean(), rel=0.2)


def test_a_carrier_offset_shifts_a_line_by_itself() -> None:
    samples = 192_000  # a tenth of a second: bins of 10 Hz
    line = np.exp(2j * np.pi * 3000 * np.arange(samples) / RATE_HZ).astype(np.complex64)
    turn = carrier_turn(
        np.zeros(1, np.int64), samples, offset_hz=np.array([0.0, 1230.0, -4560.0]), sample_rate_hz=RATE_HZ
    )
    shifted = turned(np.broadcast_to(line, (1, 3, samples)).copy(), turn)[0]
    peak = np.abs(np.fft.fft(shifted)).argmax(axis=-1) * RATE_HZ / samples
    np.testing.assert_allclose((peak + RATE_HZ / 2) % RATE_HZ - RATE_HZ / 2, [3000, 4230, -1560])


def test_the_phase_of_an_offset_counts_from_sample_zero() -> None:
    offset = np.array([12_345.6])
    far = carrier_turn(np.array([10**10]), 10, offset_hz=offset, sample_rate_hz=RATE_HZ)[0, 0]
    exact = (np.arange(10**10, 10**10 + 10) * 123456) % 19_200_000 / 19_200_000
    # 6e7 turns in double precision leave 1e-8 turns.
    np.testing.assert_allclose(np.exp(1j * far), np.exp(2j * np.pi * exact), atol=1e-6)
