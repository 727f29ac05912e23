"""The ``iqatlas`` namespace of SigMF metadata: what a corpus knows of a recording and of each capture.

Source: SigMF specification 1.2, extensions; docs/sigmf.md tells the fields to people.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAMESPACE, VERSION = "iqatlas", "1.2.0"
OTHERS = "none"
"""Split of a capture whose receiver is of another split than its record: it belongs to neither."""

UNITS = ("mW^0.5", "1")
"""Units of samples: at the antenna port, or shares of a recorder's full scale."""

_Index = Annotated[int, Field(ge=0)]
_State = Annotated[int, Field(ge=0, le=1)]
_Split = Literal["train", "validation", "test", "guard", "none"]
_Hertz = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=lambda name: f"{NAMESPACE}:{name}",
        use_attribute_docstrings=True,
    )


class Subchannel(BaseModel):
    """A sub-channel: its name and its edges at radio frequency."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """Its name; annotations of `iqatlas waveform` carry it too."""
    freq_lower_edge: _Hertz
    """Lower edge in Hz, at radio frequency as in annotations."""
    freq_upper_edge: _Hertz
    """Upper edge in Hz."""


class GlobalFacts(_Part):
    """Fields of the global object."""

    corpus: str
    """Name of the corpus."""
    manifest_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of its manifest."""
    receiver: str
    """Name of the receiver that heard this."""
    receiver_split: _Split | None = None
    """Split of the receiver; there only where splits are by receiver."""
    record_samples: Annotated[int, Field(ge=1)]
    """Samples of each capture segment: one record."""
    subchannels: tuple[Subchannel, ...]
    """The sub-channels that labels and occupancy count, by rising frequency."""
    sites: tuple[str, ...] | None = None
    """Names of the sites that occupancy counts."""
    altitude_reference: str | None = None
    """What the third coordinate of core:geolocation is counted from."""
    units: Literal["mW^0.5", "1"] | None = None
    """Of the samples: mW^0.5 at the antenna port, or shares of a recorder's full scale. Since 1.2.0."""
    attribution: tuple[str, ...] | None = None
    """Lines of credit that the licences of what the corpus was made from ask for. Since 1.2.0."""
    guard_slots: _Index | None = None
    """Slots that belong to no split between two splits. Since 1.2.0."""


class CaptureFacts(_Part):
    """Fields of a capture segment; what a corpus of recordings doesn't know isn't there."""

    record: _Index
    """Number of the record in the corpus."""
    time_s: float
    """Start of the capture within its draw, in seconds."""
    split: _Split
    """train, validation or test; guard between them; none where the receiver is of another split."""
    slot: _Index | None = None
    """Occupancy slot within the draw."""
    draw: _Index | None = None
    """Independent repetition."""
    snr_level_db: float | None = None
    """SNR that was asked for, at full load; not there for thermal noise."""
    snr_db: float | None = None
    """SNR as realised in the capture; not there where nothing is received."""
    label: tuple[_State, ...] | None = None
    """1 for each sub-channel that any site occupies, 0 for each that is vacant."""
    occupancy: tuple[tuple[_State, ...], ...] | None = None
    """The same for each site, in the order of iqatlas:sites."""


def extension() -> dict[str, object]:
    """Return the declaration of the namespace for ``core:extensions``."""
    return {"name": NAMESPACE, "version": VERSION, "optional": True}


def in_namespace(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts under the names that they have in metadata; what is None is left out."""
    return {f"{NAMESPACE}:{name}": value for name, value in facts.items() if value is not None}


def namespace_schema() -> dict[str, Any]:
    """Return the JSON Schema of the namespace's fields in SigMF metadata."""
    defined: dict[str, Any] = {}
    parts = {}
    for name, model in (("global", GlobalFacts), ("capture", CaptureFacts)):
        parts[name] = model.model_json_schema(ref_template="#/$defs/{model}")
        defined |= parts[name].pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"SigMF extension {NAMESPACE} {VERSION}",
        "type": "object",
        "properties": {
            "global": parts["global"],
            "captures": {"type": "array", "items": parts["capture"]},
        },
        "required": ["global", "captures"],
        "$defs": defined,
    }
