"""A corpus made once more from its manifest and its paths: the same hashes, or the shard is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.manifest import MANIFEST_NAME, Manifest, read_manifest
from iqatlas.catalogs.verify import verify_corpus
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError
from iqatlas.generators import execute
from iqatlas.generators.rebuild import rebuild

SPEC = {
    "name": "again",
    "raytracing": {"kind": "free_space"},
    "receivers": {"kind": "hover", "count": 2},
    "waveform": {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "snr_db": [0, 20], "samples": 64},
    "features": {"spectrogram": None},
    "storage": {"components": True},
}


def _nothing(scene: object, dataset: object, paths: object, file: Path, *, title: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture")


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 12)
        patch.setattr("iqatlas.plotting.overview.draw_overview", _nothing)
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return generate(CorpusSpec.from_tree(SPEC), tmp_path_factory.mktemp("rebuild") / "again")


@pytest.fixture
def changed(corpus: Corpus, tmp_path: Path) -> Path:
    return Path(shutil.copytree(corpus.path, tmp_path / "changed"))


def _seal(folder: Path, **changes: object) -> None:
    body = {**read_manifest(folder).model_dump(), **changes}
    (folder / MANIFEST_NAME).write_bytes(Manifest.model_validate(body).serialise())


def test_it_comes_out_the_same_without_map_and_tracer(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "scene_of", lambda spec: pytest.fail("the map was read"))
    monkeypatch.setattr("iqatlas.raytracing.trace.trace", lambda *_, **__: pytest.fail("traced"))
    found = rebuild(corpus.place, tmp_path / "out")
    assert found.same
    assert found.shards == len(corpus.manifest.shards) > 1
    assert found.notes == ()
    assert verify_corpus(tmp_path / "out").problems == ()
    assert (tmp_path / "out" / MANIFEST_NAME).read_bytes() == (corpus.path / MANIFEST_NAME).read_bytes()


def test_another_seed_is_named_shard_by_shard(
    changed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {**read_manifest(changed).spec, "seed": 6}
    _seal(changed, spec=spec)
    assert run(["rebuild", str(changed), "-o", str(tmp_path / "out"), "--workers", "1"]) == 1
    said = capsys.readouterr().out
    count = len(read_manifest(changed).shards)
    assert f"{count} of {count} shards differ" in said
    assert "the spec's SHA-256 is not the manifest's" in said
    assert not (tmp_path / "out" / MANIFEST_NAME).exists()


def test_one_shard_with_another_hash_is_the_one_named(changed: Path) -> None:
    shards = list(read_manifest(changed).shards)
    shards[1] = shards[1].model_copy(update={"sha256": "0" * 64})
    _seal(changed, shards=[shard.model_dump() for shard in shards])
    assert [index for index, _ in rebuild(changed).differing] == [1]


def test_versions_that_differ_are_told_first(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    versions = {**read_manifest(changed).versions, "numpy": "1.0.0"}
    _seal(changed, versions=versions)
    assert run(["rebuild", str(changed), "--workers", "1"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert "numpy is " in first
    assert "1.0.0 made it" in first
    assert "every hash is the manifest's" in last


def test_what_can_not_be_rebuilt_is_one_line(changed: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(CorpusError, match="this folder is not empty"):
        rebuild(changed, tmp_path / "full")
    old = read_manifest(changed)
    _seal(changed, scene={**old.scene, "sites": "none"})
    with pytest.raises(CorpusError, match=r"scene\.sites lack cell_id or power_dbm"):
        rebuild(changed)
    _seal(changed, scene=old.scene, spec={**old.spec, "capture": {**old.spec["capture"], "slots": 10**6}})
    with pytest.raises(CorpusError, match=r"plans 2000000 records in \d+ shards, the manifest has 160"):
        rebuild(changed)
    _seal(changed, spec=old.spec)
    gain = changed / next(f.path for f in old.files if f.path.startswith("records.zarr/paths/gain/c"))
    gain.write_bytes(bytes(gain.stat().st_size))
    with pytest.raises(CorpusError, match="the stored paths are damaged"):
        rebuild(changed)
