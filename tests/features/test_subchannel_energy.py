"""Powers of sub-channels against Parseval, tones and noise."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.features.spec import SubchannelEnergySpec
from iqatlas.features.subchannel_energy import subchannel_bins, subchannel_energy

RATE_HZ = 1.92e6
MW, DBM = SubchannelEnergySpec(scale="mw"), SubchannelEnergySpec()


def edges(*bounds_hz: float) -> np.ndarray:
    return np.stack([bounds_hz[:-1], bounds_hz[1:]], axis=-1)


def noise(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32).view(np.complex64)


def test_all_sub_channels_together_hold_the_power_of_the_capture() -> None:
    samples = noise(4, 2, 1000)
    whole = edges(*np.linspace(-RATE_HZ / 2, RATE_HZ / 2, 8))
    energy = subchannel_energy(samples, MW, edges_hz=whole, sample_rate_hz=RATE_HZ)
    assert energy.shape == (4, 2, 7)
    # Parseval, in float32 of a thousand terms.
    np.testing.assert_allclose(energy.sum(axis=-1), np.mean(np.abs(samples) ** 2, axis=-1), rtol=1e-5)


def test_a_tone_is_in_its_sub_channel_with_its_power() -> None:
    tone = (1e-5 * np.exp(2j * np.pi * 0.25 * np.arange(960))).astype(np.complex64)  # 480 kHz, -100 dBm
    level = subchannel_energy(tone, DBM, edges_hz=edges(-4e5, 0, 4e5, 8e5), sample_rate_hz=RATE_HZ)
    assert level[2] == pytest.approx(-100, abs=1e-3)
    assert level[:2].max() < -200  # a whole number of periods leaks rounding errors only


def test_a_narrow_sub_channel_has_a_bin_and_noise_its_share_of_the_bins() -> None:
    narrow = edges(0, 1e3, 2e3)
    assert subchannel_bins(64, edges_hz=narrow, sample_rate_hz=RATE_HZ).sum(axis=1).tolist() == [1, 1]
    energy = subchannel_energy(noise(4000, 64), MW, edges_hz=edges(0, 6e5), sample_rate_hz=RATE_HZ)
    # 20 of 64 bins of power 2; 80,000 exponential bins know it to 0.35%: five sigma.
    assert energy.mean() == pytest.approx(2 * 20 / 64, rel=0.018)


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, about = noise(9, 300), edges(-5e5, 0, 5e5)
    whole = subchannel_energy(samples, DBM, edges_hz=about, sample_rate_hz=RATE_HZ)
    monkeypatch.setattr("iqatlas.features.subchannel_energy._CHUNK_SAMPLES", 700)
    # Transforms of fewer captures at once may round otherwise.
    np.testing.assert_allclose(
        subchannel_energy(samples, DBM, edges_hz=about, sample_rate_hz=RATE_HZ), whole, atol=1e-4
    )
