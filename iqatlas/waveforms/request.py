"""What a waveform is asked for: windows, and the occupancy and keys that go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from iqatlas.errors import SpecError


@dataclass(frozen=True, eq=False)
class Request:
    """One window for each record.

    Args:
        start_sample: First sample of each window.
        samples: Length of the windows.
        occupancy: Which sub-channels each site occupies in the slots around each window.
        first_slot: Occupancy slot of the first entry on the axis ``slot``.
        slot_samples: Samples in an occupancy slot.
        keys: Payload key of each record and site.
    """

    start_sample: Int64[np.ndarray, "record"]
    samples: int
    occupancy: Bool[np.ndarray, "record_ slot site_ subchannel_"]
    first_slot: Int64[np.ndarray, "record__"]
    slot_samples: int
    keys: UInt64[np.ndarray, "record___ site 2"]

    def check(self, *, sites: int, subchannels: int) -> None:
        """Refuse windows whose arrays don't fit each other or the waveform.

        Args:
            sites: Number of sites of the waveform.
            subchannels: Number of its sub-channels.

        Raises:
            SpecError: A shape that doesn't fit, or a length below one sample.
        """
        records = len(self.start_sample)
        for name, value in (("samples", self.samples), ("slot_samples", self.slot_samples)):
            if value < 1:
                raise SpecError(f"{value} samples", where=name, accepted="1 or more")
        shape = self.occupancy.shape
        for name, got, wanted in (
            ("first_slot", self.first_slot.shape, (records,)),
            ("keys", self.keys.shape, (records, sites, 2)),
            ("occupancy", shape, (records, max(1, *shape[1:2]), sites, subchannels)),
        ):
            if got != wanted:
                raise SpecError(f"shape {got}", where=name, accepted=f"shape {wanted}")

    def part(self, low: int, high: int) -> Request:
        """Return the windows of neighbouring records.

        Args:
            low: First of them.
            high: End of them.
        """
        part = slice(low, high)
        return replace(
            self,
            start_sample=self.start_sample[part],
            occupancy=self.occupancy[part],
            first_slot=self.first_slot[part],
            keys=self.keys[part],
        )

    def cut(self, low: int, high: int) -> Request:
        """Return a piece of every window.

        Args:
            low: Its first sample in each window.
            high: Its end.
        """
        return replace(self, start_sample=self.start_sample + low, samples=high - low)
