"""SigMF metadata of a stranger, read as a recording: only plain facts are taken, and each is checked.

Source: SigMF specification 1.2; captures, annotations and global object.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Int64
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.manifest import reason_of
from iqatlas.catalogs.recording import Annotations, Recording, count_samples
from iqatlas.catalogs.sample_type import SampleType
from iqatlas.catalogs.sigmf import DATA_SUFFIX, META_SUFFIX
from iqatlas.catalogs.sigmf_exported import exported_facts
from iqatlas.errors import CorpusError, MissingFileError

_LARGEST_METADATA_BYTES = 256 << 20
_LONGEST_FACT = 500

_Index = Annotated[int, Field(ge=0, lt=1 << 62)]
_Hertz = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Global(_Facts):
    datatype: Annotated[str, Field(alias="core:datatype", max_length=100)]
    sample_rate: Annotated[float | None, Field(alias="core:sample_rate", gt=0, le=1e12)] = None
    num_channels: Annotated[int, Field(alias="core:num_channels", ge=1, le=1024)] = 1
    dataset: Annotated[str | None, Field(alias="core:dataset", max_length=255)] = None
    metadata_only: Annotated[bool, Field(alias="core:metadata_only")] = False
    sha512: Annotated[str | None, Field(alias="core:sha512", pattern="^[0-9a-fA-F]{128}$")] = None
    offset: Annotated[_Index, Field(alias="core:offset")] = 0
    """Index of the file's first sample, as captures and annotations count them."""
    trailing_bytes: Annotated[int, Field(alias="core:trailing_bytes", ge=0)] = 0


class _Capture(_Facts):
    sample_start: Annotated[_Index, Field(alias="core:sample_start")] = 0
    frequency: Annotated[_Hertz | None, Field(alias="core:frequency")] = None
    header_bytes: Annotated[int, Field(alias="core:header_bytes", ge=0)] = 0
    datetime: Annotated[str | None, Field(alias="core:datetime", max_length=64)] = None


class _Annotation(_Facts):
    sample_start: Annotated[_Index, Field(alias="core:sample_start")]
    sample_count: Annotated[_Index | None, Field(alias="core:sample_count")] = None
    lower: Annotated[_Hertz | None, Field(alias="core:freq_lower_edge")] = None
    upper: Annotated[_Hertz | None, Field(alias="core:freq_upper_edge")] = None


def sigmf_recording(path: Path, *, sample_rate_hz: float | None = None) -> Recording:
    """Read the metadata of a recording; its samples stay where they are.

    Args:
        path: The metadata file, or the samples beside it.
        sample_rate_hz: Sampling rate where the metadata leave it out.

    Raises:
        MissingFileError: There is no such file, or no samples beside it.
        CorpusError: The metadata can't be read, or tell of something that is no plain recording.
        SpecError: The samples are of a type that isn't known.
    """
    meta = path.with_suffix(META_SUFFIX) if path.suffix == DATA_SUFFIX else path
    where = str(meta)
    whole = _metadata(meta)
    try:
        about = _Global.model_validate(whole.get("global"))
        one = [{"core:sample_start": about.offset}]
        captures = TypeAdapter(list[_Capture]).validate_python(whole.get("captures") or one)
        annotations = TypeAdapter(list[_Annotation]).validate_python(whole.get("annotations") or [])
    except ValidationError as failure:
        raise CorpusError(f"not SigMF metadata ({reason_of(failure)})", where=where) from None
    if about.metadata_only:
        raise CorpusError("these are metadata without samples (core:metadata_only)", where=where)
    rate = about.sample_rate or sample_rate_hz
    if rate is None:
        raise CorpusError(
            "the metadata don't tell core:sample_rate", where=where, remedy="give it with --sample-rate"
        )
    if about.trailing_bytes or any(capture.header_bytes for capture in captures):
        raise CorpusError(
            "headers or trailing bytes between the samples", where=where, accepted="a file of samples alone"
        )
    kind = SampleType.parse(about.datatype, where=f"{where}: core:datatype")
    data = _data_file(meta, about.dataset)
    samples = count_samples(data, kind, channels=about.num_channels)
    centre_hz = _centre_hz(captures, where)
    segments, kept = _segments(captures, about.offset, samples, where)
    exported = exported_facts(whole, kept, rate_hz=rate, centre_hz=centre_hz or 0.0, where=where)
    return Recording(
        name=meta.name.removesuffix(META_SUFFIX) if exported is None else exported.receiver,
        data=data,
        sample_type=kind,
        samples=samples,
        channels=about.num_channels,
        sample_rate_hz=rate,
        centre_frequency_hz=centre_hz or 0.0,
        segments=segments,
        annotations=_annotations(annotations, about.offset, segments, rate, centre_hz or 0.0, where),
        sources=(data, meta),
        facts=_facts(whole["global"], captures[0]),
        sha512=about.sha512.lower() if about.sha512 else None,
        exported=exported,
    )


