"""What an imported corpus is asked to be: the spec of recordings, which have no scene and no seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.spec import SplitsSpec, StorageSpec
from iqatlas.schema import SpecModel

IMPORT = "import"
"""Key of a manifest's spec that only imported corpora have."""


class ImportSpec(SpecModel):
    """How recordings become records."""

    kind: Literal["sigmf", "raw"]
    """sigmf: recordings with SigMF metadata; raw: a file of samples alone."""
    samples: Annotated[int, Field(ge=16, le=1 << 22)] = 1024
    """Samples of a record; what a stretch without a gap leaves over is left out."""
    subchannels: Annotated[int, Field(ge=1, le=4096)] = 16
    """Sub-channels of equal width side by side, the middle of all at the centre frequency."""
    bandwidth_hz: Annotated[float | None, Field(gt=0, le=1e12)] = None
    """Bandwidth of all sub-channels; the sampling rate without it."""
    labels: Literal["auto", "annotations", "none"] = "auto"
    """annotations: labels come from the recordings' annotations; auto: so where there are any."""
    overlap: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share that an annotation and a sub-channel have to have in common, in time and in frequency, of the
    smaller of both, for the sub-channel to be occupied."""
    full_scale_dbm: Annotated[float | None, Field(ge=-300, le=300)] = None
    """Power at the antenna port that a constant at full scale stands for; unknown without it."""

    def edges_hz(self, sample_rate_hz: float) -> Float64[np.ndarray, "subchannel 2"]:
        """Return lower and upper edge of each sub-channel, relative to the centre frequency."""
        width = (self.bandwidth_hz or sample_rate_hz) / self.subchannels
        borders = (np.arange(self.subchannels + 1) - self.subchannels / 2) * width
        return np.stack([borders[:-1], borders[1:]], axis=-1)


class ImportedCorpusSpec(SpecModel):
    """The spec of an imported corpus, as its manifest holds it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Letters, digits, dots, dashes and underscores."""
    recording: Annotated[ImportSpec, Field(alias=IMPORT)]
    """How recordings become records."""
    storage: StorageSpec = StorageSpec()
    """How the corpus is stored."""
    splits: SplitsSpec = SplitsSpec(train=0, validation=0, test=1)
    """Which records are for training, validation and test; without more words all are for tests."""
    about: AboutSpec = AboutSpec(licence="NOASSERTION")
    """What catalogues and citations say of it."""

    def tree(self) -> dict[str, Any]:
        """Return the spec as plain JSON values, every default filled in."""
        return self.model_dump(mode="json", by_alias=True)


def is_imported(spec: Mapping[str, Any]) -> bool:
    """Return whether a manifest's spec is that of an imported corpus."""
    return isinstance(spec.get(IMPORT), Mapping)
