"""Spectrograms against SciPy's, and against what is known of noise and tones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from iqatlas.errors import SpecError
from iqatlas.features.spec import SpectrogramSpec
from iqatlas.features.spectrogram import bin_frequency_hz, frame_count, frame_time_s, spectrogram

RATE_HZ = 15.36e6


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Return complex64 noise of power 2."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


def scipy_density(samples: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    """Return SciPy's power spectral density of the segments that lie inside, frame axis before frequency."""
    transform = scipy.signal.ShortTimeFFT(
        scipy.signal.get_window("hann", spec.nperseg),
        hop=spec.hop_samples,
        fs=RATE_HZ,
        fft_mode="centered",
        scale_to="psd",
    )
    frames = 1 + (samples.shape[-1] - spec.nperseg) // spec.hop_samples
    # SciPy counts frames by their middle: pieces that begin at sample 0 are cut one by one.
    pieces = np.stack(
        [samples[..., f * spec.hop_samples : f * spec.hop_samples + spec.nperseg] for f in range(frames)],
        axis=-2,
    )
    middle = transform.m_num_mid
    begin = -(-middle // spec.hop_samples)
    offset = begin * spec.hop_samples - middle  # the frame that starts at this sample
    padded = np.concatenate([np.zeros((*pieces.shape[:-1], offset)), pieces.astype(np.complex128)], axis=-1)
    spectra = transform.stft(padded, p0=begin, p1=begin + 1, axis=-1)
    return np.abs(spectra[..., 0]) ** 2


@settings(max_examples=30, deadline=None)
@given(
    nperseg=st.sampled_from([8, 9, 33, 64, 128, 255, 256]),
    share=st.floats(0.05, 1.0),
    extra=st.integers(0, 600),
    rows=st.integers(1, 3),
)
def test_it_is_scipys_density_of_the_same_segments(nperseg: int, share: float, extra: int, rows: int) -> None:
    spec = SpectrogramSpec(nperseg=nperseg, hop=max(1, round(share * nperseg)), scale="mw_per_hz")
    samples = noise(rows, 2, nperseg + extra)
    got = spectrogram(samples, spec, sample_rate_hz=RATE_HZ)
    wanted = scipy_density(samples, spec)
    assert got.shape == wanted.shape == (rows, 2, frame_count(samples.shape[-1], spec), nperseg)
    # Float32 of a few hundred terms: 1e-5 of the mean density.
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * wanted.mean())


def test_white_noise_of_power_p_has_the_density_p_over_fs() -> None:
    """In every bin, at both ends of the band too; 20,000 frames of which half overlap: 1%, five sigma."""
    power = 2 * 0.3**2
    density = spectrogram(
        0.3 * noise(640_000), SpectrogramSpec(nperseg=64, hop=32, scale="mw_per_hz"), sample_rate_hz=RATE_HZ
    )
    np.testing.assert_allclose(density.mean(axis=0) * RATE_HZ / power, 1, atol=0.05)
    # All bins together: 640,000 samples at an effective 60% of independent ones.
    assert density.mean() * RATE_HZ / power == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("bin_", [0, 1, 31, 32, 33, 63])
def test_a_tone_is_where_its_frequency_says(bin_: int) -> None:
    spec = SpectrogramSpec(nperseg=64, scale="mw_per_hz")
    frequency = bin_frequency_hz(spec, sample_rate_hz=RATE_HZ)[bin_]
    tone = (3 * np.exp(2j * np.pi * frequency / RATE_HZ * np.arange(300))).astype(np.complex64)
    density = spectrogram(tone, spec, sample_rate_hz=RATE_HZ)
    assert np.all(density.argmax(axis=-1) == bin_)
    # A tone of power 9 in the 1.5 bins that a Hann window is wide: 9 / (1.5 · fs / 64).
    np.testing.assert_allclose(density[:, bin_], 9 / (1.5 * RATE_HZ / 64), rtol=1e-4)
    # Three bins of a Hann window hold all of it.
    np.testing.assert_allclose(density.sum(axis=-1) * RATE_HZ / 64, 9, rtol=1e-4)