def _metadata(meta: Path) -> dict[str, Any]:
    where = str(meta)
    if not meta.is_file():
        raise MissingFileError(
            "no such SigMF metadata",
            where=where,
            accepted=f"NAME{META_SUFFIX}, NAME{DATA_SUFFIX} beside it",
        )
    if meta.stat().st_size > _LARGEST_METADATA_BYTES:
        raise CorpusError(f"larger than {_LARGEST_METADATA_BYTES >> 20} MiB", where=where)
    try:
        with storage_errors(meta, "read"):
            whole = json.loads(meta.read_bytes())
    except (ValueError, RecursionError):
        raise CorpusError(
            "not SigMF metadata (no JSON)", where=where, accepted=f"the file that ends in {META_SUFFIX}"
        ) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("global"), dict):
        raise CorpusError("not SigMF metadata (no global object)", where=where)
    return whole


def _data_file(meta: Path, dataset: str | None) -> Path:
    if dataset is None:
        return meta.with_name(meta.name.removesuffix(META_SUFFIX) + DATA_SUFFIX)
    # It is a name in the same folder, by the specification: a path could lead anywhere.
    if Path(dataset).name != dataset or dataset in ("", ".", "..") or "\\" in dataset or "\0" in dataset:
        raise CorpusError(
            f"core:dataset {dataset[:100]!r} is no plain name of a file", where=str(meta), accepted="a name"
        )
    return meta.with_name(dataset)


def _centre_hz(captures: list[_Capture], where: str) -> float | None:
    found = {capture.frequency for capture in captures}
    if len(found) > 1:
        raise CorpusError(
            f"its segments are tuned to {len(found)} frequencies",
            where=where,
            accepted="one core:frequency",
            remedy="make a recording of each",
        )
    return found.pop()


def _segments(
    captures: list[_Capture], offset: int, samples: int, where: str
) -> tuple[Int64[np.ndarray, "segment 2"], Int64[np.ndarray, " segment"]]:
    """Return the segments that have samples, and which of the captures they are."""
    starts = np.array([capture.sample_start for capture in captures], np.int64) - offset
    if starts[0] < 0 or (np.diff(starts) < 0).any() or starts[-1] > samples:
        raise CorpusError(
            f"its segments are out of order, or don't begin among its {samples} samples", where=where
        )
    segments = np.stack([starts, np.append(starts[1:], samples)], axis=-1)
    kept = np.flatnonzero(segments[:, 1] > segments[:, 0])
    if not len(kept):
        raise CorpusError(
            f"no segment with a sample: the last one begins at the end of its {samples} samples", where=where
        )
    return segments[kept], kept


def _annotations(
    found: list[_Annotation], offset: int, segments: np.ndarray, rate_hz: float, centre_hz: float, where: str
) -> Annotations:
    if not found:
        return Annotations()
    for index, one in enumerate(found):
        if (one.lower is None) != (one.upper is None):
            raise CorpusError(f"annotation {index} has one edge in frequency, not two", where=where)
        if one.lower is not None and one.upper is not None and not one.lower < one.upper:
            raise CorpusError(f"annotation {index} ends below where it begins in frequency", where=where)
    starts = np.array([one.sample_start for one in found], np.int64) - offset
    # Without a length it goes on to the end of its segment.
    own = np.clip(np.searchsorted(segments[:, 0], starts, side="right") - 1, 0, None)
    counts = np.array([-1 if one.sample_count is None else one.sample_count for one in found], np.int64)
    stops = np.where(counts < 0, segments[own, 1], starts + counts)
    # Edges are at radio frequency where the centre is known; without them it is all of the band.
    half = rate_hz / 2
    edges = np.array(
        [
            (-half, half)
            if one.lower is None or one.upper is None
            else (one.lower - centre_hz, one.upper - centre_hz)
            for one in found
        ]
    )
    return Annotations(np.stack([starts, stops], axis=-1), edges)


def _facts(about: dict[str, Any], first: _Capture) -> dict[str, str]:
    """Return what is told of who recorded what, when and with what; text alone, and not too long."""
    names = ("author", "description", "hw", "license", "recorder", "data_doi")
    told = {name: about.get(f"core:{name}") for name in names} | {"datetime": first.datetime}
    plain = {name: " ".join(text.split()) for name, text in told.items() if isinstance(text, str)}
    return {name: text[:_LONGEST_FACT] for name, text in plain.items() if text and text.isprintable()}
