"""Samples of every type come out as the numbers that they stand for, in whatever order of bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sigmf

from iqatlas.catalogs.recording import raw_recording
from iqatlas.catalogs.sample_type import SampleType
from iqatlas.errors import CorpusError, SpecError

NAMES = [
    "cf32_le", "cf32_be", "cf64_be", "ci32_le", "ci16_be", "ci16_le", "ci8", "cu8", "cu16_le", "cu32_be",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_those_that_the_sigmf_package_reads(name: str, tmp_path: Path) -> None:
    kind = SampleType.parse(name, where="here")
    rng = np.random.default_rng(5)
    if kind.part.kind == "f":
        parts = rng.standard_normal(64).astype(kind.part)
    else:
        limits = np.iinfo(kind.part)
        parts = rng.integers(limits.min, limits.max, 64, endpoint=True).astype(kind.part)
        parts[:2] = limits.min, limits.max
    data = tmp_path / "a.sigmf-data"
    data.write_bytes(parts.tobytes())
    meta = {"global": {"core:datatype": name, "core:version": "1.2.0"}, "captures": [], "annotations": []}
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(meta))
    expected = sigmf.fromfile(str(tmp_path / "a.sigmf-meta")).read_samples()
    recording = raw_recording(data, kind, sample_rate_hz=1.0, centre_frequency_hz=0.0)
    found = recording.read(np.array([0, 16]), 16).reshape(-1)
    # Both end in float32, the package before it takes the middle off: a part in 2^23 of full scale.
    np.testing.assert_allclose(found, expected, rtol=2**-23, atol=2**-23)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rf32_le", "real samples hold no I and Q"),
        ("ci16", "does not say the order of bytes; accepted: ci16_le, ci16_be"),
        ("int16", "is no type of samples known here"),
        ("cf16_le", "is no type of samples known here"),
        ("c" * 5000, "is no type of samples known here"),
    ],
)
def test_other_types_are_one_line(name: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        SampleType.parse(name, where="--dtype")
    assert len(str(caught.value)) < 300


def test_captures_with_gaps_between_them_are_where_they_should_be(tmp_path: Path) -> None:
    data = tmp_path / "a.bin"
    data.write_bytes((np.arange(100) * (1 - 1j)).astype(np.complex64).tobytes())
    recording = raw_recording(
        data, SampleType.parse("cf32_le", where="here"), sample_rate_hz=1.0, centre_frequency_hz=0.0
    )
    found = recording.read(np.array([3, 7, 50, 60, 96]), 4)
    np.testing.assert_array_equal(found.real[:, 0, 0], [3, 7, 50, 60, 96])
    np.testing.assert_array_equal(np.diff(found.real, axis=-1), 1)
    data.write_bytes(b"")
    with pytest.raises(CorpusError, match="shorter than when it was opened"):
        recording.read(np.array([0]), 4)


def test_a_file_that_is_cut_within_a_sample_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(9))
    kind = SampleType.parse("cf32_le", where="here")
    with pytest.raises(CorpusError, match="9 bytes are no whole number of samples of cf32_le"):
        raw_recording(tmp_path / "a.bin", kind, sample_rate_hz=1.0, centre_frequency_hz=0.0)
