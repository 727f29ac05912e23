"""What a recording that was exported from a corpus tells of it: how it was cut, and what each segment is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int8, Int64

OF_ANOTHER = -1
"""Split of a segment whose receiver is of another split than its record."""


@dataclass(frozen=True, eq=False)
class Exported:
    """Facts of the corpus that a recording is from.

    Args:
        corpus: Name of the corpus.
        manifest_sha256: SHA-256 of its manifest.
        receiver: Who heard the recording.
        receiver_split: Split of the receiver, where splits are by receiver.
        samples: Samples of a record.
        edges_hz: Edges of each sub-channel, relative to the centre frequency.
        units: Units of the samples; None where nobody says.
        simulated: Whether the captures were made, not recorded.
        credit: Lines of credit that licences ask for.
        guard_slots: Slots that the corpus leaves out between two splits; None where nobody says.
        record: Number of each segment's record in the corpus.
        time_s: Start of each segment within its draw.
        split: Split of each segment as an index into the names of splits, or :data:`OF_ANOTHER`.
        chain: Draw and slot of each segment, where the corpus has them.
        label: Labels of each segment, where the corpus has them.
    """

    corpus: str
    manifest_sha256: str
    receiver: str
    receiver_split: str | None
    samples: int
    edges_hz: Float64[np.ndarray, "subchannel 2"]
    units: str | None
    simulated: bool
    credit: tuple[str, ...]
    guard_slots: int | None
    record: Int64[np.ndarray, " segment"]
    time_s: Float64[np.ndarray, " segment"]
    split: Int8[np.ndarray, " segment"]
    chain: Int64[np.ndarray, "segment 2"] | None
    label: Bool[np.ndarray, "segment subchannel"] | None

    @property
    def vacant(self) -> bool:
        """Whether it has labels and none is occupied, so that there was nothing to annotate."""
        return self.label is not None and not self.label.any()
