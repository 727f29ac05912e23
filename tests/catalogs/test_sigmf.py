"""SigMF recordings: the sigmf package validates and opens them, and finds the same samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sigmf

from iqatlas.catalogs.sigmf import Occupied, metadata_path, write_recording
from iqatlas.errors import SpecError, StorageError

RATE_HZ = 1.92e6
CARRIER_HZ = 1.8467e9
EDGES_HZ = np.array([[-540e3, -180e3], [-180e3, 180e3], [180e3, 540e3]])
OCCUPANCY = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 0]], bool)


def samples(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(3800) + 1j * rng.standard_normal(3800)).astype(np.complex64)


def write(data: Path, pieces: Iterator[np.ndarray] | None = None, seed: int = 1) -> Path:
    return write_recording(
        data,
        iter(np.array_split(samples(seed), 7)) if pieces is None else pieces,
        sample_rate_hz=RATE_HZ,
        carrier_hz=CARRIER_HZ,
        description="three sub-channels",
        occupied=Occupied(OCCUPANCY, 1000, EDGES_HZ),
        progress=lambda done: None,
    )


@pytest.mark.parametrize("name", ["cell.sigmf-data", "cell.cf32", "cell", "two.dots.bin"])
def test_the_sigmf_package_validates_and_opens_it_with_equal_samples(tmp_path: Path, name: str) -> None:
    meta = write(tmp_path / name)
    assert meta == metadata_path(tmp_path / name)
    recording = sigmf.fromfile(meta)  # compares the hash of the data with the one in the metadata
    recording.validate()
    assert recording.sample_rate == RATE_HZ
    assert recording.get_captures()[0]["core:frequency"] == CARRIER_HZ
    np.testing.assert_array_equal(recording.read_samples(), samples())


def test_the_data_file_is_interleaved_float32_without_a_header(tmp_path: Path) -> None:
    write(tmp_path / "cell.cf32")
    raw = np.fromfile(tmp_path / "cell.cf32", "<f4")
    np.testing.assert_array_equal(raw[0::2], samples().real)
    np.testing.assert_array_equal(raw[1::2], samples().imag)
    assert json.loads((tmp_path / "cell.sigmf-meta").read_text())["global"]["core:dataset"] == "cell.cf32"


def test_runs_of_occupied_slots_are_annotations(tmp_path: Path) -> None:
    found = sigmf.fromfile(write(tmp_path / "a.sigmf-data")).get_annotations()
    runs = [(a["core:label"], a["core:sample_start"], a["core:sample_count"]) for a in found]
    assert runs == [
        ("sub-channel 0", 0, 2000),
        ("sub-channel 1", 1000, 2800),  # the last slot ends with the recording
        ("sub-channel 0", 3000, 800),
    ]
    assert found[1]["core:freq_lower_edge"] == CARRIER_HZ - 180e3
    assert found[1]["core:freq_upper_edge"] == CARRIER_HZ + 180e3


def test_progress_counts_samples(tmp_path: Path) -> None:
    told: list[int] = []
    write_recording(
        tmp_path / "x",
        iter([samples()[:1000], samples()[1000:1500]]),
        sample_rate_hz=RATE_HZ,
        carrier_hz=CARRIER_HZ,
        description="",
        occupied=Occupied(OCCUPANCY[:2], 1000, EDGES_HZ),
        progress=told.append,
    )
    assert told == [1000, 1500]


def test_a_recording_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield samples(2)
        raise RuntimeError("power cut")

    meta = write(tmp_path / "cell.sigmf-data")
    with pytest.raises(RuntimeError, match="power cut"):
        write(tmp_path / "cell.sigmf-data", breaking())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell.sigmf-data", "cell.sigmf-meta"]
    np.testing.assert_array_equal(sigmf.fromfile(meta).read_samples(), samples())


def test_a_new_recording_takes_the_place_of_the_old(tmp_path: Path) -> None:
    write(tmp_path / "cell.sigmf-data")
    meta = write(tmp_path / "cell.sigmf-data", seed=2)
    np.testing.assert_array_equal(sigmf.fromfile(meta).read_samples(), samples(2))


def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="one file"):
        write(tmp_path / "cell.sigmf-meta")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write(tmp_path / "file" / "cell.cf32")
