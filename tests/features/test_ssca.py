"""SSCA against its strips, its noise, and FAM."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.errors import SpecError
from iqatlas.features.channelizer import lag_window
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.fam import fam, fam_cells
from iqatlas.features.ssca import ssca, ssca_cells


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return complex64 noise of power 1."""
    rng = np.random.default_rng(seed)
    scale = np.float32(np.sqrt(0.5))
    return scale * rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


def literal_strips(samples: np.ndarray, spec: CyclicSpectrumSpec) -> np.ndarray:
    """Return the strips X_T(n, f_k) x*(n) by the definition, in complex128: what is transformed over n."""
    size, channels, window = len(samples), spec.channels, lag_window(spec)
    padded = np.pad(samples.astype(np.complex128), channels)
    n = np.arange(size)
    frequency = np.arange(channels) / channels - 0.5
    strips = np.zeros((channels, size), np.complex128)
    for r in range(-channels // 2, channels // 2):
        later = padded[channels + n + r] * np.exp(-2j * np.pi * np.outer(frequency, n + r))
        strips += window[r + channels // 2] * later
    return strips * (samples if spec.conjugate else samples.conj())


@pytest.mark.parametrize("conjugate", [False, True])
@pytest.mark.parametrize("window", ["hamming", "kaiser6", "hann", "rectangular"])
def test_it_is_the_transform_of_the_literal_strips(
    window: str, conjugate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = CyclicSpectrumSpec.model_validate(
        {"method": "ssca", "channels": 16, "window": window, "conjugate": conjugate}
    )
    samples = noise(2, 256)
    got = ssca(samples, spec, sample_rate_hz=1.0)[1]
    _, cyclic = ssca_cells(spec, 256, sample_rate_hz=1.0)
    strips = literal_strips(samples[1], spec)
    beside = cyclic - (np.arange(16) / 16 - 0.5)[:, None]  # α = f_k + q/N
    turns = np.exp(-2j * np.pi * beside[..., None] * np.arange(256))
    wanted = np.einsum("kn,kin->ki", strips, turns) / 256
    # Float32, about ten roundings of 6e-8 each in turn.
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())
    monkeypatch.setattr("iqatlas.features.ssca._CHUNK_CYCLES", 50)
    again = ssca(samples[1], spec, sample_rate_hz=1.0)
    np.testing.assert_allclose(again, got, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("conjugate", [False, True])
def test_cells_lie_in_the_band_once_each(conjugate: bool) -> None:
    spec = CyclicSpectrumSpec(method="ssca", channels=16, conjugate=conjugate)
    frequency, cyclic = ssca_cells(spec, 256, sample_rate_hz=1e6)
    assert np.all(np.abs(frequency) + np.abs(cyclic) / 2 <= 0.5e6 + 1e-6)
    assert len(set(zip(frequency.ravel(), cyclic.ravel(), strict=True))) == cyclic.size
    # Both frequencies of a cell add up to it: f + α/2 is the channel's.
    channel = (np.arange(16) / 16 - 0.5) * 1e6
    np.testing.assert_allclose(frequency + cyclic / 2, np.broadcast_to(channel[:, None], cyclic.shape))


def test_each_method_takes_its_own_specs() -> None:
    with pytest.raises(SpecError, match="a spec of fam; accepted: ssca"):
        ssca(noise(256), CyclicSpectrumSpec(channels=16), sample_rate_hz=1.0)
    with pytest.raises(SpecError, match="a spec of ssca; accepted: fam"):
        fam(noise(256), CyclicSpectrumSpec(channels=16, method="ssca"), sample_rate_hz=1.0)


def test_white_noise() -> None:
    """Mean and variance over 60 records of 4096 samples in 64 channels."""
    spec = CyclicSpectrumSpec(method="ssca")
    cells = ssca(noise(60, 4096), spec, sample_rate_hz=1.0)
    _, cyclic = ssca_cells(spec, 4096, sample_rate_hz=1.0)
    power_spectrum = cells[..., 0]
    # Sixty times 64 estimates with a standard deviation of √(Σa²/N) = 0.08, half independent: 0.2%.
    assert power_spectrum.real.mean() == pytest.approx(1, abs=0.008)
    # Lag products that mirror each other: real but for the lag -Np/2, which has no partner and weighs 0.08.
    assert np.abs(power_spectrum.imag).max() < 0.08 * 5 / np.sqrt(4096)
    # Off α = 0: Σ_r a²(r)(1 − |r|/N)/N, as a lag product r late has that many terms. Four million cells,
    # of which a third are independent: 0.1%.
    lags = np.arange(-32, 32)
    theory = np.sum(lag_window(spec) ** 2 * (1 - np.abs(lags) / 4096)) / 4096
    far = np.abs(cyclic) >= 3 / 64
    assert np.mean(np.abs(cells[:, far]) ** 2) == pytest.approx(theory, rel=0.01)


@pytest.mark.parametrize("length", [256, 1024, 4096])
@pytest.mark.parametrize("window", ["hamming", "rectangular"])
def test_the_slice_at_zero_is_blackman_and_tukeys_power_spectrum(length: int, window: str) -> None:
    """Σ_r a(r) R(r) e^{-j2πfr}, R(r) = Σ_n x(n+r) x*(n)/N over the capture, biased: no block is left out."""
    spec = CyclicSpectrumSpec.model_validate({"method": "ssca", "window": window})
    samples = noise(length)
    full = np.correlate(samples.astype(complex), samples.astype(complex), "full") / length
    lags = np.arange(-32, 32)
    frequency = np.arange(64) / 64 - 0.5
    wanted = np.exp(-2j * np.pi * np.outer(frequency, lags)) @ (lag_window(spec) * full[length - 1 + lags])
    got = ssca(samples, spec, sample_rate_hz=1.0)[:, 0]
    # Float32, about ten roundings of 6e-8 each in turn.
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("conjugate", [False, True])
def test_fam_finds_the_same_lines(conjugate: bool) -> None:
    """BPSK, 8 samples a symbol, on a carrier: the strongest cyclic frequencies and their strength."""
    rng = np.random.default_rng(1)
    symbols = np.repeat(rng.choice([-1.0, 1.0], 8192 // 8), 8)
    samples = (symbols * np.exp(2j * np.pi * 5 / 64 * np.arange(8192))).astype(np.complex64)
    found = []
    for method, run, where in (("fam", fam, fam_cells), ("ssca", ssca, ssca_cells)):
        spec = CyclicSpectrumSpec(method=method, conjugate=conjugate)  # type: ignore[arg-type]
        cells = np.abs(run(samples, spec, sample_rate_hz=1.0))
        _, cyclic = where(spec, 8192, sample_rate_hz=1.0)
        steps = np.round(cyclic * 8192).astype(int)
        steps = steps if conjugate else np.abs(steps)
        profile = np.zeros(2 * 8192 + 64)
        np.maximum.at(profile, steps.ravel() + 8192, cells.ravel())
        found.append(profile)
    lines = 8192 + 8192 // 8 * np.arange(3) + (8192 * 10 // 64 if conjugate else 0)
    strength = np.array(found)[:, lines]
    # Their windows differ (one over samples, one over lags), the finite record weighs a percent or two.
    np.testing.assert_allclose(strength[0], strength[1], rtol=0.15)
    # The strongest stand above all that is not within 3/Np of one of the lines k/8: what random data leave.
    offset = (np.arange(len(found[0])) - lines[0]) % 1024
    aside = (offset >= 384) & (offset <= 1024 - 384)
    for profile in found:
        assert profile[lines[:2]].min() > 2 * profile[aside].max()
