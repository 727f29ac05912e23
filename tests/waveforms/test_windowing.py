"""Transitions between symbols: what they leave alone, and what they take off the side lobes."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.seeds import Stage, key
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.spec import LteWaveform
from iqatlas.waveforms.windowing import edge_samples, with_soft_edges

DOWNLINK = LteDownlink(LteWaveform(bandwidth_mhz=1.4, subchannels=6), cell_ids=[3, 7])
NUMBERS = DOWNLINK.numerology


def plain(start: int, samples: int) -> np.ndarray:
    return DOWNLINK.synthesise(
        start_sample=np.array([start]),
        samples=samples,
        occupancy=np.ones((1, 1, 2, 6), bool),
        first_slot=np.zeros(1, np.int64),
        slot_samples=960,
        keys=np.array([[key(1, Stage.PAYLOAD, s) for s in range(2)]], np.uint64),
    )


def soft(start: int, samples: int, edge: int) -> np.ndarray:
    lead = NUMBERS.fft_size
    extended = plain(start - lead, samples + lead)
    return with_soft_edges(extended, start_sample=np.array([start]), numerology=NUMBERS, edge=edge)[0]


@pytest.mark.parametrize(("bandwidth_mhz", "longest"), [(1.4, 9), (10.0, 72), (20.0, 144)])
def test_the_share_is_of_the_shortest_prefix(bandwidth_mhz: float, longest: int) -> None:
    numbers = numerology(bandwidth_mhz)
    assert [edge_samples(numbers, share) for share in (0.0, 0.5, 1.0)] == [0, round(longest / 2), longest]


@pytest.mark.parametrize("edge", [1, 4, 9])
def test_only_the_first_samples_of_each_prefix_change(edge: int) -> None:
    before, after = plain(0, 9600)[0], soft(0, 9600, edge)
    sample = np.arange(9600)
    past = sample - NUMBERS.symbol_start(NUMBERS.symbol_at(sample))
    # Bit for bit: a receiver that leaves the transition out has no error at all.
    np.testing.assert_array_equal(after[:, past >= edge], before[:, past >= edge])
    assert (after[:, past < edge] != before[:, past < edge]).any()


def test_in_a_transition_the_old_symbol_goes_on_and_fades() -> None:
    edge, start = 8, int(NUMBERS.symbol_start(np.array([5]))[0])
    before, after = plain(0, 2000)[0], soft(0, 2000, edge)
    fade = 0.5 + 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    body = before[:, start - NUMBERS.fft_size : start]  # the old symbol is periodic in its body
    wanted = fade * body[:, :edge] + (1 - fade) * before[:, start : start + edge]
    np.testing.assert_allclose(after[:, start : start + edge], wanted, atol=1e-6)  # float32


def test_a_window_equals_the_whole_bit_for_bit() -> None:
    whole = soft(-700, 4000, 6)
    for offset, samples in ((0, 1), (3, 128), (701, 960), (3999, 1)):
        window = soft(-700 + offset, samples, 6)
        assert window.tobytes() == whole[:, offset : offset + samples].tobytes()
