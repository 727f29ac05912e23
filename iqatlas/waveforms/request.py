"""What a waveform is asked for: windows, and the occupancy and keys that go with them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from iqatlas.errors import SpecError


def check_request(
    start_sample: Int64[np.ndarray, "record"],
    samples: int,
    *,
    occupancy: Bool[np.ndarray, "record_ slot site_ subchannel_"],
    first_slot: Int64[np.ndarray, "record__"],
    slot_samples: int,
    keys: UInt64[np.ndarray, "record___ site 2"],
    sites: int,
    subchannels: int,
) -> None:
    """Refuse windows whose arrays don't fit each other or the waveform.

    Args:
        start_sample: First sample of each window.
        samples: Length of the windows.
        occupancy: Which sub-channels each site occupies in the slots around each window.
        first_slot: Occupancy slot of the first entry on the axis ``slot``.
        slot_samples: Samples in an occupancy slot.
        keys: Payload key of each record and site.
        sites: Number of sites of the waveform.
        subchannels: Number of its sub-channels.

    Raises:
        SpecError: A shape that doesn't fit, or a length below one sample.
    """
    records = len(start_sample)
    for name, value in (("samples", samples), ("slot_samples", slot_samples)):
        if value < 1:
            raise SpecError(f"{value} samples", where=name, accepted="1 or more")
    for name, got, wanted in (
        ("first_slot", first_slot.shape, (records,)),
        ("keys", keys.shape, (records, sites, 2)),
        ("occupancy", occupancy.shape, (records, max(1, occupancy.shape[1]), sites, subchannels)),
    ):
        if got != wanted:
            raise SpecError(f"shape {got}", where=name, accepted=f"shape {wanted}")
