"""The downlink of several cells as baseband samples: whole frames or windows of any length."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
from jaxtyping import Bool, Complex64, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.waveforms.baseband import Baseband, Layout
from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.framing import frame_slots, frame_windows
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.numerology import SUBFRAMES_PER_FRAME, numerology
from iqatlas.waveforms.lte.sib1 import DEFAULT_BAND
from iqatlas.waveforms.lte.spectra import Spectra
from iqatlas.waveforms.lte.subframe import CodedCell
from iqatlas.waveforms.lte.sync import check_cell_id
from iqatlas.waveforms.request import Request
from iqatlas.waveforms.spec import LteWaveform

_BATCH_POINTS = 1 << 19
"""Transform points that random bits are drawn for at once: many enough that calls cost little."""
_LONG_POINTS, _LONG_SYMBOLS = 1 << 17, 28
"""Transform points and symbols above which a record is worth a turn of its own, which saves a copy."""


def check(spec: LteWaveform) -> None:
    """Refuse what single fields of a waveform spec can't show to be wrong.

    Raises:
        SpecError: There are more sub-channels than resource blocks.
    """
    Subchannels.centred(spec.subchannels, numerology(spec.bandwidth_mhz).resource_blocks)


class LteDownlink(Baseband):
    """FDD downlinks, one a cell.

    PSS, SSS, the broadcast channel and cell-specific reference signals stand at their places by absolute
    time, in vacant sub-channels too. The system frame number counts from sample 0.

    With ``payload: symbols``, random symbols are on every other resource element of the occupied
    sub-channels, and with control off also on the elements that control would hold. With
    ``payload: coded``, every channel of the standard is there: control channels and system information
    too, whatever is vacant, and transport blocks in the occupied sub-channels, which therefore switch
    between subframes only.

    Mean power is 1 mW with a unit-energy symbol on each resource element of the carrier, all channels at
    0 dB. Of the 72 elements that a synchronisation signal reserves ten stay empty, as in the standard.
    Two antenna ports stand at one position: what is returned is their sum, of the same mean power.

    Args:
        spec: Bandwidth, prefix, ports, sub-channels, control, payload and its modulation.
        cell_ids: Physical-layer cell identity of each site.
        band: E-UTRA operating band that coded system information tells.

    Raises:
        SpecError: There are more sub-channels than resource blocks, or no such cell identity.

    Source: TS 36.211, sections 6.2, 6.3, 6.10.1, 6.11 and 6.12; :mod:`iqatlas.waveforms.lte.subframe`.
    """

    def __init__(self, spec: LteWaveform, *, cell_ids: Sequence[int], band: int = DEFAULT_BAND) -> None:
        self.spec = spec
        self.cell_ids = tuple(cell_ids)
        for cell_id in self.cell_ids:
            check_cell_id(cell_id)
        extended = spec.cyclic_prefix == "extended"
        self.numerology = numerology(spec.bandwidth_mhz, extended_prefix=extended)
        self.subchannels = Subchannels.centred(spec.subchannels, self.resource_blocks)
        cells = [Cell(number, self.resource_blocks, spec.antenna_ports, extended) for number in self.cell_ids]
        self._spectra = Spectra(spec, cells, self.numerology, self.subchannels, band=band)
        slot = self.numerology.samples_per_slot
        super().__init__(
            Layout(
                sites=len(cells),
                sample_rate_hz=self.numerology.sample_rate_hz,
                switching_samples=2 * slot if self.coded_cells else slot,
                subcarrier_hz=self.numerology.subcarrier_hz,
                subchannel_subcarriers=self.subchannels.subcarriers,
                subchannel_edges_hz=self.subchannels.edges_hz(self.numerology),
            )
        )

    @property
    def coded_cells(self) -> tuple[CodedCell, ...]:
        """The cells whose channels decode; none with ``payload: symbols``."""
        return self._spectra.coded_cells

    @property
    def fft_size(self) -> int:
        """Points of the transform."""
        return self.numerology.fft_size

    @property
    def resource_blocks(self) -> int:
        """Resource blocks across the carrier."""
        return self.numerology.resource_blocks

    @property
    def resource_element_power(self) -> float:
        """Mean power, mW, of one subcarrier that always carries a unit-energy symbol at 0 dB."""
        return 1.0 / self.numerology.subcarriers

    @property
    def samples_per_frame(self) -> int:
        """Samples in a radio frame of 10 ms."""
        return self.numerology.samples_per_frame

    @property
    def symbol_start_samples(self) -> Int64[np.ndarray, "symbol_of_frame"]:
        """First sample, prefix included, of each symbol of a frame."""
        return self.numerology.symbol_start(np.arange(self.numerology.symbols_per_frame))

    def full_load_spectrum(self) -> Float64[np.ndarray, "site subcarrier"]:
        """Return the mean power, mW, of each subcarrier with all sub-channels occupied.

        The mean is over a frame's samples, so that a symbol weighs what it lasts. Left-over
        resource blocks carry the control of each cell alone.
        """
        sites, numbers = len(self.cell_ids), self.numerology
        power = np.zeros((numbers.symbols_per_frame, sites, numbers.subcarriers))
        if self.coded_cells:
            power[:] = self._coded_power()
        else:
            power[..., self.subchannel_subcarriers.reshape(-1)] = self._spectra.amplitude("payload") ** 2
        if (broadcast := self._spectra.broadcast) is not None:
            symbols = broadcast.first_symbol + np.arange(pbch.SYMBOLS)
            used = np.swapaxes(broadcast.used, 0, 1) * self._spectra.amplitude("broadcast") ** 2
            power[symbols[:, None], :, broadcast.subcarrier] = np.swapaxes(used, 1, 2)
        for control in self._spectra.control:
            (symbol,) = np.nonzero(control.ordinal >= 0)
            # Each ordinal belongs to one symbol, in the same order.
            where = (symbol[:, None, None], np.arange(sites)[:, None], control.subcarrier)
            power[where] = np.abs(control.value) ** 2
        length = numbers.symbol_samples[np.arange(numbers.symbols_per_frame) % len(numbers.symbol_samples)]
        return np.tensordot(length / self.samples_per_frame, power, axes=1)

    def _coded_power(self) -> Float64[np.ndarray, "symbol site subcarrier"]:
        """Return the mean power of each element of a coded frame at full load, reference and sync apart.

        An even and an odd frame stand for all: messages lie at the same places in every second one.
        """
        subframe_symbols = self.numerology.symbols_per_subframe
        busy, key = np.ones(self.subchannels.count, bool), np.zeros(2, np.uint64)
        used = np.empty(
            (2, SUBFRAMES_PER_FRAME, len(self.coded_cells), subframe_symbols, self.numerology.subcarriers),
            bool,
        )
        for subframe, (site, coded) in product(range(20), enumerate(self.coded_cells)):
            sent = coded.ports(subframe, busy, key)
            used[subframe // 10, subframe % 10, site] = (sent != 0).any(axis=0)
        share = used.mean(axis=0) * self._spectra.coded_levels[:, None] ** 2
        share = np.moveaxis(share, 1, 2)
        power: Float64[np.ndarray, "symbol site subcarrier"] = share.reshape(-1, *share.shape[2:])
        return power

    def windows(self, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return windows. Only the symbols that they touch are computed."""
        if request.slot_samples % self.switching_samples and self.coded_cells:
            # What a subframe announces at its head holds to its end: the labels would be wrong.
            raise SpecError(
                f"slots of {request.slot_samples} samples cut the subframes of coded payload",
                where="slot_samples",
                accepted=f"multiples of {self.switching_samples}, 1 ms",
                remedy="make occupancy.slot_s whole milliseconds, or choose payload: symbols",
            )
        numbers, start = self.numerology, request.start_sample
        out = np.empty((len(start), self.sites, request.samples), np.complex64)
        if out.size == 0:
            return out
        batch_symbols = max(1, _BATCH_POINTS // (self.fft_size * self.sites))
        first = numbers.symbol_at(start)
        touched = numbers.symbol_at(start + request.samples - 1) - first + 1
        longest = int(touched.max())
        if longest <= _LONG_SYMBOLS or longest * self.sites * self.fft_size <= _LONG_POINTS:
            batch = np.cumsum(touched) // batch_symbols
            edges = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(out)]
            for low, high in pairwise(edges):
                self._short(out[low:high], request.part(low, high))
            return out
        for record in range(len(out)):
            self._long(out[record], request.part(record, record + 1), batch_symbols)
        return out

    def _short(self, out: Complex64[np.ndarray, "record site sample"], request: Request) -> None:
        """Fill windows of a few symbols each, all together."""
        numbers, start = self.numerology, request.start_sample
        first = numbers.symbol_at(start)
        touched = numbers.symbol_at(start + request.samples - 1) - first + 1
        record = np.repeat(np.arange(len(start)), touched)
        symbol = np.arange(len(record)) + np.repeat(first - (np.cumsum(touched) - touched), touched)
        occupied = self._occupied(symbol, record, request)
        bodies = self._spectra.symbols(symbol, record, occupied, request.keys)
        frame_windows(out, numbers, start, record, symbol, bodies)

    def _long(self, out: Complex64[np.ndarray, "site sample"], request: Request, batch_symbols: int) -> None:
        """Fill one long window: whole slots go where they belong at once, the ends are short windows."""
        numbers, each = self.numerology, self.numerology.samples_per_slot
        (begin,), samples = request.start_sample.tolist(), request.samples
        head, tail = -(-begin // each), (begin + samples) // each
        if head >= tail:
            self._short(out[None], request)
            return
        step = max(1, batch_symbols // numbers.symbols_per_slot)
        for low in range(head, tail, step):
            high = min(low + step, tail)
            symbol = np.arange(low * numbers.symbols_per_slot, high * numbers.symbols_per_slot)
            occupied = self._occupied(symbol, np.zeros_like(symbol), request)
            for slot, bodies in self._spectra.slots(low, occupied, request.keys):
                at = slot * each - begin
                length = len(bodies) // numbers.symbols_per_slot * each
                frame_slots(out[:, at : at + length], numbers, bodies)
        for at, to in ((0, head * each - begin), (tail * each - begin, samples)):
            if at < to:
                self._short(out[None, :, at:to], request.cut(at, to))

    def _occupied(
        self, symbol: Int64[np.ndarray, "symbol"], record: Int64[np.ndarray, "symbol"], request: Request
    ) -> Bool[np.ndarray, "symbol site subchannel"]:
        """Return which sub-channels hold payload in symbols of records."""
        slot = self.numerology.symbol_start(symbol) // request.slot_samples - request.first_slot[record]
        near = np.clip(slot, 0, request.occupancy.shape[1] - 1)
        occupied: Bool[np.ndarray, "symbol site subchannel"] = request.occupancy[record, near]
        return occupied
