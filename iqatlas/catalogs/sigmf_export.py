"""A corpus as SigMF: one recording per receiver, its captures one after the other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from jaxtyping import Bool

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.durable import storage_errors, write_file
from iqatlas.catalogs.import_spec import is_recorded
from iqatlas.catalogs.sigmf import DATA_SUFFIX, META_SUFFIX, recording_text
from iqatlas.catalogs.sigmf_facts import capture_facts, global_facts
from iqatlas.catalogs.sigmf_namespace import extension
from iqatlas.catalogs.split_part import SplitPart, part_of
from iqatlas.catalogs.versioned_cards import about_of
from iqatlas.errors import CorpusError
from iqatlas.version import __version__

MOST_RECORDS = 200_000
"""More would make metadata of hundreds of megabytes, which no tool opens."""
_AT_ONCE_SAMPLES = 1 << 22
_FACTS = ("label", "occupancy", "snr", "snr_level", "waypoint", "time", "slot", "draw", "split")


def export_sigmf(
    corpus: Corpus, folder: Path, *, split: str | None = None, progress: Callable[[int, int], None]
) -> list[Path]:
    """Write a corpus as SigMF recordings, one per receiver.

    Every record is a capture segment with the receiver's place, the record's split, labels and whatever
    else the corpus knows of it; every run of occupied sub-channels is an annotation. Sample n of segment r
    is sample n of the segment's record.

    Args:
        corpus: The corpus.
        folder: Where the recordings go; made if need be.
        split: Records of this split alone, by the receivers that belong to it; the whole corpus without it.
        progress: Told the samples done and in all.

    Returns:
        The metadata files, one a receiver.

    Raises:
        CorpusError: No record is asked for, or too many.
        StorageError: The files can't be written.
    """
    part = _part(corpus, split)
    about = about_of(corpus.manifest, corpus.place.name)
    dataset = corpus.dataset
    facts = dataset[[name for name in _FACTS if name in dataset]].isel(record=part.records).load()
    if "receiver_split" in dataset:
        # Where no variable is by receiver, as of what was imported, its coordinates stay behind.
        facts = facts.assign_coords(receiver_split=dataset["receiver_split"])
    total = len(part.records) * len(part.receivers) * dataset.sizes["sample"]
    written: list[Path] = []
    done = 0

    def tell(samples: int) -> None:
        nonlocal done
        done += samples
        progress(done, total)

    with storage_errors(folder, resumes=False):
        folder.mkdir(parents=True, exist_ok=True)
        bases = _bases(corpus)
        for place in part.receivers.tolist():
            meta, data = (folder / (bases[place] + suffix) for suffix in (META_SUFFIX, DATA_SUFFIX))
            meta.unlink(missing_ok=True)  # old metadata must not be found beside new samples
            digest = _write_samples(data, dataset["iq"].isel(receiver=place), part.records, tell)
            text = _metadata(corpus, about, facts, part, place, digest)
            write_file(meta, text.encode())
            written.append(meta)
    return written


def recording_names(corpus: Corpus, split: str | None) -> tuple[str, ...]:
    """Return the files that :func:`export_sigmf` writes.

    Args:
        corpus: The corpus.
        split: As there.

    Raises:
        CorpusError: No record is asked for, or too many.
    """
    part, bases = _part(corpus, split), _bases(corpus)
    return tuple(bases[place] + suffix for place in part.receivers for suffix in (DATA_SUFFIX, META_SUFFIX))


def _part(corpus: Corpus, split: str | None) -> SplitPart:
    part = part_of(corpus, split)
    if len(part.records) > MOST_RECORDS:
        raise CorpusError(
            f"{len(part.records):,} records are more than SigMF metadata can carry",
            accepted=f"up to {MOST_RECORDS:,}",
            remedy="export one --split",
        )
    return part


def _bases(corpus: Corpus) -> list[str]:
    """Return the name of each receiver's recording, without suffix; the same for every split.

    Receivers whose names differ only in what a file name can't hold have a number behind it; so have those
    that differ in case, which some disks don't tell apart.
    """
    taken: set[str] = set()
    bases = []
    for receiver in corpus.dataset["receiver"].values.tolist():
        plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in str(receiver))
        base, number = f"{corpus.manifest.name}-{plain}", 1
        while (name := base if number == 1 else f"{base}-{number}").casefold() in taken:
            number += 1
        taken.add(name.casefold())
        bases.append(name)
    return bases


def _write_samples(data: Path, iq: xr.DataArray, chosen: np.ndarray, tell: Callable[[int], None]) -> str:
    """Write the samples of one receiver, and return their SHA-512."""
    digest = hashlib.sha512()
    temporary = data.with_name(f".{data.name}.writing")
    step = max(1, _AT_ONCE_SAMPLES // iq.sizes["sample"])
    try:
        with temporary.open("wb") as file:
            for start in range(0, len(chosen), step):
                rows = iq.isel(record=chosen[start : start + step]).values
                raw = np.ascontiguousarray(rows, "<c8").tobytes()
                digest.update(raw)
                file.write(raw)
                tell(rows.size)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(data)
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def _metadata(
    corpus: Corpus, about: AboutSpec, facts: xr.Dataset, part: SplitPart, place: int, sha512: str
) -> str:
    dataset = corpus.dataset
    samples = dataset.sizes["sample"]
    carrier_hz = float(dataset.attrs["carrier_frequency_hz"])
    captures = [
        {"core:sample_start": index * samples, "core:frequency": carrier_hz, **known}
        for index, known in enumerate(capture_facts(facts, part.records, place))
    ]
    # Of a recording that was imported nobody knows where it was heard.
    if "waypoint" in facts:
        names = ("longitude", "latitude", "altitude")
        where = np.stack([dataset[key].values[facts["waypoint"].values, place] for key in names], axis=-1)
        for capture, coordinates in zip(captures, where.tolist(), strict=True):
            capture["core:geolocation"] = {"type": "Point", "coordinates": coordinates}
    annotations = _annotations(facts, dataset, samples, carrier_hz) if "label" in facts else []
    name = str(dataset["receiver"].values[place])
    heard = "recorded" if is_recorded(corpus.manifest.spec) else "simulated"
    if "altitude" in dataset:
        altitudes = dataset["altitude"].values[:, place]
        heard = f"{altitudes.min():.0f} to {altitudes.max():.0f} m above the ground"
    level = "the square root of milliwatts"
    if dataset["iq"].attrs.get("units") == "1":
        level = "shares of the recorder's full scale"
    info: dict[str, object] = {
        "core:datatype": "cf32_le",
        "core:sample_rate": float(dataset.attrs["sample_rate_hz"]),
        "core:description": (
            f"{corpus.manifest.name}, receiver {name}, {heard}; each segment is one record of {samples} "
            f"samples, and records do not follow on from each other. Samples in {level}."
        ),
        "core:recorder": f"iqatlas {__version__}",
        "core:license": about.licence,
        **({} if is_recorded(corpus.manifest.spec) else {"core:hw": "simulated"}),
        **({"core:author": "; ".join(about.authors)} if about.authors else {}),
        "core:sha512": sha512,
        "core:extensions": [extension()],
        **global_facts(corpus, place),
    }
    return recording_text(info, captures, annotations)


def _annotations(
    facts: xr.Dataset, dataset: xr.Dataset, samples: int, carrier_hz: float
) -> list[dict[str, object]]:
    """Return an annotation for each run of occupied sub-channels of each record."""
    record, first, stop = _bands(facts["label"].values)
    lower = carrier_hz + dataset["subchannel_lower"].values[first]
    upper = carrier_hz + dataset["subchannel_upper"].values[stop - 1]
    return [
        {
            "core:sample_start": start,
            "core:sample_count": samples,
            "core:freq_lower_edge": low,
            "core:freq_upper_edge": high,
            "core:label": "occupied",
        }
        for start, low, high in zip((record * samples).tolist(), lower.tolist(), upper.tolist(), strict=True)
    ]


def _bands(
    label: Bool[np.ndarray, "record subchannel"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return record, first sub-channel and the one after the last of each run of occupied ones."""
    edge = np.zeros((len(label), 1), np.int8)
    change = np.diff(np.concatenate([edge, label.view(np.int8), edge], axis=1), axis=1)
    record, first = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    return record, first, stop
