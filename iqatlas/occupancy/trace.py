"""Occupancy from a table: draws that follow each other in it, and the memory that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float64

from iqatlas.errors import SpecError
from iqatlas.occupancy.spec import TraceOccupancy
from iqatlas.occupancy.theory import MEMORY_LEFT
from iqatlas.occupancy.trace_file import read_trace, trace_path

_LONGEST_LOOK = 1 << 18
"""Slots of a trace that its memory is worked out from."""


class TraceChains:
    """The table of a spec.

    Args:
        spec: File and what to do where it ends.
        folder: Folder that a relative path is relative to.
        sites, subchannels: Extents of the occupancy.
        slots, draws: What is needed of it.

    Raises:
        MissingFileError: There is no such file.
        SpecError: The table is damaged, of other extents, or too short.
    """

    def __init__(
        self, spec: TraceOccupancy, *, folder: Path, sites: int, subchannels: int, slots: int, draws: int
    ) -> None:
        self._slots, self._repeat = slots, spec.repeat
        self.states: Bool[np.ndarray, "slot site subchannel"] = read_trace(
            trace_path(folder, spec.path), sites=sites, subchannels=subchannels
        )
        """What the file holds."""
        self._refuse_short(slots * draws)

    def _refuse_short(self, needed: int) -> None:
        if needed > len(self.states) and not self._repeat:
            raise SpecError(
                f"the trace has {len(self.states)} slots; {needed} are needed",
                where="occupancy.path",
                remedy="lower capture.slots or capture.draws, or set occupancy.repeat",
            )

    def draw(self, number: int, slots: int) -> Bool[np.ndarray, "slot site subchannel"]:
        """Return the states of a draw: those that follow the draw before.

        Raises:
            SpecError: The trace ends before.
        """
        first = number * self._slots
        self._refuse_short(first + slots)
        return np.take(self.states, np.arange(first, first + slots), axis=0, mode="wrap")

    def refuse_repeats(self, blocks: Mapping[str, range], *, draws: int) -> None:
        """Refuse splits that hold the same slot of the table, since it is repeated.

        Args:
            blocks: Slots of a draw that belong to each split, not empty.
            draws: Number of draws.

        Raises:
            SpecError: Two of them hold the same slot, in whatever draws.
        """
        for one, other in combinations(blocks, 2):
            if self._shared(blocks[one], blocks[other], draws):
                raise SpecError(
                    f"the trace of {len(self.states)} slots comes again, in {one} and in {other}",
                    where="occupancy.repeat",
                    accepted="several splits where no slot of the trace is in two of them",
                    remedy="lower capture.slots or capture.draws, use a longer trace, or a single split, "
                    "splits: {train: 1, validation: 0, test: 0}",
                )

    def _shared(self, one: range, other: range, draws: int) -> bool:
        length = len(self.states)
        # Slot i of draw c is slot j of draw d where i − j ≡ (d − c) · slots, modulo the table's length.
        apart = np.arange(min(draws, length), dtype=np.int64) * (self._slots % length)
        lowest, differences = one.start - other.stop + 1, len(one) + len(other) - 1
        return any(bool(((sign * apart - lowest) % length < differences).any()) for sign in (1, -1))

    def guard_slots(self) -> int:
        """Return the first gap at which the trace's own correlation is no more than 0.01.

        It is an estimate over all chains together; below two standard errors it can't tell, and stops.

        Raises:
            SpecError: It remembers for more than half of its length.
        """
        correlation = _pooled_correlation(self.states[:_LONGEST_LOOK])
        chains = self.states.shape[1] * self.states.shape[2]
        settled = np.abs(correlation) <= max(MEMORY_LEFT, 2 / np.sqrt(len(correlation) * 2 * chains))
        if not settled.any():
            raise SpecError(
                f"the trace is still correlated after {len(correlation)} slots",
                where="occupancy.path",
                accepted="for splits in time, a trace that forgets",
                remedy="or use a single split, splits: {train: 1, validation: 0, test: 0}",
            )
        return int(np.argmax(settled))

    def theory(self, slots: int) -> None:
        """Return None: of a table nothing but itself is known."""

    def drawn(self) -> dict[str, Any]:
        """Return nothing: the table is an input."""
        return {}


def _pooled_correlation(states: Bool[np.ndarray, "slot site subchannel"]) -> Float64[np.ndarray, "lag"]:
    """Return the correlation of all chains together at lags up to half of the length.

    Chains that never change have no part in it; where none does, it is 0.
    """
    slots = len(states)
    lags = slots // 2 + 1
    length = scipy.fft.next_fast_len(2 * slots, real=True)
    total = np.zeros(lags)
    for chain in states.reshape(slots, -1).T:
        spectrum = scipy.fft.rfft(chain - chain.mean(), length)
        total += scipy.fft.irfft(np.square(np.abs(spectrum)), length)[:lags]
    total /= slots - np.arange(lags)
    # A constant chain has rounding errors for a variance.
    pooled: Float64[np.ndarray, "lag"] = total / total[0] if total[0] > 1e-9 else np.zeros(lags)
    return pooled
