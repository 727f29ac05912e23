"""Records that contradict each other are found, even where every hash is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.manifest import MANIFEST_NAME, read_manifest
from iqatlas.catalogs.verify import verify_corpus

Reseal = Callable[..., None]


def _change(corpus: Path, name: str, change: Callable[[np.ndarray], None]) -> None:
    array = zarr.open_group(corpus / "records.zarr", mode="r+", use_consolidated=False)[name]
    values = array[:]
    change(values)
    with zarr.config.set({"array.write_empty_chunks": True}):
        array[:] = values


def _put(index: object, value: object) -> Callable[[np.ndarray], None]:
    return lambda values: values.__setitem__(index, value)


def _add(index: object, value: object) -> Callable[[np.ndarray], None]:
    return lambda values: values.__setitem__(index, values[index] + value)


def test_a_resealed_corpus_that_was_not_changed_is_sound(copied: Path, reseal: Reseal) -> None:
    # Else the tests below would find the sealing and not the broken invariant.
    before = (copied / MANIFEST_NAME).read_bytes()
    reseal(copied)
    assert (copied / MANIFEST_NAME).read_bytes() == before
    assert verify_corpus(copied).sound


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        (
            "label",
            lambda v: np.logical_not(v[100], out=v[100]),
            "label: not the OR of occupancy in record 100",
        ),
        (
            "occupancy",
            lambda v: np.logical_not(v[7], out=v[7]),
            "label: not the OR of occupancy in record 7",
        ),
        ("iq", _put((33, 1, 5), np.nan), "iq: not finite in record 33"),
        ("iq", _put((159, 0, 0), 1j * np.inf), "iq: not finite in record 159"),
        ("snr", _put((20, 2), np.nan), "snr: NaN or +inf in record 20"),
        ("signal_power", _put((21, 0, 1), np.inf), "signal_power: NaN or +inf in record 21"),
        ("noise_power", _put((22, 0), -np.inf), "noise_power: not finite in record 22"),
        ("spectrogram", _put((23, 0, 1, 4), np.nan), "spectrogram: NaN or infinite in record 23"),
        # At 256 samples a capture's power is known to ±50%, eight standard deviations of 1/16.
        ("snr", _add((41, 0), 20.0), "iq: its power is not what snr and noise_power say in record 41"),
        ("iq", _put(50, 0.0), "iq: its power is not what snr and noise_power say in record 50"),
        # The records of a level together know it to 8/sqrt(256 x 80) = 6%.
        ("snr", _add(np.s_[1::2], 0.5), "iq: its mean power at uav0 and snr_level 20 dB is not"),
        ("noise_power", _add(np.s_[:, 1], -0.5), "iq: its mean power at uav1 and snr_level 0 dB is not"),
        ("iq", lambda v: np.multiply(v, np.float32(1.05), out=v), "iq: its mean power at"),
        ("time", _add(60, 1e-3), "time: the capture is not inside its slot in record 60"),
        ("time", _add(61, np.nan), "time: the capture is not inside its slot in record 61"),
        ("slot", _add(62, -1), "time: the capture is not inside its slot in record 62"),
        ("split", _put(159, "train"), "split: {"),
        ("split", _put(159, "holdout"), "split: 'holdout' is none of train, validation, test, guard"),
    ],
)
def test_a_broken_invariant_is_named(
    copied: Path, reseal: Reseal, name: str, change: Callable[[np.ndarray], None], found: str
) -> None:
    _change(copied, name, change)
    reseal(copied)
    problems = verify_corpus(copied).problems
    assert any(p.startswith(found) for p in problems), problems
    assert all("SHA-256" not in p for p in problems)  # the hashes are right


def test_splits_closer_than_the_guard_are_named(copied: Path, reseal: Reseal) -> None:
    manifest = read_manifest(copied)
    guard = manifest.statistics["guard_slots"]
    split = zarr.open_array(copied / "records.zarr" / "split", mode="r")[:]
    last = np.flatnonzero(split == "train")[-1]
    levels = 2
    _change(copied, "split", _put(np.s_[last + 1 : last + 1 + levels], "train"))  # one slot of the gap
    splits = dict(manifest.splits)
    splits["train"] += levels
    splits["guard"] -= levels
    reseal(copied, splits=splits)
    assert verify_corpus(copied).problems == (
        f"split: train and validation are {guard - 1} slots apart in place of {guard}",
    )


@pytest.mark.parametrize("guard", [None, "many", -1, 1.5])
def test_a_guard_that_is_no_count_is_named(copied: Path, reseal: Reseal, guard: object) -> None:
    statistics = {**read_manifest(copied).statistics, "guard_slots": guard}
    reseal(copied, statistics=statistics)
    problems = verify_corpus(copied).problems
    assert problems == (f"manifest.json: statistics.guard_slots is {guard!r} in place of a count",)


def test_a_spec_that_is_not_the_hashed_one_is_named(copied: Path, reseal: Reseal) -> None:
    spec = {**read_manifest(copied).spec, "seed": 8}
    reseal(copied, spec=spec)
    assert verify_corpus(copied).problems == ("manifest.json: spec_sha256 is not the spec's",)
    reseal(copied, spec=spec, spec_sha256=sha256_json(spec))
    assert verify_corpus(copied).sound


def test_a_shard_hash_that_is_not_that_of_its_files_is_named(copied: Path, reseal: Reseal) -> None:
    shards = list(read_manifest(copied).shards)
    shards[2] = shards[2].model_copy(update={"sha256": "0" * 64})
    reseal(copied, shards=shards)
    assert verify_corpus(copied).problems == (
        "manifest.json: the SHA-256 of shard 2 is not that of its files",
    )


def _edit_metadata(corpus: Path, edit: Callable[[dict], None]) -> None:
    root = corpus / "records.zarr" / "zarr.json"
    body = json.loads(root.read_bytes())
    edit(body)
    root.write_text(json.dumps(body))


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda body: body["attributes"].pop("sample_rate_hz"), "the attribute sample_rate_hz is None"),
        (
            lambda body: body["attributes"].update(noise_bandwidth_hz=0),
            "the attribute noise_bandwidth_hz is 0",
        ),
        (
            lambda body: body["attributes"].update(slot_duration_s="long"),
            "the attribute slot_duration_s is 'long'",
        ),
        (
            lambda body: body["consolidated_metadata"]["metadata"].pop("snr"),
            "records.zarr: snr is missing",
        ),
        (
            lambda body: body["consolidated_metadata"]["metadata"]["label"].update(
                dimension_names=["subchannel", "record"]
            ),
            "records.zarr: can't be read (",
        ),
        (
            lambda body: body["consolidated_metadata"]["metadata"]["slot"].update(data_type="int32"),
            "records.zarr: slot is int32 in place of int64",
        ),
        (
            lambda body: [
                entry["shape"].__setitem__(0, 150)
                for entry in body["consolidated_metadata"]["metadata"].values()
                if entry["node_type"] == "array" and entry.get("dimension_names", [""])[0] == "record"
            ],
            "records.zarr: 150 records in place of 160",
        ),
        (lambda body: body.pop("consolidated_metadata"), "records.zarr: can't be read ("),
        (lambda body: body.clear(), "records.zarr: can't be read ("),
    ],
)
def test_a_store_of_another_layout_is_named(
    copied: Path, reseal: Reseal, edit: Callable[[dict], object], found: str
) -> None:
    _edit_metadata(copied, edit)
    reseal(copied)
    problems = verify_corpus(copied).problems
    assert any(found in p for p in problems), problems
    assert all("\n" not in p for p in problems)


def test_chunks_that_are_no_chunks_are_named(copied: Path, reseal: Reseal) -> None:
    for path in (copied / "records.zarr/label/c").rglob("0"):
        if path.is_file():
            path.write_bytes(b"\xff" * 200)
    reseal(copied)
    problems = verify_corpus(copied).problems
    assert len(problems) == 1
    assert problems[0].startswith("records.zarr: can't be read (")
