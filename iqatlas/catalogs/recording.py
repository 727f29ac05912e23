"""A recording off the air or out of another tool: a file of complex samples, and what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Complex64, Float64, Int64

from iqatlas.catalogs.canonical import sha256_file
from iqatlas.catalogs.durable import storage_errors
from iqatlas.catalogs.exported_recording import Exported
from iqatlas.catalogs.sample_type import SampleType
from iqatlas.errors import CorpusError, MissingFileError

_HASHED_BYTES = 4 << 20


def _no_extents() -> np.ndarray:
    return np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class Annotations:
    """Signals that somebody has marked in a recording.

    Args:
        samples: First sample of each, and the one after its last.
        edges_hz: Lower and upper edge of each, relative to the centre frequency.
    """

    samples: Int64[np.ndarray, "annotation 2"] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    edges_hz: Float64[np.ndarray, "annotation 2"] = field(default_factory=_no_extents)


@dataclass(frozen=True, eq=False)
class Recording:
    """A file of complex samples.

    Args:
        name: Name of its receiver.
        data: File of the samples, without a header.
        sample_type: How samples lie in it.
        samples: Samples of each channel.
        channels: Receivers whose samples take turns in the file.
        sample_rate_hz: Sampling rate.
        centre_frequency_hz: Radio frequency at the middle of the band.
        segments: First sample of each stretch without a gap, and the one after its last.
        annotations: Signals that are marked in it.
        sources: All files that it was read from, the samples first.
        facts: What else is known: who recorded it, when, with what, under which licence.
        sha512: Hash that the samples should have; None where nobody says.
        exported: What it tells of the corpus that it was exported from; None for other recordings.
    """

    name: str
    data: Path
    sample_type: SampleType
    samples: int
    channels: int
    sample_rate_hz: float
    centre_frequency_hz: float
    segments: Int64[np.ndarray, "segment 2"]
    annotations: Annotations
    sources: tuple[Path, ...]
    facts: dict[str, str]
    sha512: str | None = None
    exported: Exported | None = None

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of its receivers."""
        if self.channels == 1:
            return (self.name,)
        return tuple(f"{self.name}/{channel}" for channel in range(self.channels))

    def read(
        self, first_sample: Int64[np.ndarray, "record"], samples: int
    ) -> Complex64[np.ndarray, "record channel sample"]:
        """Return captures; only they are held in memory.

        Args:
            first_sample: Where each begins, rising.
            samples: Samples of each.

        Raises:
            CorpusError: The file is shorter than it was.
            StorageError: It can't be read.
        """
        shape = (len(first_sample), samples, self.channels, 2)
        raw = np.empty(shape, self.sample_type.part)
        # Captures that follow each other are one stretch of the file, read at once.
        breaks = np.flatnonzero(np.diff(first_sample) != samples) + 1
        with storage_errors(self.data, "read"), self.data.open("rb") as file:
            for run in np.split(np.arange(len(first_sample)), breaks):
                if not len(run):
                    continue
                file.seek(int(first_sample[run[0]]) * self.channels * self.sample_type.bytes)
                piece = raw[run[0] : run[-1] + 1]
                if file.readinto(piece.view(np.uint8).data) < piece.nbytes:
                    raise CorpusError(
                        "the recording is shorter than when it was opened",
                        where=str(self.data),
                        remedy="import it again",
                    )
        return np.ascontiguousarray(np.moveaxis(self.sample_type.to_complex(raw), 2, 1))

    def hashes(self, progress: Callable[[int], None]) -> tuple[str, ...]:
        """Return the SHA-256 of each source, the samples' first.

        Args:
            progress: Told the bytes of samples hashed so far.

        Raises:
            CorpusError: The samples are not those that the metadata were written for.
            StorageError: A file can't be read.
        """
        own, stated, done = hashlib.sha256(), hashlib.sha512(), 0
        with storage_errors(self.data, "read"):
            with self.data.open("rb") as file:
                while block := file.read(_HASHED_BYTES):
                    own.update(block)
                    if self.sha512 is not None:
                        stated.update(block)
                    done += len(block)
                    progress(done)
            others = [sha256_file(path) for path in self.sources[1:]]
        if self.sha512 is not None and stated.hexdigest() != self.sha512:
            raise CorpusError(
                "the samples are not those of the metadata (core:sha512 differs)",
                where=str(self.data),
                remedy="get the recording again",
            )
        return (own.hexdigest(), *others)


def raw_recording(
    data: Path, sample_type: SampleType, *, sample_rate_hz: float, centre_frequency_hz: float
) -> Recording:
    """Return a file of samples without any metadata as a recording.

    Args:
        data: The file.
        sample_type: How samples lie in it.
        sample_rate_hz: Sampling rate.
        centre_frequency_hz: Radio frequency at the middle of the band.

    Raises:
        MissingFileError: There is no such file.
        CorpusError: It holds no samples, or not a whole number of them.
    """
    samples = count_samples(data, sample_type, channels=1)
    return Recording(
        name=data.stem,
        data=data,
        sample_type=sample_type,
        samples=samples,
        channels=1,
        sample_rate_hz=sample_rate_hz,
        centre_frequency_hz=centre_frequency_hz,
        segments=np.array([[0, samples]], np.int64),
        annotations=Annotations(),
        sources=(data,),
        facts={},
    )


def count_samples(data: Path, sample_type: SampleType, *, channels: int) -> int:
    """Return the samples of each channel of a file.

    Raises:
        MissingFileError: There is no such file.
        CorpusError: It holds no samples, or not a whole number of them.
    """
    if not data.is_file():
        raise MissingFileError("no such file of samples", where=str(data))
    size, each = data.stat().st_size, sample_type.bytes * channels
    if not size or size % each:
        raise CorpusError(
            f"{size} bytes are no whole number of samples of {sample_type.name}"
            + (f" in {channels} channels" if channels > 1 else ""),
            where=str(data),
            accepted=f"a multiple of {each} bytes",
            remedy="see that the type of the samples is right",
        )
    return size // each
