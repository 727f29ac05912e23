"""Tapers: SciPy's to the last bit, for stored features follow from them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from iqatlas.features.tapers import taper

NAMES = ["boxcar", "hann", "hamming", "blackman", "blackmanharris", "flattop", ("kaiser", 6.0)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("periodic", [True, False])
def test_a_taper_has_the_bits_of_scipy(name: str | tuple[str, float], periodic: bool) -> None:
    for size in (1, 2, 7, 64, 127, 128, 1024):
        ours = taper(name, size, periodic=periodic)
        assert np.array_equal(ours, scipy.signal.get_window(name, size, fftbins=periodic)), size
