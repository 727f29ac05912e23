"""Recordings become corpora like any other, but for what nobody knows of them."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.construction import Construction
from iqatlas.catalogs.import_spec import ImportedCorpusSpec
from iqatlas.catalogs.publish import publish
from iqatlas.catalogs.recording import Recording, raw_recording
from iqatlas.catalogs.sample_type import SampleType
from iqatlas.catalogs.sigmf_export import export_sigmf
from iqatlas.catalogs.sigmf_recording import sigmf_recording
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, IqAtlasError
from iqatlas.features.tabular import table
from iqatlas.generators import import_records
from iqatlas.generators.import_corpus import import_recordings
from iqatlas.generators.import_records import import_plan
from iqatlas.waveforms.lte.sync import pss

BEFORE = Path(__file__).parents[1] / "formats" / "v1" / "import.zip"
OFF_AIR = "lte-off-air-1815.3MHz-19.2Msps-int8.bin"


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def spec(name: str = "heard", /, **how: Any) -> ImportedCorpusSpec:
    rest = {key: how.pop(key) for key in ("storage", "splits", "about") if key in how}
    return ImportedCorpusSpec.model_validate({"name": name, "import": {"kind": "raw", **how}, **rest})


@pytest.fixture
def tones(tmp_path: Path) -> Recording:
    """Return 40,000 samples of noise and a tone, as 16-bit integers."""
    rng = np.random.default_rng(3)
    parts = rng.normal(0, 1000, (40_000, 2)) + 8000 * np.ones((40_000, 2))
    (tmp_path / "tones.bin").write_bytes(parts.astype("<i2").tobytes())
    kind = SampleType.parse("ci16_le", where="here")
    return raw_recording(tmp_path / "tones.bin", kind, sample_rate_hz=1e6, centre_frequency_hz=1e8)


@pytest.fixture(scope="module")
def recordings(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the small corpus as SigMF recordings, one a receiver."""
    folder = tmp_path_factory.mktemp("sigmf")
    return export_sigmf(small_corpus, folder, progress=lambda done, total: None)


