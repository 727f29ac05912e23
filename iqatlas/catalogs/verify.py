"""Is a corpus what its manifest says, and does it keep its own rules?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from iqatlas.axes import QUANTITIES
from iqatlas.catalogs._zarr import open_store
from iqatlas.catalogs.canonical import sha256_file, sha256_json
from iqatlas.catalogs.construction import RECORDS
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, read_manifest
from iqatlas.errors import CorpusError

_RECORDS_AT_ONCE_BYTES = 64 << 20


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Args:
        files: Files whose hash was checked.
        bytes: Their size.
        records: Records whose invariants were checked.
        problems: What does not hold, one line each; empty for a sound corpus.
    """

    files: int
    bytes: int
    records: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify_corpus(
    corpus: Path, *, progress: Callable[[int, int], None] | None = None, workers: int = 2
) -> Verification:
    """Check the hash of every file, then every invariant of the records.

    Args:
        corpus: Folder of the corpus.
        progress: Called with bytes done and bytes in all.
        workers: Threads that hash.

    Raises:
        MissingFileError: There is no such folder.
        CorpusError: It holds no finished corpus.
    """
    try:
        manifest = read_manifest(corpus)
    except CorpusError as failure:
        if (corpus / MANIFEST_NAME).is_file():
            return Verification(0, 0, 0, (f"{MANIFEST_NAME}: {failure.what}",))
        raise
    problems = list(_file_problems(corpus, manifest, progress, workers))
    checked = 0
    if not problems:
        # Arrays of files that are not as they were written would only raise from inside a library.
        problems = list(_record_problems(corpus, manifest))
        checked = manifest.records
    total = sum(file.bytes for file in manifest.files)
    return Verification(len(manifest.files), total, checked, tuple(problems))


def _file_problems(
    corpus: Path, manifest: Manifest, progress: Callable[[int, int], None] | None, workers: int
) -> Iterator[str]:
    named = {file.path for file in manifest.files}
    for file in manifest.files:
        pure = PurePosixPath(file.path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in file.path or ":" in file.path:
            yield f"{file.path}: leaves the folder of the corpus"
            return
    for path in sorted(corpus.rglob("*")):
        relative = path.relative_to(corpus).as_posix()
        if path.is_symlink():
            yield f"{relative}: a symbolic link, which a corpus never holds"
        elif path.is_file() and relative not in named and relative != MANIFEST_NAME:
            yield f"{relative}: not in the manifest"
    total = sum(file.bytes for file in manifest.files)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        checks = pool.map(lambda file: _file_problem(corpus, file), manifest.files)
        for file, problem in zip(manifest.files, checks, strict=True):
            done += file.bytes
            if progress:
                progress(done, total)
            if problem:
                yield problem
    for shard in manifest.shards:
        if shard.stop <= shard.start or shard.stop > manifest.records:
            yield f"{MANIFEST_NAME}: shard {shard.index} holds records {shard.start} to {shard.stop}"


def _file_problem(corpus: Path, file: FileEntry) -> str | None:
    path = corpus / file.path
    if path.is_symlink():
        return None  # named above, and never followed
    if not path.is_file():
        return f"{file.path}: missing"
    if path.stat().st_size != file.bytes:
        return f"{file.path}: {path.stat().st_size} bytes in place of {file.bytes}"
    if sha256_file(path) != file.sha256:
        return f"{file.path}: its SHA-256 is not the manifest's"
    return None


def _record_problems(corpus: Path, manifest: Manifest) -> Iterator[str]:
    try:
        dataset = open_store(corpus / RECORDS)
    except (OSError, ValueError, KeyError) as failure:
        yield f"{RECORDS}: can't be opened ({str(failure).splitlines()[0]})"
        return
    if manifest.spec_sha256 != sha256_json(manifest.spec):
        yield f"{MANIFEST_NAME}: spec_sha256 is not the spec's"
    for name in ("iq", "occupancy", "label", "signal_power", "noise_power", "snr", "slot", "time", "split"):
        if name not in dataset:
            yield f"{RECORDS}: {name} is missing"
            return
        if dataset[name].dims != QUANTITIES[name].dims:
            yield f"{RECORDS}: {name} lies on {dataset[name].dims} in place of {QUANTITIES[name].dims}"
            return
    if dataset.sizes["record"] != manifest.records:
        yield f"{RECORDS}: {dataset.sizes['record']} records in place of {manifest.records}"
        return
    per_record = max(1, dataset["iq"].nbytes // max(1, manifest.records))
    chunk = int(dataset["iq"].chunksizes["record"][0])
    step = max(chunk, _RECORDS_AT_ONCE_BYTES // per_record // chunk * chunk)
    for start in range(0, manifest.records, step):
        part = dataset.isel(record=slice(start, start + step))
        yield from _part_problems(part, start)
    yield from _split_problems(dataset, manifest)


def _part_problems(part: xr.Dataset, start: int) -> Iterator[str]:
    label, occupancy = part["label"].values, part["occupancy"].values
    wrong = np.flatnonzero(np.any(label != occupancy.any(axis=1), axis=1))
    if len(wrong):
        yield f"label: not the OR of occupancy in record {start + wrong[0]} and {len(wrong) - 1} more"
    iq = part["iq"].values
    broken = np.flatnonzero(~np.isfinite(iq.view(np.float32)).all(axis=(1, 2)))
    if len(broken):
        yield f"iq: not finite in record {start + broken[0]} and {len(broken) - 1} more"
    for name in ("signal_power", "snr"):
        values = part[name].values
        bad = np.isnan(values) | (values == np.inf)
        if bad.any():
            yield f"{name}: NaN or +inf in record {start + int(np.argwhere(bad)[0, 0])}"
    noise = part["noise_power"].values
    if not np.isfinite(noise).all():
        yield f"noise_power: not finite in record {start + int(np.argwhere(~np.isfinite(noise))[0, 0])}"
    # The realised SNR, the noise and the samples are three records of one thing: total power.
    bandwidth_db = 10 * np.log10(part.attrs["sample_rate_hz"] / part.attrs["noise_bandwidth_hz"])
    stated = 10 ** (noise / 10) * (1 + 10 ** ((part["snr"].values - bandwidth_db) / 10))
    measured = np.mean(np.square(np.abs(iq)), axis=-1, dtype=np.float64)
    if np.any(measured <= 0) or np.any(np.abs(np.log(measured / stated)) > _power_tolerance(iq.shape[-1])):
        yield f"iq: its power is not what snr and noise_power say, from record {start} on"


def _power_tolerance(samples: int) -> float:
    """Return how far the log of a capture's power may lie from its mean: eight standard deviations.

    The power of noise over W samples varies by 1/√W; the sum with a fixed signal varies less than
    √2 times that, and the exact tail of few samples is longer than a Gaussian's.
    """
    return float(8 * np.sqrt(2 / samples) + 16 / samples)


def _split_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    split, slot, draw = (dataset[name].values for name in ("split", "slot", "draw"))
    names, counts = np.unique(split.astype("<U10"), return_counts=True)
    found = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    if found != dict(manifest.splits):
        yield f"split: {found} in place of {dict(manifest.splits)}"
    guard = int(manifest.statistics.get("guard_slots", 0))
    for number in np.unique(draw):
        ends = []
        for name in ("train", "validation", "test"):
            slots = slot[(draw == number) & (split == name)]
            if len(slots):
                ends.append((int(slots.min()), int(slots.max()), name))
        ends.sort()
        for (_, last, one), (first, _, other) in pairwise(ends):
            if first - last <= guard:
                yield f"split: {one} and {other} are {first - last - 1} slots apart in place of {guard}"
