"""Spectra of symbols, every cell's: payload, control and broadcast on their bins, then the transform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.fft
from jaxtyping import Bool, Complex64, Float32, Int64, UInt64

from iqatlas.waveforms.lte import pbch
from iqatlas.waveforms.lte.cell import Cell
from iqatlas.waveforms.lte.grid import (
    BroadcastElements,
    ControlElements,
    Subchannels,
    broadcast_elements,
    broadcast_values,
    reference_elements,
    sync_elements,
)
from iqatlas.waveforms.lte.numerology import Numerology
from iqatlas.waveforms.lte.payload import SymbolPayload
from iqatlas.waveforms.lte.subframe import CodedCell
from iqatlas.waveforms.lte.sync import sync_subcarriers
from iqatlas.waveforms.spec import LteWaveform

_CACHE_POINTS = 1 << 17
"""Transform points worked on at once (1 MiB): what stays in a core's own cache until it is framed."""
_KEPT_SCATTERS = 64
_VECTOR = 16
"""Transforms come in multiples of this: SciPy then takes its vector loop for each of them. Its
scalar loop for left-over ones may round otherwise, and a window would differ from its frame."""


@dataclass(frozen=True, eq=False)
class _Scatter:
    """Where the control of some symbols goes, on their spectra laid end to end.

    Args:
        place: Places of reference and synchronisation signals.
        value: What goes there.
        broadcast: Which of the symbols carry the broadcast channel.
        broadcast_symbol: Which of the channel's symbols each of those is.
        broadcast_place: Places of the channel.
    """

    place: Int64[np.ndarray, "element"]
    value: Complex64[np.ndarray, "element"]
    broadcast: Int64[np.ndarray, "symbol"]
    broadcast_symbol: Int64[np.ndarray, "symbol"]
    broadcast_place: Int64[np.ndarray, "symbol site 72"]


