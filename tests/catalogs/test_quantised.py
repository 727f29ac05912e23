"""16-bit samples: how far they are from what was received."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given
from hypothesis import strategies as st

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES
from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.quantised import LARGEST_COUNT, decoded, dequantise, quantise


def gaussian(records: int, samples: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((records, 2, 2 * samples)).astype(np.float32)
    return (parts * 10.0 ** np.arange(-9, -9 + records)[:, None, None].astype(np.float32)).view(np.complex64)


@pytest.mark.parametrize("samples", [32, 1024, 15_360])
def test_noise_keeps_80_db(samples: int) -> None:
    """A crest of 5 of the deviation, met once in 2 million parts, leaves 12 · (32767/5)² = 87 dB."""
    iq = gaussian(6, samples)
    counts, scale = quantise(iq)
    back = dequantise(counts, scale)
    error = np.mean(np.abs(back.astype(complex) - iq) ** 2, axis=-1)
    sqnr_db = 10 * np.log10(np.mean(np.abs(iq) ** 2, axis=-1) / error)
    assert sqnr_db.min() > 86
    assert sqnr_db.max() < 100  # else it would not be rounding that is measured


@example(scale=1e-20, parts=[0.0, float(np.float32(1e-20))])  # a step too small to have an inverse
@given(
    scale=st.floats(1e-30, 1e30),
    parts=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=40).filter(lambda p: len(p) % 2 == 0),
)
def test_no_part_is_clipped_or_more_than_half_a_count_off(scale: float, parts: list[float]) -> None:
    iq = (np.array(parts, np.float32) * np.float32(scale)).view(np.complex64)[None]
    counts, step = quantise(iq)
    assert np.abs(counts.astype(int)).max() <= LARGEST_COUNT
    back = dequantise(counts, step).view(np.float32).astype(float)
    # Half a count, and the rounding of the product in float32: 32767 · 2⁻²⁴ of a count; subnormals aside.
    assert np.all(np.abs(back - iq.view(np.float32)) <= step[:, None] * 0.502 + 1e-44)


def test_the_largest_part_is_the_largest_count_and_silence_is_silence() -> None:
    iq = np.array([[0.25 - 1j, 0.5], [0, 0]], np.complex64)
    counts, scale = quantise(iq)
    assert counts[0].tolist() == [[8192, -32767], [16383, 0]] or counts[0].min() == -LARGEST_COUNT
    assert scale[1] == 0 and not counts[1].any()
    assert not dequantise(counts, scale)[1].any()


@pytest.mark.parametrize("lazy", [False, True])
def test_records_are_decoded_where_they_are_counts(lazy: bool) -> None:
    iq = gaussian(4, 8)
    counts, scale = quantise(iq)
    stored = xr.Dataset(
        {
            "iq": array_variable(INT16_QUANTITIES["iq"], counts),
            "iq_scale": array_variable(INT16_QUANTITIES["iq_scale"], scale),
            "slot": array_variable(QUANTITIES["slot"], np.arange(4)),
        }
    )
    dataset = decoded(stored.chunk({"record": 2}) if lazy else stored)
    assert (dataset["iq"].chunks is not None) == lazy
    assert dataset["iq"].dims == QUANTITIES["iq"].dims and dataset["iq"].dtype == np.complex64
    assert dataset["iq"].attrs == QUANTITIES["iq"].attributes()
    assert np.array_equal(dataset["iq"].values, dequantise(counts, scale))
    assert "slot" in dataset and "component" not in dataset.dims
    plain = stored.drop_vars("iq")
    assert decoded(plain) is plain
