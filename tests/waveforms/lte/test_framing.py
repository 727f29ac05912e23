"""Symbols get their prefixes and places; long windows, which are framed directly, equal short ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.framing import frame_slots, frame_windows
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.spec import LteWaveform


def one_by_one(bodies: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
    """Return symbols with their prefixes, laid end to end, on [site, sample]."""
    pieces = []
    for body, prefix in zip(bodies, prefixes, strict=True):
        pieces += [body[:, -prefix:], body]
    return np.concatenate(pieces, axis=-1)


@settings(max_examples=30, deadline=None)
@given(slot=st.integers(-100, 100), slots=st.integers(1, 6), extended=st.booleans())
def test_whole_slots_and_windows_of_them_are_laid_end_to_end(slot: int, slots: int, extended: bool) -> None:
    numbers = numerology(1.4, extended_prefix=extended)
    first, count = slot * numbers.symbols_per_slot, slots * numbers.symbols_per_slot
    rng = np.random.default_rng(count)
    bodies = rng.standard_normal((count, 2, 128, 2)).astype(np.float32).view(np.complex64)[..., 0]
    symbol = first + np.arange(count)
    wanted = one_by_one(bodies, numbers.symbol_prefix(symbol))
    # The samples lie between others, which stay as they are.
    field = np.full((2, wanted.shape[-1] + 7), np.nan, np.complex64)
    frame_slots(field[:, 3:-4], numbers, bodies)
    np.testing.assert_array_equal(field[:, 3:-4], wanted)
    assert np.isnan(field[:, [0, 1, 2, -4, -3, -2, -1]]).all()

    # Two windows of the same symbols, cut anywhere in the first and the last one.
    cut = min(numbers.symbol_prefix(symbol[:1])[0], 5)
    windows = np.empty((2, 2, wanted.shape[-1] - 2 * cut), np.complex64)
    record = np.repeat([0, 1], count)
    start = numbers.symbol_start(symbol[:1])[0] + np.array([cut, cut])
    frame_windows(windows, numbers, start, record, np.tile(symbol, 2), np.tile(bodies, (2, 1, 1)))
    np.testing.assert_array_equal(windows, np.stack([wanted[:, cut:-cut]] * 2))


@settings(max_examples=60, deadline=None)
@given(
    at=st.lists(st.integers(-3000, 3000), min_size=1, max_size=5),
    samples=st.integers(1, 64),
    extended=st.booleans(),
)
def test_windows_shorter_than_a_symbol_are_cut_from_whole_ones(
    at: list[int], samples: int, extended: bool
) -> None:
    numbers, start = numerology(1.4, extended_prefix=extended), np.array(at)
    first, last = numbers.symbol_at(start), numbers.symbol_at(start + samples - 1)
    touched = last - first + 1
    record = np.repeat(np.arange(len(at)), touched)
    symbol = np.concatenate([np.arange(low, high + 1) for low, high in zip(first, last, strict=True)])
    rng = np.random.default_rng(samples)
    bodies = rng.standard_normal((len(symbol), 3, 128, 2)).astype(np.float32).view(np.complex64)[..., 0]
    windows = np.empty((len(at), 3, samples), np.complex64)
    frame_windows(windows, numbers, start, record, symbol, bodies)
    prefixes = numbers.symbol_prefix(symbol)
    for number, begin in enumerate(at):
        rows = record == number
        whole = one_by_one(bodies[rows], prefixes[rows])
        skipped = begin - int(numbers.symbol_start(first[[number]])[0])
        np.testing.assert_array_equal(windows[number], whole[:, skipped : skipped + samples])


@pytest.mark.parametrize(
    ("payload", "prefix", "cells"),
    [("symbols", "normal", 3), ("symbols", "extended", 16), ("coded", "normal", 2)],
)
def test_a_long_window_equals_short_ones_bit_for_bit(payload: str, prefix: str, cells: int) -> None:
    spec = LteWaveform(bandwidth_mhz=10.0, payload=payload, cyclic_prefix=prefix)  # type: ignore[arg-type]
    downlink = LteDownlink(spec, cell_ids=range(cells))
    slot = 15_360
    rng = np.random.default_rng(cells)
    occupancy = rng.random((2, 12, cells, 16)) < 0.5
    keys = rng.integers(0, 1 << 60, (2, cells, 2)).astype(np.uint64)

    def transmit(start: np.ndarray, samples: int) -> np.ndarray:
        return downlink.synthesise(
            start_sample=start,
            samples=samples,
            occupancy=occupancy,
            first_slot=np.array([-3, -3]),
            slot_samples=slot,
            keys=keys,
        )

    # 5 ms: the second record begins with a symbol and frame 0, the first one before it and inside a symbol.
    start, samples = np.array([-30_001, 0]), 5 * slot
    whole = transmit(start, samples)
    # Short windows, of 0.9 ms, take the other way.
    step = 13_824
    for at in range(0, samples, step):
        window = transmit(start + at, min(step, samples - at))
        assert window.tobytes() == whole[..., at : at + step].tobytes()
