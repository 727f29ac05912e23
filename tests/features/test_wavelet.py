"""Wavelet denoising against its formula, and on signals of which the noise is known."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.features.spec import WaveletSpec
from iqatlas.features.wavelet import denoise, denoise_iq, levels


def formula(series: np.ndarray, spec: WaveletSpec, depth: int) -> np.ndarray:
    """Return one series by the universal threshold, written out in float64."""
    parts = pywt.wavedec(series.astype(np.float64), spec.wavelet, level=depth)
    kept = [parts[0]]
    for detail in parts[1:]:
        source = detail if spec.noise == "level" else parts[-1]
        threshold = np.median(np.abs(source)) / 0.6745 * np.sqrt(2 * np.log(len(series)))
        kept.append(pywt.threshold(detail, threshold, mode=spec.threshold))
    return pywt.waverec(kept, spec.wavelet)[: len(series)]


@settings(max_examples=40, deadline=None)
@given(
    wavelet=st.sampled_from(["haar", "db4", "sym8", "bior4.4"]),
    threshold=st.sampled_from(["soft", "hard"]),
    noise=st.sampled_from(["finest", "level"]),
    depth=st.integers(1, 3),
    size=st.integers(200, 301),
    seed=st.integers(0, 99),
)
def test_it_is_the_universal_threshold(
    wavelet: str, threshold: str, noise: str, depth: int, size: int, seed: int
) -> None:
    spec = WaveletSpec(wavelet=wavelet, levels=depth, threshold=threshold, noise=noise)
    rng = np.random.default_rng(seed)
    series = (rng.standard_normal((2, 3, size)) + 4 * (np.arange(size) > size / 2)).astype(np.float32)
    got = denoise(series, spec)
    assert got.shape == series.shape and got.dtype == np.float32
    wanted = np.stack([formula(row, spec, depth) for row in series.reshape(-1, size)]).reshape(series.shape)
    # Float32 against float64 for values of about 4, of which a few transforms in turn are taken.
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_noise_alone_is_all_but_gone_and_a_step_stays() -> None:
    """Below sqrt(2 ln N) sigma lies all but a coefficient in ten series; the approximation keeps 1/64."""
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((200, 4096), dtype=np.float32)
    left = denoise(noise, WaveletSpec(wavelet="haar", levels=6))
    assert np.mean(left**2) == pytest.approx(1 / 64, rel=0.15)  # 12,800 coefficients and a few stragglers
    step = np.where(np.arange(4096) < 2000, -3, 3).astype(np.float32)
    cleaned = denoise(step + noise, WaveletSpec(wavelet="haar", levels=6))
    assert np.mean((cleaned - step) ** 2) < 0.1 * np.mean(noise**2)


def test_coloured_noise_is_measured_level_by_level() -> None:
    rng = np.random.default_rng(4)
    coloured = np.cumsum(rng.standard_normal((20, 2048), dtype=np.float32), axis=-1)
    coloured -= coloured.mean(axis=-1, keepdims=True)
    white = np.mean(denoise(coloured, WaveletSpec(levels=3)) ** 2)
    by_level = np.mean(denoise(coloured, WaveletSpec(levels=3, noise="level")) ** 2)
    assert by_level < white  # the coarse levels are noisier than the finest one tells


def test_in_phase_and_quadrature_are_series_of_their_own() -> None:
    rng = np.random.default_rng(5)
    samples = rng.standard_normal((3, 2, 1024), dtype=np.float32).view(np.complex64)
    spec = WaveletSpec(wavelet="db4")
    got = denoise_iq(samples, spec)
    np.testing.assert_array_equal(got.real, denoise(np.ascontiguousarray(samples.real), spec))
    np.testing.assert_array_equal(got.imag, denoise(np.ascontiguousarray(samples.imag), spec))


def test_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    series = np.random.default_rng(6).standard_normal((7, 512), dtype=np.float32)
    whole = denoise(series, WaveletSpec())
    monkeypatch.setattr("iqatlas.features.wavelet._CHUNK_SAMPLES", 1024)
    np.testing.assert_array_equal(denoise(series, WaveletSpec()), whole)


def test_levels_that_have_no_room_are_told_the_shortest_series() -> None:
    assert levels(1024, WaveletSpec()) == 6
    assert levels(120, WaveletSpec()) == 3
    with pytest.raises(
        SpecError, match=r"no room for 5 levels of sym8; accepted: 1 to 3; or 480 samples or more$"
    ):
        levels(120, WaveletSpec(levels=5))
    assert levels(480, WaveletSpec(levels=5)) == 5
    with pytest.raises(SpecError, match="or 30 samples or more"):
        levels(29, WaveletSpec())
    assert levels(30, WaveletSpec()) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_makes_none(value: float) -> None:
    series = np.random.default_rng(4).standard_normal((3, 512), dtype=np.float32)
    alone = denoise(series, WaveletSpec())
    series[1, 200] = value
    got = denoise(series, WaveletSpec())
    assert np.isnan(got[1]).all()
    np.testing.assert_array_equal(got[[0, 2]], alone[[0, 2]])
