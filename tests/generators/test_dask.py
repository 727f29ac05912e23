"""The workers of a Dask cluster make the bytes of one process, whatever happens to them."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus, plan
from iqatlas.catalogs.record_store import FORMATS
from iqatlas.catalogs.staging import FolderDesk
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, SetupError, SpecError, StorageError
from iqatlas.generators import _dask
from iqatlas.generators.calibrate import stand_in_recipe
from iqatlas.generators.plan import Shard
from iqatlas.generators.progress import Progress

distributed = pytest.importorskip("distributed")

TREE: dict[str, Any] = {
    "name": "boxes",
    "scene": {"buildings": {"kind": "osm_file", "path": "city.osm"}},
    "sites": {"kind": "opencellid", "path": "cells.csv", "count": 2},
    "receivers": {"kind": "hover", "count": 2, "altitude_m": 60, "separation_m": 50},
    "raytracing": {"kind": "free_space"},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 128, "samples": 64, "snr_db": 10},
    "features": {"spectrogram": None},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Give a cluster of two worker processes, which start anew when they are killed."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def many_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight shards of 16 records, and no picture of them."""

    def draw(scene: object, records: object, paths: object, file: Path, *, title: str) -> None:
        file.write_bytes(title.encode())

    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", draw)
    monkeypatch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 11)


@pytest.fixture
def spec(box_city: Path) -> CorpusSpec:
    return CorpusSpec.from_tree(TREE, folder=box_city)


def records(corpus: Corpus) -> dict[str, str]:
    files = {f.path: f.sha256 for f in corpus.manifest.files if f.path.startswith("records.zarr")}
    return files | {f"shard {shard.index}": shard.sha256 for shard in corpus.manifest.shards}


