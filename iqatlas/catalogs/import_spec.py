"""What an imported corpus is asked to be: the spec of recordings, which have no scene and no seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.spec import SplitsSpec, StorageSpec
from iqatlas.schema import SpecModel

IMPORT = "import"
"""Key of a manifest's spec that only imported corpora have."""


_LARGEST_HZ = 1e12
_Hertz = Annotated[float, Field(ge=-_LARGEST_HZ, le=_LARGEST_HZ)]
_MOST_SUBCHANNELS = 4096


class ExportedSpec(SpecModel):
    """What recordings that `iqatlas export` wrote tell of the corpus that they are from."""

    corpus: Annotated[str, Field(min_length=1, max_length=255)]
    """Name of the corpus."""
    manifest_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of its manifest."""
    simulated: bool
    """Whether its captures were made, not recorded."""
    edges_hz: Annotated[tuple[tuple[_Hertz, _Hertz], ...], Field(max_length=_MOST_SUBCHANNELS)] | None = None
    """Its sub-channels' edges relative to the centre frequency; without them sub-channels are equal."""
    splits: Literal["told", "shares"] = "told"
    """told: each record is of the split that it was of; shares: splits are cut anew, between two slots."""


class ImportSpec(SpecModel):
    """How recordings become records."""

    kind: Literal["sigmf", "raw"]
    """sigmf: recordings with SigMF metadata; raw: a file of samples alone."""
    samples: Annotated[int, Field(ge=16, le=1 << 22)] = 1024
    """Samples of a record; what a stretch without a gap leaves over is left out."""
    subchannels: Annotated[int, Field(ge=1, le=_MOST_SUBCHANNELS)] = 16
    """Sub-channels of equal width side by side, the middle of all at the centre frequency; those of an
    export are where its metadata tell."""
    bandwidth_hz: Annotated[float | None, Field(gt=0, le=_LARGEST_HZ)] = None
    """Bandwidth of all sub-channels; the sampling rate without it."""
    labels: Literal["auto", "annotations", "none"] = "auto"
    """annotations: labels come from the recordings' annotations; auto: so where there are any."""
    overlap: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share that an annotation and a sub-channel have to have in common, in time and in frequency, of the
    smaller of both, for the sub-channel to be occupied."""
    full_scale_dbm: Annotated[float | None, Field(ge=-300, le=300)] = None
    """Power at the antenna port that a constant at full scale stands for; unknown without it."""
    exported: ExportedSpec | None = None
    """What is taken over from the corpus that the recordings were exported from; without it they are as
    any other recording."""

    @model_validator(mode="after")
    def _one_grid(self) -> ImportSpec:
        edges = self.exported.edges_hz if self.exported else None
        if edges is not None and len(edges) != self.subchannels:
            raise ValueError(f"edges of {len(edges)} sub-channels for {self.subchannels}")
        return self

    @model_serializer(mode="wrap")
    def _without_unknown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Corpora of other recordings keep the hash that their spec had before there was this key.
        stored: dict[str, Any] = handler(self)
        return {name: value for name, value in stored.items() if name != "exported" or value is not None}

    def edges_hz(self, sample_rate_hz: float) -> Float64[np.ndarray, "subchannel 2"]:
        """Return lower and upper edge of each sub-channel, relative to the centre frequency."""
        if self.exported is not None and self.exported.edges_hz is not None:
            return np.array(self.exported.edges_hz, np.float64)
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


def is_recorded(spec: Mapping[str, Any]) -> bool:
    """Return whether a manifest's spec is that of recordings, not of simulated captures that came back."""
    return is_imported(spec) and not exported_of(spec).get("simulated", False)


def exported_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a manifest's spec takes over from an exported corpus; nothing for all other recordings."""
    how = spec.get(IMPORT)
    exported = how.get("exported") if isinstance(how, Mapping) else None
    return exported if isinstance(exported, Mapping) else {}
