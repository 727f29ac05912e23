"""Ranges over the records: NumPy's figures, whatever is read at once."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from iqatlas.generators import value_range as module
from iqatlas.generators.value_range import value_range

DECIBELS = st.floats(-200, 200, width=32) | st.just(-np.inf)


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=DECIBELS))
def test_figures_are_those_of_all_values_at_once(values: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_RECORDS_AT_ONCE", 7)
        found = value_range(xr.DataArray(values, dims=("record", "receiver")))
    finite = values[np.isfinite(values)]
    if not len(finite):
        assert found == {"silent_share": 1.0}
        return
    low, middle, high = (round(float(value), 3) for value in np.percentile(finite, [0, 50, 100]))
    # The same numbers, rounded alike; a zero may be a negative one.
    assert (found["min"], found["median"], found["max"]) == (low, middle, high)
    assert found["silent_share"] == round(1 - len(finite) / values.size, 6)