def test_a_worker_that_is_killed_costs_only_its_shards(
    cluster: Any, spec: CorpusSpec, tmp_path: Path
) -> None:
    alone = generate(spec, tmp_path / "alone")
    assert len(alone.manifest.shards) == 8
    with distributed.Client(cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
    victims = [min(pids.values())]

    def kill(progress: Progress) -> None:
        if progress.step == "making records" and 0 < progress.done < progress.total and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    made = generate(spec, tmp_path / "cluster", scheduler=cluster.scheduler_address, progress=kill)
    assert victims == []
    assert records(made) == records(alone)
    assert made.verify().sound
    assert not (tmp_path / "cluster" / ".building").exists()


def test_no_more_than_a_few_shards_are_given_out(
    cluster: Any, spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue of a million shards would be held by the scheduler, and an interruption would cost it."""
    under_way: list[int] = []
    submit = _dask._Cluster.submit

    def count(self: Any, shard: Shard) -> None:
        submit(self, shard)
        under_way.append(len(self._running))

    monkeypatch.setattr(_dask._Cluster, "submit", count)
    generate(spec, tmp_path / "out", scheduler=cluster.scheduler_address)
    assert len(under_way) == 8
    assert 2 <= max(under_way) <= 4  # two for each of at most two workers


def test_other_versions_on_the_cluster_are_one_line(
    cluster: Any, spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = _dask._decisive_versions()
    for name in there:
        monkeypatch.setattr(_dask, "_decisive_versions", lambda name=name: {**there, name: "0.0.9"})
        with pytest.raises(SetupError, match=rf"has {name} .*accepted: {name} 0\.0\.9, as here") as caught:
            generate(spec, tmp_path / "out", scheduler=cluster.scheduler_address)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_joins_late_is_looked_at_too(cluster: Any, spec: CorpusSpec, tmp_path: Path) -> None:
    recipe = stand_in_recipe(plan(spec))
    job = _dask.Job("t", FolderDesk(tmp_path, tmp_path, FORMATS["zarr"]), recipe, {"iqatlas": "0.0.9"})
    with distributed.Client(cluster, set_as_default=False) as client:
        future = client.submit(_dask._work, job, Shard(0, 0, 1))
        with pytest.raises(
            SetupError, match=r"the worker that joined has iqatlas .*iqatlas 0\.0\.9, as here"
        ):
            future.result()


def test_a_worker_with_another_engine_of_a_feature_is_one_line(spec: CorpusSpec, tmp_path: Path) -> None:
    """Engines agree to rounding, not to the bit: half the workers with each would give a corpus of both."""
    tree = {
        **spec.model_dump(mode="json"),
        "features": {"spectrogram": None, "cyclic_spectrum": {"channels": 16}},
    }
    recipe = stand_in_recipe(plan(CorpusSpec.from_tree(tree)))
    (name,) = recipe.plan.engines()
    versions = {**_dask._decisive_versions(), name: "abacus 1"}
    job = _dask.Job("e", FolderDesk(tmp_path, tmp_path, FORMATS["zarr"]), recipe, versions)
    with pytest.raises(SetupError, match=rf"that joined has {name} .*accepted: {name} abacus 1, as here"):
        _dask._work(job, Shard(0, 0, 1))


def test_what_fails_at_a_worker_is_one_line(
    cluster: Any, spec: CorpusSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(job: _dask.Job, shard: Shard) -> None:
        raise MemoryError("8 GiB")

    monkeypatch.setattr(_dask, "_work", full)
    with pytest.raises(StorageError, match=r"a worker failed \(MemoryError: 8 GiB\).*it resumes") as caught:
        generate(spec, tmp_path / "out", scheduler=cluster.scheduler_address)
    assert "\n" not in str(caught.value)


def test_processes_beside_a_scheduler_are_refused(spec: CorpusSpec, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"workers: 2 workers beside a scheduler"):
        generate(spec, tmp_path / "out", workers=2, scheduler="tcp://127.0.0.1:1")


def test_a_worker_without_iqatlas_is_one_line() -> None:
    with pytest.raises(SetupError, match=r"the worker tcp://a has no iqatlas; accepted: iqatlas 1"):
        _dask._refuse_other_versions("tcp://a", {"iqatlas": None}, {"iqatlas": "1"})


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "nonsense"])
def test_a_scheduler_that_is_not_there_is_one_line(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_dask, "_CONNECT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        asked = address.format(port=free.getsockname()[1])
        code = run(["generate", "-o", str(tmp_path / "out"), "--scheduler", asked])
    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert len(said) == 1
    assert f"scheduler: no Dask scheduler answers at {asked}" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SetupError, match=r"pip install 'iqatlas\[dask\]'"):
        generate(CorpusSpec.from_tree({}), tmp_path / "out", scheduler="local")


def test_a_folder_that_the_workers_do_not_see_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"a worker does not see this folder.*all workers share"):
        FolderDesk(tmp_path, tmp_path / "run", FORMATS["zarr"]).at_worker()


def test_a_scheduler_that_goes_between_two_questions_is_one_line() -> None:
    """The client takes a while to notice: until then it says that it runs, and what it asks for fails."""

    class Client:
        status = "running"

        def nthreads(self) -> dict[str, int]:
            raise OSError("Timed out trying to connect to tcp://127.0.0.1:1 after 10 s")

    crew = object.__new__(_dask._Cluster)
    crew._client, crew._where, crew._running = Client(), "corpus", {object(): Shard(0, 0, 1)}
    with pytest.raises(StorageError, match=r"corpus: the Dask scheduler is gone.*it resumes"):
        crew.room()


def test_a_cluster_of_its_own_that_is_lost_is_one_line_and_resumes(
    spec: CorpusSpec, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of these tests: it closes the cluster of all."""
    monkeypatch.setattr(_dask, "_LOOK_S", 0.2)

    def close(progress: Progress) -> None:
        if progress.step == "making records" and progress.done:
            cluster.close()

    with pytest.raises(StorageError, match=r"the Dask scheduler is gone.*it resumes") as caught:
        generate(spec, tmp_path / "out", scheduler=cluster.scheduler_address, progress=close)
    assert "\n" not in str(caught.value)
    with pytest.raises(CorpusError, match="unfinished"):
        open_corpus(tmp_path / "out")
    assert generate(spec, tmp_path / "out").verify().sound
