"""The coherence of both methods: never above 1, near 1 on lines, and what theory says of noise."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.features import coherence
from iqatlas.features.channelizer import lag_window
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.cyclic_spectrum import cyclic_frequency_hz, cyclic_spectrum
from iqatlas.features.ssca import cell_shape, row_cells

SIZE = 2048
WINDOWS = ("hamming", "hann", "kaiser6", "rectangular")


def spec(**fields: object) -> CyclicSpectrumSpec:
    """Return a spec of the full plane of coherence, on a linear scale."""
    tree = {"coherence": True, "scale": "linear", "output": {"kind": "full"}, **fields}
    return CyclicSpectrumSpec.model_validate(tree)


def noise(*shape: int) -> np.ndarray:
    """Return complex64 noise of power 1."""
    rng = np.random.default_rng(0)
    return np.float32(np.sqrt(0.5)) * rng.standard_normal(
        (*shape[:-1], 2 * shape[-1]), dtype=np.float32
    ).view(np.complex64)


def signals() -> dict[str, np.ndarray]:
    """Return captures without noise, whose spectra are lines, and AM 20 dB above noise."""
    n = np.arange(SIZE)
    tone = np.exp(2j * np.pi * 0.1 * n)
    am = (1 + 0.8 * np.cos(2 * np.pi * n / 16)) * tone
    made = {"tone": tone, "constant": np.ones(SIZE), "am": am, "noisy am": 10 * am + noise(SIZE)}
    return {name: samples.astype(np.complex64) for name, samples in made.items()}


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_passes_one(method: str, conjugate: bool, window: str) -> None:
    asked = spec(method=method, conjugate=conjugate, window=window)
    samples = np.stack([*signals().values(), noise(SIZE)])
    values = cyclic_spectrum(samples, asked, sample_rate_hz=1.0)
    assert np.all(np.isfinite(values))
    assert values.max() <= 1 + 1e-5  # float32 of the mean of 128 products


@pytest.mark.parametrize("method", ["fam", "ssca"])
def test_lines_are_near_one(method: str) -> None:
    """A constant and a tone at α = 0; AM at the spacing of its lines, which lie four channels apart."""
    made = signals()
    tops = cyclic_spectrum(np.stack(list(made.values())), spec(method=method), sample_rate_hz=1.0).max(
        axis=-1
    )
    rows = dict(zip(made, tops, strict=True))
    for name in ("tone", "constant"):
        assert rows[name][0] == pytest.approx(1, abs=1e-5)
    # Carrier and side line fill their channels: what else is there leaks, 43 dB below or (ssca) 21 dB below.
    step = SIZE // 16
    assert rows["am"][step] > 0.97
    assert rows["noisy am"][step] > 0.97
    assert rows["noisy am"][step + step // 2] < 0.6  # between lines: noise, and what leaks into it


@pytest.mark.parametrize("window", WINDOWS)
def test_noise_has_the_mean_that_its_lag_window_says(window: str) -> None:
    """E|S|²/σ⁴ = Σ_r a²(r)(1 − |r|/N)/N off α = 0, over 30 records of ssca."""
    asked = spec(method="ssca", window=window)
    values = cyclic_spectrum(noise(30, SIZE), asked, sample_rate_hz=1.0)
    cyclic = cyclic_frequency_hz(asked, SIZE, sample_rate_hz=1.0)
    lags = np.arange(-32, 32)
    theory = np.sum(lag_window(asked) ** 2 * (1 - np.abs(lags) / SIZE)) / SIZE
    far = values[:, cyclic >= 4 / 64].astype(float)
    # A million cells, of which a third are independent: 0.2%. Both powers fluctuate by about 0.1 (√(Σa²/N))
    # of their mean: their inverses have means of 1.01 and the product's is that much more.
    mean = np.mean(far[far > 0] ** 2)
    assert mean == pytest.approx(theory, rel=0.035)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("conjugate", [False, True])
def test_before_the_cut_ssca_is_below_the_bound_of_its_window(window: str, conjugate: bool) -> None:
    """|S|² ≤ (∫|A|)² P(f₁) P(f₂), for what is meant to come nearest as for noise."""
    asked = spec(method="ssca", window=window, conjugate=conjugate)
    samples = np.stack([*signals().values(), noise(SIZE)])
    samples /= np.sqrt(np.mean(np.abs(samples) ** 2, axis=-1, keepdims=True))
    cells = np.empty((len(samples), *cell_shape(asked, SIZE)), np.complex64)
    row_cells(samples, asked, SIZE, sample_rate_hz=1.0, out=cells)
    weight = coherence.coherence_weight(samples, np.zeros_like(cells), asked, SIZE)
    size = 1 << 14
    # Riemann's sum over 256 points a side lobe.
    bound = np.abs(np.fft.fft(lag_window(asked), size)).mean()
    before = np.abs(cells.astype(complex)) ** 2 * weight
    strong = np.abs(cells) > 1e-4 * np.abs(cells).max(axis=(1, 2), keepdims=True)  # above rounding
    assert np.sqrt(before[strong].max()) <= bound * (1 + 1e-3)
    assert np.sqrt(before[strong].max()) > 1  # a cut there is


def test_white_density_is_one() -> None:
    """The power that ssca is divided by has the mean σ² for white noise, whatever the window."""
    for window in WINDOWS:
        power = coherence._strip_power(noise(20, SIZE), spec(method="ssca", window=window), SIZE)
        assert power.shape == (20, SIZE)
        assert power.min() > 0
        assert power.mean() == pytest.approx(1, abs=0.025)  # 40,960 samples: 0.5%; five sigma
