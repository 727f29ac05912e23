"""The sizes of LTE are those of TS 36.211, and time maps to symbols and back without a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ

SIZES = {1.4: (6, 128), 3.0: (15, 256), 5.0: (25, 512), 10.0: (50, 1024), 15.0: (75, 1536), 20.0: (100, 2048)}


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
def test_every_bandwidth_has_its_blocks_transform_and_whole_slots(bandwidth_mhz: float) -> None:
    sizes = numerology(bandwidth_mhz)
    assert (sizes.resource_blocks, sizes.fft_size) == SIZES[bandwidth_mhz]
    assert sizes.sample_rate_hz == 15_000 * sizes.fft_size
    # Seven symbols fill 0.5 ms to the sample.
    assert sizes.symbol_samples.sum() == sizes.samples_per_slot == sizes.sample_rate_hz * 0.5e-3
    assert sizes.samples_per_frame == sizes.sample_rate_hz * 10e-3


def test_prefixes_at_the_full_rate_are_those_of_the_standard() -> None:
    assert numerology(20.0).prefix_samples.tolist() == [160, 144, 144, 144, 144, 144, 144]
    assert numerology(1.4).prefix_samples.tolist() == [10, 9, 9, 9, 9, 9, 9]


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
def test_the_extended_prefix_is_a_quarter_of_a_symbol_and_six_symbols_fill_a_slot(
    bandwidth_mhz: float,
) -> None:
    sizes = numerology(bandwidth_mhz, extended_prefix=True)
    assert (sizes.prefix_samples * 4 == sizes.fft_size).all()
    assert (sizes.symbols_per_slot, sizes.symbols_per_subframe, sizes.symbols_per_frame) == (6, 12, 120)
    assert sizes.symbol_samples.sum() == sizes.samples_per_slot == sizes.sample_rate_hz * 0.5e-3


def test_symbols_of_a_slot_begin_where_the_published_offsets_say() -> None:
    starts = numerology(20.0).symbol_start(np.arange(8))
    assert starts.tolist() == [0, *(2208 + 2192 * np.arange(6)).tolist(), 15360]


@given(st.sampled_from(BANDWIDTHS_MHZ), st.booleans(), st.integers(-(10**9), 10**9))
def test_a_sample_lies_in_the_symbol_that_begins_before_it_and_ends_after_it(
    bandwidth_mhz: float, extended_prefix: bool, sample: int
) -> None:
    sizes = numerology(bandwidth_mhz, extended_prefix=extended_prefix)
    symbol = sizes.symbol_at(np.array([sample]))
    assert sizes.symbol_start(symbol)[0] <= sample < sizes.symbol_start(symbol + 1)[0]
    assert sizes.symbol_start(symbol + 1) - sizes.symbol_start(symbol) == (
        sizes.symbol_prefix(symbol) + sizes.fft_size
    )


@pytest.mark.parametrize("bandwidth_mhz", BANDWIDTHS_MHZ)
def test_subcarriers_surround_an_unused_one_at_dc(bandwidth_mhz: float) -> None:
    sizes = numerology(bandwidth_mhz)
    half = 6 * sizes.resource_blocks
    places = [*range(-half, 0), *range(1, half + 1)]
    assert (sizes.subcarrier_hz / 15_000).tolist() == places
    assert sizes.subcarrier_bins.tolist() == [place % sizes.fft_size for place in places]


def test_a_bandwidth_that_lte_does_not_have_is_refused() -> None:
    with pytest.raises(SpecError, match="7 MHz") as caught:
        numerology(7.0)
    assert caught.value.where == "waveform.bandwidth_mhz"
