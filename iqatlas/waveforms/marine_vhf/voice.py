"""Voice on several marine channels as baseband samples: windows of any length, any start."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Complex64, Float32, Float64, Int64, UInt64

from iqatlas.errors import SpecError
from iqatlas.seeds import words
from iqatlas.waveforms.baseband import Baseband, Layout
from iqatlas.waveforms.marine_vhf.channels import CHANNEL_SPACING_HZ, channel_frequency_hz
from iqatlas.waveforms.marine_vhf.speech import EMPHASIS_HZ, KNOT_HZ, KNOTS, syllables
from iqatlas.waveforms.request import Request
from iqatlas.waveforms.spec import MarineVhfWaveform

DEVIATION_HZ = 5000.0
DEPTH = 0.85
RAMP_S = 0.2e-3
"""Raised-cosine rise and fall of a carrier at the edge of a slot, inside the slot that it is sent in."""
SPECTRUM_STEP_HZ = 1000.0
_SPECTRUM_BINS = 25
_FINE_PER_STEP = 20
_PIECE_SAMPLES = 1 << 18
"""Samples worked on at once, over the sites of a channel."""
_USED_SHARE = 0.8
"""How much of the sampled band channels may fill where the rate is chosen for them."""
_LARGEST_OFFSET_HZ = 20e6
_REFERENCE_SYLLABLES = 256
_PHASE_COUNTER = np.uint64(0x8000_0000)


class MarineVhfVoice(Baseband):
    """Push-to-talk voice on the VHF maritime mobile band, one transmitter a site and channel.

    A channel is on the air for whole occupancy slots, carrier and all. While it is, somebody speaks:
    what is said is a function of key, channel and time alone. Phases are in closed form, so that a
    window equals the same samples of the whole to rounding of float32. Mean power is 1 mW with every
    channel on the air, shared equally.

    Args:
        spec: Channels and modulation.
        sites: Number of sites.
        carrier_hz: Radio frequency at the middle of the baseband.

    Raises:
        SpecError: No such channel, the same one twice, or channels out of the sampled band.

    Source: ITU-R M.489 (25 kHz channels, deviation of ±5 kHz, pre-emphasis of 6 dB an octave, audio
    up to 3 kHz); Radio Regulations, appendix 18.
    """

    def __init__(self, spec: MarineVhfWaveform, *, sites: int, carrier_hz: float) -> None:
        self.spec = spec
        frequency = np.array(sorted(channel_frequency_hz(number) for number in spec.channels), np.float64)
        if np.any(np.diff(frequency) == 0):
            raise SpecError("two of the channels have the same frequency", where="waveform.channels")
        self.offset_hz: Float64[np.ndarray, "subchannel"] = frequency - carrier_hz
        reach = float(np.abs(self.offset_hz).max()) + CHANNEL_SPACING_HZ / 2
        if reach > _LARGEST_OFFSET_HZ:
            raise SpecError(
                f"channels lie {reach / 1e6:,.1f} MHz away from {carrier_hz / 1e6:,.3f} MHz",
                where="carrier",
                accepted=f"a frequency near {frequency.mean() / 1e6:.3f} MHz",
                remedy="leave carrier out, and it is the middle of the channels",
            )
        self._rate = _sample_rate_hz(spec.sample_rate_hz, reach)
        self._syllable_samples = round(KNOTS * self._rate / KNOT_HZ)
        self._knot_samples = round(self._rate / KNOT_HZ)
        self._deviation_hz = DEVIATION_HZ if spec.deviation_hz is None else spec.deviation_hz
        self._depth = DEPTH if spec.depth is None else spec.depth
        shape, audio_power = _reference(spec.modulation, self._deviation_hz, self._depth)
        self._shape = shape
        share = 1.0 / len(frequency)
        carrier_share = 1.0 if spec.modulation == "fm" else 1.0 / (1.0 + self._depth**2 * audio_power)
        self._amplitude = np.float32(np.sqrt(share * carrier_share))
        # The spectrum is given at 25 frequencies a channel, 1 kHz apart.
        within = (np.arange(_SPECTRUM_BINS) - _SPECTRUM_BINS // 2) * SPECTRUM_STEP_HZ
        super().__init__(
            Layout(
                sites=sites,
                sample_rate_hz=self._rate,
                switching_samples=round(self._rate / 2000),
                subcarrier_hz=(self.offset_hz[:, None] + within).reshape(-1),
                subchannel_subcarriers=np.arange(len(frequency) * _SPECTRUM_BINS).reshape(-1, _SPECTRUM_BINS),
                subchannel_edges_hz=self.offset_hz[:, None] + np.array([-0.5, 0.5]) * CHANNEL_SPACING_HZ,
            )
        )

    def full_load_spectrum(self) -> Float64[np.ndarray, "site subcarrier"]:
        """Return the mean power, mW, around each frequency with all channels on the air.

        The shape within a channel is that of 256 syllables of a fixed key.
        """
        channels = len(self.offset_hz)
        return np.tile(self._shape / channels, (self.sites, channels))

    def windows(self, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return windows of all channels that are on the air."""
        start_sample, samples, keys = request.start_sample, request.samples, request.keys
        occupancy, first_slot, slot_samples = request.occupancy, request.first_slot, request.slot_samples
        out = np.zeros((len(start_sample), self.sites, samples), np.complex64)
        rows = out.reshape(-1, samples)
        for channel in range(len(self.offset_hz)):
            (busy,) = np.nonzero(occupancy[..., channel].any(axis=1).reshape(-1))
            for low in range(0, samples, _PIECE_SAMPLES):
                length = min(_PIECE_SAMPLES, samples - low)
                step = max(1, _PIECE_SAMPLES // length)
                for first in range(0, len(busy), step):
                    row = busy[first : first + step]
                    record, site = np.divmod(row, self.sites)
                    begin = start_sample[record] + low
                    on = occupancy[record, :, site, channel]
                    gain = _gain(
                        begin, length, on, first_slot[record], slot_samples, round(RAMP_S * self._rate)
                    )
                    rows[row, low : low + length] += gain * self._channel(
                        channel, begin, length, keys[record, site]
                    )
        return out

    def speech(
        self,
        *,
        channel: int,
        start_sample: Int64[np.ndarray, "talk"],
        samples: int,
        keys: UInt64[np.ndarray, "talk 2"],
    ) -> Float32[np.ndarray, "talk sample"]:
        """Return what is said on a channel, before any pre-emphasis.

        Args:
            channel: Index of the channel, in order of frequency.
            start_sample: First sample of each window.
            samples: Length of the windows.
            keys: Key of each talk.
        """
        numbers = np.full(len(keys), channel, np.int64)
        begin = start_sample + self._talk_offset(numbers, keys)
        first = begin // self._syllable_samples
        touched = (begin + samples - 1) // self._syllable_samples - first + 1
        before = np.cumsum(touched) - touched
        talk = np.repeat(np.arange(len(keys)), touched)
        number = np.arange(len(talk)) - before[talk] + first[talk]
        audio, slope = syllables(keys[talk], numbers[talk], number, emphasised=self.spec.modulation == "fm")
        sample = begin[:, None] + np.arange(samples)
        syllable, within = np.divmod(sample, self._syllable_samples)
        knot, past = np.divmod(within, self._knot_samples)
        place = (before[:, None] + syllable - first[:, None]) * (KNOTS + 1) + knot
        return _between_knots(audio, slope, place, (past / self._knot_samples).astype(np.float32))

    def _channel(
        self,
        channel: int,
        start: Int64[np.ndarray, "talk"],
        samples: int,
        keys: UInt64[np.ndarray, "talk 2"],
    ) -> Complex64[np.ndarray, "talk sample"]:
        """Return a modulated carrier that is on all the time."""
        audio = self.speech(channel=channel, start_sample=start, samples=samples, keys=keys)
        _, turn = self._talk(np.full(len(keys), channel, np.int64), keys)
        sample = start[:, None] + np.arange(samples)
        cycles = sample * (self.offset_hz[channel] / self._rate) + turn[:, None]
        phase = (2 * np.pi * (cycles - np.floor(cycles))).astype(np.float32)
        amplitude: Float32[np.ndarray, "*#talk #sample"] = np.full((1, 1), self._amplitude)
        if self.spec.modulation == "fm":
            # Audio, pre-emphasised by its slope, and integrated to a phase: audio again.
            phase += np.float32(self._deviation_hz / EMPHASIS_HZ) * audio
        else:
            amplitude = self._amplitude * (1 + np.float32(self._depth) * audio)
        signal = np.empty(phase.shape, np.complex64)
        signal.real, signal.imag = np.cos(phase), np.sin(phase)
        signal *= amplitude
        return signal

    def _talk_offset(
        self, channel: Int64[np.ndarray, "talk"], keys: UInt64[np.ndarray, "talk 2"]
    ) -> Int64[np.ndarray, "talk"]:
        return self._talk(channel, keys)[0]

    def _talk(
        self, channel: Int64[np.ndarray, "talk"], keys: UInt64[np.ndarray, "talk 2"]
    ) -> tuple[Int64[np.ndarray, "talk"], Float64[np.ndarray, "talk"]]:
        """Return how far into a syllable each talk is at sample 0, and its carrier's phase in turns."""
        counter = np.zeros((len(keys), 2), np.uint64)
        counter[:, 0] = (channel.astype(np.uint64) << np.uint64(32)) | _PHASE_COUNTER
        random = words(keys, counter)
        offset = (random[:, 0] % np.uint64(self._syllable_samples)).astype(np.int64)
        return offset, random[:, 1] / 2.0**64


def _sample_rate_hz(asked: float | None, reach_hz: float) -> float:
    if asked is None:
        rate = 2 * CHANNEL_SPACING_HZ
        while rate * _USED_SHARE < 2 * reach_hz:
            rate *= 2
        return float(rate)
    if asked % KNOT_HZ:
        raise SpecError(
            f"{asked:g} Hz", where="waveform.sample_rate_hz", accepted=f"multiples of {KNOT_HZ} Hz"
        )
    if asked < 2 * reach_hz:
        raise SpecError(
            f"channels reach {reach_hz:g} Hz from the carrier, beyond half of {asked:g} Hz",
            where="waveform.sample_rate_hz",
            accepted=f"{2 * reach_hz:g} or more",
        )
    return asked


def _gain(
    start: Int64[np.ndarray, "talk"],
    samples: int,
    on: Bool[np.ndarray, "talk slot"],
    first_slot: Int64[np.ndarray, "talk"],
    slot_samples: int,
    ramp_samples: int,
) -> Float32[np.ndarray, "talk sample"]:
    """Return the keying: 1 in slots that are on, with a rise and a fall next to slots that are not."""
    # A long window needs no array of slots the length of all of them: only those that it touches.
    slot, past = np.divmod(start[:, None] + np.arange(samples), slot_samples)
    place = slot - first_slot[:, None]
    row, last = np.arange(len(start))[:, None], on.shape[1] - 1
    now, before, after = (on[row, np.clip(place + step, 0, last)] for step in (0, -1, 1))
    ramp_samples = max(1, min(ramp_samples, slot_samples // 2))
    edge = (0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp_samples) + 0.5) / ramp_samples)).astype(np.float32)
    # Past the ramp its last value is not quite 1; a 1 of its own goes behind it.
    edge = np.append(edge, np.float32(1))
    rise = np.where(before, np.float32(1), edge[np.minimum(past, ramp_samples)])
    fall = np.where(after, np.float32(1), edge[np.minimum(slot_samples - 1 - past, ramp_samples)])
    keyed: Float32[np.ndarray, "talk sample"] = now * rise * fall
    return keyed


