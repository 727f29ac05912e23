"""The downlink of several cells as baseband samples: whole frames or windows of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise, product

import numpy as np
import scipy.fft
from jaxtyping import Bool, Complex64, Float32, Float64, Int64, UInt64

from iqatlas.errors import SpecError
from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.framing import frame_whole, frame_windows
from iqatlas.waveforms.lte.grid import (
    BroadcastElements,
    ControlElements,
    Subchannels,
    broadcast_elements,
    reference_elements,
    sync_elements,
)
from iqatlas.waveforms.lte.numerology import numerology
from iqatlas.waveforms.lte.payload import SymbolPayload
from iqatlas.waveforms.lte.subframe import CodedCell
from iqatlas.waveforms.lte.sync import check_cell_id, sync_subcarriers
from iqatlas.waveforms.request import check_request
from iqatlas.waveforms.spec import LteWaveform

_CHUNK_SAMPLES = 1 << 19
"""Transform points worked on at once (4 MiB): many enough that calls cost little, few enough for a cache."""
_LONG_SAMPLES, _LONG_SYMBOLS = 1 << 17, 28
"""Transform points and symbols above which a record is worth a turn of its own, which saves a copy."""
_VECTOR = 16
"""Transforms come in multiples of this: SciPy then takes its vector loop for each of them. Its
scalar loop for left-over ones may round otherwise, and a window would differ from its frame."""


def check(spec: LteWaveform) -> None:
    """Refuse what single fields of a waveform spec can't show to be wrong.

    Raises:
        SpecError: There are more sub-channels than resource blocks.
    """
    Subchannels.centred(spec.subchannels, numerology(spec.bandwidth_mhz).resource_blocks)


class LteDownlink:
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

    Raises:
        SpecError: There are more sub-channels than resource blocks, or no such cell identity.

    Source: TS 36.211, sections 6.2, 6.3, 6.10.1, 6.11 and 6.12; :mod:`iqatlas.waveforms.lte.subframe`.
    """

    def __init__(self, spec: LteWaveform, *, cell_ids: Sequence[int]) -> None:
        self.spec = spec
        self.cell_ids = tuple(cell_ids)
        for cell_id in self.cell_ids:
            check_cell_id(cell_id)
        extended = spec.cyclic_prefix == "extended"
        self.numerology = numerology(spec.bandwidth_mhz, extended_prefix=extended)
        self.subchannels = Subchannels.centred(spec.subchannels, self.resource_blocks)
        self._bins = self.numerology.subcarrier_bins
        # Payload is on neighbouring subcarriers: so many of them, so many of those below DC.
        payload = self.subchannel_subcarriers
        self._payload_size = payload.size
        self._payload_below = self.numerology.subcarriers // 2 - int(payload[0, 0])
        self._payload = SymbolPayload(spec.modulation, float(self._amplitude("payload")))
        self._cells = tuple(
            Cell(cell_id, self.resource_blocks, spec.antenna_ports, extended) for cell_id in self.cell_ids
        )
        self.coded_cells: tuple[CodedCell, ...] = ()
        if spec.payload == "coded":
            self.coded_cells = tuple(CodedCell(c, self.subchannels, spec.modulation) for c in self._cells)
        self._control: tuple[ControlElements, ...] = ()
        if spec.control and self.cell_ids:
            references = reference_elements(
                self.cell_ids,
                self.resource_blocks,
                antenna_ports=spec.antenna_ports,
                extended_prefix=extended,
            )
            syncs = sync_elements(self.cell_ids, self.resource_blocks, extended_prefix=extended)
            self._control = tuple(
                replace(elements, value=elements.value * self._amplitude(kind))
                for elements, kind in ((references, "reference"), (syncs, "synchronisation"))
            )

    @property
    def sample_rate_hz(self) -> float:
        """Sampling rate of the baseband."""
        return self.numerology.sample_rate_hz

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

    def _amplitude(self, kind: str) -> np.float32:
        """Return the amplitude, √mW, of a unit-energy symbol of one kind of channel."""
        level_db: float = getattr(self.spec.power, f"{kind}_db")
        return np.float32(np.sqrt(self.resource_element_power * 10 ** (level_db / 10)))

    @property
    def samples_per_slot(self) -> int:
        """Samples in an LTE slot of 0.5 ms."""
        return self.numerology.samples_per_slot

    @property
    def switching_samples(self) -> int:
        """Samples of which occupancy slots are multiples: a slot of LTE, or a coded subframe."""
        return self.samples_per_slot * (2 if self.coded_cells else 1)

    @property
    def samples_per_frame(self) -> int:
        """Samples in a radio frame of 10 ms."""
        return self.numerology.samples_per_frame

    @property
    def symbol_start_samples(self) -> Int64[np.ndarray, "symbol_of_frame"]:
        """First sample, prefix included, of each symbol of a frame."""
        return self.numerology.symbol_start(np.arange(self.numerology.symbols_per_frame))

    @property
    def subcarrier_hz(self) -> Float64[np.ndarray, "subcarrier"]:
        """Baseband frequency of each subcarrier in use."""
        return self.numerology.subcarrier_hz

    @property
    def subchannel_subcarriers(self) -> Int64[np.ndarray, "subchannel subcarrier"]:
        """Subcarriers of each sub-channel, as places on :attr:`subcarrier_hz`."""
        return self.subchannels.subcarriers

    @property
    def subchannel_edges_hz(self) -> Float64[np.ndarray, "subchannel 2"]:
        """Lower and upper edge of each sub-channel, relative to the carrier."""
        return self.subchannels.edges_hz(self.numerology)

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
            power[..., self.subchannel_subcarriers.reshape(-1)] = self._amplitude("payload") ** 2
        if self._broadcast is not None:
            symbols = self._broadcast.first_symbol + np.arange(pbch.SYMBOLS)
            used = np.swapaxes(self._broadcast.used, 0, 1) * self._amplitude("broadcast") ** 2
            power[symbols[:, None], :, self._broadcast.subcarrier] = np.swapaxes(used, 1, 2)
        for control in self._control:
            (symbol,) = np.nonzero(control.ordinal >= 0)
            # Each ordinal belongs to one symbol, in the same order.
            where = (symbol[:, None, None], np.arange(sites)[:, None], control.subcarrier)
            power[where] = np.abs(control.value) ** 2
        length = numbers.symbol_samples[np.arange(numbers.symbols_per_frame) % len(numbers.symbol_samples)]
        return np.tensordot(length / self.samples_per_frame, power, axes=1)

    @cached_property
    def _broadcast(self) -> BroadcastElements | None:
        """What random symbols leave to the broadcast channel; coded subframes hold it themselves."""
        if not self._control or self.coded_cells:
            return None
        elements = broadcast_elements(self._cells)
        return replace(elements, value=elements.value * self._amplitude("broadcast"))

    @cached_property
    def _control_places(self) -> tuple[Int64[np.ndarray, "symbol site element"], ...]:
        """Where each kind of control lies on the spectra of one symbol and all sites, laid end to end."""
        row = np.arange(len(self.cell_ids))[:, None] * self.fft_size
        return tuple(row + self._bins[control.subcarrier] for control in self._control)

    @cached_property
    def _coded_levels(self) -> Float32[np.ndarray, "10 symbol subcarrier"]:
        """Amplitude of the channels in each subframe of a frame, by the kind that has the element."""
        numbers = self.numerology
        shape = (10, numbers.symbols_per_subframe, numbers.subcarriers)
        levels = np.full(shape, self._amplitude("payload"), np.float32)
        if self.coded_cells:
            levels[:, : self.coded_cells[0].scheduler.control_symbols] = self._amplitude("control")
        broadcast = slice(numbers.symbols_per_slot, numbers.symbols_per_slot + pbch.SYMBOLS)
        levels[0, broadcast][:, sync_subcarriers(self.resource_blocks)] = self._amplitude("broadcast")
        return levels

    def _coded_power(self) -> Float64[np.ndarray, "symbol site subcarrier"]:
        """Return the mean power of each element of a coded frame at full load, reference and sync apart.

        An even and an odd frame stand for all: messages lie at the same places in every second one.
        """
        subframe_symbols = self.numerology.symbols_per_subframe
        busy, key = np.ones(self.subchannels.count, bool), np.zeros(2, np.uint64)
        used = np.empty((2, 10, len(self.coded_cells), subframe_symbols, self.numerology.subcarriers), bool)
        for subframe, (site, coded) in product(range(20), enumerate(self.coded_cells)):
            sent = coded.ports(subframe, busy, key)
            used[subframe // 10, subframe % 10, site] = (sent != 0).any(axis=0)
        share = used.mean(axis=0) * self._coded_levels[:, None] ** 2
        share = np.moveaxis(share, 1, 2)
        power: Float64[np.ndarray, "symbol site subcarrier"] = share.reshape(-1, *share.shape[2:])
        return power

    def synthesise(
        self,
        *,
        start_sample: Int64[np.ndarray, "record"],
        samples: int,
        occupancy: Bool[np.ndarray, "record slot site subchannel"],
        first_slot: Int64[np.ndarray, "record"],
        slot_samples: int,
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> Complex64[np.ndarray, "record site sample"]:
        """Return each site's transmitted baseband, √mW, in a window for each record.

        A window equals the same samples of a longer one bit for bit, whatever else is in the batch.
        Only the symbols that a window touches are computed.

        Args:
            start_sample: First sample of each window; sample 0 begins radio frame 0, and negative
                ones come before it.
            samples: Length of the windows.
            occupancy: Which sub-channels each site occupies in the occupancy slots around each
                window. A symbol belongs as a whole to the slot that its prefix begins in.
            first_slot: Occupancy slot, counted from sample 0, of the first entry on the axis
                ``slot``. Slots before the first entry and after the last one take the nearest.
            slot_samples: Samples in an occupancy slot; coded payload needs whole subframes.
            keys: Payload key of each record and site (see :func:`iqatlas.seeds.key`).

        Raises:
            SpecError: Shapes that don't fit each other, a length below one sample, or coded payload in
                slots that cut subframes.
        """
        check_request(
            start_sample,
            samples,
            occupancy=occupancy,
            first_slot=first_slot,
            slot_samples=slot_samples,
            keys=keys,
            sites=len(self.cell_ids),
            subchannels=self.subchannels.count,
        )
        if slot_samples % self.switching_samples and self.coded_cells:
            # What a subframe announces at its head holds to its end: the labels would be wrong.
            raise SpecError(
                f"slots of {slot_samples} samples cut the subframes of coded payload",
                where="slot_samples",
                accepted=f"multiples of {self.switching_samples}, 1 ms",
                remedy="make occupancy.slot_s whole milliseconds, or choose payload: symbols",
            )
        numbers, sites = self.numerology, len(self.cell_ids)
        out = np.empty((len(start_sample), sites, samples), np.complex64)
        if out.size == 0:
            return out
        chunk_symbols = max(1, _CHUNK_SAMPLES // (self.fft_size * sites))
        first = numbers.symbol_at(start_sample)
        touched = numbers.symbol_at(start_sample + samples - 1) - first + 1
        longest = int(touched.max())
        if longest <= _LONG_SYMBOLS or longest * sites * self.fft_size <= _LONG_SAMPLES:
            chunk = np.cumsum(touched) // chunk_symbols
            edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(out)]
            for low, high in pairwise(edges):
                part = slice(low, high)
                slots = (occupancy[part], first_slot[part], slot_samples)
                self._window(out[part], start_sample[part], slots, keys[part])
            return out
        # Long windows: one record at a time, and whole symbols go where they belong at once. The pieces
        # at either end are short windows.
        for record in range(len(out)):
            part = slice(record, record + 1)
            slots = (occupancy[part], first_slot[part], slot_samples)
            begin = start_sample[part]
            (tail,) = numbers.symbol_at(begin + samples).tolist()
            (head,) = (numbers.symbol_at(begin - 1) + 1).tolist()
            chunks = [*range(head, tail, chunk_symbols), tail]
            cuts = (numbers.symbol_start(np.array(chunks)) - begin).tolist()
            for (low, high), (at, to) in zip(pairwise(chunks), pairwise(cuts), strict=True):
                symbol = np.arange(low, high)
                bodies = self._symbols(symbol, np.zeros_like(symbol), slots, keys[part])
                frame_whole(out[record, :, at:to], numbers, low, bodies)
            for at, to in ((0, cuts[0]), (cuts[-1], samples)):
                if at < to:
                    self._window(out[part, :, at:to], begin + at, slots, keys[part])
        return out

    def _window(
        self,
        out: Complex64[np.ndarray, "record site sample"],
        start: Int64[np.ndarray, "record"],
        slots: tuple[Bool[np.ndarray, "record slot site subchannel"], Int64[np.ndarray, "record"], int],
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> None:
        """Fill one chunk of the result."""
        numbers, (records, _, samples) = self.numerology, out.shape
        first = numbers.symbol_at(start)
        touched = numbers.symbol_at(start + samples - 1) - first + 1
        record = np.repeat(np.arange(records), touched)
        symbol = np.arange(len(record)) + np.repeat(first - (np.cumsum(touched) - touched), touched)
        frame_windows(out, numbers, start, record, symbol, self._symbols(symbol, record, slots, keys))

    def _symbols(
        self,
        symbol: Int64[np.ndarray, "symbol"],
        record: Int64[np.ndarray, "symbol"],
        slots: tuple[Bool[np.ndarray, "record slot site subchannel"], Int64[np.ndarray, "record"], int],
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> Complex64[np.ndarray, "symbol site fft"]:
        """Return symbols of records without their prefix."""
        occupancy, first_slot, slot_samples = slots
        slot = self.numerology.symbol_start(symbol) // slot_samples - first_slot[record]
        slot = np.clip(slot, 0, occupancy.shape[1] - 1)
        return self._bodies(symbol, occupancy[record, slot], keys[record])

    def _bodies(
        self,
        symbol: Int64[np.ndarray, "symbol"],
        occupied: Bool[np.ndarray, "symbol site subchannel"],
        keys: UInt64[np.ndarray, "symbol site 2"],
    ) -> Complex64[np.ndarray, "symbol site fft"]:
        """Return symbols without their prefix."""
        count, sites, size = len(symbol), occupied.shape[1], self.fft_size
        padded = -(-count * sites // _VECTOR) * _VECTOR
        spectrum = np.empty((padded, size), np.complex64)
        spectrum[count * sites :] = 0
        grid = spectrum[: count * sites].reshape(count, sites, size)
        if self.coded_cells:
            grid[:] = 0
            self._fill_coded(grid, symbol, occupied, keys)
        else:
            elements = self._payload.elements(keys, symbol, self._payload_size, occupied)
            below, above = self._payload_below, self._payload_size - self._payload_below
            grid[..., 0] = 0
            grid[..., 1 : above + 1] = elements[..., below:]
            grid[..., above + 1 : size - below] = 0
            grid[..., size - below :] = elements[..., :below]

        if self._broadcast is not None:
            frame, place = np.divmod(symbol, self.numerology.symbols_per_frame)
            place = place - self._broadcast.first_symbol
            (at,) = np.nonzero((place >= 0) & (place < self._broadcast.used.shape[1]))
            value = self._broadcast.value[frame[at] % len(self._broadcast.value), :, place[at]]
            grid[at[:, None, None], np.arange(sites)[:, None], self._bins[self._broadcast.subcarrier]] = value

        flat = spectrum.reshape(-1)
        for control, places in zip(self._control, self._control_places, strict=True):
            ordinal = control.ordinal[symbol % self.numerology.symbols_per_frame]
            (at,) = np.nonzero(ordinal >= 0)
            flat[places[ordinal[at]] + (at * sites * size)[:, None, None]] = control.value[ordinal[at]]
        time = scipy.fft.ifft(spectrum, axis=-1, norm="forward", overwrite_x=True, workers=1)
        bodies: Complex64[np.ndarray, "symbol site fft"] = time[: count * sites].reshape(count, sites, size)
        return bodies

    def _fill_coded(
        self,
        grid: Complex64[np.ndarray, "symbol site fft"],
        symbol: Int64[np.ndarray, "symbol"],
        occupied: Bool[np.ndarray, "symbol site subchannel"],
        keys: UInt64[np.ndarray, "symbol site 2"],
    ) -> None:
        """Write the channels of coded subframes; symbols of one record and subframe are neighbours."""
        subframe, place = np.divmod(symbol, self.numerology.symbols_per_subframe)
        fresh = (np.diff(symbol) != 1) | (np.diff(subframe) != 0)
        # A record may begin in the subframe in which the one before it ends.
        fresh |= (keys[1:] != keys[:-1]).any(axis=(1, 2)) | (occupied[1:] != occupied[:-1]).any(axis=(1, 2))
        edges = [0, *(np.flatnonzero(fresh) + 1).tolist(), len(symbol)]
        for (low, high), (site, coded) in product(pairwise(edges), enumerate(self.coded_cells)):
            ports = coded.ports(int(subframe[low]), occupied[low, site], keys[low, site])
            sent = ports.sum(axis=0) * self._coded_levels[int(subframe[low]) % 10]
            grid[low:high, site, self._bins] = sent[place[low:high]]
