"""Power spectra against SciPy's Welch, and against what is known of noise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import SpecError
from iqatlas.features.power_spectrum import power_spectrum, spectrum_frequency_hz
from iqatlas.features.spec import PowerSpectrumSpec

RATE_HZ = 15.36e6


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return complex64 noise of power 2."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


@settings(max_examples=40, deadline=None)
@given(
    nperseg=st.sampled_from([8, 9, 33, 64, 128, 255]),
    share=st.floats(0.05, 1.0),
    extra=st.integers(0, 600),
    window=st.sampled_from(["hann", "hamming", "blackman", "blackmanharris", "flattop", "boxcar"]),
)
def test_it_is_scipys_welch(nperseg: int, share: float, extra: int, window: str) -> None:
    spec = PowerSpectrumSpec(
        nperseg=nperseg, hop=max(1, round(share * nperseg)), window=window, scale="mw_per_hz"
    )
    samples = noise(2, 3, nperseg + extra)
    frequency, wanted = scipy.signal.welch(
        samples.astype(np.complex128),
        RATE_HZ,
        window,
        nperseg,
        nperseg - spec.hop_samples,
        return_onesided=False,
        detrend=False,
    )
    got = power_spectrum(samples, spec, sample_rate_hz=RATE_HZ)
    # Float32 of a few hundred terms: 1e-5 of the mean density, and single cells of a flat top to 1e-4.
    wanted = np.fft.fftshift(wanted, axes=-1)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * wanted.mean())
    np.testing.assert_allclose(
        spectrum_frequency_hz(spec, sample_rate_hz=RATE_HZ), np.fft.fftshift(frequency), atol=1e-6
    )


def test_white_noise_has_its_power_over_the_sampling_rate() -> None:
    """-90 dBm of noise over 15.36 MHz is -161.9 dBm/Hz; 640,000 samples in 20,000 segments know it to 1%."""
    samples = np.float32(np.sqrt(0.5e-9)) * noise(640_000)
    level = power_spectrum(samples, PowerSpectrumSpec(nperseg=64), sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(level, -90 - 10 * np.log10(RATE_HZ), atol=0.2)


def test_pieces_and_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, spec = noise(5, 3, 700), PowerSpectrumSpec(nperseg=64, hop=20)
    whole = power_spectrum(samples, spec, sample_rate_hz=RATE_HZ)
    monkeypatch.setattr("iqatlas.features.segments._CHUNK_SAMPLES", 300)
    # Transforms of fewer segments at once may round otherwise: float32 at -70 dB.
    np.testing.assert_allclose(power_spectrum(samples, spec, sample_rate_hz=RATE_HZ), whole, atol=1e-3)


def test_silence_is_finite() -> None:
    level = power_spectrum(np.zeros((1, 256), np.complex64), PowerSpectrumSpec(), sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(level, -350)


def test_a_short_capture_is_told_the_segment_that_would_fit() -> None:
    with pytest.raises(
        SpecError,
        match=r"^features\.power_spectrum\.nperseg: 128 samples a segment don't fit into captures of 100; "
        r"accepted: 8 to 100; or capture\.samples of 128 or more$",
    ):
        power_spectrum(noise(100), PowerSpectrumSpec(), sample_rate_hz=RATE_HZ)
