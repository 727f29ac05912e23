"""Generation as a whole, on a city of boxes and without a ray tracer: what it leaves, and what it doesn't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.errors import (
    CorpusError,
    IqAtlasError,
    MissingFileError,
    RaytracingError,
    SetupError,
    SpecError,
    StorageError,
)
from iqatlas.generators import execute
from iqatlas.generators.plan import Shard
from iqatlas.generators.progress import Progress

TREE: dict[str, Any] = {
    "name": "boxes",
    "scene": {"buildings": {"kind": "osm_file", "path": "city.osm"}},
    "sites": {"kind": "opencellid", "path": "cells.csv", "count": 2},
    "receivers": {"kind": "hover", "count": 2, "altitude_m": 60, "separation_m": 50},
    "raytracing": {"kind": "free_space"},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 64, "snr_db": 10},
    "features": {"spectrogram": {"nperseg": 16}},
}


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes longest and is looked at elsewhere."""

    def draw(scene: object, records: object, paths: object, file: Path, *, title: str) -> None:
        file.write_bytes(title.encode())

    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", draw)
    monkeypatch.setattr("iqatlas.plotting.delays.draw_delays", lambda paths, **names: b"a picture")


def spec_in(folder: Path, **changes: Any) -> CorpusSpec:
    return CorpusSpec.from_tree({**TREE, **changes}, folder=folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_without_a_folder_the_name_is_the_folder(
    box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    corpus = generate(spec_in(box_city))
    assert isinstance(corpus, Corpus)
    assert corpus.path == Path("boxes")
    assert corpus.manifest.records == 80
    assert {path.name for path in (tmp_path / "boxes").iterdir()} == {
        "manifest.json", "README.md", "ATTRIBUTION.md", "records.zarr", "scene", "pictures",
        "records.parquet", "croissant.json", "CITATION.cff", "datacite.json", "zenodo.json",
    }  # fmt: skip
    assert open_corpus(tmp_path / "boxes").verify().sound


def test_inputs_are_found_from_the_folder_of_the_spec(
    box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever folder the command runs, and the manifest keeps the path as it was written."""
    monkeypatch.chdir(tmp_path)
    file = box_city / "spec.yaml"
    file.write_text(json.dumps(TREE))
    corpus = generate(CorpusSpec.from_yaml(file), tmp_path / "out")
    assert [entry.name for entry in corpus.manifest.inputs] == ["city.osm", "cells.csv"]
    assert corpus.manifest.spec["scene"]["buildings"]["path"] == "city.osm"
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text()
    assert str(box_city) not in (tmp_path / "out" / "manifest.json").read_text()


def test_any_number_of_workers_makes_the_bytes_of_one(
    box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_others: list[Shard]
) -> None:
    """A cluster's workers too: test_dask.py."""
    monkeypatch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 11)  # five shards of 16 records
    spec = spec_in(box_city)
    made, counts = [], []
    for workers in (1, 2, 4):
        made.append(generate(spec, tmp_path / str(workers), workers=workers))
        counts.append(len(by_others))
    assert counts[0] == 0
    assert counts[0] < counts[1] < counts[2]  # of all three so far
    assert len(made[0].manifest.shards) == 5
    shards = [[shard.sha256 for shard in corpus.manifest.shards] for corpus in made]
    assert shards[0] == shards[1] == shards[2]
    records = [
        {file.path: file.sha256 for file in corpus.manifest.files if file.path.startswith("records.zarr")}
        for corpus in made
    ]
    assert records[0] == records[1] == records[2]


def test_a_finished_corpus_is_returned_and_nothing_is_made(box_city: Path, tmp_path: Path) -> None:
    first = generate(spec_in(box_city), tmp_path / "out")
    before = contents(first.path)
    steps: list[Progress] = []
    second = generate(spec_in(box_city), tmp_path / "out", progress=steps.append)
    assert steps == []
    assert contents(second.path) == before


def test_progress_tells_each_step_and_counts_to_the_end(box_city: Path, tmp_path: Path) -> None:
    steps: list[Progress] = []
    generate(spec_in(box_city), tmp_path / "out", progress=steps.append)
    assert list(dict.fromkeys(step.step for step in steps)) == [
        "building the scene",
        "tracing the radio paths",
        "making records",
        "writing pictures and manifest",
    ]
    making = [step for step in steps if step.step == "making records"]
    assert making[0].done == 0
    assert making[-1].done == making[-1].total == 80
    assert making[-1].samples == 80 * 2 * 64
    assert making[-1].bytes > 0


BAD: list[tuple[dict[str, Any], type[IqAtlasError], str]] = [
    ({"scene": {"buildings": {"kind": "osm_file", "path": "none.osm"}}}, MissingFileError, "no such file"),
    ({"sites": {"kind": "opencellid", "path": "none.csv"}}, MissingFileError, "no such file"),
    ({"sites": {"kind": "opencellid", "path": "~no-such-user/a.csv"}}, MissingFileError, "no such file"),
    ({"sites": {"kind": "opencellid", "path": "cells.csv", "count": 60}}, IqAtlasError, "sites"),
    ({"sites": {"kind": "bundled"}}, SpecError, "bundled sites stand in the bundled city only"),
    ({"receivers": {"count": 40}}, IqAtlasError, "found room for"),
    ({"scene": {**TREE["scene"], "bbox": [1, 2, 3, 4]}}, IqAtlasError, "bbox"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error", "words"), BAD)
def test_bad_input_leaves_no_folder(
    changes: dict[str, Any], error: type[IqAtlasError], words: str, box_city: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        generate(spec_in(box_city, **changes), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_bad_input_with_overwrite_leaves_the_corpus_that_is_there(box_city: Path, tmp_path: Path) -> None:
    """A typing error in a spec must not cost a corpus that took a night."""
    generate(spec_in(box_city), tmp_path / "out")
    before = contents(tmp_path)
    for changes, error, words in BAD:
        with pytest.raises(error, match=words):
            generate(spec_in(box_city, **changes), tmp_path / "out", overwrite=True)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("library", ["/no/such/libLLVM.so", __file__])
def test_a_machine_that_cannot_trace_is_told_before_anything_is_made(
    library: str, box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", library)
    monkeypatch.setattr("iqatlas.raytracing.trace.cuda_driver_present", lambda: False)
    with pytest.raises(SetupError, match="iqatlas doctor"):
        generate(spec_in(box_city, raytracing={"kind": "sionna"}), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    generate(spec_in(box_city), tmp_path / "out")  # free space asks for no library


@pytest.mark.parametrize("there", [False, True])
def test_a_trace_that_fails_leaves_nothing(
    there: bool, box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RaytracingError("a path is faster than light", where="raytracing")

    monkeypatch.setattr(execute, "paths_of", fail)
    if there:
        (tmp_path / "out").mkdir()
    with pytest.raises(RaytracingError):
        generate(spec_in(box_city), tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == (["out"] if there else [])


def test_paths_that_are_stored_are_not_traced_again(
    box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus that was interrupted goes on with its paths, even on a machine without a ray tracer."""
    spec = spec_in(box_city)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(execute, "_make_shards", interrupt)
        with pytest.raises(KeyboardInterrupt):
            generate(spec, tmp_path / "out")
    monkeypatch.setattr(execute, "paths_of", interrupt)
    assert generate(spec, tmp_path / "out").verify().sound


@pytest.mark.parametrize("name", ["file", "file/below", "stranger"])
def test_an_output_that_cannot_be_a_corpus_is_left_as_it_is(
    name: str, box_city: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "notes.txt").write_text("mine too")
    before = contents(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(IqAtlasError) as caught:
            generate(spec_in(box_city), tmp_path / name, overwrite=overwrite)
        assert name.split("/")[0] in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("finished", [False, True])
def test_a_wrong_folder_is_told_before_the_scene_is_built(
    finished: bool, box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps of cities take their time."""
    if finished:
        generate(spec_in(box_city), tmp_path / "out")
    else:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "notes.txt").write_text("mine")
    monkeypatch.setattr(execute, "scene_of", lambda spec: pytest.fail("the scene was built"))
    with pytest.raises(CorpusError, match="choose another folder"):
        generate(spec_in(box_city, seed=8), tmp_path / "out")


def test_what_another_numpy_began_is_not_gone_on_with(
    box_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn numbers may differ from version to version: one corpus must not hold both."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(execute, "_make_shards", interrupt)
        with pytest.raises(KeyboardInterrupt):
            generate(spec_in(box_city), tmp_path / "out")
    versions = execute.library_versions()
    monkeypatch.setattr(execute, "library_versions", lambda: {**versions, "numpy": "9.9"})
    with pytest.raises(CorpusError, match="an unfinished corpus of another spec or version"):
        generate(spec_in(box_city), tmp_path / "out")


def test_no_workers_are_refused(box_city: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="0 workers; accepted: 1 or more"):
        generate(spec_in(box_city), tmp_path / "out", workers=0)


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that can't be read")
def test_an_input_that_cannot_be_read_is_told(box_city: Path, tmp_path: Path) -> None:
    spec = spec_in(box_city, sites={"kind": "opencellid", "path": "/proc/self/mem"})
    with pytest.raises(StorageError, match=r"sites\.path: can't read /proc/self/mem"):
        generate(spec, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_cards_and_manifest_say_what_is_in_the_corpus(box_city: Path, tmp_path: Path) -> None:
    corpus = generate(spec_in(box_city), tmp_path / "out")
    records, manifest = corpus.dataset, corpus.manifest
    card = (corpus.path / "README.md").read_text()
    assert "80 (" in card
    assert "2 receivers × 64 samples, 1.92 Msps" in card
    credit = (corpus.path / "ATTRIBUTION.md").read_text()
    assert "OpenStreetMap" in credit
    assert "OpenCelliD" in credit
    assert all(entry.sha256 in credit for entry in manifest.inputs)
    share = float(records["label"].mean())
    assert manifest.statistics["occupied_share_of_labels"] == pytest.approx(share, abs=1e-6)
    assert manifest.statistics["snr_db"]["max"] == pytest.approx(float(records["snr"].max()), abs=1e-3)
    assert manifest.splits == {
        str(name): int(count)
        for name, count in zip(*np.unique(records["split"], return_counts=True), strict=True)
    }
    assert manifest.scene["buildings"] == len(corpus.table("buildings"))
    assert [site["name"] for site in manifest.scene["sites"]] == records["site"].values.tolist()
    assert set(manifest.versions) >= {"python", "iqatlas", "numpy", "zarr", "sionna-rt", "mitsuba", "drjit"}