def test_an_exported_corpus_comes_back(
    small_corpus: Corpus, recordings: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    was = small_corpus.dataset.copy().load()
    # Records, sub-channels, level and splits are those that the metadata tell.
    assert run(["import", "sigmf", *map(str, recordings), "-o", str(tmp_path / "back")]) == 0
    assert "160 records with labels" in capsys.readouterr().out
    back = open_corpus(tmp_path / "back")
    found = back.dataset.load()
    np.testing.assert_array_equal(found["iq"], was["iq"])
    np.testing.assert_array_equal(found["label"], was["label"])
    assert found["iq"].attrs["units"] == "mW^0.5"
    assert back.verify().problems == ()
    # What nobody knows of a recording is not there.
    assert not {"snr", "noise_power", "signal_power", "occupancy", "snr_level"} & set(found.variables)
    assert back.manifest.splits == small_corpus.manifest.splits
    inputs = [entry for entry in back.manifest.inputs if entry.role == "samples"]
    data = recordings[0].with_suffix(".sigmf-data")
    assert inputs[0].sha256 == hashlib.sha256(data.read_bytes()).hexdigest()
    assert {entry.licence for entry in inputs} == {"ODbL-1.0"}
    # Readers, features and detectors run on it as on any other.
    items = back.numpy(split="train", variables=["iq", "label"])
    assert {len(items[name]) for name in ("iq", "label")} == {small_corpus.manifest.splits["train"]}
    feature = back.features("power_spectrum", nperseg=64)
    np.testing.assert_array_equal(feature, small_corpus.features("power_spectrum", nperseg=64))
    assert run(["validate", str(tmp_path / "back")]) in (0, 1)
    assert "The noise floor is estimated" in capsys.readouterr().out
    assert run(["info", str(tmp_path / "back")]) == 0
    with pytest.raises(CorpusError, match="no radio paths"):
        assert back.paths
    assert run(["rebuild", str(tmp_path / "back")]) == 2
    publish(back.path, tmp_path / "catalog", version="1.0.0")
    assert open_corpus(f"{tmp_path}/catalog/back@1.0.0").verify().problems == ()


def test_the_cell_off_the_air_is_found_in_the_imported_records(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["import", "raw", str(shared_data / OFF_AIR), "-o", str(tmp_path / "air"), "--dtype", "ci8"]
    words += ["--sample-rate", "19.2e6", "--centre-frequency", "1815.3e6", "--samples", "9600"]
    assert run(words) == 0
    assert run(["verify", str(tmp_path / "air")]) == 0
    assert run(["plot", str(tmp_path / "air"), "-o", str(tmp_path / "a.png")]) == 0
    capsys.readouterr()
    assert run(["validate", str(tmp_path / "air")]) == 2
    said = capsys.readouterr().err
    assert "no labels in this corpus" in said
    assert len(said.splitlines()) == 1
    corpus = open_corpus(tmp_path / "air")
    assert corpus.dataset["iq"].attrs["units"] == "1"
    assert corpus.features("power_spectrum").attrs["units"] == "dBFS/Hz"
    units = table(corpus.features("tabular").isel(record=0)).attrs["units"]
    assert {units["power"], units["power_p10"]} == {"dBFS"} and "dBm" not in units.values()
    assert (units["deviation"], units["slope"], units["centroid"]) == ("dB", "dB/ms", "Hz")
    samples = corpus.dataset["iq"].isel(record=slice(0, 21), receiver=0).values.reshape(-1)
    # The prefix repeats 1280 samples on, turned by the carrier offset, which is known to be near 14 kHz.
    turn = np.angle(np.vdot(samples[:-1280], samples[1280:])) / (2 * np.pi)
    offset = (turn + np.round(14 / 15 - turn)) * 15e3 / 19.2e6
    samples = samples * np.exp(-2j * np.pi * offset * np.arange(len(samples)))
    size = 1 << 18
    peaks = {}
    for within in range(3):
        grid = np.zeros(1280, complex)
        grid[np.r_[-31:0, 1:32]] = pss(within)
        replica = np.fft.fft(np.fft.ifft(grid), size).conj()
        correlation = np.abs(np.fft.ifft(np.fft.fft(samples[: 10 * 9600 + 1280], size) * replica))[:96_000]
        peaks[within] = float(correlation.max() / np.median(correlation))
    # Cell 301 has the second sequence of three, 301 mod 3 = 1; others are noise, below 6 medians.
    assert max(peaks, key=peaks.__getitem__) == 301 % 3
    assert peaks[1] > 1.5 * max(peaks[0], peaks[2])


@pytest.mark.parametrize("form", ["zarr", "hdf5"])
def test_an_import_that_was_killed_resumes_to_the_same_bytes(
    form: str, tones: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_records, "_CHUNK_BYTES", 1 << 14)
    monkeypatch.setattr(import_records, "_SHARD_BYTES", 1 << 16)
    asked = spec(samples=256, storage={"format": form, "iq": "int16"})
    whole = import_recordings([tones], asked, tmp_path / "whole")
    assert len(whole.manifest.shards) == 5
    record, steps = Construction.record, []

    def dies(self: Construction, step: str, files: tuple[Any, ...]) -> None:
        record(self, step, files)
        steps.append(step)
        if len(steps) == 3:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Construction, "record", dies)
        import_recordings([tones], asked, tmp_path / "cut")
    with pytest.raises(CorpusError, match="unfinished"):
        open_corpus(tmp_path / "cut")
    made = []
    make = import_records.ImportPlan.make_shard
    with monkeypatch.context() as patch:
        patch.setattr(
            import_records.ImportPlan, "make_shard", lambda self, s: (made.append(s.index), make(self, s))[1]
        )
        resumed = import_recordings([tones], asked, tmp_path / "cut")
    assert made == [2, 3, 4]
    assert resumed.manifest.shards == whole.manifest.shards
    assert resumed.verify().problems == ()
    counts = np.fromfile(tones.data, "<i2").astype(np.float64).reshape(-1, 2)[: 256 * 156]
    found = resumed.dataset["iq"].values.reshape(-1)
    # Half a count of the largest part of each capture, full scale at 32768.
    step = np.abs(counts).reshape(156, -1).max(axis=1).repeat(256) / 32768 / 32767
    assert (np.abs(found.real - counts[:, 0] / 32768) <= 0.51 * step).all()
    # Asked once more, it is there.
    before = (tmp_path / "cut/manifest.json").stat().st_mtime_ns
    import_recordings([tones], asked, tmp_path / "cut")
    assert (tmp_path / "cut/manifest.json").stat().st_mtime_ns == before


OTHERWISE: list[tuple[dict[str, Any], str]] = [
    ({"sample_rate_hz": 2e6}, "corpus sampled at 1000000 Hz, not 2000000 Hz"),
    ({"centre_frequency_hz": 9e8}, "corpus tuned to 100000000 Hz, not 900000000 Hz"),
    ({"sample_type": SampleType.parse("ci16_be", where="here")}, "corpus of samples ci16_le, not ci16_be"),
    ({"name": "mast"}, "corpus of the receivers tones, not mast"),
]


def test_the_same_file_read_otherwise_is_another_corpus(tones: Recording, tmp_path: Path) -> None:
    whole = import_recordings([tones], spec(samples=4096), tmp_path / "done").manifest.serialise()
    for facts, said in OTHERWISE:
        with pytest.raises(CorpusError, match=f"holds a finished {said}; .* --overwrite$"):
            import_recordings([replace(tones, **facts)], spec(samples=4096), tmp_path / "done")
    assert (tmp_path / "done/manifest.json").read_bytes() == whole


def test_a_corpus_of_recordings_of_earlier_code_is_found_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # BEFORE was made by the code of 22 November 2026, and is never made anew.
    with zipfile.ZipFile(BEFORE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = open_corpus("air").manifest.serialise()
    assert open_corpus("air").verify().problems == ()
    words = ["import", "raw", "air.bin", "--dtype", "ci16_le", "-o", "air", "--samples", "64"]
    words += ["--subchannels", "4", "--centre-frequency", "100e6", "--sample-rate"]
    assert run([*words, "1e6"]) == 0
    capsys.readouterr()
    assert run([*words, "1.5e6"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "air: this folder holds a finished corpus sampled at 1000000 Hz, not 1500000 Hz" in said
    assert Path("air/manifest.json").read_bytes() == before
    assert run([*words, "1.5e6", "--overwrite"]) == 0
    assert open_corpus("air").dataset.attrs["sample_rate_hz"] == 1.5e6


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_records, "_CHUNK_BYTES", 1 << 18)
    monkeypatch.setattr(import_records, "_SHARD_BYTES", 1 << 20)
    data = tmp_path / "long.bin"
    with data.open("wb") as file:
        file.truncate(64 << 20)  # 8 M samples of cf32, a hole on the disk
    kind = SampleType.parse("cf32_le", where="here")
    recording = raw_recording(data, kind, sample_rate_hz=1e6, centre_frequency_hz=0.0)
    made = import_plan(spec(), (recording,))
    assert (made.records, len(made.shards)) == (8192, 64)
    tracemalloc.start()
    for shard in made.shards[:8]:
        made.make_shard(shard)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A shard of 1 MiB as raw bytes, as numbers and as a stored array; the recording has 64.
    assert peak < 8 << 20


def _second(first: Recording, **changes: Any) -> Recording:
    return Recording(**{**first.__dict__, "name": "second", **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample_rate_hz": 2e6}, "sampled at 1000000 and 2000000 Hz"),
        ({"centre_frequency_hz": 1.0}, "tuned to 100000000 and 1 Hz"),
        ({"name": "tones"}, "two recordings have the same name"),
        ({"segments": np.array([[0, 9], [9, 20]])}, "other segments"),
        ({"facts": {"datetime": "2026-11-22T00:00:01Z"}}, "recordings that begin together"),
    ],
)
def test_recordings_that_do_not_go_together_are_refused(
    changes: dict[str, Any], words: str, tones: Recording
) -> None:
    first = _second(tones, name="tones", facts={"datetime": "2026-11-22T00:00:00Z"})
    with pytest.raises(CorpusError, match=words):
        import_plan(spec(), (first, _second(tones, **changes)))


def test_the_shorter_of_two_recordings_sets_the_end(tones: Recording) -> None:
    short = _second(tones, samples=5000, segments=np.array([[0, 5000]]))
    made = import_plan(spec(samples=1000), (tones, short))
    assert (made.records, made.receivers) == (5, ("tones", "second"))


WRONG: list[tuple[list[str], str]] = [
    (["raw", "{f}", "--dtype", "ci16_le", "--samples", "8"], "greater than or equal to 16"),
    (["raw", "{f}", "--dtype", "float"], "--dtype: 'float' is no type of samples"),
    (["raw", "{f}.no", "--dtype", "ci8"], "no such file of samples"),
    (["raw", "{f}", "--dtype", "ci8", "--bandwidth", "1e9"], "accepted: up to the sampling rate"),
    (["raw", "{f}", "--dtype", "ci8", "--samples", "4000000"], "no stretch of 4000000 samples"),
    (["raw", "{f}", "--dtype", "ci8", "--splits", "1,2"], "'1,2' is not three shares"),
    (["raw", "{f}", "--dtype", "ci8", "--splits", "1,1,1"], "add up to 3, not to 1"),
    (["raw", "{f}", "--dtype", "ci8", "--name", "a b"], "name: String should match"),
    (["sigmf", "{f}"], "not SigMF metadata"),
    (["sigmf", "{f}.sigmf-meta"], "no such SigMF metadata"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_import_is_one_line(
    words: list[str], said: str, tones: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(f=tones.data) for word in words]
    rates = ["--sample-rate", "1e6", "--centre-frequency", "1e8"] if given[0] == "raw" else []
    assert run(["import", *given, *rates, "-o", str(tmp_path / "c")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1, err
    assert not (tmp_path / "c").exists()


def test_a_recording_that_changes_meanwhile_makes_no_corpus(
    tones: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = import_records.ImportPlan.make_shard

    def grows(self: Any, shard: Any) -> Any:
        with tones.data.open("ab") as file:
            file.write(bytes(4))
        return make(self, shard)

    monkeypatch.setattr(import_records.ImportPlan, "make_shard", grows)
    with pytest.raises(CorpusError, match="changed while it was imported"):
        import_recordings([tones], spec(), tmp_path / "c")
    with pytest.raises(IqAtlasError):
        open_corpus(tmp_path / "c")


def test_a_table_of_recordings_has_what_is_known_of_them(tones: Recording, tmp_path: Path) -> None:
    corpus = import_recordings([tones], spec(), tmp_path / "c")
    table = corpus.to_pandas(split="test")
    assert table.columns.tolist() == ["record", "first_sample", "time_s", "split"]
    assert table["first_sample"].tolist() == corpus.dataset["first_sample"].values.tolist()
    with pytest.raises(CorpusError, match=r"/c: recordings have no scene that anyone knows$"):
        _ = corpus.scene


def test_annotations_are_asked_for_where_there_are_none(recordings: list[Path], tmp_path: Path) -> None:
    meta = json.loads(recordings[0].read_text())
    bare = tmp_path / recordings[0].name
    bare.write_text(json.dumps({**meta, "annotations": []}))
    bare.with_suffix(".sigmf-data").write_bytes(recordings[0].with_suffix(".sigmf-data").read_bytes())
    found = (sigmf_recording(bare),)
    assert not import_plan(spec(samples=256), found).labelled
    with pytest.raises(CorpusError, match="no annotations that labels could come from"):
        import_plan(spec(samples=256, labels="annotations"), found)
