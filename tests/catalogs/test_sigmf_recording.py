"""A stranger's SigMF metadata: plain facts are taken, anything else is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas.catalogs.exported_recording import OF_ANOTHER
from iqatlas.catalogs.sigmf_recording import sigmf_recording
from iqatlas.catalogs.spec import SPLITS
from iqatlas.errors import CorpusError, IqAtlasError

GOOD: dict[str, Any] = {
    "global": {
        "core:datatype": "ci8",
        "core:version": "1.2.0",
        "core:sample_rate": 1e6,
        "core:author": "Ada",
        "core:description": "two\nlines",
        "core:hw": 7,
    },
    "captures": [
        {"core:sample_start": 0, "core:frequency": 100e6, "core:datetime": "2026-11-22T00:00:00Z"},
        {"core:sample_start": 40, "core:frequency": 100e6},
    ],
    "annotations": [
        {
            "core:sample_start": 10,
            "core:sample_count": 5,
            "core:freq_lower_edge": 99.9e6,
            "core:freq_upper_edge": 100.1e6,
        },
        {"core:sample_start": 12},
        {"core:sample_start": 50},
    ],
}


def write(folder: Path, meta: Any, *, samples: int = 100) -> Path:
    (folder / "a.sigmf-data").write_bytes(bytes(2 * samples))
    path = folder / "a.sigmf-meta"
    path.write_text(meta if isinstance(meta, str) else json.dumps(meta))
    return path


def changed(part: str, **changes: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(json.dumps(GOOD))
    target = tree[part] if part == "global" else tree[part][0]
    target |= {f"core:{key}": value for key, value in changes.items()}
    return tree


def test_what_the_metadata_tell_is_taken(tmp_path: Path) -> None:
    found = sigmf_recording(write(tmp_path, GOOD))
    assert (found.name, found.samples, found.sample_rate_hz) == ("a", 100, 1e6)
    assert found.centre_frequency_hz == 100e6
    assert found.segments.tolist() == [[0, 40], [40, 100]]
    # Without a length an annotation goes to the end of its segment; without edges it is of all the band.
    assert found.annotations.samples.tolist() == [[10, 15], [12, 40], [50, 100]]
    np.testing.assert_allclose(found.annotations.edges_hz, [[-1e5, 1e5], [-5e5, 5e5], [-5e5, 5e5]], rtol=1e-6)
    assert found.facts == {"author": "Ada", "description": "two lines", "datetime": "2026-11-22T00:00:00Z"}
    assert sigmf_recording(tmp_path / "a.sigmf-data").segments.tolist() == found.segments.tolist()


def test_channels_that_take_turns_are_receivers(tmp_path: Path) -> None:
    path = write(tmp_path, changed("global", num_channels=2))
    (tmp_path / "a.sigmf-data").write_bytes(np.arange(400, dtype=np.int8).tobytes())
    found = sigmf_recording(path)
    assert (found.receivers, found.samples) == (("a/0", "a/1"), 100)
    first = found.read(np.array([0]), 16)
    assert first.shape == (1, 2, 16)
    np.testing.assert_array_equal(first[0, :, :3].real * 128, [[0, 4, 8], [2, 6, 10]])


def test_samples_are_counted_from_the_offset_of_the_file(tmp_path: Path) -> None:
    """The second file of a recording in two begins at the sample after the first one's last."""
    later = changed("global", offset=1000)
    for part in ("captures", "annotations"):
        for one in later[part]:
            one["core:sample_start"] += 1000
    found, same = (sigmf_recording(write(tmp_path, meta)) for meta in (later, GOOD))
    assert found.segments.tolist() == same.segments.tolist()
    assert found.annotations.samples.tolist() == same.annotations.samples.tolist()
    del later["captures"], later["annotations"]
    assert sigmf_recording(write(tmp_path, later)).segments.tolist() == [[0, 100]]


