"""Repeats are found at any place, and independent captures never are."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from iqatlas.catalogs.repeats import RepeatFinder, Repeats, row_hashes

RECORDS, RECEIVERS, SAMPLES = 240, 2, 128


def noise(seed: int, records: int = RECORDS) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((records, RECEIVERS, 2 * SAMPLES), dtype=np.float32)
    return drawn.view(np.complex64)


def search(
    iq: np.ndarray, *, snr_db: float = 20.0, control: bool = False, guards: tuple[int, ...] = ()
) -> Repeats:
    split = np.array(["train", "test"])[np.arange(RECORDS) // 120]
    split[list(guards)] = "guard"
    finder = RepeatFinder(
        split=split,
        snr_db=np.full((RECORDS, RECEIVERS), snr_db),
        occupied=np.full(RECORDS, 0.5),
        samples=SAMPLES,
        control=control,
        seed=3,
    )
    for start in range(0, RECORDS, 50):
        part = xr.Dataset({"iq": (("record", "receiver", "sample"), iq[start : start + 50])})
        finder.add(part, start)
    return finder.found()


def test_independent_captures_are_no_repeats() -> None:
    found = search(noise(1))
    assert (found.same, found.alike, found.compared) == (0, 0, RECORDS)


@pytest.mark.parametrize("factor", [1.0, 0.01 * np.exp(1j)])
def test_a_repeat_is_found_whatever_its_level_and_phase(factor: complex) -> None:
    """Ten decibels of signal each: the squared likeness is 0.83."""
    signal = noise(1)
    signal[200] = signal[7] * factor
    received = signal + 0.3 * np.abs(signal).mean(axis=(1, 2), keepdims=True) * noise(2)
    found = search(received.astype(np.complex64))
    assert (found.alike, found.alike_across, found.example) == (1, 1, (7, 200))
    assert found.same == 0


def test_copies_are_counted_with_their_splits() -> None:
    iq = noise(1)
    iq[3] = iq[4] = iq[5]
    iq[230] = iq[9]
    found = search(iq, snr_db=-10.0)
    assert (found.same, found.same_across, found.example) == (5, 1, (9, 230))
    assert found.compared == 0


def test_a_copy_in_the_guard_hides_no_copies_in_splits() -> None:
    iq = noise(1)
    iq[0] = iq[9] = iq[230]
    found = search(iq, snr_db=-10.0, guards=(0,))
    assert (found.same, found.same_across, found.example) == (3, 1, (9, 230))
    alone = search(iq, snr_db=-10.0, guards=(0, 9))
    assert (alone.same, alone.same_across, alone.example) == (3, 0, None)


def test_hashes_see_every_word_and_its_place() -> None:
    rng = np.random.default_rng(0)
    multipliers = rng.integers(0, 1 << 63, size=8, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    row = rng.standard_normal(8)
    rows = np.tile(row, (10, 1))
    rows[np.arange(8), np.arange(8)] += 1e-9
    rows[8] = np.roll(row, 1)
    assert len(np.unique(row_hashes(rows, multipliers))) == 10


def test_a_copy_that_is_hardly_changed_is_found_in_noise() -> None:
    """A hundredth of a percent of one sample: the difference is 1e-5 of the norm, missed once in 10^8."""
    iq = noise(1)
    iq[200:230] = iq[:30]
    iq[200:230, :, 0] *= np.float32(1.0001)
    for factor in (1.0, 0.3):
        iq[210] *= np.float32(factor)
        found = search(iq, snr_db=-25.0)
        assert (found.same, found.captures, found.captures_across) == (0, 120, 60)
        assert found.example is not None
        assert found.example[1] - found.example[0] == 200


def test_a_copy_of_one_receiver_is_found_in_noise() -> None:
    iq = noise(1)
    iq[230, 1] = iq[9, 1]
    iq[5] = iq[6]  # in one split
    iq[20] = iq[21] = 0  # a receiver that was off
    found = search(iq, snr_db=-15.0)
    assert (found.same, found.same_across) == (4, 0)
    assert (found.captures, found.captures_across, found.example) == (6, 1, (9, 230))


def test_the_same_signal_in_other_noise_is_no_copy() -> None:
    """At 15 dB, as far as sketches go, in one dimension: a tone of one phase."""
    tone = np.exp(2j * np.pi * np.arange(SAMPLES) / 8)
    iq = (tone + 10 ** (-15 / 20) * noise(1) / np.sqrt(2)).astype(np.complex64)
    assert search(iq, snr_db=15.0).captures == 0
