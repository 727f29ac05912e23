"""SigMF recordings: raw complex float32 with metadata beside it that other tools read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sigmf
from jaxtyping import Bool, Complex64, Float64

from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.errors import SpecError
from iqatlas.version import __version__

DATA_SUFFIX, META_SUFFIX = ".sigmf-data", ".sigmf-meta"
_MOST_ANNOTATIONS = 10_000
_LARGEST_METADATA_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class Occupied:
    """What a recording holds, slot by slot.

    Args:
        occupancy: Which sub-channels are occupied.
        slot_samples: Samples in a slot; the first one begins with the recording.
        edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
    """

    occupancy: Bool[np.ndarray, "slot subchannel"]
    slot_samples: int
    edges_hz: Float64[np.ndarray, "subchannel 2"]


def subchannel_name(subchannel: int) -> str:
    """Return what a sub-channel is called in metadata."""
    return f"sub-channel {subchannel}"


def metadata_path(data: Path) -> Path:
    """Return where the metadata of a data file go."""
    return data.with_name((data.stem if data.suffix else data.name) + META_SUFFIX)


def is_recording_of(meta: Path, description: str) -> bool:
    """Return whether a file holds the metadata of a recording that was written with this description.

    Args:
        meta: The file; it need not be there.
        description: What it is, in words.
    """
    try:
        if not meta.is_file() or meta.stat().st_size > _LARGEST_METADATA_BYTES:
            return False
        info = json.loads(meta.read_bytes())["global"]
        return bool(
            info["core:description"] == description and str(info["core:recorder"]).startswith("iqatlas ")
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def write_recording(
    data: Path,
    pieces: Iterable[Complex64[np.ndarray, "sample"]],
    *,
    sample_rate_hz: float,
    carrier_hz: float,
    description: str,
    occupied: Occupied,
    progress: Callable[[int], None],
) -> Path:
    """Write samples as interleaved little-endian float32 without a header, and metadata beside them.

    Each file is there whole or not at all, the metadata last. A data file whose name does not end in
    ``.sigmf-data`` is named in the metadata, as SigMF has it for data sets of other names.

    Args:
        data: File of the samples.
        pieces: The samples, piece after piece; only one piece is held at a time.
        sample_rate_hz: Sampling rate.
        carrier_hz: Radio frequency at the middle of the baseband.
        description: What it is, in words.
        occupied: What is sent when; each run of occupied slots is an annotation, up to 10,000 of them.
        progress: Told the number of samples written so far.

    Returns:
        The metadata file.

    Raises:
        SpecError: The data file has the name of its own metadata.
        StorageError: The files can't be written.
    """
    meta = metadata_path(data)
    if meta == data:
        raise SpecError(
            "the samples and their metadata would be one file", where=str(data), remedy="give another name"
        )
    temporary = data.with_name(f".{data.name}.writing")
    digest, samples = hashlib.sha512(), 0
    with storage_errors(data, resumes=False):
        data.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                for piece in pieces:
                    raw = np.ascontiguousarray(piece, "<c8").tobytes()
                    digest.update(raw)
                    file.write(raw)
                    samples += len(piece)
                    progress(samples)
                file.flush()
                os.fsync(file.fileno())
            # Old metadata must not be found beside new samples.
            meta.unlink(missing_ok=True)
            temporary.replace(data)
        finally:
            temporary.unlink(missing_ok=True)
        text = _metadata(data, digest.hexdigest(), samples, sample_rate_hz, carrier_hz, description, occupied)
        write_file(meta, text.encode())
    return meta


def _metadata(
    data: Path,
    sha512: str,
    samples: int,
    sample_rate_hz: float,
    carrier_hz: float,
    description: str,
    occupied: Occupied,
) -> str:
    info: dict[str, object] = {
        "core:datatype": "cf32_le",
        "core:sample_rate": sample_rate_hz,
        "core:description": description,
        "core:recorder": f"iqatlas {__version__}",
        "core:sha512": sha512,
    }
    if data.suffix != DATA_SUFFIX:
        info["core:dataset"] = data.name
    annotations = []
    for subchannel, start, stop in _runs(occupied.occupancy)[:_MOST_ANNOTATIONS]:
        first = start * occupied.slot_samples
        low, high = occupied.edges_hz[subchannel]
        annotations.append(
            {
                "core:sample_start": first,
                "core:sample_count": min(stop * occupied.slot_samples, samples) - first,
                "core:freq_lower_edge": carrier_hz + float(low),
                "core:freq_upper_edge": carrier_hz + float(high),
                "core:label": subchannel_name(subchannel),
            }
        )
    return recording_text(info, [{"core:sample_start": 0, "core:frequency": carrier_hz}], annotations)


def recording_text(
    info: dict[str, object], captures: list[dict[str, object]], annotations: list[dict[str, object]]
) -> str:
    """Return the metadata of a recording as text, checked against SigMF's schema.

    Args:
        info: Its global part, without the version.
        captures: Capture segments, by first sample.
        annotations: Annotations, by first sample.
    """
    recording = sigmf.SigMFFile(global_info=info)
    # Put in at once: added one by one, each would sort all those before it.
    whole = json.loads(recording.dumps()) | {"captures": captures, "annotations": annotations}
    recording = sigmf.SigMFFile(metadata=whole)
    recording.validate()
    ordered = recording.ordered_metadata()
    parts = [f'"global": {json.dumps(ordered["global"], indent=4)}']
    # A line each: indented, the labels of a capture would be one a line.
    parts += [f'"{name}": {_lines(ordered[name])}' for name in ("captures", "annotations")]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(items: list[dict[str, object]]) -> str:
    return "[" + ",".join("\n" + json.dumps(item, separators=(",", ":")) for item in items) + "\n]"


def _runs(occupancy: Bool[np.ndarray, "slot subchannel"]) -> list[tuple[int, int, int]]:
    """Return sub-channel, first slot and the slot after the last one of each run, by time."""
    edge = np.zeros((1, occupancy.shape[1]), np.int8)
    change = np.diff(np.concatenate([edge, occupancy.view(np.int8), edge]), axis=0).T
    subchannel, start = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    order = np.lexsort((subchannel, start))
    return [(int(subchannel[i]), int(start[i]), int(stop[i])) for i in order]