NAMED: dict[str, Any] = {
    "iqatlas:corpus": "city",
    "iqatlas:manifest_sha256": "0" * 64,
    "iqatlas:receiver": "uav0",
    "iqatlas:record_samples": 40,
    "iqatlas:subchannels": [
        {"name": "low", "freq_lower_edge": 99.6e6, "freq_upper_edge": 99.99e6},
        {"name": "high", "freq_lower_edge": 100.01e6, "freq_upper_edge": 100.4e6},
    ],
}


CAPTURES: list[dict[str, Any]] = [
    {"iqatlas:record": 7, "iqatlas:time_s": 0.5, "iqatlas:split": "train", "iqatlas:label": [0, 1]},
    {"iqatlas:record": 9, "iqatlas:time_s": 0.25, "iqatlas:split": "none", "iqatlas:label": [1, 1]},
]


def _named(captures: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the good metadata as an export; ``captures`` changes the second of them."""
    own = {f"iqatlas:{key}": value for key, value in changes.items()}
    second = {f"iqatlas:{key}": value for key, value in (captures or {}).items()}
    told = [{**plain, **known} for plain, known in zip(GOOD["captures"], CAPTURES, strict=True)]
    return {
        **GOOD,
        "global": {**GOOD["global"], **NAMED, **own},
        "captures": [told[0], {**told[1], **second}],
    }


def test_what_an_export_tells_is_taken(tmp_path: Path) -> None:
    told = {"attribution": ["© somebody"], "units": "mW^0.5", "guard_slots": 3}
    recording = sigmf_recording(write(tmp_path, _named(**told)))
    found = recording.exported
    assert found is not None and recording.receivers == ("uav0",)
    assert (found.samples, found.units, found.guard_slots, found.credit) == (40, "mW^0.5", 3, ("© somebody",))
    # To the hertz, though float64 keeps 1.5e-8 Hz of 100 MHz.
    assert found.edges_hz.tolist() == [[-4e5, -1e4], [1e4, 4e5]]
    assert (found.record.tolist(), found.time_s.tolist()) == ([7, 9], [0.5, 0.25])
    assert found.split.tolist() == [SPLITS.index("train"), OF_ANOTHER]
    assert found.label is not None and found.label.tolist() == [[False, True], [True, True]]
    assert found.chain is None and not found.vacant
    # Exports of version 1.1.0 don't have the three, and those before there was the namespace have none.
    earlier = sigmf_recording(write(tmp_path, _named())).exported
    assert earlier is not None and (earlier.units, earlier.guard_slots, earlier.credit) == (None, None, ())
    before = _named()
    del before["global"]["iqatlas:manifest_sha256"]
    assert sigmf_recording(write(tmp_path, before)).exported is None


def test_only_segments_with_samples_have_facts(tmp_path: Path) -> None:
    """A capture that is retuned before its first sample, as SigMF allows, is no segment."""
    whole = _named()
    whole["captures"].insert(1, {**whole["captures"][1], "iqatlas:record": 8})
    found = sigmf_recording(write(tmp_path, whole))
    assert found.exported is not None and found.exported.record.tolist() == [7, 9]
    assert found.segments.tolist() == [[0, 40], [40, 100]]


LOW = NAMED["iqatlas:subchannels"][0]
UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "no number": (_named(record_samples="many"), "record_samples"),
    "no sub-channel": (_named(subchannels=[]), "subchannels that don't follow"),
    "one twice": (_named(subchannels=[LOW, LOW]), "subchannels that don't follow"),
    "one beyond the rate": (_named(subchannels=[{**LOW, "freq_lower_edge": 99.4e6}]), "beyond the sampling"),
    "an edge that is no number": (
        _named(subchannels=[{**LOW, "freq_lower_edge": float("nan")}]),
        "freq_lower_edge",
    ),
    "a list for a sub-channel": (_named(subchannels=[[1, 2]]), "subchannels.0"),
    "no receiver": (_named(receiver=None), "receiver"),
    "a receiver of two lines": (_named(receiver="a\nb"), "printable"),
    "a line of credit without end": (_named(attribution=["a" * 1000]), "attribution"),
    "a split of guards": (_named(receiver_split="guard"), "receiver_split is guard"),
    "captures of other splits": (_named({"split": "test"}, receiver_split="train"), "another split than"),
    "a split of no name": (_named({"split": "tset"}), "split"),
    "labels of one channel": (_named({"label": [1]}), "labels that are not 2 each"),
    "labels here and there": (_named({"label": None}), "label in 1 of 2 captures"),
    "a draw here and there": (_named({"draw": 0, "slot": 0}), "draw in 1 of 2 captures"),
    "a record of 80 bits": (_named({"record": 1 << 80}), "64-bit"),
    "a time without end": (_named({"time_s": float("inf")}), "time_s"),
    "no captures": ({**_named(), "captures": []}, "no captures"),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_an_export_that_is_not_what_it_says_is_one_line(kind: str, tmp_path: Path) -> None:
    meta, words = UNSOUND[kind]
    with pytest.raises(CorpusError, match=f"export that can't be read.*{words}.*take iqatlas:") as caught:
        sigmf_recording(write(tmp_path, meta))
    assert "\n" not in str(caught.value)


HOSTILE: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "no JSON"),
    "deep JSON": ("[" * 100_000, "no JSON"),
    "a list": ("[]", "no global object"),
    "a path for a name": (changed("global", dataset="../../etc/passwd"), "no plain name of a file"),
    "an absolute path": (changed("global", dataset="/etc/passwd"), "no plain name of a file"),
    "a NUL in a name": (changed("global", dataset="a\0b"), "no plain name of a file"),
    "a data set that is not there": (changed("global", dataset="other.bin"), "no such file of samples"),
    "a thousand million channels": (changed("global", num_channels=10**9), "num_channels"),
    "a rate of zero": (changed("global", sample_rate=0), "sample_rate"),
    "a rate without end": (json.dumps(GOOD).replace("1000000.0", "1e999"), "sample_rate"),
    "no rate": (changed("global", sample_rate=None), "--sample-rate"),
    "metadata alone": (changed("global", metadata_only=True), "metadata without samples"),
    "headers": (changed("captures", header_bytes=12), "headers or trailing bytes"),
    "two frequencies": (changed("captures", frequency=1e9), "tuned to 2 frequencies"),
    "segments before the offset": (changed("global", offset=1), "out of order"),
    "segments beyond the end": (changed("captures", sample_start=1 << 61), "out of order"),
    "a segment that begins at the end, alone": (
        {**GOOD, "captures": [{"core:sample_start": 100}]},
        "no segment with a sample",
    ),
    "a negative start": (changed("annotations", sample_start=-1), "sample_start"),
    "a start beyond all": (changed("annotations", sample_start=1 << 70), "sample_start"),
    "one edge": (changed("annotations", freq_upper_edge=None), "one edge in frequency"),
    "edges in turn": (changed("annotations", freq_upper_edge=1.0), "ends below where it begins"),
    "captures that are text": ({**GOOD, "captures": "all"}, "not SigMF metadata"),
    "a wrong hash of no length": (changed("global", sha512="00"), "sha512"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_metadata_are_one_line(kind: str, tmp_path: Path) -> None:
    meta, words = HOSTILE[kind]
    with pytest.raises(IqAtlasError, match=words) as caught:
        sigmf_recording(write(tmp_path, meta))
    assert "\n" not in str(caught.value)


def test_samples_that_are_not_the_metadata_s_are_refused(tmp_path: Path) -> None:
    found = sigmf_recording(write(tmp_path, changed("global", sha512="0" * 128)))
    with pytest.raises(IqAtlasError, match="core:sha512 differs"):
        found.hashes(_nothing)


def _nothing(done: int) -> None:
    """Take no note."""
