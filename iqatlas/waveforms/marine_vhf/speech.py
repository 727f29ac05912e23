"""Speech-like audio that can be entered at any moment: syllables in closed form.

A syllable is a periodic sum of lines 5 Hz apart between 305 and 2995 Hz, under a Hann envelope that
is zero at both ends. Voiced ones have harmonics of a pitch under formants, with the slope of a glottal
source; unvoiced ones are noise; some are pauses. Each is a function of a key, a channel and its own
number, so that a window of audio equals the same part of a longer one, and its integral too: a syllable
has no mean, so that the phase of a frequency modulation begins and ends each one at zero.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from jaxtyping import Bool, Complex64, Float32, Float64, Int64, UInt16, UInt64

from iqatlas.seeds import words

SYLLABLE_S = 0.2
"""Five syllables a second: the modulation spectrum of running speech is largest near 4 Hz
(Houtgast and Steeneken, J. Acoust. Soc. Am. 77, 1985)."""
KNOT_HZ = 50_000
"""Rate at which audio is worked out. Cubic interpolation between knots is right to 7e-5 at 3 kHz."""
KNOTS = round(SYLLABLE_S * KNOT_HZ)
EMPHASIS_HZ = 1000.0
"""Frequency at which pre-emphasis has unit gain."""

_LINE_HZ = 1 / SYLLABLE_S
_FIRST_LINE, _LAST_LINE = 61, 599
_LINES = np.arange(_FIRST_LINE, _LAST_LINE + 1)
_PHASES_A_COUNTER = 8
_PAUSE_SHARE, _UNVOICED_SHARE = 0.15, 0.25
_FORMANTS_HZ = ((300.0, 850.0, 90.0), (850.0, 2300.0, 110.0), (2300.0, 2950.0, 170.0))
"""Lowest and highest frequency, and width, of each formant (after Peterson and Barney, 1952)."""
_PITCH_LINES = (17.0, 51.0)
"""85 to 250 Hz, in lines, whole ones."""
_LEVEL = (0.5, 1.0)
"""Peaks of syllables, of full modulation."""

Random = UInt16[np.ndarray, "syllable"]


def syllables(
    keys: UInt64[np.ndarray, "syllable 2"],
    channel: Int64[np.ndarray, "syllable"],
    number: Int64[np.ndarray, "syllable"],
    *,
    emphasised: bool,
) -> tuple[Float32[np.ndarray, "syllable knot"], Float32[np.ndarray, "syllable knot"]]:
    """Return the audio of syllables at their knots, both ends included, and its slope per second.

    Args:
        keys: Key of the talk that each belongs to.
        channel: Channel index of each.
        number: Its number in the talk, which may be negative.
        emphasised: Whether the peak of 0.5 to 1 is that of the audio after pre-emphasis, which is
            the slope over 2π·1 kHz, or that of the audio itself.
    """
    spectrum = _spectra(keys, channel, number)
    level = spectrum[1]
    padded = np.zeros((len(keys), KNOTS // 2 + 1), np.complex64)
    lines = slice(_FIRST_LINE - 1, _LAST_LINE + 2)
    padded[:, lines] = spectrum[0]
    audio = scipy.fft.irfft(padded, KNOTS, axis=-1)
    turn = 2j * np.pi * _LINE_HZ * np.arange(_FIRST_LINE - 1, _LAST_LINE + 2)
    padded[:, lines] *= turn.astype(np.complex64)
    slope = scipy.fft.irfft(padded, KNOTS, axis=-1)
    limited = slope / np.float32(2 * np.pi * EMPHASIS_HZ) if emphasised else audio
    peak = np.abs(limited).max(axis=-1)
    scale = (level / np.maximum(peak, np.float32(1e-20)))[:, None]
    return _closed(audio * scale), _closed(slope * scale)


def _closed(knots: Float32[np.ndarray, "syllable knot"]) -> Float32[np.ndarray, "syllable ends"]:
    return np.concatenate([knots, knots[:, :1]], axis=1)


def _spectra(
    keys: UInt64[np.ndarray, "syllable 2"],
    channel: Int64[np.ndarray, "syllable"],
    number: Int64[np.ndarray, "syllable"],
) -> tuple[Complex64[np.ndarray, "syllable line"], Float32[np.ndarray, "syllable"]]:
    """Return lines with their envelope, and the level of each syllable, 0 for pauses."""
    blocks = 1 + -(-len(_LINES) // _PHASES_A_COUNTER)
    counter = np.empty((len(keys), blocks, 2), np.uint64)
    counter[..., 0] = (channel.astype(np.uint64) << np.uint64(32))[:, None] + np.arange(
        blocks, dtype=np.uint64
    )
    counter[..., 1] = number.view(np.uint64)[:, None]
    random = np.ascontiguousarray(words(keys[:, None], counter), "<u8").view(np.uint16)
    traits = random[:, 0]
    kind = _between(traits[:, 0], 0.0, 1.0)
    voiced = kind >= _PAUSE_SHARE + _UNVOICED_SHARE
    amplitude = np.where(voiced[:, None], _voiced(traits), _fricative(traits[:, 2]))
    phase = random[:, 1:].reshape(len(keys), -1)[:, : len(_LINES)] * np.float32(2 * np.pi / 65536)
    lines = np.zeros((len(keys), len(_LINES) + 4), np.complex64)
    lines[:, 2:-2] = amplitude * np.exp(1j * phase)
    # A product with the Hann envelope in time.
    shaped = lines[:, 1:-1] / 2 - (lines[:, :-2] + lines[:, 2:]) / 4
    level = np.where(kind < _PAUSE_SHARE, 0.0, _between(traits[:, 5], *_LEVEL))
    return shaped.astype(np.complex64), level.astype(np.float32)


def _voiced(traits: UInt16[np.ndarray, "syllable trait"]) -> Float32[np.ndarray, "syllable line"]:
    """Return harmonics under three formants; the source falls by 12 dB an octave, the lips give back 6."""
    pitch = np.floor(_between(traits[:, 1], *_PITCH_LINES)).astype(np.int64)
    frequency = _LINES * _LINE_HZ
    gain = np.zeros((len(traits), len(_LINES)))
    for formant, (low, high, width) in enumerate(_FORMANTS_HZ):
        centre = _between(traits[:, 2 + formant], low, high)[:, None]
        gain += 1 / np.sqrt(1 + ((frequency - centre) / (width / 2)) ** 2)
    harmonic: Bool[np.ndarray, "syllable line"] = _LINES % pitch[:, None] == 0
    return np.asarray(np.where(harmonic, gain / frequency, 0.0), np.float32)


def _fricative(trait: Random) -> Float32[np.ndarray, "syllable line"]:
    """Return noise around a broad resonance."""
    centre = _between(trait, 1500.0, 2900.0)[:, None]
    return np.asarray(1 / np.sqrt(1 + ((_LINES * _LINE_HZ - centre) / 600.0) ** 2), np.float32)


def _between(random: Random, low: float, high: float) -> Float64[np.ndarray, "syllable"]:
    return np.asarray(low + (high - low) * (random / 65536.0), np.float64)
