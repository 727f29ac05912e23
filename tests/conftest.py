"""What all tests share: map and cell data, a small corpus, quick pictures, shapes checked at run time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, runtime_checkable

import pytest
from jaxtyping import install_import_hook
from pydantic import SerializerFunctionWrapHandler

# Called for each tag of a map, without an array: checks would take longer there than the reading.
import iqatlas.scenes.osm_xml  # noqa: F401

if TYPE_CHECKING:
    from iqatlas import Corpus, CorpusSpec
    from iqatlas.generators.plan import Shard

# Shapes and types of annotated functions are checked in the tests only, at no cost in production.
install_import_hook("iqatlas", "beartype.beartype")
# A protocol of pydantic's that stands in signatures can be checked once isinstance accepts it.
runtime_checkable(SerializerFunctionWrapHandler)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep caches in a folder of the tests' own: what the user has there is not theirs to find or fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IQATLAS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Let what is written stay in memory: no test of this process pulls a plug, and a corpus syncs 250 times.

    The calls are still made, on open files, and tests that count or break them see each.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: os.fstat(file if isinstance(file, int) else file.fileno()))
        yield


@pytest.fixture(scope="session", autouse=True)
def draw_pictures() -> Iterator[Callable[[pytest.MonkeyPatch], None]]:
    """Leave out the pictures of corpora, half of a small one's time; give a function that brings them back.

    Corpora that processes of their own make have theirs, and so has the small corpus.
    """
    from iqatlas.plotting import delays, overview

    drawn = {overview: overview.draw_overview, delays: delays.draw_delays}

    def draw_none(scene: object, records: object, paths: object, file: Path, *, title: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"a picture of " + title.encode())

    def bring_back(patch: pytest.MonkeyPatch) -> None:
        for module, draw in drawn.items():
            patch.setattr(module, draw.__name__, draw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overview, "draw_overview", draw_none)
        patch.setattr(delays, "draw_delays", lambda paths, **names: b"a picture of delays")
        yield bring_back


@pytest.fixture(scope="session", autouse=True)
def _one_bundled_city() -> Iterator[None]:
    """Read the bundled city once for all corpora of one seed: a third of the time of a small one."""
    from iqatlas.scenes import build
    from iqatlas.scenes.building_sources import SourcedBuildings
    from iqatlas.scenes.spec import BundledBuildings, SceneSpec

    read, cities = build.read_building_source, dict[str, SourcedBuildings]()

    def read_once(scene: SceneSpec, *, seed: int, base_folder: Path) -> SourcedBuildings:
        if not isinstance(scene.buildings, BundledBuildings):
            return read(scene, seed=seed, base_folder=base_folder)
        key = f"{scene!r} {seed}"
        if key not in cities:
            cities[key] = read(scene, seed=seed, base_folder=base_folder)
        return cities[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "read_building_source", read_once)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the real OSM extracts and cell databases."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"the test data is expected at {folder}")
    return folder


@pytest.fixture(scope="session")
def small_spec() -> CorpusSpec:
    """Return the spec of the small corpus: the bundled city without a ray tracer, 160 records."""
    from iqatlas import CorpusSpec

    return CorpusSpec.from_tree(
        {
            "name": "small",
            "raytracing": {"kind": "free_space"},
            "capture": {"slots": 80, "snr_db": [0, 20], "samples": 256},
        }
    )


@pytest.fixture(scope="session")
def small_corpus(
    small_spec: CorpusSpec,
    tmp_path_factory: pytest.TempPathFactory,
    draw_pictures: Callable[[pytest.MonkeyPatch], None],
) -> Corpus:
    """Return a finished corpus in several shards. It is shared: copy it before you change a file."""
    from iqatlas import generate

    with pytest.MonkeyPatch.context() as patch:
        draw_pictures(patch)
        # Blocks of 8 records in place of a thousand: seven shards, the last one not full.
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 13)
        return generate(small_spec, tmp_path_factory.mktemp("corpora") / "small")


@pytest.fixture
def by_others(monkeypatch: pytest.MonkeyPatch) -> list[Shard]:
    """Have the process that makes a corpus wait for those beside it; return the shards that these are given.

    By themselves small corpora are made before another process has come up.
    """
    from iqatlas.generators.processes import Other
    from iqatlas.generators.workers import _Team

    given: list[Shard] = []
    submit = _Team.submit

    def count(team: _Team, shard: Shard) -> None:
        to_others = not team._own.room()
        submit(team, shard)
        if to_others:
            given.append(shard)

    def started(other: Other) -> bool:
        other._start.result()
        return True

    monkeypatch.setattr(_Team, "submit", count)
    monkeypatch.setattr(Other, "started", property(started))
    return given
