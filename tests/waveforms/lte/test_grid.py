"""Sub-channels and control lie where the conventions say."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.grid import Subchannels, reference_elements, sync_elements
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ


@pytest.mark.parametrize(
    ("count", "blocks", "each", "first"),
    [
        (16, 50, 3, 1),
        (50, 50, 1, 0),
        (1, 50, 50, 0),
        (8, 25, 3, 0),
        (4, 15, 3, 1),
        (16, 100, 6, 2),
        (6, 6, 1, 0),
    ],
)
def test_subchannels_are_as_wide_as_fit_and_centred(count: int, blocks: int, each: int, first: int) -> None:
    parts = Subchannels.centred(count, blocks)
    assert (parts.blocks_each, parts.first_block) == (each, first)
    assert parts.subcarriers.reshape(-1).tolist() == list(range(12 * first, 12 * (first + count * each)))


def test_default_subchannels_are_540_khz_and_step_over_dc() -> None:
    edges = Subchannels.centred(16, 50).edges_hz(numerology(10.0))
    # Exact in floating point: multiples of 7.5 kHz.
    assert (np.diff(edges, axis=1) == 540e3).all()
    assert edges[0, 0] == -8 * 540e3 - 7.5e3
    # The two in the middle leave the unused subcarrier at DC between them.
    assert edges[7, 1] == -7.5e3
    assert edges[8, 0] == 7.5e3
    assert edges[15, 1] == 8 * 540e3 + 7.5e3


def test_a_subchannel_across_dc_is_one_subcarrier_wider() -> None:
    edges = Subchannels.centred(5, 25).edges_hz(numerology(5.0))
    assert np.diff(edges, axis=1)[:, 0].tolist() == [900e3, 900e3, 915e3, 900e3, 900e3]


@pytest.mark.parametrize("count", [0, 51])
def test_more_subchannels_than_resource_blocks_are_refused(count: int) -> None:
    with pytest.raises(SpecError, match="1 to 50") as caught:
        Subchannels.centred(count, 50)
    assert caught.value.where == "waveform.subchannels"


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
def test_reference_signals_stand_in_symbols_0_and_4_of_every_slot(bandwidth_mhz: float) -> None:
    blocks = numerology(bandwidth_mhz).resource_blocks
    elements = reference_elements([0, 301], blocks)
    assert np.flatnonzero(elements.ordinal >= 0).tolist() == [
        7 * slot + symbol for slot in range(20) for symbol in (0, 4)
    ]
    assert elements.value.shape == (40, 2, 2 * blocks)
    # Unit magnitude, to the rounding of complex64.
    np.testing.assert_allclose(np.abs(elements.value), 1, atol=1e-7)


def test_synchronisation_stands_before_the_ends_of_slots_0_and_10() -> None:
    elements = sync_elements([0, 301], 50)
    assert np.flatnonzero(elements.ordinal >= 0).tolist() == [5, 6, 75, 76]
    assert (elements.value[..., :5] == 0).all() and (elements.value[..., -5:] == 0).all()
    # PSS repeats after half a frame, SSS does not: that is how a receiver tells the halves apart.
    np.testing.assert_array_equal(elements.value[1], elements.value[3])
    assert (elements.value[0] != elements.value[2]).any()
