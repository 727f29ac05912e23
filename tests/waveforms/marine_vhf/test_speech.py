"""The speech-like source: band, envelope, level, and that it follows from its key alone."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.seeds import Stage, key
from iqatlas.waveforms.marine_vhf.speech import EMPHASIS_HZ, KNOT_HZ, KNOTS, SYLLABLE_S, syllables

COUNT = 200


def talk(seed: int = 1, channel: int = 0, emphasised: bool = True) -> tuple[np.ndarray, np.ndarray]:
    keys = np.tile(key(seed, Stage.PAYLOAD), (COUNT, 1))
    return syllables(keys, np.full(COUNT, channel), np.arange(COUNT) - COUNT // 2, emphasised=emphasised)


def test_audio_lies_between_300_and_3000_hz() -> None:
    audio, _ = talk()
    power = np.abs(np.fft.rfft(audio[:, :-1].astype(float))) ** 2
    frequency = np.fft.rfftfreq(KNOTS, 1 / KNOT_HZ)
    outside = (frequency < 300) | (frequency > 3000)
    # Rounding of float32 alone is left: some -130 dB.
    assert power[:, outside].sum() < 1e-11 * power.sum()


def test_syllables_begin_and_end_in_silence_and_have_no_mean() -> None:
    audio, slope = talk()
    assert audio.shape == (COUNT, KNOTS + 1)
    # The Hann envelope and its slope are zero there; left is rounding of sums up to 10 and 60,000.
    assert np.abs(audio[:, [0, -1]]).max() < 1e-4
    assert np.abs(slope[:, [0, -1]]).max() < 1
    assert np.abs(audio[:, :-1].mean(axis=1)).max() < 1e-5


def test_the_slope_is_that_of_the_audio() -> None:
    audio, slope = talk(emphasised=False)
    knots = np.fft.irfft(
        np.fft.rfft(audio[:, :-1].astype(float)) * 2j * np.pi * np.arange(KNOTS // 2 + 1) / SYLLABLE_S, KNOTS
    )
    # Against a transform in double precision; the largest slope of the band is 2π·3000.
    np.testing.assert_allclose(slope[:, :-1], knots, atol=2e-6 * 2 * np.pi * 3000)


@pytest.mark.parametrize("emphasised", [True, False])
def test_peaks_are_between_half_and_full_modulation_and_some_syllables_are_pauses(emphasised: bool) -> None:
    audio, slope = talk(emphasised=emphasised)
    limited = slope / (2 * np.pi * EMPHASIS_HZ) if emphasised else audio
    peak = np.abs(limited).max(axis=1)
    spoken = peak > 0
    assert np.all((peak[spoken] >= 0.499) & (peak[spoken] <= 1.001))
    assert peak.max() > 0.95
    # 15% are pauses: 30 of 200, and 4.5 standard deviations of 5 on either side.
    assert 8 <= (~spoken).sum() <= 52


def test_some_syllables_are_harmonics_of_a_pitch_and_some_are_noise() -> None:
    audio, _ = talk(emphasised=False)
    power = np.abs(np.fft.rfft(audio[:, :-1].astype(float))) ** 2
    spoken = power.sum(axis=1) > 0
    # Each line of a voiced syllable is three wide by its envelope; of noise all 539 are strong.
    strong = (power > 1e-9 * power.max(axis=1, keepdims=True))[spoken].sum(axis=1)
    assert (strong < 3 * 540 / 17 + 3).any()
    assert (strong > 500).any()


def test_pre_emphasis_is_6_db_an_octave() -> None:
    audio, slope = talk()
    emphasised = slope[:, :-1].astype(float) / (2 * np.pi * EMPHASIS_HZ)
    level = np.abs(np.fft.rfft(emphasised)).sum(axis=0) / np.abs(np.fft.rfft(audio[:, :-1])).sum(axis=0)
    frequency = np.fft.rfftfreq(KNOTS, 1 / KNOT_HZ)
    for hz, db in ((500, -6.0206), (1000, 0.0), (2000, 6.0206)):
        line = int(np.argmin(np.abs(frequency - hz)))
        # Rounding of float32 in lines that are 60 dB below the strongest.
        assert 20 * np.log10(level[line]) == pytest.approx(db, abs=0.01)


def test_what_is_said_depends_on_key_channel_and_time_alone() -> None:
    one, again = talk()[0], talk()[0]
    np.testing.assert_array_equal(one, again)
    for other in (talk(seed=2)[0], talk(channel=1)[0]):
        # Independent syllables of 0.2 s times 2.7 kHz: correlations of about 0.03.
        assert abs(np.vdot(one, other)) < 0.2 * np.linalg.norm(one) * np.linalg.norm(other)
    single = syllables(
        key(1, Stage.PAYLOAD)[None], np.zeros(1, np.int64), np.array([7 - COUNT // 2]), emphasised=True
    )
    np.testing.assert_allclose(single[0][0], one[7], atol=1e-6)