def test_frequencies_rise_about_zero() -> None:
    for nperseg in (8, 9):
        frequency = bin_frequency_hz(SpectrogramSpec(nperseg=nperseg), sample_rate_hz=RATE_HZ)
        np.testing.assert_allclose(np.diff(frequency), RATE_HZ / nperseg)
        assert frequency[nperseg // 2] == 0


def test_dbm_is_ten_times_the_logarithm() -> None:
    samples = noise(2, 500)
    linear = spectrogram(samples, SpectrogramSpec(scale="mw_per_hz"), sample_rate_hz=RATE_HZ)
    decibel = spectrogram(samples, SpectrogramSpec(), sample_rate_hz=RATE_HZ)
    # Float32 at −70: 8e-6.
    np.testing.assert_allclose(decibel, 10 * np.log10(linear.astype(np.float64)), atol=1e-4)
    # −80 dBm of white noise over 15.36 MHz, the level of a weak cell, is −151.9 dBm/Hz.
    weak = spectrogram(samples * np.float32(np.sqrt(0.5e-8)), SpectrogramSpec(), sample_rate_hz=RATE_HZ)
    mean = 10 * np.log10(np.mean(10 ** (weak.astype(np.float64) / 10)))
    assert mean == pytest.approx(-80 - 10 * np.log10(RATE_HZ), abs=0.5)  # 14 independent frames


def test_silence_is_finite() -> None:
    decibel = spectrogram(np.zeros((1, 256), np.complex64), SpectrogramSpec(), sample_rate_hz=RATE_HZ)
    np.testing.assert_allclose(decibel, -350)


@settings(deadline=None)
@given(samples=st.integers(8, 5000), nperseg=st.integers(8, 300), hop=st.integers(1, 300))
def test_frames_are_those_that_fit(samples: int, nperseg: int, hop: int) -> None:
    hop = min(hop, nperseg)
    spec = SpectrogramSpec(nperseg=nperseg, hop=hop)
    if samples < nperseg:
        with pytest.raises(SpecError, match=rf"features\.spectrogram\.nperseg: {nperseg} samples a segment"):
            frame_count(samples, spec)
        return
    frames = frame_count(samples, spec)
    assert (frames - 1) * hop + nperseg <= samples < frames * hop + nperseg
    time_s = frame_time_s(samples, spec, sample_rate_hz=RATE_HZ)
    assert len(time_s) == frames
    np.testing.assert_allclose(time_s[0], nperseg / 2 / RATE_HZ)
    np.testing.assert_allclose(np.diff(time_s), hop / RATE_HZ)


def test_an_impulse_is_in_the_frames_around_it() -> None:
    samples = np.zeros(1024, np.complex64)
    samples[500] = 1
    spec = SpectrogramSpec(nperseg=128, scale="mw_per_hz")
    power = spectrogram(samples, spec, sample_rate_hz=RATE_HZ).sum(axis=-1)
    distance = np.abs(frame_time_s(1024, spec, sample_rate_hz=RATE_HZ) * RATE_HZ - 500)
    assert np.array_equal(power > 0, distance < 64)
    assert power.argmax() == distance.argmin()


def test_half_a_segment_is_the_default_hop() -> None:
    assert SpectrogramSpec(nperseg=128).hop_samples == 64
    assert SpectrogramSpec(nperseg=9).hop_samples == 4


def test_a_hop_that_skips_samples_is_refused() -> None:
    with pytest.raises(ValidationError, match="samples would be skipped"):
        SpectrogramSpec(nperseg=64, hop=65)


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, spec = noise(5, 3, 700), SpectrogramSpec(nperseg=64, hop=20)
    whole = spectrogram(samples, spec, sample_rate_hz=RATE_HZ)
    assert np.array_equal(spectrogram(samples[3, 1], spec, sample_rate_hz=RATE_HZ), whole[3, 1])
    monkeypatch.setattr("iqatlas.features.segments._CHUNK_SAMPLES", 300)
    # Transforms of fewer segments at once may round otherwise: float32 at −70 dB.
    np.testing.assert_allclose(spectrogram(samples, spec, sample_rate_hz=RATE_HZ), whole, atol=1e-3)


def test_samples_are_left_as_they_are() -> None:
    samples = noise(2, 512)
    before = samples.copy()
    spectrogram(samples, SpectrogramSpec(), sample_rate_hz=RATE_HZ)
    assert np.array_equal(samples, before)
