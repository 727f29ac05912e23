"""A corpus that is made in a fraction of a second, copies to break, and a way to seal a changed corpus."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.construction import file_entry
from iqatlas.catalogs.manifest import MANIFEST_NAME, Manifest, read_manifest
from iqatlas.catalogs.publish import publish
from iqatlas.generators import execute

# The tests' own tools are found and their asserts explained, however pytest imports test files.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("disturbance")

from object_server import credentials, serving  # noqa: E402

TINY = {
    "name": "tiny",
    "raytracing": {"kind": "free_space"},
    "receivers": {"kind": "hover", "count": 1},
    "waveform": {"kind": "lte", "bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "snr_db": 10, "samples": 64},
    "features": {"spectrogram": None},
}
_scene = cache(execute.scene_of)


def _draw_nothing(scene: object, dataset: object, paths: object, file: Path, *, title: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture of " + title.encode())


@pytest.fixture
def quick_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make generation quick where only the writing is looked at: one scene for all, no picture drawn.

    Blocks of 32 records make three shards of the 80, the last one half full.
    """
    _quicken(monkeypatch)


@pytest.fixture(scope="session")
def quicken() -> Callable[[pytest.MonkeyPatch], None]:
    """Give a function that does the same to a patch of any scope."""
    return _quicken


def _quicken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execute, "scene_of", lambda spec: _scene(spec))
    patch.setattr("iqatlas.plotting.overview.draw_overview", _draw_nothing)
    patch.setattr("iqatlas.plotting.delays.draw_delays", lambda paths, **names: b"a picture of delays")
    patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 11)


@pytest.fixture(scope="session")
def tiny_spec() -> CorpusSpec:
    return CorpusSpec.from_tree(TINY)


@pytest.fixture(scope="session")
def tiny_corpus(tiny_spec: CorpusSpec, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a tiny corpus that was made undisturbed. It is shared: never change it."""
    with pytest.MonkeyPatch.context() as patch:
        _quicken(patch)
        return generate(tiny_spec, tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Give the address of an S3 server that knows one bucket, ``corpora``."""
    with serving() as address:
        yield address


@pytest.fixture
def store(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an address at which nothing is."""
    credentials(monkeypatch, endpoint)
    return f"s3://corpora/{tmp_path.parent.name}/{tmp_path.name}"


@pytest.fixture
def copied(small_corpus: Corpus, tmp_path: Path) -> Path:
    """Return a copy of the small corpus that a test may break."""
    return Path(shutil.copytree(small_corpus.path, tmp_path / "copy"))


@pytest.fixture
def reseal() -> Callable[..., None]:
    """Give a function that writes a changed corpus's manifest anew, with every hash right again."""
    return _reseal


def _reseal(corpus: Path, **changes: object) -> None:
    old = read_manifest(corpus)
    paths = sorted(p for p in corpus.rglob("*") if p.is_file() and p.name != MANIFEST_NAME)
    files = {entry.path: entry for entry in (file_entry(corpus, path) for path in paths)}
    variables = {p.parent.name for p in corpus.glob("records.zarr/*/zarr.json")}
    over_records = {
        name for name in variables if f"records.zarr/{name}/c/{len(old.shards) - 1}" in str(files)
    }
    shards = []
    for shard in old.shards:
        of_shard = [
            [path, files[path].sha256]
            for name in sorted(over_records)
            for path in files
            if path == f"records.zarr/{name}/c/{shard.index}"
            or path.startswith(f"records.zarr/{name}/c/{shard.index}/")
        ]
        shards.append(shard.model_copy(update={"sha256": sha256_json(of_shard)}))
    body = {**old.model_dump(), "files": list(files.values()), "shards": shards, **changes}
    (corpus / MANIFEST_NAME).write_bytes(Manifest.model_validate(body).serialise())


@pytest.fixture
def mine(tiny_corpus: Corpus, tmp_path: Path) -> Path:
    """Return a copy of the tiny corpus that a test may change."""
    return Path(shutil.copytree(tiny_corpus.path, tmp_path / "mine"))


@pytest.fixture
def catalog(tiny_corpus: Corpus, tmp_path: Path) -> Path:
    """Return a folder with ``tiny@1.0.0``."""
    publish(tiny_corpus.path, tmp_path / "catalog", version="1.0.0")
    return tmp_path / "catalog"
