"""A real cell sends the sequences that are synthesised here.

The recording is 80 ms of a 20 MHz downlink at 19.2 Msps whose broadcast decodes as cell 301.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iqatlas.waveforms.lte.reference import reference_sequence, reference_subcarriers
from iqatlas.waveforms.lte.sync import pss, sss

RATE_HZ = 19.2e6
FFT = 1280
SLOT = 9600
PREFIX = [100] + [90] * 6
STARTS = np.cumsum([0, *(np.array(PREFIX[:-1]) + FFT)]) + PREFIX  # of symbols without prefix
BINS = np.concatenate([np.arange(-600, 0), np.arange(1, 601)])
CENTRE = np.concatenate([np.arange(-31, 0), np.arange(1, 32)])


@pytest.fixture(scope="module")
def recording(shared_data: Path) -> np.ndarray:
    file = shared_data / "lte-off-air-1815.3MHz-19.2Msps-int8.bin"
    raw = np.fromfile(file, np.int8, count=2 * 48 * SLOT).astype(np.float32).reshape(-1, 2)
    samples = raw[:, 0] + 1j * raw[:, 1]
    # The carrier offset shows in the prefix: it turns the phase by 2π·offset·Tu. Known to be
    # near 14 kHz, which settles the multiple of 15 kHz.
    turn = np.angle(np.vdot(samples[:-FFT], samples[FFT:])) / (2 * np.pi)
    offset_hz = (turn + np.round(14e3 / 15e3 - turn)) * 15e3
    return samples * np.exp(-2j * np.pi * offset_hz / RATE_HZ * np.arange(len(samples)))


def spectrum(samples: np.ndarray, start: int) -> np.ndarray:
    return np.fft.fft(samples[start : start + FFT])


def find_pss(samples: np.ndarray) -> tuple[int, int]:
    """Return the remainder modulo 3 and the first sample of a PSS body in the first half frame."""
    block = samples[: 10 * SLOT + FFT]
    size = 1 << (len(block) - 1).bit_length()
    transform = np.fft.fft(block, size)
    peaks = []
    for cell_id in range(3):
        grid = np.zeros(FFT, complex)
        grid[CENTRE] = pss(cell_id)
        replica = np.fft.ifft(grid)
        correlation = np.abs(np.fft.ifft(transform * np.fft.fft(replica, size).conj()))[: 10 * SLOT]
        peaks.append((correlation.max() / np.median(correlation), cell_id, int(correlation.argmax())))
    _, cell_id, at = max(peaks)
    return cell_id, at


def search(samples: np.ndarray) -> tuple[int, int, int]:
    """Return cell identity, subframe of the first PSS and first sample of the slot that holds it."""
    within, at = find_pss(samples)
    slot_start = at - int(STARTS[6])
    if slot_start < 0:
        slot_start += 10 * SLOT
    heard_pss = spectrum(samples, slot_start + int(STARTS[6]))[CENTRE]
    heard_sss = spectrum(samples, slot_start + int(STARTS[5]))[CENTRE]
    channel = heard_pss / pss(within)
    equalised = heard_sss * channel.conj()
    scores = {
        (cell_id, subframe): float(np.real(np.vdot(sss(cell_id, subframe), equalised)))
        for cell_id in range(within, 504, 3)
        for subframe in (0, 5)
    }
    cell_id, subframe = max(scores, key=scores.__getitem__)
    return cell_id, subframe, slot_start


def test_cell_search_finds_the_cell_whose_broadcast_decodes(recording: np.ndarray) -> None:
    assert search(recording)[0] == 301


def test_reference_signals_of_the_real_cell_are_where_and_what_they_should_be(recording: np.ndarray) -> None:
    cell_id, subframe, start = search(recording)
    coherence = {}
    for candidate in (cell_id, (cell_id + 3) % 504):
        total = 0.0
        for slot in range(4):
            for symbol in (0, 4):
                heard = spectrum(recording, start + slot * SLOT + int(STARTS[symbol]))[BINS]
                wanted = reference_sequence(candidate, (2 * subframe + slot) % 20, symbol, 100)
                estimate = heard[reference_subcarriers(candidate, symbol, 100)] * wanted.conj()
                # A channel is alike on neighbouring reference elements, noise and payload are not.
                total += abs(np.vdot(estimate[:-1], estimate[1:])) / np.vdot(estimate, estimate).real
        coherence[candidate] = total / 8
    # Two hundred elements with the wrong sequence: coherence about 1/√200 = 0.07.
    assert coherence[cell_id] > 0.5
    assert coherence[(cell_id + 3) % 504] < 0.2
