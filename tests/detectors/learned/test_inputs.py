"""What detectors look at: scaled by the training split, and by a capture's own power where asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.detectors.learned.inputs import looked_at, scaling_of, segment_length
from iqatlas.detectors.learned.spec import BoostedSpec, CnnSpec, DetectorSpec, SpectrogramCnnSpec
from iqatlas.detectors.learned.subchannel_rows import column_count, subchannel_rows
from iqatlas.errors import SpecError
from iqatlas.features.setting import CaptureSetting
from iqatlas.features.spec import TabularSpec
from iqatlas.features.tabular import statistics, tabular

EDGES = np.array([[-600e3, -300e3], [-300e3, 0.0], [0.0, 300e3]])
SETTING = CaptureSetting(64, 1.92e6, EDGES)


def captures(items: int = 7) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.standard_normal((items, 128), dtype=np.float32).view(np.complex64) * np.float32(3e-6)


def test_shapes() -> None:
    assert looked_at(captures(), CnnSpec(), SETTING).shape == (7, 2, 64)
    assert looked_at(captures(), SpectrogramCnnSpec(), SETTING).shape == (7, 1, 3, 32)
    assert looked_at(captures(), SpectrogramCnnSpec(nperseg=16), SETTING).shape == (7, 1, 7, 16)
    assert looked_at(captures(), BoostedSpec(), SETTING).shape == (7, len(statistics(3)))


@pytest.mark.parametrize("kind", [CnnSpec, SpectrogramCnnSpec, BoostedSpec])
def test_a_capture_s_own_power_is_divided_out(kind: type[CnnSpec]) -> None:
    """Six powers of ten louder: nothing changes but the rounding of float32 in dB; absolute sees it."""
    relative, absolute = kind(), kind(power="absolute")
    louder = captures() * np.float32(1e3)
    quiet = looked_at(captures(), relative, SETTING)
    np.testing.assert_allclose(looked_at(louder, relative, SETTING), quiet, rtol=1e-4, atol=1e-3)
    assert not np.allclose(
        looked_at(louder, absolute, SETTING), looked_at(captures(), absolute, SETTING), rtol=0.1
    )


def test_the_cnn_sees_real_and_imaginary_parts() -> None:
    seen = looked_at(captures(), CnnSpec(power="absolute"), SETTING)
    np.testing.assert_array_equal(seen[:, 0] + 1j * seen[:, 1], captures())


def test_trees_see_the_duty_cycles_that_earlier_models_were_grown_on() -> None:
    spec = TabularSpec(nperseg=32, duty_threshold_db=6.0)
    seen = looked_at(captures(), BoostedSpec(power="absolute"), SETTING)
    wanted = tabular(captures(), spec, edges_hz=EDGES, sample_rate_hz=1.92e6)
    np.testing.assert_array_equal(seen, wanted)
    other = tabular(captures(), TabularSpec(nperseg=32), edges_hz=EDGES, sample_rate_hz=1.92e6)
    assert not np.array_equal(seen, other)


def test_silence_has_no_power_to_divide_by() -> None:
    assert not looked_at(np.zeros((2, 64), np.complex64), CnnSpec(), SETTING).any()


def test_captures_of_another_length_are_refused() -> None:
    with pytest.raises(SpecError, match="captures of 32 samples; accepted: 64"):
        looked_at(captures()[:, :32], CnnSpec(), SETTING)


@pytest.mark.parametrize(
    ("samples", "segment"), [(16, 8), (17, 8), (32, 16), (100, 32), (128, 64), (9999, 64)]
)
def test_segments_fit_twice_into_a_capture(samples: int, segment: int) -> None:
    assert segment_length(SpectrogramCnnSpec(), samples) == segment
    assert segment_length(BoostedSpec(nperseg=10), samples) == 10
    spec: DetectorSpec = BoostedSpec()
    noise = np.random.default_rng(1).standard_normal((1, 2 * samples), dtype=np.float32).view(np.complex64)
    assert np.isfinite(looked_at(noise, spec, CaptureSetting(samples, 1.92e6, EDGES))).all()


@given(cuts=st.lists(st.integers(1, 39), max_size=4), centre=st.floats(-200, 200), spread=st.floats(0.1, 50))
def test_centre_and_spread_are_those_of_all_batches_together(
    cuts: list[int], centre: float, spread: float
) -> None:
    """In float64 from float32 values: to a millionth."""
    values = np.random.default_rng(6).normal(centre, spread, (40, 5)).astype(np.float32)
    values[3, 2] = -np.inf
    found = scaling_of(np.split(values, sorted(set(cuts))), "v", "dB")
    finite = values[np.isfinite(values)].astype(np.float64)
    assert found.centre[0] == pytest.approx(finite.mean(), rel=1e-6, abs=1e-6)
    assert found.spread[0] == pytest.approx(finite.std(), rel=1e-6)
    assert (found.records, found.split) == (40, "train")


def test_values_that_never_vary_and_none_at_all() -> None:
    assert scaling_of([np.full((3, 2), 5, np.float32)], "v", "1").spread == (1.0,)
    for batches in ([], [np.full((3, 2), np.nan, np.float32)]):
        with pytest.raises(SpecError, match="scaling of v: the split 'train' holds no finite value"):
            scaling_of(batches, "v", "1")


def test_a_row_has_its_own_subchannel_s_columns() -> None:
    names = [name for name, _ in statistics(3)]
    values = np.random.default_rng(1).standard_normal((4, len(names))).astype(np.float32)
    rows = subchannel_rows(values, SETTING).reshape(4, 3, -1)
    assert rows.shape[-1] == column_count(3)
    whole = [at for at, name in enumerate(names) if not name[-2:].isdigit() or "_p" in name[-4:]]
    whole = [at for at in whole if not name_is_of_band(names[at])]
    for band in range(3):
        own = [at for at, name in enumerate(names) if name.endswith(f"_{band:02d}")]
        np.testing.assert_array_equal(rows[:, band, : len(whole)], values[:, whole])
        np.testing.assert_array_equal(rows[:, band, len(whole) : len(whole) + len(own)], values[:, own])
    power = np.stack([values[:, names.index(f"power_{band:02d}")] for band in range(3)], axis=1)
    beside = rows[..., -4:]
    np.testing.assert_array_equal(beside[:, 0, 0], 0)
    np.testing.assert_array_equal(beside[:, 1, 0], power[:, 1] - power[:, 0])
    np.testing.assert_array_equal(beside[:, 1, 1], power[:, 1] - power[:, 2])
    np.testing.assert_array_equal(beside[:, 2, 1], 0)
    np.testing.assert_array_equal(beside[..., 2], power - np.median(power, axis=1, keepdims=True))
    np.testing.assert_array_equal(beside[..., 3], np.broadcast_to([0, 1, 2], (4, 3)))


def name_is_of_band(name: str) -> bool:
    return name.rsplit("_", 1)[-1] in ("00", "01", "02")