def _between_knots(
    value: Float32[np.ndarray, "syllable knot"],
    slope: Float32[np.ndarray, "syllable knot"],
    place: Int64[np.ndarray, "talk sample"],
    past: Float32[np.ndarray, "talk sample"],
) -> Float32[np.ndarray, "talk sample"]:
    """Return cubic Hermite interpolation: values and slopes of the knots on either side fit."""
    values, slopes = value.reshape(-1), slope.reshape(-1) / np.float32(KNOT_HZ)
    v0, v1, s0, s1 = values[place], values[place + 1], slopes[place], slopes[place + 1]
    rise = v1 - v0
    square = 3 * rise - 2 * s0 - s1
    cube = s0 + s1 - 2 * rise
    return np.asarray(v0 + past * (s0 + past * (square + past * cube)), np.float32)


@lru_cache(maxsize=32)
def _reference(
    modulation: str, deviation_hz: float, depth: float
) -> tuple[Float64[np.ndarray, "bin"], float]:
    """Return a channel's mean spectrum as shares of its power, and the mean square of its audio."""
    number = np.arange(_REFERENCE_SYLLABLES, dtype=np.int64)
    keys = np.zeros((_REFERENCE_SYLLABLES, 2), np.uint64)
    audio = np.concatenate(
        [
            syllables(keys[part], 0 * number[part], number[part], emphasised=modulation == "fm")[0][:, :-1]
            for part in np.array_split(number, 8)
        ]
    ).reshape(-1)
    power = float(np.mean(np.square(audio), dtype=np.float64))
    signal = np.exp(1j * (deviation_hz / EMPHASIS_HZ) * audio) if modulation == "fm" else 1 + depth * audio
    points = round(_FINE_PER_STEP * KNOT_HZ / SPECTRUM_STEP_HZ)
    segments = signal.reshape(-1, points) * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(points) / points))
    density = np.mean(np.abs(np.fft.fftshift(np.fft.fft(segments), axes=-1)) ** 2, axis=0)
    # Bins of 1 kHz around multiples of it; the middle one is around the carrier.
    first = points // 2 - _SPECTRUM_BINS * _FINE_PER_STEP // 2
    inside = density[first : first + _SPECTRUM_BINS * _FINE_PER_STEP].reshape(_SPECTRUM_BINS, -1).sum(axis=1)
    return np.asarray(inside / inside.sum(), np.float64), power
