"""What the records of a corpus promise of each other: labels, powers, times and splits that agree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import RecordStore, store_in
from iqatlas.catalogs.spec import SPLITS

_AT_ONCE_BYTES = 64 << 20
_NEEDED = tuple(name for name, q in QUANTITIES.items() if q.dims[0] == RECORD and name != "spectrogram")
_NEEDED_ATTRIBUTES = ("sample_rate_hz", "noise_bandwidth_hz", "slot_duration_s")
_FLOAT32_DB = 1e-4
"""Levels are stored as float32 dB; at 200 dB that is 8e-6 dB, 4e-6 of the power, in two of them."""


def record_problems(corpus: Path, manifest: Manifest) -> Iterator[str]:
    """Check the invariants of a corpus whose files are as the manifest says.

    Args:
        corpus: Folder of the corpus.
        manifest: Its manifest.

    Yields:
        What does not hold, one line each.
    """
    if manifest.spec_sha256 != sha256_json(manifest.spec):
        yield f"{MANIFEST_NAME}: spec_sha256 is not the spec's"
    store = store_in(corpus)
    if store is None:
        yield f"{corpus.name}: no records"
        return
    try:
        dataset = store.open(corpus)
        layout = [f"{store.name}: {problem}" for problem in _layout_problems(dataset, manifest)]
        if layout:
            yield from layout
            return
        yield from _shard_problems(store, dataset, manifest)
        per_record = max(1, dataset["iq"].nbytes // manifest.records)
        chunk = int(dataset["iq"].chunksizes[RECORD][0])
        step = max(chunk, _AT_ONCE_BYTES // per_record // chunk * chunk)
        for start in range(0, manifest.records, step):
            part = dataset.isel(record=slice(start, start + step)).load()
            if "iq_scale" in part:
                scale = part["iq_scale"].values
                yield from _named(
                    "iq_scale: negative or not finite", ~(np.isfinite(scale) & (scale >= 0)), start
                )
            yield from _part_problems(decoded(part), start)
        yield from _split_problems(dataset, manifest)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as failure:
        yield f"{store.name}: can't be read ({str(failure).partition(chr(10))[0][:200]})"


def _layout_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    storage = manifest.spec.get("storage")
    counted = isinstance(storage, dict) and storage.get("iq") == "int16"
    known = QUANTITIES | INT16_QUANTITIES if counted else QUANTITIES
    optional = [name for name in ("spectrogram",) if name in dataset]
    for name in (*_NEEDED, *optional, *(["iq_scale"] if counted else [])):
        quantity = known[name]
        if name not in dataset:
            yield f"{name} is missing"
            continue
        variable = dataset[name]
        if variable.dims != quantity.dims:
            yield f"{name} lies on {variable.dims} in place of {quantity.dims}"
        if quantity.dtype != "str" and variable.dtype != np.dtype(quantity.dtype):
            yield f"{name} is {variable.dtype} in place of {quantity.dtype}"
    for name in _NEEDED_ATTRIBUTES:
        value = dataset.attrs.get(name)
        if not isinstance(value, int | float) or not 0 < value < np.inf:
            yield f"the attribute {name} is {value!r} in place of a positive number"
    if dataset.sizes.get(RECORD, 0) != manifest.records or not manifest.records:
        yield f"{dataset.sizes.get(RECORD, 0)} records in place of {manifest.records}"


def _shard_problems(store: RecordStore, dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    over_records = {str(name) for name, variable in dataset.variables.items() if RECORD in variable.dims}
    files: dict[int, list[FileEntry]] = {}
    for file in sorted(manifest.files, key=lambda file: PurePosixPath(file.path)):
        place = store.shard_of(file.path)
        if place and (place[0] is None or place[0] in over_records):
            files.setdefault(place[1], []).append(file)
    for shard in manifest.shards:
        stated = sha256_json([[file.path, file.sha256] for file in files.pop(shard.index, [])])
        if stated != shard.sha256:
            yield f"{MANIFEST_NAME}: the SHA-256 of shard {shard.index} is not that of its files"
    if files:
        yield f"{store.name}: files of shard {min(files)}, which the manifest does not name"


def _part_problems(part: xr.Dataset, start: int) -> Iterator[str]:
    values = {name: part[name].values for name in part.variables if RECORD in part[name].dims}
    iq, noise, snr = values["iq"], values["noise_power"], values["snr"]
    yield from _named("label: not the OR of occupancy", values["label"] != values["occupancy"].any(1), start)
    yield from _named("iq: not finite", ~np.isfinite(iq), start)
    yield from _named("noise_power: not finite", ~np.isfinite(noise), start)
    for name in ("signal_power", "snr", "spectrogram"):
        if name in values:
            # Nothing received is -inf dB.
            bad = np.isnan(values[name]) | (values[name] == np.inf)
            yield from _named(f"{name}: NaN or +inf", bad, start)
    yield from _time_problems(part, values, start)
    if np.isfinite(iq).all() and np.isfinite(noise).all() and not np.isnan(snr).any():
        yield from _power_problems(part, values, start)


def _named(what: str, bad: np.ndarray, start: int) -> Iterator[str]:
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    if len(rows):
        yield f"{what} in record {start + rows[0]}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")


def _time_problems(part: xr.Dataset, values: dict[object, np.ndarray], start: int) -> Iterator[str]:
    duration, rate = part.attrs["slot_duration_s"], part.attrs["sample_rate_hz"]
    # Hours of slots in float64 seconds keep far more than a hundredth of a sample.
    into = values["time"] - values["slot"] * duration
    latest = duration - part.sizes["sample"] / rate
    bad = ~((into >= -0.01 / rate) & (into <= latest + 0.01 / rate))
    yield from _named("time: the capture is not inside its slot", bad, start)


def _power_problems(part: xr.Dataset, values: dict[object, np.ndarray], start: int) -> Iterator[str]:
    """Compare the power of the samples with what noise and SNR say: three records of one thing.

    The power of W samples of noise with a given signal has a relative variance of
    (1 + 2γ)/(1 + γ)²/W, at most 1/W. Single captures may be eight standard deviations off, with a
    longer tail for short ones; means over the records of a level and receiver likewise, which
    finds a wrong SNR that lies far below the noise.
    """
    iq, noise = values["iq"], values["noise_power"].astype(np.float64)
    share = part.attrs["noise_bandwidth_hz"] / part.attrs["sample_rate_hz"]
    stated = 10 ** (noise / 10) * (1 + share * 10 ** (values["snr"].astype(np.float64) / 10))
    ratio = np.mean(np.square(np.abs(iq)), axis=-1, dtype=np.float64) / stated
    samples = iq.shape[-1]
    bad = (ratio <= 0) | (np.abs(np.log(np.maximum(ratio, 1e-300))) > 8 / np.sqrt(samples) + 16 / samples)
    if bad.any():
        yield from _named("iq: its power is not what snr and noise_power say", bad, start)
        return
    for level in np.unique(values["snr_level"]):
        rows = (values["snr_level"] == level) | (np.isnan(values["snr_level"]) & np.isnan(level))
        off = np.abs(ratio[rows].mean(axis=0) - 1) > 8 / np.sqrt(samples * rows.sum()) + _FLOAT32_DB
        if off.any():
            receiver = part["receiver"].values[np.flatnonzero(off)[0]]
            first = start + int(np.flatnonzero(rows)[0])
            yield (
                f"iq: its mean power at {receiver} and snr_level {level:g} dB is not what snr and "
                f"noise_power say, from record {first} on"
            )


def _split_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    slot, draw = dataset["slot"].values, dataset["draw"].values
    split = dataset["split"].values.astype("<U10")
    names, counts = np.unique(split, return_counts=True)
    found = {str(name): int(count) for name, count in zip(names, counts, strict=True)}
    if found != {name: count for name, count in manifest.splits.items() if count}:
        yield f"split: {found} in place of {dict(manifest.splits)}"
    unknown = sorted(set(found) - set(SPLITS))
    if unknown:
        yield f"split: {unknown[0]!r} is none of {', '.join(SPLITS)}"
    guard = manifest.statistics.get("guard_slots")
    if not isinstance(guard, int) or guard < 0:
        yield f"{MANIFEST_NAME}: statistics.guard_slots is {guard!r} in place of a count"
        return
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
