"""What the records of a corpus promise of each other: labels, powers, times and splits that agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import xarray as xr

from iqatlas.axes import INT16_QUANTITIES, QUANTITIES, RECORD
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.feature_invariants import feature_problems
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.imported_invariants import (
    imported_layout_problems,
    imported_part_problems,
    imported_split_problems,
)
from iqatlas.catalogs.manifest import MANIFEST_NAME, FileEntry, Manifest, shard_sha256
from iqatlas.catalogs.place import CorpusPlace
from iqatlas.catalogs.quantised import decoded
from iqatlas.catalogs.record_store import RecordStore, store_in
from iqatlas.catalogs.split_audit import silence_problems, split_problems
from iqatlas.errors import SetupError
from iqatlas.features.registry import FEATURES

_AT_ONCE_BYTES = 64 << 20
_OPTIONAL = ("signal", "noise")
_NEEDED = tuple(
    name
    for name, quantity in QUANTITIES.items()
    if quantity.dims[0] == RECORD and name not in (*_OPTIONAL, *FEATURES)
)
_NEEDED_ATTRIBUTES = ("sample_rate_hz", "noise_bandwidth_hz", "slot_duration_s")
_LARGEST_ROUNDING_COUNTS = 0.51
"""Half a count, and what float32 rounds in the product of 32767 counts and the scale: 0.004 of one."""
_FLOAT32_DB = 1e-4
"""Levels are stored as float32 dB; at 200 dB that is 8e-6 dB, 4e-6 of the power, in two of them."""


def record_problems(place: CorpusPlace, manifest: Manifest) -> Iterator[str]:
    """Check the invariants of a corpus whose files are as the manifest says.

    Args:
        place: Where the corpus lies.
        manifest: Its manifest.

    Yields:
        What does not hold, one line each.
    """
    if manifest.spec_sha256 != sha256_json(manifest.spec):
        yield f"{MANIFEST_NAME}: spec_sha256 is not the spec's"
    store = store_in(place)
    if store is None:
        yield f"{place.name}: no records"
        return
    try:
        dataset = store.open_at(place.store(store.name))
        imported = is_imported(manifest.spec)
        layout_problems = imported_layout_problems if imported else _layout_problems
        layout = [f"{store.name}: {problem}" for problem in layout_problems(dataset, manifest)]
        if layout:
            yield from layout
            return
        yield from _shard_problems(store, dataset, manifest)
        per_record = max(1, dataset["iq"].nbytes // manifest.records)
        chunk = int(dataset["iq"].variable.chunksizes[RECORD][0])
        step = max(chunk, _AT_ONCE_BYTES // per_record // chunk * chunk)
        plain = dataset.drop_vars([name for name in FEATURES if name in dataset])
        for start in range(0, manifest.records, step):
            part = plain.isel(record=slice(start, start + step)).load()
            if "iq_scale" in part:
                scale = part["iq_scale"].values
                wrong = ~(np.isfinite(scale) & (scale >= 0))
                yield from _named("iq_scale: negative or not finite", wrong, start)
            if imported:
                yield from _named_all(imported_part_problems(decoded(part), manifest), start)
            else:
                yield from _part_problems(decoded(part), start, ideal=_ideal(manifest))
        yield from feature_problems(decoded(dataset), manifest.spec, store=store.name)
        if imported:
            yield from imported_split_problems(dataset, manifest)
        else:
            yield from split_problems(dataset, manifest, store=store.name)
    except SetupError:  # of this machine, not of the corpus
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as failure:
        yield f"{store.name}: can't be read ({str(failure).partition(chr(10))[0][:200]})"


def _layout_problems(dataset: xr.Dataset, manifest: Manifest) -> Iterator[str]:
    storage = manifest.spec.get("storage")
    counted = isinstance(storage, dict) and storage.get("iq") == "int16"
    known = QUANTITIES | INT16_QUANTITIES if counted else QUANTITIES
    optional = [name for name in _OPTIONAL if name in dataset]
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
        stated = shard_sha256(files.pop(shard.index, []))
        if stated != shard.sha256:
            yield f"{MANIFEST_NAME}: the SHA-256 of shard {shard.index} is not that of its files"
    if files:
        yield f"{store.name}: files of shard {min(files)}, which the manifest does not name"


def _ideal(manifest: Manifest) -> bool:
    """Return whether mixers and converters of the receivers are ideal, so that iq is signal and noise."""
    receiver = manifest.spec.get("receiver", {})
    altered = ("iq_gain_db", "iq_phase_deg", "dc_offset_db", "adc")
    return all(receiver.get(name) in (None, 0) for name in altered)


def _part_problems(part: xr.Dataset, start: int, *, ideal: bool) -> Iterator[str]:
    values = {name: part[name].values for name in part.variables if RECORD in part[name].dims}
    iq, noise, snr = values["iq"], values["noise_power"], values["snr"]
    yield from _named("label: not the OR of occupancy", values["label"] != values["occupancy"].any(1), start)
    yield from _named("iq: not finite", ~np.isfinite(iq), start)
    yield from _named("noise_power: not finite", ~np.isfinite(noise), start)
    for name in ("signal_power", "snr"):
        # Nothing received is -inf dB.
        bad = np.isnan(values[name]) | (values[name] == np.inf)
        yield from _named(f"{name}: NaN or +inf", bad, start)
    yield from _time_problems(part, values, start)
    yield from _named_all(silence_problems(part), start)
    if "signal" in values and "noise" in values:
        port = values["signal"] + values["noise"]
        if ideal:
            yield from _named("iq: not the sum of signal and noise", _differ(port, values), start)
    elif ideal:
        port = iq
    else:
        return  # without its components, nothing tells what a real receiver's samples should add up to
    if np.isfinite(port).all() and np.isfinite(noise).all() and not np.isnan(snr).any():
        yield from _power_problems(part, {**values, "iq": port}, start)


def _differ(port: np.ndarray, values: dict[object, np.ndarray]) -> np.ndarray:
    """Return where samples differ from the sum of their components, by more than counts round."""
    iq = values["iq"]
    if "iq_scale" not in values:
        return np.asarray(port != iq)
    off = np.abs((port - iq).view(np.float32))
    near: np.ndarray = off <= _LARGEST_ROUNDING_COUNTS * values["iq_scale"][..., None]
    return ~near


def _named_all(problems: Iterator[tuple[str, np.ndarray]], start: int) -> Iterator[str]:
    for what, bad in problems:
        yield from _named(what, bad, start)


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
