"""What sites send: a waveform of any kind, through transmitters as real as the spec asks for."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import gcd

import numpy as np
from jaxtyping import Complex64, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.seeds import Stage, stream
from iqatlas.waveforms import amplifier, interpolation
from iqatlas.waveforms.baseband import Baseband
from iqatlas.waveforms.lte.downlink import LteDownlink
from iqatlas.waveforms.lte.sib1 import DEFAULT_BAND
from iqatlas.waveforms.marine_vhf.voice import MarineVhfVoice
from iqatlas.waveforms.oscillator import carrier_turn, turned, wiener_phase
from iqatlas.waveforms.request import Request
from iqatlas.waveforms.spec import LteWaveform, MarineVhfWaveform, Transmitter
from iqatlas.waveforms.windowing import edge_samples, with_soft_edges

FRAME_S = 0.01
_TILES_A_SLOT = 32
"""Where frames are not aligned, occupancy is looked up on a grid of so many parts of 0.5 ms."""


def baseband_for(
    waveform: LteWaveform | MarineVhfWaveform,
    *,
    cell_ids: Sequence[int],
    carrier_hz: float,
    band: int | None = None,
) -> LteDownlink | MarineVhfVoice:
    """Return the waveform that a spec asks for, as ideal transmitters send it.

    Args:
        waveform: The spec's waveform.
        cell_ids: Physical cell identity of each site; voice uses only how many there are.
        carrier_hz: Radio frequency at the middle of the baseband.
        band: E-UTRA operating band of the carrier; none where no band has it.

    Raises:
        SpecError: Parts of the waveform don't fit each other or the carrier.
    """
    if isinstance(waveform, MarineVhfWaveform):
        return MarineVhfVoice(waveform, sites=len(cell_ids), carrier_hz=carrier_hz)
    return LteDownlink(waveform, cell_ids=cell_ids, band=DEFAULT_BAND if band is None else band)


class Transmission(Baseband):
    """A waveform sent by real transmitters, with the interface of the waveform itself.

    In order: transitions between symbols, frame timing, sampling clock, carrier offset, phase noise,
    amplifier. Each is a function of absolute time, so that a window equals the same samples of the
    whole to rounding of float32. With everything off, it is the waveform itself, bit for bit.

    Args:
        waveform: The spec's waveform.
        transmitter: The spec's transmitter.
        cell_ids: Physical cell identity of each site.
        carrier_hz: Radio frequency at the middle of the baseband.
        band: E-UTRA operating band of the carrier; none where no band has it.
        seed: The spec's seed; what is drawn for each site follows from it.

    Raises:
        SpecError: Parts of the spec don't fit each other.
    """

    def __init__(
        self,
        waveform: LteWaveform | MarineVhfWaveform,
        transmitter: Transmitter,
        *,
        cell_ids: Sequence[int],
        carrier_hz: float,
        band: int | None = None,
        seed: int,
    ) -> None:
        self.spec = transmitter
        self._cell_ids = tuple(cell_ids)
        self._baseband_for = partial(baseband_for, waveform, carrier_hz=carrier_hz, band=band)
        self.baseband: Baseband = self._baseband_for(cell_ids=cell_ids)
        super().__init__(self.baseband.layout)
        self._numerology = self.baseband.numerology if isinstance(self.baseband, LteDownlink) else None
        if self._numerology is None:
            _refuse_frames(transmitter)
        if isinstance(waveform, LteWaveform) and waveform.payload == "coded":
            _refuse_own_time(transmitter)
        rate = self.baseband.sample_rate_hz
        self._edge = edge_samples(self._numerology, transmitter.edge_window) if self._numerology else 0
        timing = stream(seed, Stage.TRANSMITTER, 0).integers(0, round(FRAME_S * rate), len(self._cell_ids))
        self.timing_samples: Int64[np.ndarray, "site"] = np.where(
            transmitter.frame_timing == "random", timing, 0
        )
        """How late the frames of each site begin."""
        self.carrier_offset_hz: Float64[np.ndarray, "site"] = (
            self._drawn(transmitter.carrier_offset_ppm, seed, 1) * 1e-6 * carrier_hz
        )
        """By how much each site's carrier is too high."""
        self.clock_error: Float64[np.ndarray, "site"] = (
            self._drawn(transmitter.sampling_offset_ppm, seed, 2) * 1e-6
        )
        """Relative error of each site's sampling clock."""
        self._off_time = bool(self.timing_samples.any() or self.clock_error.any())
        # A site of its own time is synthesised by itself.
        self._singles: tuple[Baseband, ...] = ()
        if self._off_time:
            self._singles = tuple(self._baseband_for(cell_ids=[cell_id]) for cell_id in cell_ids)
        self._mean_mw = self.baseband.full_load_spectrum().sum(axis=1)

    def alone(self, site: int) -> Transmission:
        """Return the transmission of one site by itself, with the same timing and offsets.

        Args:
            site: Place of the site.
        """
        only = copy.copy(self)
        only._cell_ids = self._cell_ids[site : site + 1]
        only.baseband = self._baseband_for(cell_ids=only._cell_ids)
        only.layout = only.baseband.layout
        only.timing_samples = self.timing_samples[site : site + 1]
        only.carrier_offset_hz = self.carrier_offset_hz[site : site + 1]
        only.clock_error = self.clock_error[site : site + 1]
        only._mean_mw = self._mean_mw[site : site + 1]
        only._off_time = bool(only.timing_samples.any() or only.clock_error.any())
        only._singles = (only.baseband,) if only._off_time else ()
        return only

    def _drawn(self, value: float | tuple[float, float], seed: int, index: int) -> np.ndarray:
        if isinstance(value, tuple):
            return stream(seed, Stage.TRANSMITTER, index).uniform(*value, size=len(self._cell_ids))
        return np.full(len(self._cell_ids), float(value))

    @property
    def occupied_bandwidth_hz(self) -> float:
        """Bandwidth of all sub-channels together."""
        step = self.subcarrier_hz[1] - self.subcarrier_hz[0]
        return float(self.subchannel_subcarriers.size * step)

    @property
    def settling_samples(self) -> int:
        """How far past the start of a slot the slot before can still be heard from a site.

        None with frames that are aligned to the slots; else a symbol that began in the slot before,
        and the grid that occupancy is then looked up on.
        """
        if not self._off_time:
            return 0
        symbol = int(self._numerology.symbol_samples.max()) if self._numerology else 0
        return symbol + self._tile_samples

    @property
    def _tile_samples(self) -> int:
        slot = self.samples_per_slot
        return slot // gcd(slot, _TILES_A_SLOT)

    def full_load_spectrum(self) -> Float64[np.ndarray, "site subcarrier"]:
        """Return the mean power, mW, at each frequency with all sub-channels occupied.

        What an amplifier takes away is spread evenly: exact for the sum over a nearly Gaussian signal.
        """
        gain = amplifier.power_gain(self.spec.amplifier) if self.spec.amplifier else 1.0
        return gain * self.baseband.full_load_spectrum()

    def windows(self, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return windows on the axis of true time."""
        margin = amplifier.MARGIN if self.spec.amplifier else 0
        wider = request.cut(-margin, request.samples + margin)
        begin, length = wider.start_sample, wider.samples
        sent = self._in_own_time(wider) if self._off_time else self._ideal(self.baseband, wider)
        if self.carrier_offset_hz.any():
            turn = carrier_turn(
                begin, length, offset_hz=self.carrier_offset_hz, sample_rate_hz=self.sample_rate_hz
            )
            sent = turned(sent, turn)
        if self.spec.phase_noise:
            walk = wiener_phase(
                request.keys,
                begin,
                length,
                linewidth_hz=self.spec.phase_noise.linewidth_hz,
                sample_rate_hz=self.sample_rate_hz,
            )
            sent = turned(sent, walk)
        if self.spec.amplifier:
            sent = amplifier.amplified(sent, self.spec.amplifier, mean_power_mw=self._mean_mw)
        return sent

    def _ideal(self, baseband: Baseband, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return windows by the time of the waveform itself, with transitions between symbols."""
        if not self._edge or self._numerology is None:
            return baseband.windows(request)
        plain = baseband.windows(request.cut(-self._numerology.fft_size, request.samples))
        return with_soft_edges(
            plain, start_sample=request.start_sample, numerology=self._numerology, edge=self._edge
        )

    def _in_own_time(self, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return windows of sites whose frames begin late and whose clocks are off."""
        start, samples = request.start_sample, request.samples
        out = np.empty((len(start), self.sites, samples), np.complex64)
        for site, single in enumerate(self._singles):
            own = start - self.timing_samples[site]
            error = self.clock_error[site]
            # Drift and whole samples apart: far from sample 0 a fraction would lose its last bits.
            drift = own[:, None] * error + np.arange(samples) * error
            exact = error == 0
            reach = 0 if exact else interpolation.REACH
            low = np.floor(drift.min(axis=1)).astype(np.int64) - reach
            span = 0 if exact else int(np.ceil(np.ptp(drift, axis=1).max())) + 2 * reach + 1
            asked = replace(request, start_sample=own + low, samples=samples + span)
            window = self._ideal(single, self._tiles(site, asked))[:, 0]
            if exact:
                out[:, site] = window
            else:
                position = np.arange(samples) + (drift - low[:, None])
                out[:, site] = interpolation.interpolated(window, position)
        return out

    def _tiles(self, site: int, request: Request) -> Request:
        """Return windows of one site with occupancy on a fine grid, so that it still follows true time.

        A part of the grid is of the slot that it begins in, so that nothing is sent before its slot.

        Args:
            site: Which site.
            request: Windows in the site's own time, occupancy of all sites in true time.
        """
        tile = self._tile_samples
        # A symbol that reaches into the window began at most one slot of 0.5 ms before it.
        before = self.samples_per_slot // tile + 1
        first = request.start_sample // tile - before
        begin = (first[:, None] + np.arange(request.samples // tile + before + 3)) * tile
        error = self.clock_error[site]
        true = self.timing_samples[site] + begin + np.floor(begin * (-error / (1 + error))).astype(np.int64)
        slot = true // request.slot_samples - request.first_slot[:, None]
        slot = np.clip(slot, 0, request.occupancy.shape[1] - 1)
        fine = request.occupancy[np.arange(len(first))[:, None], slot, site]
        return replace(
            request,
            occupancy=fine[:, :, None],
            first_slot=first,
            slot_samples=tile,
            keys=request.keys[:, site : site + 1],
        )


def _refuse_frames(transmitter: Transmitter) -> None:
    """Refuse what a waveform without frames and symbols can't have."""
    for name, off in (("frame_timing", "aligned"), ("sampling_offset_ppm", 0.0), ("edge_window", 0.0)):
        if getattr(transmitter, name) != off:
            raise SpecError(
                "analogue voice has no frames, symbols or sampling clock",
                where=f"transmitter.{name}",
                accepted=str(off),
                remedy=f"leave {name} out",
            )


def _refuse_own_time(transmitter: Transmitter) -> None:
    """Refuse subframes that don't begin where occupancy slots do: what they announce would outlast a slot."""
    for name, off in (("frame_timing", "aligned"), ("sampling_offset_ppm", 0.0)):
        if getattr(transmitter, name) not in (off, (off, off)):
            raise SpecError(
                "coded subframes are switched as a whole, and have to begin with the occupancy slots",
                where=f"transmitter.{name}",
                accepted=str(off),
                remedy=f"leave {name} out, or choose waveform.payload: symbols",
            )
