"""The noise floor of a recording is found in what nobody has marked."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from iqatlas.detectors.recorded_noise import with_noise_floor
from iqatlas.errors import CorpusError
from iqatlas.features.subchannel_energy import subchannel_bins

EDGES = np.stack([np.arange(-4, 4), np.arange(-3, 5)], axis=-1) * 1e5
BINS = subchannel_bins(128, edges_hz=EDGES, sample_rate_hz=8e5)


def records(noise_mw: float, *, labelled: bool = True) -> xr.Dataset:
    """Return white noise at two receivers, the second 3 dB louder, and a tone in sub-channel 5."""
    rng = np.random.default_rng(9)
    iq = rng.standard_normal((500, 2, 256)).view(np.complex128) * np.sqrt(noise_mw / 2)
    iq[:, 1] *= np.sqrt(2)
    label = np.zeros((500, 8), bool)
    label[::2, 5] = True
    iq[::2] += 30 * np.sqrt(noise_mw) * np.exp(2j * np.pi * 1.5e5 / 8e5 * np.arange(128))
    variables = {"iq": (("record", "receiver", "sample"), iq.astype(np.complex64))}
    labels = {"label": (("record", "subchannel"), label)} if labelled else {}
    return xr.Dataset({**variables, **labels}, coords={"receiver": ["roof", "mast"]})


def test_the_floor_is_that_of_the_noise() -> None:
    found = with_noise_floor(records(1e-9), BINS, "here")
    # A median over 3,750 vacant cells of 16 degrees of freedom; the tone leaks into its neighbours.
    np.testing.assert_allclose(found["noise_power"].values[0], [-90, -86.99], atol=0.15)
    assert np.isnan(found["snr_level"]).all()


def test_what_a_tool_has_filled_with_zeros_is_no_noise() -> None:
    filled = records(1e-9)
    filled["iq"][:300] = 0
    found = with_noise_floor(filled, BINS, "here")
    # A median over 1,500 vacant cells: its standard error is 0.04 dB.
    np.testing.assert_allclose(found["noise_power"].values[0], [-90, -86.99], atol=0.2)
    filled["iq"][:, 1] = 0
    with pytest.raises(CorpusError, match="receiver mast holds nothing but zeros"):
        with_noise_floor(filled, BINS, "here")


def test_simulated_records_stay_as_they_are() -> None:
    made = records(1.0).assign(noise_power=(("record", "receiver"), np.zeros((500, 2), np.float32)))
    assert with_noise_floor(made, BINS, "here") is made


def test_without_labels_or_vacant_cells_it_is_one_line() -> None:
    with pytest.raises(CorpusError, match="no labels in this corpus"):
        with_noise_floor(records(1.0, labelled=False), BINS, "here")
    full = records(1.0)
    full["label"][:] = True
    with pytest.raises(CorpusError, match="every sub-channel is marked"):
        with_noise_floor(full, BINS, "here")