class Spectra:
    """What several cells send in their symbols.

    Args:
        spec: Payload, control and the power of each kind of channel.
        cells: Cells of one bandwidth and prefix.
        numerology: Its sizes.
        subchannels: How the carrier is divided.
        band: Operating band that system information tells.
    """

    def __init__(
        self,
        spec: LteWaveform,
        cells: Sequence[Cell],
        numerology: Numerology,
        subchannels: Subchannels,
        *,
        band: int,
    ) -> None:
        self.spec, self.cells, self.numerology = spec, tuple(cells), numerology
        self.subchannels = subchannels
        self._bins = numerology.subcarrier_bins
        of_bin = np.full(numerology.fft_size, -1, np.int64)
        of_bin[self._bins[subchannels.subcarriers]] = np.arange(subchannels.count)[:, None]
        self._payload = SymbolPayload(spec.modulation, float(self.amplitude("payload")), of_bin)
        self.coded_cells: tuple[CodedCell, ...] = ()
        if spec.payload == "coded":
            self.coded_cells = tuple(
                CodedCell(cell, subchannels, spec.modulation, band) for cell in self.cells
            )
        self.control: tuple[ControlElements, ...] = ()
        """Reference and synchronisation signals with their amplitudes; none with control off."""
        if spec.control and self.cells:
            self.control = self._scaled_control()
        self._scatters: dict[tuple[int, int], _Scatter] = {}

    def _scaled_control(self) -> tuple[ControlElements, ...]:
        identities, extended = [cell.cell_id for cell in self.cells], self.numerology.extended_prefix
        blocks = self.numerology.resource_blocks
        references = reference_elements(
            identities, blocks, antenna_ports=self.spec.antenna_ports, extended_prefix=extended
        )
        syncs = sync_elements(identities, blocks, extended_prefix=extended)
        return tuple(
            replace(elements, value=elements.value * self.amplitude(kind))
            for elements, kind in ((references, "reference"), (syncs, "synchronisation"))
        )

    def amplitude(self, kind: str) -> np.float32:
        """Return the amplitude, √mW, of a unit-energy symbol of one kind of channel."""
        level_db: float = getattr(self.spec.power, f"{kind}_db")
        return np.float32(np.sqrt(10 ** (level_db / 10) / self.numerology.subcarriers))

    @cached_property
    def broadcast(self) -> BroadcastElements | None:
        """What random symbols leave to the broadcast channel; coded subframes hold it themselves."""
        if not self.control or self.coded_cells:
            return None
        return broadcast_elements(self.cells)

    @cached_property
    def _broadcast_values(self) -> Complex64[np.ndarray, "1024 site 4 72"]:
        return broadcast_values(self.cells, broadcast_elements(self.cells)) * self.amplitude("broadcast")

    @cached_property
    def coded_levels(self) -> Float32[np.ndarray, "10 symbol subcarrier"]:
        """Amplitude of the channels in each subframe of a frame, by the kind that has the element."""
        numbers = self.numerology
        shape = (10, numbers.symbols_per_subframe, numbers.subcarriers)
        levels = np.full(shape, self.amplitude("payload"), np.float32)
        if self.coded_cells:
            levels[:, : self.coded_cells[0].scheduler.control_symbols] = self.amplitude("control")
        broadcast = slice(numbers.symbols_per_slot, numbers.symbols_per_slot + pbch.SYMBOLS)
        levels[0, broadcast][:, sync_subcarriers(numbers.resource_blocks)] = self.amplitude("broadcast")
        return levels

    def symbols(
        self,
        symbol: Int64[np.ndarray, "symbol"],
        record: Int64[np.ndarray, "symbol"],
        occupied: Bool[np.ndarray, "symbol site subchannel"],
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> Complex64[np.ndarray, "symbol site fft"]:
        """Return symbols without their prefix, √mW.

        Args:
            symbol: Symbols, counted from the start of frame 0; negative ones come before it.
            record: Record of each.
            occupied: Which sub-channels hold payload in each.
            keys: Payload key of each record.
        """
        spectra = np.empty((self._padded(len(symbol)), self.numerology.fft_size), np.complex64)
        if self.coded_cells:
            self._put_coded(spectra, symbol, record, occupied, keys)
        else:
            random, kinds = self._payload.bytes(keys, record, symbol), self._payload.kinds(occupied)
            kinds = np.broadcast_to(kinds, random.shape)
            self._payload.fill(spectra, self._payload.blank_rows(len(spectra)), random, kinds)
        return self._transformed(spectra, symbol, self._scatter(symbol))

    def slots(
        self,
        first: int,
        occupied: Bool[np.ndarray, "symbol site subchannel"],
        keys: UInt64[np.ndarray, "1 site 2"],
    ) -> Iterator[tuple[int, Complex64[np.ndarray, "symbol site fft"]]]:
        """Give the symbols of neighbouring slots a few slots at a time, with the number of the first slot.

        What is given lasts until the next is asked for.

        Args:
            first: First slot, counted from the start of frame 0.
            occupied: Which sub-channels hold payload in each symbol.
            keys: Payload key of all of them.
        """
        each, size = self.numerology.symbols_per_slot, self.numerology.fft_size
        symbol = first * each + np.arange(len(occupied))
        record = np.zeros_like(symbol)
        if not self.coded_cells:
            # Random bits of all symbols at once: their many short steps cost by the call.
            random = self._payload.bytes(keys, record, symbol)
            kinds = np.broadcast_to(self._payload.kinds(occupied), random.shape)
        step = min(len(symbol), each * max(1, _CACHE_POINTS // (size * len(self.cells) * each)))
        spectra = np.empty((self._padded(step), size), np.complex64)
        rows = self._payload.blank_rows(len(spectra))
        for low in range(0, len(symbol), step):
            part = slice(low, low + step)
            some = spectra[: self._padded(len(symbol[part]))]
            if self.coded_cells:
                self._put_coded(some, symbol[part], record[part], occupied[part], keys)
            else:
                self._payload.fill(some, rows[: len(some)], random[part], kinds[part])
            scatter = self._scatter_of_run(int(symbol[low]), len(symbol[part]))
            yield first + low // each, self._transformed(some, symbol[part], scatter)

    def _padded(self, symbols: int) -> int:
        return -(-symbols * len(self.cells) // _VECTOR) * _VECTOR

    def _scatter_of_run(self, first: int, count: int) -> _Scatter:
        """Return where the control of neighbouring symbols goes; few runs come again and again."""
        run = (first % self.numerology.symbols_per_frame, count)
        if run not in self._scatters:
            if len(self._scatters) >= _KEPT_SCATTERS:
                self._scatters.clear()
            self._scatters[run] = self._scatter(run[0] + np.arange(count))
        return self._scatters[run]

    def _scatter(self, symbol: Int64[np.ndarray, "symbol"]) -> _Scatter:
        """Return where the control of symbols goes."""
        sites, size = len(self.cells), self.numerology.fft_size
        of_frame = symbol % self.numerology.symbols_per_frame
        places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.complex64)]
        for control, place in zip(self.control, self._control_places, strict=True):
            ordinal = control.ordinal[of_frame]
            (at,) = np.nonzero(ordinal >= 0)
            places.append((place[ordinal[at]] + (at * sites * size)[:, None, None]).reshape(-1))
            values.append(control.value[ordinal[at]].reshape(-1))
        at = within = np.zeros(0, np.int64)
        channel = np.zeros((0, sites, 72), np.int64)
        if self.broadcast is not None:
            within = of_frame - self.broadcast.first_symbol
            (at,) = np.nonzero((within >= 0) & (within < pbch.SYMBOLS))
            row = (at[:, None] * sites + np.arange(sites)) * size
            channel, within = row[..., None] + self._bins[self.broadcast.subcarrier], within[at]
        return _Scatter(np.concatenate(places), np.concatenate(values), at, within, channel)

    @cached_property
    def _control_places(self) -> tuple[Int64[np.ndarray, "symbol site element"], ...]:
        """Where each kind of control lies on the spectra of one symbol and all sites, laid end to end."""
        row = np.arange(len(self.cells))[:, None] * self.numerology.fft_size
        return tuple(row + self._bins[control.subcarrier] for control in self.control)

    def _transformed(
        self,
        spectra: Complex64[np.ndarray, "spectrum fft"],
        symbol: Int64[np.ndarray, "symbol"],
        scatter: _Scatter,
    ) -> Complex64[np.ndarray, "symbol site fft"]:
        """Return symbols of spectra that hold payload; their memory is used again."""
        flat = spectra.reshape(-1)
        if self.broadcast is not None and len(scatter.broadcast):
            # Before the reference signals, which stand on elements that it reserves.
            frame = symbol[scatter.broadcast] // self.numerology.symbols_per_frame % pbch.FRAME_NUMBERS
            flat[scatter.broadcast_place] = self._broadcast_values[frame, :, scatter.broadcast_symbol]
        flat[scatter.place] = scatter.value
        time = scipy.fft.ifft(spectra, axis=-1, norm="forward", overwrite_x=True, workers=1)
        bodies: Complex64[np.ndarray, "symbol site fft"] = time[: len(symbol) * len(self.cells)].reshape(
            len(symbol), len(self.cells), -1
        )
        return bodies

    def _put_coded(
        self,
        spectra: Complex64[np.ndarray, "spectrum fft"],
        symbol: Int64[np.ndarray, "symbol"],
        record: Int64[np.ndarray, "symbol"],
        occupied: Bool[np.ndarray, "symbol site subchannel"],
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> None:
        """Write the channels of coded subframes; symbols of one record and subframe are neighbours."""
        spectra[:] = 0
        sites = len(self.cells)
        grid = spectra[: len(symbol) * sites].reshape(len(symbol), sites, -1)
        subframe, place = np.divmod(symbol, self.numerology.symbols_per_subframe)
        edges = np.flatnonzero((np.diff(record) != 0) | (np.diff(subframe) != 0)) + 1
        for low, high in pairwise([0, *edges.tolist(), len(symbol)]):
            for site, coded in enumerate(self.coded_cells):
                ports = coded.ports(int(subframe[low]), occupied[low, site], keys[record[low], site])
                sent = ports.sum(axis=0) * self.coded_levels[int(subframe[low]) % 10]
                grid[low:high, site, self._bins] = sent[place[low:high]]
